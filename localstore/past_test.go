package localstore

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"tollbook"
)

// wholeOrg returns all records of an organization, as of a mark.
func wholeOrg(t testing.TB, s *Store, org string, asOf tollbook.Pos) (all []tollbook.Record) {
	t.Helper()
	for {
		page, err := s.Records(t.Context(), tollbook.Query{OrganizationID: org, Limit: tollbook.MaxPage, Offset: len(all), AsOf: asOf})
		must(t, err)
		if all = append(all, page.Records...); len(page.Records) < tollbook.MaxPage {
			return all
		}
	}
}

// TestPast asks for the records as of each of several marks, while the files
// that are kept with them are there, when they are damaged, and when they are
// lost.
func TestPast(t *testing.T) {
	fs := vfs.NewMem()
	w := newWorld(11, 1, 3, 3, 12)
	s := mustOpen(t, fs)
	marks := make(map[tollbook.Pos][]tollbook.Record)
	head := tollbook.Pos(0)
	for i := range 6 {
		entries := w.batch(40)
		_, err := s.Post(t.Context(), head, entries)
		must(t, err)
		bookings := w.books(t, s, entries)
		_, err = s.Book(t.Context(), head, bookings)
		must(t, err)
		now := wholeOrg(t, s, "org-0", 0)
		defs := []tollbook.Definition{{RequestID: [16]byte{byte(i + 1)}, Kind: tollbook.KindMark, ID: "day", Body: []byte("{}")}}
		head, err = s.Define(t.Context(), head, defs)
		must(t, err)
		marks[head] = now
	}
	check := func(s *Store) {
		t.Helper()
		for mark, want := range marks {
			if diff := cmp.Diff(want, wholeOrg(t, s, "org-0", mark), sameNumbers); diff != "" {
				t.Fatalf("as of mark %d:\n%s", mark, diff)
			}
		}
	}
	check(s)
	mustClose(t, s)
	names, err := fs.List("data")
	must(t, err)
	files := 0
	for _, name := range names {
		if strings.HasPrefix(name, markPrefix) {
			files++
			b := readAll(t, fs, "data/"+name)
			writeAll(t, fs, "data/"+name, b[:len(b)/files])
		}
	}
	if files != len(marks) {
		t.Errorf("the views of %d marks are kept, want %d", files, len(marks))
	}
	s = mustOpen(t, fs)
	check(s)
	for _, name := range names {
		if strings.HasPrefix(name, markPrefix) {
			must(t, fs.Remove("data/"+name))
		}
	}
	s.past.recent = nil
	check(s)
	if _, err := s.Records(t.Context(), tollbook.Query{OrganizationID: "org-0", Limit: 1, AsOf: head + 1}); tollbook.CodeOf(err) != tollbook.CodeNotFound {
		t.Errorf("as of what is no mark: %v", err)
	}
	mustClose(t, s)
	mustVerify(t, fs)
}

// TestRestateAfterARestart: what was seen before the ledger was opened again is
// stale where the month has been corrected since, as it is without a restart.
func TestRestateAfterARestart(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, fs)
	w := newWorld(5, 1, 1, 1, 3)
	var entries []tollbook.Entry
	for len(entries) < 2 {
		if e := w.next(); e.Booked == e.Home && len(e.Charges) == 1 {
			entries = append(entries, e)
		}
	}
	mustPost(t, s, entries)
	e := &entries[0]
	seen, events := s.MonthEvents(t.Context(), tollbook.MonthQuery{OrganizationID: "org-0", AccountIDs: []string{e.Event.AccountID}, Month: e.Booked})
	restated := tollbook.Restatement{OrganizationID: "org-0", AccountID: e.Event.AccountID, Month: e.Booked, Seen: seen}
	for e, err := range events {
		must(t, err)
		if e.Claim == entries[1].Claim {
			restated.Bookings = append(restated.Bookings, tollbook.Booking{Event: &e, Booked: e.Booked, Measured: tollbook.Measured{Unrated: tollbook.NoRate}})
		}
	}
	mustBook(t, s, w.books(t, s, entries[:1]))
	mustClose(t, s)
	s = mustOpen(t, fs)
	defer mustClose(t, s)
	if err := s.Restate(t.Context(), 0, restated); !errors.Is(err, tollbook.ErrStale) {
		t.Errorf("%v, want ErrStale", err)
	}
	fresh, _ := s.MonthEvents(t.Context(), tollbook.MonthQuery{OrganizationID: "org-0", AccountIDs: []string{e.Event.AccountID}, Month: e.Booked})
	restated.Seen = fresh
	must(t, s.Restate(t.Context(), 0, restated))
}
