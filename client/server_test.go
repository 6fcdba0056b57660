package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"tollbook/client"
)

// server is a real HTTP server with a token endpoint; the test says what the
// rest of it answers.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	issued  int             // tokens
	revoked map[string]bool // tokens that are refused
	forms   []map[string]string
	basic   [2]string
	life    int // seconds, of the tokens
	paths   []string
}

// newServer starts a server whose API is handle.
func newServer(t *testing.T, handle http.HandlerFunc) *server {
	t.Helper()
	s := &server{revoked: map[string]bool{}, life: 3600}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth/token", s.token)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.paths = append(s.paths, r.Method+" "+r.URL.RequestURI())
		refused := s.revoked[r.Header.Get("Authorization")]
		s.mu.Unlock()
		if refused || r.Header.Get("Authorization") == "" {
			writeError(w, http.StatusUnauthorized, "unauthorized")
			return
		}
		handle(w, r)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *server) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued++
	form := map[string]string{}
	if err := r.ParseForm(); err != nil {
		panic(err)
	}
	for k := range r.PostForm {
		form[k] = r.PostForm.Get(k)
	}
	s.forms = append(s.forms, form)
	s.basic[0], s.basic[1], _ = r.BasicAuth()
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"access_token": "token%d", "token_type": "Bearer", "expires_in": %d}`, s.issued, s.life)
}

func (s *server) revoke(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked["Bearer "+token] = true
}

func (s *server) tokensIssued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issued
}

func writeError(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"code": code, "message": "No.", "fields": []any{}})
}

// manualTime is a clock that moves only when somebody sleeps.
type manualTime struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func newTime() *manualTime {
	return &manualTime{now: time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)}
}

func (m *manualTime) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *manualTime) Sleep(ctx context.Context, d time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
	m.slept = append(m.slept, d)
	return ctx.Err()
}

// connect returns a client of s with a manual clock and no chance in its
// pauses.
func connect(t *testing.T, s *server, change ...func(*client.Config)) (*client.Client, *manualTime) {
	t.Helper()
	clock := newTime()
	cfg := client.Config{
		BaseURL: s.URL, ClientID: "a client", ClientSecret: "a+secret&more",
		Now: clock.Now, Sleep: clock.Sleep, Jitter: func() float64 { return 0 },
	}
	for _, f := range change {
		f(&cfg)
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c, clock
}
