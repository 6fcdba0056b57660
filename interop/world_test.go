//go:build !race

package interop

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tollbook"
	"tollbook/api"
	"tollbook/api/apitest"
	"tollbook/book"
	"tollbook/client"
	"tollbook/decimal"
	"tollbook/localstore"
	"tollbook/oauth"
)

// The world that the clients meet: small, with pages that do not come out
// even.
const (
	organization  = "acme"
	accounts      = 3
	months        = 2
	numbers       = 20 // records of each account's month that carry their price
	calls         = 60 // events of each account's month that share one record
	perPage       = 25
	wantedRecords = accounts * months * (numbers + 1)
	scope         = tollbook.ScopeUsageRead
)

const rateCard = `resource,direction,prefixes,price_per_increment,increment,unit_of_measure,currency,description,product_id
call,outbound,351,0.25,1,MINUTES,USD,Calls to Portugal,TD-LIC-APP-RC-101910
`

// world is a server on a real port with usage in it, and what its clients
// must find.
type world struct {
	url      string // what clients are told: the server's address or the proxy's
	operator *client.Client
	records  []string // all record ids, ascending
	record   string   // one that has more than a page of events
	events   []string // the ids of that record's events
}

// newWorld starts a server. front, unless nil, is told the server's address
// and returns that of a proxy before it, by which all is then reached.
func newWorld(t *testing.T, front func(upstream string) string) *world {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := "http://" + ln.Addr().String()
	w := &world{url: listen}
	if front != nil {
		w.url = front(listen)
	}
	handler, operator := newServer(t, listen, w.url)
	srv := &http.Server{Handler: apitest.NewChecker(t, api.Spec).Wrap(handler)}
	go srv.Serve(ln)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("shut down: %v", err)
		}
	})
	w.operator, err = client.New(client.Config{BaseURL: w.url, ClientID: operator.ClientID, ClientSecret: operator.ClientSecret, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	w.define(t)
	w.post(t)
	return w
}

// newServer makes the real server on a store in a directory of the test.
func newServer(t *testing.T, listen, public string) (http.Handler, book.Credentials) {
	t.Helper()
	dir := t.TempDir()
	logger := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	store, err := localstore.Open(filepath.Join(dir, "data"), localstore.Options{Create: true, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	b, err := book.Open(t.Context(), store, book.Options{Clock: time.Now, Rand: rand.Reader, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	operator, err := b.Bootstrap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keyFile := filepath.Join(dir, "keys.json")
	if err := oauth.CreateKeys(keyFile, rand.Reader, time.Now()); err != nil {
		t.Fatal(err)
	}
	keys, err := oauth.OpenKeys(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := oauth.New(oauth.Config{Issuer: public, Keys: keys, Client: b.Client, Once: store.Once, Clock: time.Now, Rand: rand.Reader, Log: logger})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := api.New(api.Config{
		Book: b, OAuth: issuer, Logger: logger, Clock: time.Now,
		ListenURL: listen, PublicURL: public, Registry: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return handler, operator
}

// define makes the organization, its card, its accounts, and another
// organization that has an account too.
func (w *world) define(t *testing.T) {
	t.Helper()
	ctx, card := t.Context(), "standard"
	_, err := w.operator.PutRateCard(ctx, card, []byte(rateCard))
	must(t, err)
	for _, o := range []string{organization, "other"} {
		must(t, w.operator.PutOrganization(ctx, o, client.OrganizationSpec{Name: o, RateCardID: &card}))
	}
	for i := range accounts {
		must(t, w.operator.PutAccount(ctx, accountID(i), client.AccountSpec{OrganizationID: organization, Name: accountID(i), Status: "ACTIVE", TimeZone: "UTC"}))
	}
	must(t, w.operator.PutAccount(ctx, "theirs", client.AccountSpec{OrganizationID: "other", Name: "theirs", Status: "ACTIVE", TimeZone: "UTC"}))
}

func accountID(i int) string { return fmt.Sprintf("account-%d", i) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// event is a usage event as it is sent.
type event struct {
	ID          string `json:"id"`
	Source      string `json:"source"`
	AccountID   string `json:"account_id"`
	OccurredAt  string `json:"occurred_at"`
	Type        string `json:"type"`
	Quantity    int    `json:"quantity"`
	Direction   string `json:"direction,omitempty"`
	To          string `json:"to,omitempty"`
	Description string `json:"description,omitempty"`
	Price       string `json:"price,omitempty"`
	Currency    string `json:"currency,omitempty"`
}

// post sends the usage of every account and month and works out, apart from
// the server, which records it makes.
func (w *world) post(t *testing.T) {
	t.Helper()
	var events []event
	for a := range accounts {
		for m := range months {
			month, err := tollbook.ParseMonth(fmt.Sprintf("2023-%02d", m+7))
			must(t, err)
			for n := range numbers {
				description := fmt.Sprintf("SIP Number %d", n)
				events = append(events, event{
					ID: fmt.Sprintf("number-%d-%d-%d", a, m, n), Source: "numbers", AccountID: accountID(a), OccurredAt: month.String() + "-14T09:30:00Z",
					Type: "NUMBER", Quantity: n + 1, Description: description, Price: "1.5", Currency: "USD",
				})
				w.want(a, month, tollbook.Grouping{Type: tollbook.Number, Description: description, Currency: "USD", Unit: tollbook.Numbers, Price: decimal.New(decimal.NewUint(15), 1)})
			}
			for n := range calls {
				events = append(events, event{
					ID: fmt.Sprintf("call-%d-%d-%d", a, m, n), Source: "pbx", AccountID: accountID(a), OccurredAt: month.String() + "-20T21:00:00+01:00",
					Type: "CALL", Quantity: 61 + n, Direction: "OUTBOUND", To: "+351 21 000 12 34",
				})
			}
			w.record = w.want(a, month, tollbook.Grouping{
				Type: tollbook.Call, Description: "Calls to Portugal", ProductID: "TD-LIC-APP-RC-101910", Currency: "USD",
				Direction: tollbook.Outbound, Unit: tollbook.Minutes, Price: decimal.New(decimal.NewUint(25), 2),
			})
		}
	}
	for _, e := range events[len(events)-calls:] {
		w.events = append(w.events, e.ID)
	}
	slices.Sort(w.records)
	slices.Sort(w.events)
	body, err := json.Marshal(events)
	must(t, err)
	receipt, err := w.operator.Post(t.Context(), client.Batch{ContentType: client.TypeJSON, Body: body})
	must(t, err)
	if receipt.Accepted != len(events) {
		t.Fatalf("%d of %d events were accepted: %+v", receipt.Accepted, len(events), receipt.Results)
	}
}

// want notes a record that must be found, and returns its id.
func (w *world) want(account int, m tollbook.Month, g tollbook.Grouping) string {
	id := tollbook.RecordIDOf(accountID(account), m, &g).String()
	w.records = append(w.records, id)
	return id
}

// register makes a client of the organization, with the scopes of a reader,
// that authenticates by a secret, or by the key in jwks where there is one.
func (w *world) register(t *testing.T, jwks json.RawMessage) client.Credentials {
	t.Helper()
	org := organization
	c, err := w.operator.CreateClient(t.Context(), client.ClientSpec{OrganizationID: &org, Name: t.Name(), Scopes: []string{scope, tollbook.ScopeAccountsRead}, JWKS: jwks})
	must(t, err)
	return c
}

// compare tells what of the wanted ids was missed, and what came too often.
func compare(t *testing.T, what string, want, got []string) {
	t.Helper()
	if slices.Equal(want, got) {
		return
	}
	seen := map[string]int{}
	for _, id := range got {
		seen[id]++
	}
	var faults []string
	for _, id := range want {
		if seen[id] != 1 {
			faults = append(faults, fmt.Sprintf("%s came %d times", id, seen[id]))
		}
		delete(seen, id)
	}
	for id, n := range seen {
		faults = append(faults, fmt.Sprintf("%s came %d times and should not be there", id, n))
	}
	t.Errorf("%s: got %d, want %d, each once and in order: %s", what, len(got), len(want), strings.Join(faults, "; "))
}
