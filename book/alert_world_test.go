package book_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tollbook"
	"tollbook/book"
	"tollbook/webhook"
)

// alertWorld is a book that sends webhooks to receivers on this machine, with
// an organization acme and a clock that is moved by hand.
type alertWorld struct {
	*testing.T
	ledger   tollbook.Ledger
	hooks    book.Webhooks
	book     *book.Book
	operator *book.Operator
	log      *logBuffer
	events   int

	mu  sync.Mutex
	now time.Time
}

// logBuffer is a log that may be read while it is written.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newAlertWorld(t *testing.T, ledger tollbook.Ledger) *alertWorld {
	t.Helper()
	w := &alertWorld{T: t, ledger: ledger, log: &logBuffer{}, now: at(t, "2026-09-15T12:00:00Z")}
	w.hooks = webhooks(t, webhook.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, 0)
	w.start()
	w.must2(w.operator.PutOrganization(t.Context(), tollbook.Organization{ID: "acme", Name: "Acme"}))
	w.account("a1", "UTC")
	return w
}

// webhooks sends with a key of its own. A timeout of 0 is the usual one.
func webhooks(t testing.TB, p webhook.Policy, timeout time.Duration) book.Webhooks {
	t.Helper()
	key, err := webhook.OpenKey(filepath.Join(t.TempDir(), "key.json"), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sender := webhook.NewSender(webhook.SenderConfig{Policy: p, UserAgent: "tollbook/test", Timeout: timeout})
	return book.Webhooks{Key: key, CheckURL: p.CheckURL, Send: sender.Send}
}

// start opens a book over the ledger, as a server that is started does. The one
// before has ended.
func (w *alertWorld) start() {
	w.Helper()
	if w.book != nil {
		w.book.Close()
	}
	b, err := book.Open(context.Background(), w.ledger, book.Options{
		Clock: w.clock, Rand: rand.Reader, Logger: slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Webhooks: w.hooks,
	})
	w.must(err)
	w.Cleanup(b.Close)
	w.book = b
	w.operator, err = b.Operator(book.Grant{Client: tollbook.Client{ID: "op"}, Scopes: []string{tollbook.ScopeOperator}})
	w.must(err)
}

func (w *alertWorld) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *alertWorld) must2(_ any, err error) {
	w.Helper()
	w.must(err)
}

func (w *alertWorld) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *alertWorld) setClock(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = now
}

func (w *alertWorld) advance(d time.Duration) { w.setClock(w.clock().Add(d)) }

func (w *alertWorld) account(id, zone string) {
	w.Helper()
	_, _, err := w.operator.PutAccount(w.Context(), tollbook.Account{ID: id, OrganizationID: "acme", Name: id, TimeZone: zone})
	w.must(err)
}

// post posts events, each an account, a type, an amount in USD, a wallet or
// "-", and when: 15 is the 15th of the month that it is now, else an instant.
func (w *alertWorld) post(lines ...string) {
	w.Helper()
	sender, err := w.book.Sender(book.Grant{Client: tollbook.Client{ID: "op"}, Scopes: []string{tollbook.ScopeOperator}})
	w.must(err)
	for _, line := range lines {
		f := strings.Fields(line)
		kind, ok := tollbook.ParseUsageType(f[1])
		if !ok {
			w.Fatalf("%s: no such type", line)
		}
		w.events++
		e := tollbook.Event{
			ID: strconv.Itoa(w.events), Source: "test", AccountID: f[0], Type: kind, Quantity: number(w, f[2]),
			Unit: tollbook.OtherUnit, Priced: true, Price: number(w, "1"), Currency: "USD", WalletName: strings.TrimPrefix(f[3], "-"),
		}
		if e.OccurredAt, err = time.Parse(time.RFC3339, f[4]); err != nil {
			e.OccurredAt, err = time.Parse("2006-01-2", w.clock().UTC().Format("2006-01-")+f[4])
			w.must(err)
		}
		results, err := sender.Post(w.Context(), []*tollbook.Event{&e})
		w.must(err)
		if results[0].Status != book.StatusAccepted {
			w.Fatalf("%s: %+v", line, results[0])
		}
	}
}

// alert defines an alert of acme, and returns its secret.
func (w *alertWorld) alert(id, url string, spec book.AlertSpec) (secret string) {
	w.Helper()
	spec.OrganizationID, spec.URL = "acme", url
	_, secret, err := w.operator.PutAlert(w.Context(), id, spec)
	w.must(err)
	return secret
}

func (w *alertWorld) work() {
	w.Helper()
	w.must(w.book.Work(w.Context()))
}

// delivery returns the only delivery of an alert.
func (w *alertWorld) delivery(alert string) book.DeliveryInfo {
	w.Helper()
	all := w.deliveries("alert_id eq '" + alert + "'")
	if len(all) != 1 {
		w.Fatalf("%s has %d deliveries: %+v", alert, len(all), all)
	}
	return all[0]
}

// deliveries returns those that a filter matches, the first one first.
func (w *alertWorld) deliveries(filter string) []book.DeliveryInfo {
	w.Helper()
	all, _, err := w.operator.Deliveries(book.PageQuery{PerPage: book.MaxPerPage, Filter: filter, OrderBy: "id:asc"})
	w.must(err)
	return all
}

// receiver is a web server that takes messages and verifies them as it should.
type receiver struct {
	*testing.T
	URL    string
	now    func() time.Time
	mu     sync.Mutex
	secret string
	status int // that it answers
	got    []message
}

// message is one that a receiver got.
type message struct {
	ID   string // that was verified; "": none was
	Type string `json:"type"`
	At   string `json:"timestamp"`
	Data map[string]any
}

func (w *alertWorld) receiver() *receiver {
	w.Helper()
	r := &receiver{T: w.T, now: w.clock, status: http.StatusNoContent}
	srv := httptest.NewServer(http.HandlerFunc(r.serve))
	w.Cleanup(srv.Close)
	r.URL = srv.URL
	return r
}

func (r *receiver) serve(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.Error(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		r.Errorf("%s: %v", body, err)
	}
	m.ID, err = webhook.Verify(r.secret, req.Header, body, r.now())
	if err != nil {
		r.Logf("not verified: %v", err)
	}
	r.got = append(r.got, m)
	w.WriteHeader(r.status)
}

// answers makes the receiver answer with a status from now on.
func (r *receiver) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// has makes a secret the one that the receiver has.
func (r *receiver) has(secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secret = secret
}

// take returns what came since it was called last.
func (r *receiver) take() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

// one returns the only message that came.
func (r *receiver) one() message {
	r.Helper()
	got := r.take()
	if len(got) != 1 {
		r.Fatalf("%d messages came: %+v", len(got), got)
	}
	return got[0]
}

// none fails the test where a message came.
func (r *receiver) none() {
	r.Helper()
	if got := r.take(); len(got) > 0 {
		r.Fatalf("%d messages came: %+v", len(got), got)
	}
}
