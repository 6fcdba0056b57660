package storetest

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tollbook/book"
	"tollbook/decimal"
	"tollbook/webhook"
)

// receivers are web servers on this machine that take messages, by their
// names, and how they are sent some.
type receivers struct {
	t        testing.TB
	webhooks book.Webhooks

	mu      sync.Mutex
	servers map[string]*httptest.Server
	status  map[string]int      // that each answers
	secrets map[string][]string // by alert
	came    []string
}

func newReceivers(t testing.TB) *receivers {
	key, err := webhook.OpenKey(filepath.Join(t.TempDir(), "key.json"), rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	policy := webhook.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	sender := webhook.NewSender(webhook.SenderConfig{Policy: policy})
	return &receivers{
		t: t, webhooks: book.Webhooks{Key: key, CheckURL: policy.CheckURL, Send: sender.Send},
		servers: map[string]*httptest.Server{}, status: map[string]int{}, secrets: map[string][]string{},
	}
}

// answers makes a receiver answer with a status from then on.
func (rs *receivers) answers(name string, status int) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.status[name] = status
	if rs.servers[name] == nil {
		rs.servers[name] = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { rs.serve(name, w, r) }))
		rs.t.Cleanup(rs.servers[name].Close)
	}
}

// url returns the address of a receiver; of what is none, the name itself.
func (rs *receivers) url(name string) string {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if srv := rs.servers[name]; srv != nil {
		return srv.URL
	}
	return name
}

// know makes a secret of an alert known to all receivers.
func (rs *receivers) know(alert, secret string) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.secrets[alert] = append(rs.secrets[alert], secret)
}

// forget makes the secrets of an alert unknown.
func (rs *receivers) forget(alert string) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	delete(rs.secrets, alert)
}

func (rs *receivers) serve(name string, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		rs.t.Error(err)
		return
	}
	var m struct {
		Type string
		Data struct {
			AlertID   string           `json:"alert_id"`
			AccountID *string          `json:"account_id"`
			Month     *string          `json:"month"`
			Value     *decimal.Decimal `json:"value"`
			Crossing  int              `json:"crossing"`
		}
	}
	if err := json.Unmarshal(body, &m); err != nil {
		rs.t.Errorf("a message is no JSON: %v: %s", err, body)
		return
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	line := fmt.Sprintf("%s got %s of %s", name, m.Type, m.Data.AlertID)
	if m.Data.AccountID != nil {
		line += " for " + *m.Data.AccountID
	}
	if m.Data.Month != nil {
		line += " in " + *m.Data.Month
	}
	line += fmt.Sprintf(": %s", m.Data.Value)
	if m.Data.Crossing > 1 {
		line += fmt.Sprintf(", crossing %d", m.Data.Crossing)
	}
	if !rs.signed(m.Data.AlertID, r.Header, body) {
		line += ", not signed with every secret"
	}
	rs.came = append(rs.came, line)
	w.WriteHeader(rs.status[name])
}

// signed tells whether a message is signed with every secret of an alert that
// is known. It is judged at its own time: a script's clock is not the wall's.
func (rs *receivers) signed(alert string, h http.Header, body []byte) bool {
	sent, err := decimal.Parse(h.Get(webhook.HeaderTimestamp), 18, 0)
	if err != nil || len(rs.secrets[alert]) == 0 {
		return false
	}
	seconds, _ := sent.Coef().Uint64()
	for _, secret := range rs.secrets[alert] {
		if _, err := webhook.Verify(secret, h, body, time.Unix(int64(seconds), 0)); err != nil {
			return false
		}
	}
	return true
}

// take returns the messages that came since it was called last, sorted.
func (rs *receivers) take() string {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	slices.Sort(rs.came)
	var out strings.Builder
	for _, line := range rs.came {
		fmt.Fprintln(&out, line)
	}
	rs.came = nil
	return out.String()
}
