package oauth_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tollbook"
	"tollbook/oauth"
)

// world is an issuer with its clients, served over real HTTP.
type world struct {
	t      testing.TB
	issuer string
	keys   string // file
	server *oauth.Server

	mu       sync.Mutex
	now      time.Time
	clients  map[string]tollbook.Client
	once     map[[16]byte]time.Time
	onceFail error
	requests map[string]int // by path
}

const secret = "s3cret with +, : and % in it"

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// newWorld serves an issuer; change may alter its configuration first.
func newWorld(t testing.TB, change func(*oauth.Config)) *world {
	t.Helper()
	w := &world{t: t, now: start(), clients: map[string]tollbook.Client{}, once: map[[16]byte]time.Time{}, requests: map[string]int{}}
	mux := http.NewServeMux()
	ts := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.requests[r.URL.Path]++
		w.mu.Unlock()
		mux.ServeHTTP(rw, r)
	}))
	t.Cleanup(ts.Close)
	w.issuer = "http://" + ts.Listener.Addr().String()
	w.keys = filepath.Join(t.TempDir(), "keys.json")
	check(t, oauth.CreateKeys(w.keys, rand.Reader, w.now))
	keys, err := oauth.OpenKeys(w.keys)
	check(t, err)
	cfg := oauth.Config{
		Issuer: w.issuer, Keys: keys, Client: w.client, Once: w.seen,
		ClientByExternalID: w.clientByExternalID, Clock: w.clock, Rand: rand.Reader,
	}
	if change != nil {
		change(&cfg)
	}
	w.server, err = oauth.New(cfg)
	check(t, err)
	mux.HandleFunc("/oauth/token", w.server.Token)
	mux.HandleFunc("GET /oauth/jwks", w.server.JWKS)
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", w.server.Metadata)
	ts.Start()
	return w
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) client(id string) (tollbook.Client, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.clients[id]
	return c, ok
}

func (w *world) clientByExternalID(id string) (tollbook.Client, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.clients {
		if c.ExternalID == id {
			return c, true
		}
	}
	return tollbook.Client{}, false
}

func (w *world) put(c tollbook.Client) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clients[c.ID] = c
}

// seen remembers keys as a ledger does.
func (w *world) seen(_ context.Context, key [16]byte, until time.Time) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.onceFail != nil {
		return false, w.onceFail
	}
	if _, ok := w.once[key]; ok {
		return false, nil
	}
	w.once[key] = until
	return true, nil
}

func (w *world) served(path string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests[path]
}

// reply is an answer of the token endpoint.
type reply struct {
	Status      int
	Header      http.Header
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	Scope       string `json:"scope"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// post sends a body to the token endpoint.
func (w *world) post(body string, header http.Header) reply {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodPost, w.issuer+"/oauth/token", strings.NewReader(body))
	check(w.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, values := range header {
		req.Header[name] = values
	}
	return w.do(req)
}

func (w *world) do(req *http.Request) (r reply) {
	w.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	check(w.t, err)
	defer resp.Body.Close()
	check(w.t, json.NewDecoder(resp.Body).Decode(&r))
	r.Status, r.Header = resp.StatusCode, resp.Header
	return r
}

func (r reply) want(t testing.TB, status int, code string) {
	t.Helper()
	if r.Status != status || r.Error != code {
		t.Errorf("got %d %q (%s), want %d %q", r.Status, r.Error, r.Description, status, code)
	}
	if r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control is %q", r.Header.Get("Cache-Control"))
	}
}

func basic(id, secret string) http.Header {
	req := &http.Request{Header: http.Header{}}
	req.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	return req.Header
}

// token gets an access token with a secret.
func (w *world) token(id string) string {
	w.t.Helper()
	r := w.post("grant_type=client_credentials", basic(id, secret))
	r.want(w.t, http.StatusOK, "")
	return r.AccessToken
}
