package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"tollbook"
	"tollbook/decimal"
	"tollbook/filter"
)

// togetherTests are about corrections that meet others, and readers.
func togetherTests() []test {
	return []test{
		{"RestatedMonthsAreReadWhole", restatedMonthsAreReadWhole},
		{"OverlappingRestatements", overlappingRestatements},
		{"RestateAgainstBook", restateAgainstBook},
		{"MonthIsReadOnce", monthIsReadOnce},
		{"RestateAgainstPost", restateAgainstPost},
	}
}

// lineOf returns one of three lines of an edition. Those of edition 0 and 1
// have other products and other prices.
func lineOf(edition, i int) *tollbook.Line {
	return tollbook.NewLine(callGroup(fmt.Sprintf("P-%d-%d", edition, i%3)), decimal.New(decimal.NewInt(int64(1+edition)), 2), dec("1"))
}

// postEdition posts events of one increment each, of the lines of edition 0,
// and returns their number.
func (s *subject) postEdition() int {
	s.t.Helper()
	const events = 600
	var batch []tollbook.Entry
	for i := range events {
		batch = append(batch, rated(call(fmt.Sprint(i)), lineOf(0, i), 1))
	}
	s.accept(batch...)
	return events
}

// restateOnce reads the office's August and restates it, and tells whether
// nothing came between.
func (s *subject) restateOnce(measure func(e *tollbook.BookedEvent) *tollbook.Measured) bool {
	r := tollbook.Restatement{OrganizationID: acme, AccountID: acmeOffice, Month: mustMonth(august)}
	seen, events := s.ledger.MonthEvents(s.t.Context(), tollbook.MonthQuery{OrganizationID: acme, AccountIDs: []string{acmeOffice}, Month: r.Month})
	r.Seen = seen
	for e, err := range events {
		if err != nil {
			s.t.Errorf("MonthEvents: %v", err)
			return true
		}
		if m := measure(&e); m != nil {
			r.Bookings = append(r.Bookings, tollbook.Booking{Event: &e, Booked: r.Month, Measured: *m})
		}
	}
	err := s.ledger.Restate(s.t.Context(), s.head, r)
	if err != nil && !errors.Is(err, tollbook.ErrStale) {
		s.t.Errorf("Restate: %v", err)
		return true
	}
	return err == nil
}

// restatedMonthsAreReadWhole reads a month over and over while it is restated
// to and fro: its records are all of the one edition or all of the other.
func restatedMonthsAreReadWhole(s *subject) {
	events := s.postEdition()
	var reading sync.WaitGroup
	var done atomic.Bool
	read := func(look func() error) {
		reading.Go(func() {
			for !done.Load() {
				if err := look(); err != nil {
					s.t.Error(err)
					return
				}
			}
		})
	}
	read(func() error { return s.lookAtRecords(events) })
	read(func() error { return s.lookAtTotals(events) })
	for round := range s.few(30) {
		edition := (round + 1) % 2
		if !s.restateOnce(func(e *tollbook.BookedEvent) *tollbook.Measured {
			var i int
			if _, err := fmt.Sscan(e.ID, &i); err != nil {
				s.t.Error(err)
			}
			return atLine(lineOf(edition, i), 1)(e)
		}) {
			s.t.Error("a restatement is stale that nothing came before")
		}
	}
	done.Store(true)
	reading.Wait()
	s.must(s.lookAtRecords(events))
}

// lookAtRecords wants the office's August to be of one edition.
func (s *subject) lookAtRecords(events int) error {
	where := both(oneOf(tollbook.FieldAccountID, filter.Eq, acmeOffice), oneOf(tollbook.FieldMonth, filter.Eq, august))
	page, err := s.ledger.Records(s.t.Context(), tollbook.Query{OrganizationID: acme, Filter: where, Limit: 10})
	if err != nil {
		return err
	}
	sum := int64(0)
	for _, r := range page.Records {
		sum += r.Events
		if r.Price != page.Records[0].Price || r.NumberOfUnits != decimal.FromInt(r.Events) {
			return fmt.Errorf("a month is read of which a part is restated:\n%s", recordsText(page.Records))
		}
	}
	if len(page.Records) != 3 || sum != int64(events) {
		return fmt.Errorf("%d of %d events are read:\n%s", sum, events, recordsText(page.Records))
	}
	return nil
}

// lookAtTotals wants the totals to be those of one edition.
func (s *subject) lookAtTotals(events int) error {
	totals, err := s.ledger.Totals(s.t.Context(), acme)
	if err != nil {
		return err
	}
	cents := decimal.New(decimal.NewInt(int64(events)), 2)
	if len(totals) != 1 || totals[0].Used != cents && totals[0].Used != cents.Add(cents) {
		return fmt.Errorf("totals of a month that is restated:\n%s", totalsText(totals))
	}
	return nil
}

// overlappingRestatements lets every writer restate the same month until it
// has done so twice. What holds in the end is of one of them alone, and each
// that got through has left a word.
func overlappingRestatements(s *subject) {
	events := s.postEdition()
	var through atomic.Int64
	var g sync.WaitGroup
	for n := range 4 {
		g.Go(func() {
			for own := 0; own < 2; {
				if s.restateOnce(atLine(lineOf(0, 0), int64(n))) {
					own++
					through.Add(1)
				}
				if s.t.Failed() {
					return
				}
			}
		})
	}
	g.Wait()
	words, _, err := s.ledger.History(s.t.Context(), unrated(call("7")).Claim)
	s.must(err)
	if int64(len(words)) != 1+through.Load() {
		s.t.Errorf("%d words are said of an event that was restated %d times", len(words), through.Load())
	}
	r, err := s.ledger.Record(s.t.Context(), acme, recordIn(august, lineOf(0, 0)))
	s.must(err)
	want := decimal.New(words[0].Charges[0].Increments.Mul(decimal.NewInt(int64(events))), 0)
	if r.Events != int64(events) || r.NumberOfUnits != want {
		s.t.Errorf("want %d events of %s units:\n%s", events, want, recordText(&r))
	}
}

// restateAgainstBook voids events one by one while their month is restated.
func restateAgainstBook(s *subject) {
	events := s.postEdition()
	voids := s.few(60)
	var g sync.WaitGroup
	for n := range 2 {
		g.Go(func() {
			for i := n; i < voids; i += 2 {
				s.voidLoop(rated(call(fmt.Sprint(i)), lineOf(0, i), 1))
			}
		})
	}
	g.Go(func() {
		for through := 0; through < 5 && !s.t.Failed(); {
			if s.restateOnce(atLine(lineOf(1, 0), int64(through))) {
				through++
			}
		}
	})
	g.Wait()
	if !s.restateOnce(atLine(perMinute(), 2)) {
		s.t.Error("a restatement is stale that nothing came before")
	}
	s.wantIn(august, perMinute(), fmt.Sprint(2*(events-voids)), decimal.New(decimal.NewInt(int64(24*(events-voids))), 3).String(), int64(events-voids))
	if all := allRecords(s.t, s.ledger, acme); len(all) != 1 {
		s.t.Errorf("%d records are left:\n%s", len(all), recordsText(all))
	}
}

// voidLoop voids an event as a server does: by what was said last.
func (s *subject) voidLoop(e tollbook.Entry) {
	for {
		words, _, err := s.ledger.History(s.t.Context(), e.Claim)
		if err != nil {
			s.t.Errorf("History: %v", err)
			return
		}
		outcomes, err := s.ledger.Book(s.t.Context(), s.head, []tollbook.Booking{{Event: &words[0], Booked: words[0].Booked, Void: voiding(e).void}})
		switch {
		case err != nil:
			s.t.Errorf("Book: %v", err)
			return
		case outcomes[0] == tollbook.Accepted:
			return
		case outcomes[0] != tollbook.Stale:
			s.t.Errorf("a void is %s", outcomeName(outcomes[0]))
			return
		}
	}
}

// monthIsReadOnce reads a month while its events are corrected: each is read
// once, by one word or another.
func monthIsReadOnce(s *subject) {
	events := s.postEdition()
	var g sync.WaitGroup
	var done atomic.Bool
	g.Go(func() {
		defer done.Store(true)
		for i := range s.few(20) {
			s.restateOnce(atLine(lineOf(i%2, 0), int64(i)))
		}
	})
	for range 2 {
		g.Go(func() {
			for !done.Load() {
				read := map[string]bool{}
				_, all := s.ledger.MonthEvents(s.t.Context(), tollbook.MonthQuery{OrganizationID: acme, AccountIDs: []string{acmeOffice}, Month: mustMonth(august)})
				for e, err := range all {
					if err != nil || read[e.ID] {
						s.t.Errorf("event %s is read, before: %t, %v", e.ID, read[e.ID], err)
						return
					}
					read[e.ID] = true
				}
				if len(read) != events {
					s.t.Errorf("%d events are read, want %d", len(read), events)
					return
				}
			}
		})
	}
	g.Wait()
}

// restateAgainstPost posts to a month while it is restated: everything that
// came counts, restated or not.
func restateAgainstPost(s *subject) {
	events := s.postEdition()
	more := s.few(200)
	var g sync.WaitGroup
	g.Go(func() {
		for i := range more {
			if _, err := s.ledger.Post(s.t.Context(), s.head, []tollbook.Entry{rated(call(fmt.Sprint("more-", i)), lineOf(0, i), 1)}); err != nil {
				s.t.Errorf("Post: %v", err)
			}
		}
	})
	g.Go(func() {
		for range s.few(10) {
			if !s.restateOnce(atLine(lineOf(0, 0), 1)) {
				s.t.Error("an event that came makes a restatement stale")
			}
		}
	})
	g.Wait()
	all, units := allRecords(s.t, s.ledger, acme), decimal.Decimal{}
	for _, r := range all {
		s.wantAddUp(acme, r)
		units = units.Add(r.NumberOfUnits)
	}
	if want := decimal.FromInt(int64(events + more)); units != want {
		s.t.Fatalf("%s units are counted, want %s:\n%s", units, want, recordsText(all))
	}
}
