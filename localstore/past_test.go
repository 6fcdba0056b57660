package localstore

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

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

// TestPastTakesTurns: a caller who has gone neither waits for the views of
// another to be made nor has some made.
func TestPastTakesTurns(t *testing.T) {
	s := mustOpen(t, vfs.NewMem())
	defer mustClose(t, s)
	mark, err := s.Define(t.Context(), 0, []tollbook.Definition{{RequestID: [16]byte{1}, Kind: tollbook.KindMark, ID: "day", Body: []byte("{}")}})
	must(t, err)
	end, err := s.markAt(t.Context(), mark)
	must(t, err)
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := s.viewsAt(gone, end); !errors.Is(err, context.Canceled) {
		t.Errorf("views were made: %v", err)
	}
	s.past.turn <- struct{}{}
	waits, leave := context.WithCancel(t.Context())
	answered := make(chan error)
	go func() {
		_, err := s.past.views(waits, s, mark)
		answered <- err
	}()
	leave()
	if err := <-answered; !errors.Is(err, context.Canceled) {
		t.Errorf("somebody who waits: %v", err)
	}
	<-s.past.turn
	if page, err := s.Records(t.Context(), tollbook.Query{OrganizationID: "org-0", Limit: 1, AsOf: mark}); err != nil || page.Total != 0 {
		t.Errorf("afterwards: %d records, %v", page.Total, err)
	}
}

// TestRestateTwiceOfAnEvent: two bookings of one event would take back twice
// what it counts.
func TestRestateTwiceOfAnEvent(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, fs)
	w := newWorld(5, 1, 1, 1, 3)
	mustPost(t, s, w.batch(5))
	month := tollbook.NewMonth(2023, time.January)
	seen, events := s.MonthEvents(t.Context(), tollbook.MonthQuery{OrganizationID: "org-0", AccountIDs: []string{"org-0-account-0000"}, Month: month})
	twice := tollbook.Restatement{OrganizationID: "org-0", AccountID: "org-0-account-0000", Month: month, Seen: seen}
	for e, err := range events {
		must(t, err)
		b := tollbook.Booking{Event: &e, Booked: month, Measured: tollbook.Measured{Charges: w.charges()}}
		twice.Bookings = append(twice.Bookings, b, b)
	}
	if err := s.Restate(t.Context(), 0, twice); tollbook.CodeOf(err) != tollbook.CodeInvalidRequest {
		t.Errorf("%v", err)
	}
	mustClose(t, s)
	mustVerify(t, fs)
}
