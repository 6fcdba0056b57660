package client_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"tollbook"
	"tollbook/client"
)

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	good := client.Config{BaseURL: "https://billing.example.com", ClientID: "id", ClientSecret: "secret"}
	if _, err := client.New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*client.Config){
		"no scheme":    func(c *client.Config) { c.BaseURL = "billing.example.com" },
		"other scheme": func(c *client.Config) { c.BaseURL = "ftp://billing.example.com" },
		"query":        func(c *client.Config) { c.BaseURL += "?a=b" },
		"password":     func(c *client.Config) { c.BaseURL = "https://me:mine@billing.example.com" },
		"no id":        func(c *client.Config) { c.ClientID = "" },
		"no secret":    func(c *client.Config) { c.ClientSecret = "" },
		"both":         func(c *client.Config) { c.Key = &client.Key{} },
	} {
		cfg := good
		change(&cfg)
		if _, err := client.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestTokenIsSharedRenewedAndScoped(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Header.Get("Authorization")) })
	c, clock := connect(t, s, func(cfg *client.Config) { cfg.Scopes = []string{"a", "b"} })
	get := func(want string) {
		t.Helper()
		got, err := c.Get(t.Context(), "/x")
		if err != nil || string(got) != want {
			t.Errorf("Get = %q, %v; want %q", got, err, want)
		}
	}
	get("Bearer token1")
	get("Bearer token1")
	if s.basic != [2]string{"a+client", "a%2Bsecret%26more"} {
		t.Errorf("Basic authentication with %q: id and secret must be form-encoded", s.basic)
	}
	if form := s.forms[0]; form["grant_type"] != "client_credentials" || form["scope"] != "a b" {
		t.Errorf("token request %v", form)
	}
	_ = clock.Sleep(t.Context(), 3600*time.Second-61*time.Second)
	get("Bearer token1")
	_ = clock.Sleep(t.Context(), 2*time.Second)
	get("Bearer token2")
	s.revoke("token2")
	get("Bearer token3")
}

func TestRefusedTwiceIsUnauthorized(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) { writeError(w, 401, "unauthorized") })
	c, _ := connect(t, s)
	_, err := c.Get(t.Context(), "/x")
	if e, ok := errors.AsType[*client.Error](err); !ok || e.Status != 401 || e.Code != tollbook.CodeUnauthorized {
		t.Errorf("error %v, want a 401", err)
	}
	if n := s.tokensIssued(); n != 2 {
		t.Errorf("%d tokens fetched, want 2: one renewal and no more", n)
	}
}

func TestTokenRefusal(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(401)
		_, _ = io.WriteString(w, `{"error": "invalid_client", "error_description": "unknown client"}`)
	}))
	defer s.Close()
	c, err := client.New(client.Config{BaseURL: s.URL, ClientID: "a", ClientSecret: "b"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Get(t.Context(), "/x")
	if e, ok := errors.AsType[*client.Error](err); !ok || e.Code != "invalid_client" || e.Description != "unknown client" {
		t.Errorf("error %v", err)
	}
}

func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jose.JSONWebKey{Key: private, KeyID: "k1"}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	key, err := client.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {})
	c, clock := connect(t, s, func(cfg *client.Config) { cfg.ClientSecret, cfg.Key = "", key })
	for range 2 {
		if _, err := c.Get(t.Context(), "/x"); err != nil {
			t.Fatal(err)
		}
		_ = clock.Sleep(t.Context(), time.Hour)
	}
	ids := map[string]bool{}
	for i, form := range s.forms {
		signed, err := jwt.ParseSigned(form["client_assertion"], []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		var claims jwt.Claims
		if err := signed.Claims(private.Public(), &claims); err != nil {
			t.Fatal(err)
		}
		at := newTime().now.Add(time.Duration(i) * time.Hour)
		if err := claims.Validate(jwt.Expected{Issuer: "a client", Subject: "a client", AnyAudience: jwt.Audience{s.URL + "/oauth/token"}, Time: at}); err != nil {
			t.Error(err)
		}
		if signed.Headers[0].KeyID != "k1" || claims.Expiry.Time().Sub(at) > 5*time.Minute {
			t.Errorf("kid %q, expires %v", signed.Headers[0].KeyID, claims.Expiry.Time())
		}
		ids[claims.ID] = true
	}
	if len(ids) != 2 {
		t.Errorf("two assertions have %d ids", len(ids))
	}
	if public, _ := (&jose.JSONWebKey{Key: private.Public(), KeyID: "k1"}).MarshalJSON(); public != nil {
		if _, err := client.ParseKey(public); err == nil {
			t.Error("a public key is taken for a private one")
		}
	}
}

// TestRetries drives the server's answers by a list of statuses; 0 breaks the
// connection.
func TestRetries(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		statuses []int
		after    string // Retry-After
		once     bool
		attempts int
		want     int // the final status, 0 for a broken connection
		slept    []time.Duration
	}{
		{"at once", []int{200}, "", false, 0, 200, nil},
		{"unavailable", []int{503, 503, 200}, "", false, 0, 200, []time.Duration{100 * time.Millisecond, 200 * time.Millisecond}},
		{"too many", []int{429, 200}, "7", false, 0, 200, []time.Duration{7 * time.Second}},
		{"by date", []int{429, 200}, "Sat, 01 Aug 2026 00:00:30 GMT", false, 0, 200, []time.Duration{30 * time.Second}},
		{"too long", []int{429, 200}, "61", false, 0, 429, nil},
		{"broken", []int{0, 0, 201}, "", false, 0, 201, []time.Duration{100 * time.Millisecond, 200 * time.Millisecond}},
		{"no retry of 500", []int{500, 200}, "", false, 0, 500, nil},
		{"no retry of 400", []int{400, 200}, "", false, 0, 400, nil},
		{"gives up", []int{503, 503, 503, 200}, "", false, 3, 503, []time.Duration{100 * time.Millisecond, 200 * time.Millisecond}},
		{"once: too many", []int{429, 200}, "", true, 0, 200, []time.Duration{100 * time.Millisecond}},
		{"once: unavailable", []int{503, 200}, "", true, 0, 503, nil},
		{"once: broken", []int{0, 200}, "", true, 0, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i := 0
			s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				if body, err := io.ReadAll(r.Body); err != nil || string(body) != "the body" {
					t.Errorf("try %d sent %q, %v", i, body, err)
				}
				status := tt.statuses[i]
				i++
				if status == 0 {
					panic(http.ErrAbortHandler)
				}
				if status >= 400 {
					w.Header().Set("Retry-After", tt.after)
					writeError(w, status, "no")
					return
				}
				w.WriteHeader(status)
			})
			s.Config.ErrorLog = nil
			c, clock := connect(t, s, func(cfg *client.Config) { cfg.Attempts = tt.attempts })
			resp, err := c.Do(t.Context(), client.Request{Method: "POST", Path: "/x", Body: []byte("the body"), Once: tt.once})
			got := 0
			if e, ok := errors.AsType[*client.Error](err); ok {
				got = e.Status
			} else if err == nil {
				got = resp.Status
			}
			if got != tt.want || !slices.Equal(clock.slept, tt.slept) {
				t.Errorf("status %d (%v) after pauses %v; want %d after %v", got, err, clock.slept, tt.want, tt.slept)
			}
		})
	}
}

func TestErrorBodies(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/fields":
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"code": "invalid_request", "message": "Bad.", "description": "Very.", "fields": [{"name": "filter", "description": "column 3"}]}`)
		case "/proxy":
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(502)
			_, _ = io.WriteString(w, strings.Repeat("long ", 100))
		case "/elsewhere":
			http.Redirect(w, r, "https://evil.example/", http.StatusFound)
		case "/big":
			_, _ = w.Write(bytes.Repeat([]byte{'x'}, client.MaxResponseBytes+1))
		}
	})
	c, _ := connect(t, s)
	tests := []struct{ path, want string }{
		{"/fields", "Bad. Very.; filter: column 3 (400 invalid_request)"},
		{"/elsewhere", "The server redirects to https://evil.example/, which is not followed. (302 found)"},
		{"/big", "larger than"},
		{"/proxy", "(502 bad_gateway)"},
		{"relative", "does not start with /"},
	}
	for _, tt := range tests {
		_, err := c.Get(t.Context(), tt.path)
		if err == nil || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 300 {
			t.Errorf("Get(%s): error %v; want %q", tt.path, err, tt.want)
		}
	}
}

// TestInterruptedWait checks that a wait between two tries that is called off
// says so, and why there was one.
func TestInterruptedWait(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) { writeError(w, 503, "unavailable") })
	ctx, cancel := context.WithCancel(t.Context())
	c, _ := connect(t, s, func(cfg *client.Config) {
		cfg.Sleep = func(ctx context.Context, _ time.Duration) error {
			cancel()
			return ctx.Err()
		}
	})
	_, err := c.Get(ctx, "/x")
	if e, ok := errors.AsType[*client.Error](err); !errors.Is(err, context.Canceled) || !ok || e.Status != 503 {
		t.Errorf("error %v, want that of the request and that it was cancelled", err)
	}
}
