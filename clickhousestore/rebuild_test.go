package clickhousestore_test

import (
	"fmt"
	"strings"
	"testing"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
	"tollbook/storetest"
)

// everything reads the records of an organization now and at marks, its totals and
// how many events are unrated, as text.
func everything(t *testing.T, l tollbook.Ledger, marks []tollbook.Pos) string {
	t.Helper()
	var b strings.Builder
	for _, mark := range append(marks, 0) {
		page, err := l.Records(t.Context(), tollbook.Query{OrganizationID: "acme", Limit: tollbook.MaxPage, AsOf: mark})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "at %d: %d\n", mark, page.Total)
		for _, r := range page.Records {
			fmt.Fprintf(&b, "%+v\n", r)
		}
	}
	totals, err := l.Totals(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	unrated, err := l.CountUnrated(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "%+v, %d unrated\n", totals, unrated)
	return b.String()
}

// TestRebuild loses all views and makes them anew: everything reads as before.
func TestRebuild(t *testing.T) {
	onPlaces(t, clickhousetest.Options{InMemory: true}, func(t *testing.T, p place) {
		name, url := p.database(t)
		s := servers(t, url, 1, clickhousestore.Options{})[0]
		if err := s.Rebuild(t.Context(), nil); err != nil {
			t.Fatal("of an empty ledger:", err)
		}
		w := storetest.NewWorkload(26, storetest.WorkloadSize{Organizations: []string{"acme"}, Accounts: 6, Months: 3, Lines: 10})
		var marks []tollbook.Pos
		for i := range 3 {
			for range 2 {
				postLoop(t, s, w.Batch(60))
				if err := s.Settle(t.Context()); err != nil { // an epoch of its own
					t.Fatal(err)
				}
			}
			if i < 2 {
				at, err := head(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				voidOne(t, s, at)
				at, err = s.Define(t.Context(), at, []tollbook.Definition{{RequestID: [16]byte{byte(i), 9}, Kind: tollbook.KindMark, ID: "x"}})
				if err != nil {
					t.Fatal(err)
				}
				marks = append(marks, at)
			}
		}
		want := everything(t, s, marks)
		if err := p.nodes()[0].Exec(t.Context(), "TRUNCATE TABLE "+name+".folds"); err != nil {
			t.Fatal(err)
		}
		told := int64(0)
		if err := s.Rebuild(t.Context(), func(done, total int64) { told = total }); err != nil {
			t.Fatal(err)
		}
		for _, l := range []*clickhousestore.Store{s, servers(t, url, 1, clickhousestore.Options{})[0]} {
			if got := everything(t, l, marks); got != want {
				t.Errorf("after:\n%s\nbefore:\n%s", got, want)
			}
			report, err := l.Verify(t.Context(), nil)
			if err != nil || report.Found > 0 {
				t.Fatalf("%v\n%s", err, strings.Join(report.Differences, "\n"))
			}
			if told != report.Events {
				t.Errorf("told of %d events, and there are %d", told, report.Events)
			}
		}
	})
}
