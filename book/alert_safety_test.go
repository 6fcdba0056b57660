package book_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/book"
	"tollbook/webhook"
)

// TestRotation: for a day messages are signed with the old secret too.
func TestRotation(t *testing.T) {
	w := newAlertWorld(t, newLedger(t))
	r := w.receiver()
	old := w.lowOf("low", r.URL)
	secret, err := w.operator.RotateAlert(t.Context(), "low")
	w.must(err)
	if secret == old {
		t.Fatal("the secret is the same")
	}
	for _, s := range []string{old, secret} {
		r.has(s)
		_, err := w.operator.TestAlert(t.Context(), "low")
		w.must(err)
		if r.one().ID == "" {
			t.Errorf("not verified")
		}
	}
	w.advance(24 * time.Hour)
	for s, want := range map[string]bool{old: false, secret: true} {
		r.has(s)
		_, err := w.operator.TestAlert(t.Context(), "low")
		w.must(err)
		if verified := r.one().ID != ""; verified != want {
			t.Errorf("verified: %v, want %v", verified, want)
		}
	}
	w.must(w.operator.DeleteAlert(t.Context(), "low"))
	if again := w.lowOf("low", r.URL); again == secret || again == old {
		t.Errorf("one with a deleted one's id has its secret")
	}
}

// TestOtherKey: after the key has been lost nothing is sent that no receiver
// could verify, until the secret is rotated.
func TestOtherKey(t *testing.T) {
	w := newAlertWorld(t, newLedger(t))
	r := w.receiver()
	w.lowOf("low", r.URL)
	w.hooks = webhooks(t, webhook.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, 0)
	w.start()
	w.work()
	r.none()
	if d := w.delivery("low"); !strings.Contains(*d.Error, "rotate the secret") {
		t.Errorf("%+v", d)
	}
	secret, err := w.operator.RotateAlert(t.Context(), "low")
	w.must(err)
	r.has(secret)
	w.advance(time.Minute)
	w.work()
	if r.one().ID == "" {
		t.Error("not verified")
	}
}

// TestHostileReceivers: none of them gets more than the message.
func TestHostileReceivers(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("was reached") }))
	t.Cleanup(elsewhere.Close)
	port := elsewhere.URL[strings.LastIndexByte(elsewhere.URL, ':'):]
	hostile := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(rw, r, elsewhere.URL, http.StatusTemporaryRedirect)
		case "/huge":
			for range 1 << 10 { // 64 MiB, of which 64 KiB are read
				if _, err := rw.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		case "/terminal":
			rw.Header()["X\x1b"] = []string{"x"}
			conn, _, err := http.NewResponseController(rw).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			fmt.Fprintf(conn, "HTTP/1.1 \x1b[2J%s\r\n\r\n", strings.Repeat("é", 2000))
			conn.Close()
		}
	}))
	t.Cleanup(hostile.Close)
	w := newAlertWorld(t, newLedger(t))
	w.lowOf("redirect", hostile.URL+"/redirect")
	w.lowOf("huge", hostile.URL+"/huge")
	w.work()
	w.lowOf("terminal", hostile.URL+"/terminal")
	w.work()
	if d := w.delivery("redirect"); d.State != tollbook.DeliveryPending || *d.Status != 307 {
		t.Errorf("%+v", d)
	}
	if d := w.delivery("huge"); d.State != tollbook.DeliveryDelivered {
		t.Errorf("%+v", d)
	}
	if d := w.delivery("terminal"); d.State != tollbook.DeliveryPending || len(*d.Error) > 300 || strings.Contains(*d.Error, "\x1b") {
		t.Errorf("%+v: %q", d, *d.Error)
	}

	// What is private is not reached by a name either.
	w.hooks.CheckURL = webhook.Policy{}.CheckURL
	w.hooks.Send = webhook.NewSender(webhook.SenderConfig{}).Send
	w.start()
	w.lowOf("by-name", "https://localhost"+port+"/")
	w.work()
	if d := w.delivery("by-name"); !strings.Contains(*d.Error, "is not a public one") {
		t.Errorf("%+v", d)
	}
}

// TestNoSecretIsKept: neither the definitions nor the log have one, nor does
// anything that is shown.
func TestNoSecretIsKept(t *testing.T) {
	w := newAlertWorld(t, newLedger(t))
	r := w.receiver()
	r.answers(http.StatusBadRequest)
	secrets := []string{w.lowOf("low", r.URL+"/token-1?a=token-2")}
	again, err := w.operator.RotateAlert(t.Context(), "low")
	w.must(err)
	secrets = append(secrets, again)
	w.work()
	_, err = w.operator.TestAlert(t.Context(), "low")
	w.must(err)
	var kept bytes.Buffer
	for def, err := range w.ledger.Definitions(t.Context(), 0) {
		w.must(err)
		kept.Write(def.Body)
	}
	alerts, _, err := w.operator.Alerts(book.PageQuery{PerPage: 10})
	w.must(err)
	history, _, err := w.operator.History(tollbook.KindAlert, "low", book.PageQuery{PerPage: 10})
	w.must(err)
	all, err := json.Marshal([]any{alerts, history, w.deliveries("")})
	w.must(err)
	shown := string(all)
	for _, s := range secrets {
		s = strings.TrimPrefix(s, "whsec_")
		if strings.Contains(kept.String(), s) || strings.Contains(shown, s) || strings.Contains(w.log.String(), s) {
			t.Error("a secret is kept, shown or logged")
		}
	}
	if strings.Contains(shown, "sha256") {
		t.Errorf("the hash of a secret is shown: %s", shown)
	}
	if strings.Contains(w.log.String(), "token-") {
		t.Errorf("the URL is logged: %s", w.log)
	}
}
