package load

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"tollbook/api"
	"tollbook/book"
	"tollbook/client"
	"tollbook/localstore"
	"tollbook/oauth"
)

// server is a real one, over a store in memory.
type server struct {
	t        *testing.T
	url      string
	operator *client.Client
}

// newServer starts a server; between stands before its handler, where it is
// not nil.
func newServer(t *testing.T, between func(http.Handler) http.Handler) *server {
	t.Helper()
	ledger, err := localstore.Open("data", localstore.Options{FS: vfs.NewMem(), Create: true})
	must(t, err)
	t.Cleanup(func() { must(t, ledger.Close()) })
	logger := slog.New(slog.DiscardHandler)
	b, err := book.Open(t.Context(), ledger, book.Options{Clock: time.Now, Rand: rand.Reader, Logger: logger})
	must(t, err)
	t.Cleanup(b.Close)
	cred, err := b.Bootstrap(t.Context())
	must(t, err)
	keyFile := filepath.Join(t.TempDir(), "keys.json")
	must(t, oauth.CreateKeys(keyFile, rand.Reader, time.Now()))
	keys, err := oauth.OpenKeys(keyFile)
	must(t, err)
	srv := httptest.NewUnstartedServer(nil)
	url := "http://" + srv.Listener.Addr().String()
	auth, err := oauth.New(oauth.Config{
		Issuer: url, Keys: keys, Client: b.Client, ClientByExternalID: b.ClientByExternalID, Once: ledger.Once, Clock: time.Now, Rand: rand.Reader,
	})
	must(t, err)
	h, err := api.New(api.Config{Book: b, OAuth: auth, Logger: logger, Clock: time.Now, ListenURL: url, Registry: prometheus.NewRegistry()})
	must(t, err)
	if between != nil {
		h = between(h)
	}
	srv.Config.Handler = h
	srv.Start()
	t.Cleanup(srv.Close)
	s := &server{t: t, url: url}
	s.operator = s.client(client.Credentials{ClientID: cred.ClientID, ClientSecret: cred.ClientSecret}, 1)
	return s
}

func (s *server) client(cred client.Credentials, connections int) *client.Client {
	s.t.Helper()
	c, err := Connect(client.Config{BaseURL: s.url, ClientID: cred.ClientID, ClientSecret: cred.ClientSecret}, connections)
	must(s.t, err)
	return c
}

// setUp defines a workload and returns its client.
func (s *server) setUp(w *Workload, connections int) *client.Client {
	s.t.Helper()
	cred, err := SetUp(s.t.Context(), s.operator, w)
	must(s.t, err)
	return s.client(cred, connections)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
