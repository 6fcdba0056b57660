package clickhousestore_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
	"tollbook/decimal"
	"tollbook/storetest"
)

// servers opens the same ledger several times.
func servers(t testing.TB, url string, n int, opts clickhousestore.Options) (all []*clickhousestore.Store) {
	t.Helper()
	for range n {
		s, err := clickhousestore.Open(t.Context(), url, opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		all = append(all, s)
	}
	return all
}

// head returns the position of the last definition.
func head(ctx context.Context, l tollbook.Ledger) (last tollbook.Pos, err error) {
	for d, e := range l.Definitions(ctx, 0) {
		if e != nil {
			return 0, e
		}
		last = d.Pos
	}
	return last, nil
}

// postLoop posts as a server does: where the definitions have moved on under
// the new ones, and where the database was away again.
func postLoop(t *testing.T, l tollbook.Ledger, batch []tollbook.Entry) []tollbook.Outcome {
	for t.Context().Err() == nil {
		under, err := head(t.Context(), l)
		if err == nil {
			var outcomes []tollbook.Outcome
			if outcomes, err = l.Post(t.Context(), under, batch); err == nil {
				return outcomes
			}
		}
		if code := tollbook.CodeOf(err); !errors.Is(err, tollbook.ErrMoved) && code != tollbook.CodeUnavailable {
			t.Errorf("Post: %v (%s)", err, code)
			return nil
		}
	}
	return nil
}

// settleLoop settles as soon as the database lets it.
func settleLoop(t *testing.T, l tollbook.Ledger) {
	t.Helper()
	for err := l.Settle(t.Context()); err != nil; err = l.Settle(t.Context()) {
		if tollbook.CodeOf(err) != tollbook.CodeUnavailable {
			t.Fatal(err)
		}
	}
}

// TestOneNameOnSeveralServers lets servers post the same names at the same time,
// some of them with other contents, months and amounts, while definitions move
// on and every server reads. Each name counts once, and what counts is what its
// first word says; sent again, each content is told what became of it.
func TestOneNameOnSeveralServers(t *testing.T) {
	onPlaces(t, clickhousetest.Options{InMemory: true}, oneNameOnSeveralServers)
}

func oneNameOnSeveralServers(t *testing.T, p place) {
	names := 100
	if clickhousetest.Whole() {
		names = 300
	}
	const rivals = 4
	_, url := p.database(t)
	all := servers(t, url, rivals, clickhousestore.Options{})
	w := storetest.NewWorkload(17, storetest.WorkloadSize{Organizations: []string{"acme", "globex"}, Accounts: 4, Months: 3, Lines: 10})
	variants := make([][]tollbook.Entry, names) // of each name
	for i := range variants {
		for len(variants[i]) < rivals {
			e := w.Batch(1)[0]
			event := *e.Event
			event.ID, event.Source = fmt.Sprint("name-", i), "s"
			if len(variants[i]) > 0 && i%3 > 0 { // two of three names always say the same
				variants[i] = append(variants[i], variants[i][0])
				continue
			}
			if len(variants[i]) > 0 && variants[i][0].OrganizationID != e.OrganizationID {
				continue // another organization's names are others
			}
			variants[i] = append(variants[i], storetest.NewEntry(e.OrganizationID, &event, e.Home, e.Measured))
		}
	}
	var posting, others sync.WaitGroup
	accepted := make([][]bool, rivals)
	for n, s := range all {
		accepted[n] = make([]bool, names)
		posting.Go(func() {
			order := rand.New(rand.NewPCG(uint64(n/2), 5)).Perm(names) // two and two have the same
			for some := range slices.Chunk(order, 20) {
				var batch []tollbook.Entry
				for _, i := range some {
					batch = append(batch, variants[i][n])
				}
				for k, o := range postLoop(t, s, batch) {
					accepted[n][some[k]] = o == tollbook.Accepted
				}
			}
		})
	}
	done := make(chan struct{})
	others.Go(func() { defineAndRead(t, all, done) })
	posting.Wait()
	close(done)
	others.Wait()
	model := storetest.NewModel()
	for i := range variants {
		words, _, err := all[i%rivals].History(t.Context(), variants[i][0].Claim)
		if err != nil || len(words) != 1 {
			t.Fatalf("name %d: %d words, %v", i, len(words), err)
		}
		first := slices.IndexFunc(variants[i], func(e tollbook.Entry) bool { return sameEvent(&words[0].Event, e.Event) })
		if first < 0 || !accepted[first][i] && !slices.ContainsFunc(accepted, func(a []bool) bool { return a[i] }) {
			t.Fatalf("name %d: what counts was never sent, or nobody was told that it does", i)
		}
		if _, err := model.Post(t.Context(), 0, variants[i][first:first+1]); err != nil {
			t.Fatal(err)
		}
	}
	for n := range all {
		sentAgain(t, all[n], model, variants, n)
		wantRecords(t, all[n], model, "acme", "globex")
	}
}

func sameEvent(a, b *tollbook.Event) bool {
	return string(a.AppendNormal(nil)) == string(b.AppendNormal(nil))
}

// defineAndRead defines things and reads records until done.
func defineAndRead(t *testing.T, all []*clickhousestore.Store, done <-chan struct{}) {
	for i := 0; ; i++ {
		s := all[i%len(all)]
		at, err := head(t.Context(), s)
		if err == nil {
			kind := []tollbook.Kind{tollbook.KindProduct, tollbook.KindMark}[i%2]
			_, err = s.Define(t.Context(), at, []tollbook.Definition{{RequestID: [16]byte{byte(i), byte(i >> 8), 1}, Kind: kind, ID: "x"}})
		}
		if err == nil {
			_, err = s.Records(t.Context(), tollbook.Query{OrganizationID: "acme", Limit: 10})
		}
		if err != nil {
			t.Errorf("define and read: %v", err)
			return
		}
		select {
		case <-done:
			return
		case <-time.After(50 * time.Millisecond): // let them post
		}
	}
}

// sentAgain wants every content of a name to be told what the model says.
func sentAgain(t *testing.T, s *clickhousestore.Store, model *storetest.Model, variants [][]tollbook.Entry, n int) {
	t.Helper()
	var batch []tollbook.Entry
	for i := range variants {
		batch = append(batch, variants[i][n])
	}
	got := postLoop(t, s, batch)
	want, err := model.Post(t.Context(), 0, batch)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("sent again to server %d: %v, want %v", n, got, want)
	}
}

// wantRecords wants all records of organizations to be the model's.
func wantRecords(t *testing.T, l tollbook.Ledger, model *storetest.Model, organizations ...string) {
	t.Helper()
	for _, org := range organizations {
		got, want := records(t, l, org), records(t, model, org)
		exactly := cmp.Comparer(func(a, b tollbook.Record) bool { return a == b })
		if diff := cmp.Diff(want, got, exactly); diff != "" {
			t.Errorf("records of %s differ from the model (+ is the ledger's):\n%.3000s", org, diff)
		}
	}
}

func records(t *testing.T, l tollbook.Ledger, org string) (all []tollbook.Record) {
	t.Helper()
	for {
		page, err := l.Records(t.Context(), tollbook.Query{OrganizationID: org, Limit: tollbook.MaxPage, Offset: len(all)})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Records) == 0 {
			return all
		}
		all = append(all, page.Records...)
	}
}

// TestServerOfTheDatabaseIsKilled kills ClickHouse over and over while servers
// post; whoever gets an error sends again. Everything counts once.
func TestServerOfTheDatabaseIsKilled(t *testing.T) {
	onPlaces(t, clickhousetest.Options{}, serverOfTheDatabaseIsKilled)
}

func serverOfTheDatabaseIsKilled(t *testing.T, p place) {
	const batches, size, kills = 60, 50, 4
	_, url := p.database(t)
	all := servers(t, url, 2, clickhousestore.Options{Freshness: 100 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	w := storetest.NewWorkload(18, storetest.WorkloadSize{Organizations: []string{"acme"}, Accounts: 4, Months: 3, Lines: 10})
	model := storetest.NewModel()
	next := make(chan []tollbook.Entry)
	var posting sync.WaitGroup
	for n := range 4 {
		posting.Go(func() {
			for batch := range next {
				postLoop(t, all[n%2], batch)
			}
		})
	}
	for i := range batches {
		var batch []tollbook.Entry
		for k := range size {
			e := w.Batch(1)[0]
			event := *e.Event
			event.ID = fmt.Sprintf("%d-%d", i, k)
			batch = append(batch, storetest.NewEntry(e.OrganizationID, &event, e.Home, e.Measured))
		}
		if _, err := model.Post(t.Context(), 0, batch); err != nil {
			t.Fatal(err)
		}
		next <- batch
		if i%(batches/kills) == batches/kills/2 {
			p.nodes()[i*kills/batches%len(p.nodes())].Restart()
		}
	}
	close(next)
	posting.Wait()
	exact := servers(t, url, 1, clickhousestore.Options{})[0]
	wantRecords(t, exact, model, "acme")
}

// TestAsOfIsTrue posts without pause and reads pages that are up to a second
// old: what had been acknowledged before AsOf is in them, and they are never
// older than they may be. The clocks of the servers differ by hours.
func TestAsOfIsTrue(t *testing.T) {
	t.Parallel()
	server := sharedServer(t)
	_, url := server.database(t)
	var all []*clickhousestore.Store
	for _, skew := range []time.Duration{-time.Hour, 3 * time.Hour} {
		clock := func() time.Time { return time.Now().Add(skew) }
		all = append(all, servers(t, url, 1, clickhousestore.Options{Freshness: time.Second, Clock: clock})...)
	}
	line := tollbook.NewLine(tollbook.Grouping{ProductID: "P", Type: tollbook.Call, Currency: "USD", Unit: tollbook.Minutes}, one, one)
	var mu sync.Mutex
	var acknowledged []time.Time
	done := make(chan struct{})
	var posting sync.WaitGroup
	for n, s := range all {
		posting.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				e := &tollbook.Event{ID: fmt.Sprint(n, "-", i), Source: "s", AccountID: "a", OccurredAt: time.Date(2023, 8, 1, 0, 0, 0, 0, time.UTC), Type: tollbook.Call, Quantity: one, Unit: tollbook.Minutes}
				entry := storetest.NewEntry("acme", e, tollbook.MonthOf(e.OccurredAt), tollbook.Measured{Charges: []tollbook.Charge{{Line: line, Increments: one.Coef()}}})
				if _, err := s.Post(t.Context(), 0, []tollbook.Entry{entry}); err != nil {
					t.Errorf("Post: %v", err)
					return
				}
				mu.Lock()
				acknowledged = append(acknowledged, time.Now())
				mu.Unlock()
			}
		})
	}
	seen := int64(0)
	for i := 0; seen < 100 && !t.Failed(); i++ {
		page, err := all[i%2].Records(t.Context(), tollbook.Query{OrganizationID: "acme", Limit: 10})
		if tollbook.CodeOf(err) == tollbook.CodeUnavailable {
			continue // rather nothing than what is too old
		}
		if err != nil {
			t.Fatal(err)
		}
		if seen = 0; len(page.Records) > 0 {
			seen = page.Records[0].Events
		}
		mu.Lock()
		before := int64(0)
		for _, at := range acknowledged {
			if at.Before(page.AsOf) {
				before++
			}
		}
		mu.Unlock()
		if seen < before {
			t.Errorf("a page as of %s has %d events, of which %d had been acknowledged before", page.AsOf, seen, before)
		}
	}
	close(done)
	posting.Wait()
}

// TestAddressIsNotSaid: an address that is none is refused without its password.
func TestAddressIsNotSaid(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"clickhouse://u:secret@host:port/db", "clickhouse://u:secret@ho st:9000/db", "mysql://u:secret@host/db", "clickhouse://u:secret@host:9000/db?dial_timeout=secret", "://secret"} {
		_, err := clickhousestore.Open(t.Context(), address, clickhousestore.Options{})
		if err == nil || strings.Contains(err.Error(), "secret") && !strings.Contains(address, "=secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestWrongPassword is told so, and opens nothing.
func TestWrongPassword(t *testing.T) {
	t.Parallel()
	s := &server{Server: clickhousetest.Start(t, clickhousetest.Options{Users: []clickhousetest.User{{Name: "tollbook", Password: "right"}}})}
	name, _ := s.database(t)
	for _, tt := range []struct {
		password string
		opens    bool
	}{{"right", true}, {"wrong", false}} {
		l, err := clickhousestore.Open(t.Context(), fmt.Sprintf("clickhouse://tollbook:%s@%s/%s", tt.password, s.Addr(), name), clickhousestore.Options{})
		if opened := err == nil; opened != tt.opens {
			t.Errorf("with the password %q: %v", tt.password, err)
		}
		if err == nil {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

var one = decimal.FromInt(1)
