package webhook_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tollbook/webhook"
)

func loopback() webhook.Policy {
	return webhook.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
}

func message(url string) webhook.Message {
	return webhook.Message{URL: url, ID: "m1", At: now(), Secrets: []string{secret}, Body: []byte(`{"type":"test"}`)}
}

// receiver is a server that answers as it is told.
func receiver(t *testing.T, serve http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(serve)
	t.Cleanup(srv.Close)
	return srv
}

func TestSend(t *testing.T) {
	t.Parallel()
	const old = "whsec_b2xk"
	var got atomic.Int32
	srv := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		for _, s := range []string{secret, old} { // a receiver may still have the old one
			if id, err := webhook.Verify(s, r.Header, body, now()); err != nil || id != "m1" {
				t.Errorf("%q, %v", id, err)
			}
		}
		if r.Method != "POST" || r.URL.String() != "/hook?a=b" || r.Header.Get("Content-Type") != "application/json" || r.UserAgent() != "tollbook/1" || string(body) != `{"type":"test"}` {
			t.Errorf("%s %s %v %s", r.Method, r.URL, r.Header, body)
		}
		got.Add(1)
		w.WriteHeader(http.StatusNoContent)
	})
	m := message(srv.URL + "/hook?a=b")
	m.Secrets = append(m.Secrets, old)
	s := webhook.NewSender(webhook.SenderConfig{Policy: loopback(), UserAgent: "tollbook/1"})
	if a := s.Send(t.Context(), m); !a.Received() || a.Status != 204 || got.Load() != 1 {
		t.Errorf("%+v, received %d times", a, got.Load())
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	elsewhere := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") })
	srv := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/302":
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		case "/307":
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		case "/410":
			w.WriteHeader(http.StatusGone)
		case "/500":
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	s := webhook.NewSender(webhook.SenderConfig{Policy: loopback()})
	for path, want := range map[string]int{"/200": 200, "/302": 302, "/307": 307, "/410": 410, "/500": 500} {
		if a := s.Send(t.Context(), message(srv.URL+path)); a.Status != want || a.Received() != (want == 200) {
			t.Errorf("%s: %+v", path, a)
		}
	}
}

// TestPrivateAddresses: where a name leads is looked at when it is connected
// to, so a receiver on this machine is not reached by any of its names.
func TestPrivateAddresses(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("was reached") }))
	t.Cleanup(srv.Close)
	plain := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("was reached without TLS") })
	for _, test := range []struct {
		url    string
		policy webhook.Policy
	}{
		{srv.URL, webhook.Policy{}},
		{strings.Replace(srv.URL, "127.0.0.1", "localhost", 1), webhook.Policy{}},
		{strings.Replace(srv.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1), webhook.Policy{}},
		{strings.Replace(plain.URL, "127.0.0.1", "localhost", 1), webhook.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}},
	} {
		a := webhook.NewSender(webhook.SenderConfig{Policy: test.policy}).Send(t.Context(), message(test.url))
		if _, refused := errors.AsType[*webhook.RefusedError](a.Err); !refused || a.Received() {
			t.Errorf("%s: %+v", test.url, a)
		}
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	if a := webhook.NewSender(webhook.SenderConfig{Policy: loopback(), RootCAs: roots}).Send(t.Context(), message(srv.URL)); !a.Received() {
		t.Errorf("%+v", a)
	}
	a := webhook.NewSender(webhook.SenderConfig{Policy: loopback()}).Send(t.Context(), message(srv.URL))
	if _, ok := errors.AsType[x509.UnknownAuthorityError](a.Err); !ok || a.Received() {
		t.Errorf("a certificate of nobody: %+v", a)
	}
}

// TestSlowReceiver: an attempt ends in time, whatever the receiver does or
// does not do.
func TestSlowReceiver(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	srv := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/endless" {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
			return
		}
		if r.URL.Path == "/trickle" {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
		}
		<-done
	})
	t.Cleanup(func() { close(done) })
	s := webhook.NewSender(webhook.SenderConfig{Policy: loopback(), Timeout: time.Second})
	if a := s.Send(t.Context(), message(srv.URL+"/silent")); a.Received() || !strings.Contains(a.Err.Error(), "in time") {
		t.Errorf("silent: %+v", a)
	}
	for _, path := range []string{"/endless", "/trickle"} { // the status has come
		if a := s.Send(t.Context(), message(srv.URL+path)); !a.Received() {
			t.Errorf("%s: %+v", path, a)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a := s.Send(ctx, message(srv.URL)); !errors.Is(a.Err, context.Canceled) {
		t.Errorf("cancelled: %+v", a)
	}
}

func TestHugeHeaders(t *testing.T) {
	t.Parallel()
	srv := receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) })
	if a := webhook.NewSender(webhook.SenderConfig{Policy: loopback()}).Send(t.Context(), message(srv.URL)); a.Received() {
		t.Errorf("%+v", a)
	}
}

// TestErrorsDoNotShowTheURL: it may hold a token, and errors are logged.
func TestErrorsDoNotShowTheURL(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	s := webhook.NewSender(webhook.SenderConfig{Policy: loopback()})
	for _, url := range []string{gone.URL + "/token-1?token-2", "https://10.0.0.1/token-1", "ftp://127.0.0.1/token-1", "http://token-1@127.0.0.1/", "http://127.0.0.1:x/token-1", "://token-1"} {
		a := s.Send(t.Context(), message(url))
		if a.Received() || strings.Contains(a.Err.Error(), "token-") {
			t.Errorf("%s: %v", url, a.Err)
		}
	}
}
