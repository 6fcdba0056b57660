package clickhousestore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
)

// refuse has a table take no rows on all servers, until what it returns is called.
func refuse(t *testing.T, p place, database, table string) (allow func()) {
	t.Helper()
	if len(p.nodes()) > 1 {
		table += "_shard"
	}
	alter := func(what string) {
		t.Helper()
		for _, s := range p.nodes() {
			if err := s.Exec(t.Context(), "ALTER TABLE "+database+"."+table+" "+what); err != nil {
				t.Fatal(err)
			}
		}
	}
	alter("ADD CONSTRAINT refused CHECK 1 = 0")
	return func() {
		t.Helper()
		alter("DROP CONSTRAINT refused")
	}
}

// TestMarkDuringFold: what there was at a mark is the same while a fold is under
// way, or has been broken off, that has kept records and not replaced them yet.
func TestMarkDuringFold(t *testing.T) {
	onPlaces(t, clickhousetest.Options{InMemory: true}, func(t *testing.T, p place) {
		name, url := p.database(t)
		l := servers(t, url, 1, clickhousestore.Options{})[0]
		reader := servers(t, url, 1, clickhousestore.Options{Freshness: time.Hour})[0]
		batches := someBatches(52, 2, 50)
		postLoop(t, l, batches[0])
		mark, err := l.Define(t.Context(), 0, []tollbook.Definition{{RequestID: [16]byte{1}, Kind: tollbook.KindMark, ID: "m", Body: []byte(`{}`)}})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		atMark := func() string {
			t.Helper()
			page, err := reader.Records(t.Context(), tollbook.Query{OrganizationID: "acme", Limit: tollbook.MaxPage, AsOf: mark})
			if err != nil || page.Total != len(page.Records) {
				t.Fatal(page.Total, len(page.Records), err)
			}
			return fmt.Sprint(page.Records)
		}
		want := atMark()
		postLoop(t, l, batches[1])
		for _, table := range []string{"tallies", "records"} {
			allow := refuse(t, p, name, table)
			if err := l.Settle(t.Context()); err == nil {
				t.Fatalf("folded without %s", table)
			}
			if got := atMark(); got != want {
				t.Errorf("while %s are not written there is at the mark\n%s\nand before\n%s", table, got, want)
			}
			allow()
		}
		if err := l.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := atMark(); got != want {
			t.Errorf("at the mark\n%s\nand before the fold\n%s", got, want)
		}
	})
}

// TestFoldGoesOn: a fold goes on when whoever asked for it has gone.
func TestFoldGoesOn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	name, url := s.database(t)
	l := servers(t, url, 1, clickhousestore.Options{Freshness: time.Hour})[0]
	postLoop(t, l, someBatches(53, 1, 20)[0])
	s.Stop()
	brief, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := l.Settle(brief); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("settled with %v while the database stands still", err)
	}
	s.Continue()
	until, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for folds := "0"; folds == "0"; {
		var err error
		if folds, err = s.Query(until, "SELECT count() FROM "+name+".folds"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSickServer: one server whose folds fail does not keep others from having
// theirs.
func TestSickServer(t *testing.T) {
	t.Parallel()
	grants := []string{"GRANT SELECT ON *.*"} // all but to write tallies
	for _, table := range []string{"log", "events", "bookings", "lines", "claims", "repeats", "records", "records_by_id", "past", "folds", "leases"} {
		grants = append(grants, "GRANT INSERT ON test_1."+table)
	}
	s := &server{Server: clickhousetest.Start(t, clickhousetest.Options{InMemory: true, Users: []clickhousetest.User{{Name: "sick", Grants: grants}}})}
	_, url := s.database(t)
	const freshness = time.Second
	batches := someBatches(61, 12, 20)
	sick := servers(t, strings.Replace(url, "://", "://sick@", 1), 1, clickhousestore.Options{Freshness: freshness})[0]
	well := servers(t, url, 1, clickhousestore.Options{Freshness: freshness})[0]
	for i, batch := range batches {
		postLoop(t, sick, batch)
		page, err := well.Records(t.Context(), tollbook.Query{OrganizationID: "acme", Limit: 1})
		if err != nil {
			t.Fatalf("page %d: %v", i, err)
		}
		for at := page.AsOf; !page.AsOf.After(at.Add(freshness / 3)); {
			if page, err = well.Records(t.Context(), tollbook.Query{OrganizationID: "acme", Limit: 1}); err != nil {
				t.Fatalf("page %d, then: %v", i, err)
			}
		}
	}
	wantAllOnce(t, well, batches)
}

// TestManyAccounts reads a month of more accounts than a statement can name.
func TestManyAccounts(t *testing.T) {
	onPlaces(t, clickhousetest.Options{InMemory: true}, func(t *testing.T, p place) {
		_, url := p.database(t)
		l := servers(t, url, 1, clickhousestore.Options{})[0]
		batch := manyEntries(0, 200, 200)
		postLoop(t, l, batch)
		voidOne(t, l, 0)
		q := tollbook.MonthQuery{OrganizationID: "acme", Month: batch[0].Booked}
		for i := range 40_000 {
			q.AccountIDs = append(q.AccountIDs, fmt.Sprintf("account-%06d", i))
		}
		slices.Reverse(q.AccountIDs)
		_, events := l.MonthEvents(t.Context(), q)
		n := 0
		for _, err := range events {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != len(batch)-1 {
			t.Errorf("%d events of %d", n, len(batch)-1)
		}
	})
}

// TestFoldsAreBehind: where there are views of what is not folded, a fold ends with
// what is to be done.
func TestFoldsAreBehind(t *testing.T) {
	t.Parallel()
	s := sharedServer(t)
	name, url := s.database(t)
	l := servers(t, url, 1, clickhousestore.Options{})[0]
	batches := someBatches(62, 3, 50)
	for _, batch := range batches {
		postLoop(t, l, batch)
		if err := l.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Exec(t.Context(), "TRUNCATE TABLE "+name+".folds"); err != nil {
		t.Fatal(err)
	}
	other := servers(t, url, 1, clickhousestore.Options{})[0]
	err := other.Settle(t.Context())
	if e, _ := errors.AsType[*tollbook.Error](err); e == nil || e.Code != tollbook.CodeUnavailable || !strings.Contains(fmt.Sprint(e.Err), "rebuild") {
		t.Fatalf("settled with %v", err)
	}
	if err := other.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	wantAllOnce(t, other, batches)
}

// TestReadyAfterWrites: a server whose writes fail is not ready, though the database
// answers, and is again after a while.
func TestReadyAfterWrites(t *testing.T) {
	t.Parallel()
	s := sharedServer(t)
	name, url := s.database(t)
	var minutes atomic.Int64
	now := func() time.Time { return time.Date(2026, 11, 30, 0, int(minutes.Load()), 0, 0, time.UTC) }
	l := servers(t, url, 1, clickhousestore.Options{Clock: now})[0]
	batches := someBatches(63, 2, 20)
	allow := refuse(t, s, name, "events")
	wantUnavailable(t, l, batches[0])
	if err := l.Ready(t.Context()); tollbook.CodeOf(err) != tollbook.CodeUnavailable {
		t.Errorf("ready with %v after a write that failed", err)
	}
	allow()
	minutes.Add(1)
	if err := l.Ready(t.Context()); err != nil {
		t.Errorf("not ready after a minute: %v", err)
	}
	wantAllOnce(t, l, batches)
	if err := l.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}
