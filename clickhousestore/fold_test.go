package clickhousestore_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/decimal"
	"tollbook/storetest"
)

// TestFoldFailsInTheEnd: what a server has counted, but could not write down that it
// has, it counts once when it folds again.
func TestFoldFailsInTheEnd(t *testing.T) {
	t.Parallel()
	server := sharedServer(t)
	name, url := server.database(t)
	l := servers(t, url, 1, clickhousestore.Options{})[0]
	batches := someBatches(51, 3, 50)
	for i, batch := range batches { // a server does not keep tallies that have tiers
		for j := range batch {
			batches[i][j] = charged(batch[j], batch[j].Event.ID, func(g tollbook.Grouping) *tollbook.Line { return tollbook.NewLine(g, one, one) })
		}
	}
	postLoop(t, l, batches[0])
	if err := l.Settle(t.Context()); err != nil { // from now on it knows the tallies
		t.Fatal(err)
	}
	allow := refuse(t, server, name, "folds")
	postLoop(t, l, batches[1])
	if err := l.Settle(t.Context()); err == nil {
		t.Fatal("folded, though that cannot be written down")
	}
	allow()
	wantAllOnce(t, l, batches)
}

// charged returns an entry of another name, which counts once, in a line made of the
// grouping of one of its own.
func charged(e tollbook.Entry, id string, line func(tollbook.Grouping) *tollbook.Line) tollbook.Entry {
	event, m := *e.Event, e.Measured
	event.ID = id
	var g tollbook.Grouping
	if len(m.Charges) > 0 {
		g = m.Charges[0].Line.Grouping
	}
	m.Charges = []tollbook.Charge{{Line: line(g), Increments: decimal.NewInt(1)}}
	return storetest.NewEntry(e.OrganizationID, &event, e.Home, m)
}

// TestFullMonthIsReadOnce: a batch of which everything is one record too many takes
// one look at the month, not one for each event.
func TestFullMonthIsReadOnce(t *testing.T) {
	t.Parallel()
	server := newServer(t) // whose statements are all of this test
	_, url := server.database(t)
	l := servers(t, url, 1, clickhousestore.Options{})[0]
	var tiers []tollbook.Tier
	for i := range int64(tollbook.MaxTiers) {
		tiers = append(tiers, tollbook.Tier{UpTo: decimal.NewInt(i + 1), PricePerIncrement: decimal.New(decimal.NewInt(i+1), 2)})
	}
	tiers[len(tiers)-1].UpTo = decimal.Int{}
	pattern := someBatches(1, 1, 1)[0][0]
	batch := func(from, n int) (entries []tollbook.Entry) {
		for i := range n {
			entries = append(entries, charged(pattern, fmt.Sprint(from+i), func(g tollbook.Grouping) *tollbook.Line {
				g.ProductID = fmt.Sprint("P-", from+i)
				return tollbook.NewTieredLine(g, one, tiers)
			}))
		}
		return entries
	}
	const lines = tollbook.MaxRecordsPerMonth / tollbook.MaxTiers
	want := func(entries []tollbook.Entry, outcome tollbook.Outcome) {
		t.Helper()
		for i, o := range postLoop(t, l, entries) {
			if o != outcome {
				t.Fatalf("event %d: %v, want %v", i, o, outcome)
			}
		}
	}
	want(batch(0, lines), tollbook.Accepted)
	statements := func() int {
		t.Helper()
		text, err := server.Query(t.Context(), "SELECT value FROM system.events WHERE event = 'Query'")
		n, err2 := strconv.Atoi(strings.TrimSpace(text))
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := statements()
	want(batch(lines, 200), tollbook.TooManyRecords)
	if n := statements() - before; n > 100 {
		t.Errorf("200 events that are too many took %d statements", n)
	}
}

// TestPagesDoNotWaitForEver: while somebody on the server folds, and does not end,
// whoever asks for a page is told so in the time that pages may be old, or goes.
func TestPagesDoNotWaitForEver(t *testing.T) {
	t.Parallel()
	_, url := sharedServer(t).database(t)
	l := servers(t, url, 1, clickhousestore.Options{Freshness: 300 * time.Millisecond})[0]
	defer l.TakeTurn(t.Context())()
	q := tollbook.Query{OrganizationID: "acme", Limit: 1}
	for {
		_, err := l.Records(t.Context(), q)
		if err == nil { // it is fresh still
			continue
		}
		if tollbook.CodeOf(err) != tollbook.CodeUnavailable {
			t.Errorf("a page: %v (%s), want %s", err, tollbook.CodeOf(err), tollbook.CodeUnavailable)
		}
		break
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Records(gone, q); !errors.Is(err, context.Canceled) {
		t.Errorf("a page for nobody: %v", err)
	}
	if err := l.Settle(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("a fold for nobody: %v", err)
	}
}
