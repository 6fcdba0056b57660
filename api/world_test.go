package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"tollbook"
	"tollbook/api"
	"tollbook/api/apitest"
	"tollbook/book"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
	"tollbook/localstore"
	"tollbook/oauth"
	"tollbook/webhook"
)

// checker validates every answer of the suite against openapi.yaml and
// remembers which operations were exercised.
var checker = sync.OnceValue(func() *apitest.Checker { return apitest.NewChecker(fatal{}, api.Spec) })

// fatal fails the run where there is no test to fail.
type fatal struct{}

func (fatal) Helper()                   {}
func (fatal) Errorf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
func (fatal) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// world is a server over a ledger of its own, with its operator's token and a
// clock that stands still unless it is moved.
type world struct {
	testing.TB
	URL      string
	book     *book.Book
	cred     book.Credentials // the operator's
	operator string           // a bearer token
	http     *http.Client

	mu  sync.Mutex
	now time.Time
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

func newWorld(t *testing.T, change ...func(*api.Config)) *world {
	t.Helper()
	return newWorldOn(t, newLedger(t), change...)
}

// storeVariable, if it is clickhouse, has the tests run over a ledger in a real
// ClickHouse: the contract is the same.
const storeVariable = "TOLLBOOK_TEST_STORE"

func overClickHouse() bool { return os.Getenv(storeVariable) == "clickhouse" }

// newLedger is a local store in memory, or a ClickHouse of the test's own.
func newLedger(t *testing.T) tollbook.Ledger {
	t.Helper()
	var ledger tollbook.Ledger
	var err error
	if overClickHouse() {
		url := "clickhouse://" + clickhousetest.Start(t, clickhousetest.Options{InMemory: true}).Addr() + "/default"
		if err := clickhousestore.Migrate(t.Context(), url, clickhousestore.MigrateOptions{Out: io.Discard}); err != nil {
			t.Fatal(err)
		}
		ledger, err = clickhousestore.Open(t.Context(), url, clickhousestore.Options{})
	} else {
		ledger, err = localstore.Open("data", localstore.Options{FS: vfs.NewMem(), Create: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ledger.Close(); err != nil {
			t.Error(err)
		}
	})
	return ledger
}

func newWorldOn(t testing.TB, ledger tollbook.Ledger, change ...func(*api.Config)) *world {
	t.Helper()
	w := &world{TB: t, now: time.Date(2026, 9, 15, 12, 0, 0, 0, time.UTC)}
	ctx := context.Background()
	logger := slog.New(slog.DiscardHandler)
	key, err := webhook.OpenKey(filepath.Join(t.TempDir(), "webhook-key.json"), rand.Reader)
	w.must(err)
	policy := webhook.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	b, err := book.Open(ctx, ledger, book.Options{
		Clock: w.clock, Rand: rand.Reader, Logger: logger,
		Webhooks: book.Webhooks{Key: key, CheckURL: policy.CheckURL, Send: webhook.NewSender(webhook.SenderConfig{Policy: policy}).Send},
	})
	w.must(err)
	t.Cleanup(b.Close)
	w.book = b
	w.cred, err = b.Bootstrap(ctx)
	w.must(err)

	keyFile := filepath.Join(t.TempDir(), "keys.json")
	w.must(oauth.CreateKeys(keyFile, rand.Reader, w.now))
	keys, err := oauth.OpenKeys(keyFile)
	w.must(err)
	srv := httptest.NewUnstartedServer(nil)
	w.URL = "http://" + srv.Listener.Addr().String()
	auth, err := oauth.New(oauth.Config{
		Issuer: w.URL, Keys: keys, Client: b.Client, ClientByExternalID: b.ClientByExternalID,
		Once: ledger.Once, Clock: w.clock, Rand: rand.Reader,
	})
	w.must(err)
	config := api.Config{
		Book: b, OAuth: auth, Logger: logger, Clock: w.clock, ListenURL: w.URL, Registry: prometheus.NewRegistry(),
	}
	for _, c := range change {
		c(&config)
	}
	h, err := api.New(config)
	w.must(err)
	srv.Config.Handler = h
	srv.Start()
	t.Cleanup(srv.Close)
	w.http = &http.Client{
		Transport:     checker().For(t).Transport(srv.Client().Transport),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	w.login()
	return w
}

// login gets the operator a token that is good for the next hour.
func (w *world) login() { w.operator = w.token(w.cred.ClientID, w.cred.ClientSecret) }

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// answer is what came back, decoded.
type answer struct {
	Status int
	Header http.Header
	Text   string
	JSON   map[string]any // numbers are json.Number
}

func (a answer) code() string { s, _ := a.JSON["code"].(string); return s }

// field returns the description of the first of an error's fields of a name.
func (a answer) field(name string) (string, bool) {
	fields, _ := a.JSON["fields"].([]any)
	for _, f := range fields {
		if f := f.(map[string]any); f["name"] == name {
			return f["description"].(string), true
		}
	}
	return "", false
}

func (a answer) embedded(name string) []map[string]any {
	list, _ := a.JSON["_embedded"].(map[string]any)[name].([]any)
	var rows []map[string]any
	for _, r := range list {
		rows = append(rows, r.(map[string]any))
	}
	return rows
}

func (a answer) link(rel string) string {
	l, _ := a.JSON["_links"].(map[string]any)[rel].(map[string]any)
	href, _ := l["href"].(string)
	return href
}

// do sends a request; target is a path, or an absolute URL out of a link.
func (w *world) do(method, target, token, contentType string, body []byte, header ...string) answer {
	w.Helper()
	if strings.HasPrefix(target, "/") {
		target = w.URL + target
	}
	r, err := http.NewRequest(method, target, bytes.NewReader(body))
	w.must(err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host // net/http does not send the header
	}
	resp, err := w.http.Do(r)
	w.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	w.must(err)
	a := answer{Status: resp.StatusCode, Header: resp.Header, Text: string(text)}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	_ = dec.Decode(&a.JSON) // not every answer is JSON
	return a
}

func (w *world) get(target, token string) answer { return w.do("GET", target, token, "", nil) }

func (w *world) put(path string, body string) answer {
	return w.do("PUT", path, w.operator, "application/json", []byte(body))
}

// want fails the test unless the answer has the status.
func (w *world) want(a answer, status int) answer {
	w.Helper()
	if a.Status != status {
		w.Fatalf("status %d, want %d: %s", a.Status, status, a.Text)
	}
	return a
}

func (w *world) token(id, secret string) string {
	w.Helper()
	basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id) + ":" + url.QueryEscape(secret)))
	a := w.want(w.do("POST", "/oauth/token", "", "application/x-www-form-urlencoded", []byte("grant_type=client_credentials"), "Authorization", "Basic "+basic), 200)
	return a.JSON["access_token"].(string)
}

var readScopes = []string{tollbook.ScopeUsageRead, tollbook.ScopeAccountsRead, tollbook.ScopeProductsRead}

// client registers a client of an organization and returns its id and a token.
func (w *world) client(organization string, scopes ...string) (id, token string) {
	w.Helper()
	body, err := json.Marshal(map[string]any{"organization_id": organization, "name": "test", "scopes": scopes})
	w.must(err)
	a := w.want(w.do("POST", "/v1/clients", w.operator, "application/json", body), 201)
	id = a.JSON["client_id"].(string)
	return id, w.token(id, a.JSON["client_secret"].(string))
}

// organization defines an organization with one rate card and accounts named
// after it, and returns a token that may do all that an organization may.
func (w *world) organization(id, card string, accounts ...string) (token string) {
	w.Helper()
	rateCard := "null"
	if card != "" {
		w.want(w.do("PUT", "/v1/rate-cards/"+id+"-card", w.operator, "text/csv", []byte(card)), 201)
		rateCard = `"` + id + `-card"`
	}
	w.want(w.put("/v1/organizations/"+id, `{"name":"`+id+`","reseller_id":null,"entitled":false,"rate_card_id":`+rateCard+`}`), 201)
	for _, a := range accounts {
		w.want(w.put("/v1/accounts/"+a, `{"organization_id":"`+id+`","name":"`+a+`","company_name":"","status":"ACTIVE","time_zone":"UTC","rate_card_id":null}`), 201)
	}
	_, token = w.client(id, append([]string{tollbook.ScopeEventsWrite, tollbook.ScopeEventsPrice}, readScopes...)...)
	return token
}

// post sends events as JSON and returns the receipt.
func (w *world) post(token string, events string) answer {
	w.Helper()
	return w.want(w.do("POST", "/v1/events", token, "application/json", []byte(events)), 200)
}

// spaced prints values with a space between any two.
func spaced(values ...any) string { return strings.TrimSuffix(fmt.Sprintln(values...), "\n") }

// tally checks the five counts of a receipt.
func (w *world) tally(a answer, accepted, duplicate, conflict, rejected, unrated int) {
	w.Helper()
	got := spaced(a.JSON["accepted"], a.JSON["duplicate"], a.JSON["conflict"], a.JSON["rejected"], a.JSON["unrated"])
	if want := spaced(accepted, duplicate, conflict, rejected, unrated); got != want {
		w.Errorf("accepted, duplicate, conflict, rejected, unrated: %s, want %s: %s", got, want, a.Text)
	}
}
