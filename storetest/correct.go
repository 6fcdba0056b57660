package storetest

import (
	"cmp"
	"errors"
	"slices"

	"tollbook"
	"tollbook/decimal"
)

// correction is a Booking that names its event: each ledger has a word of its
// own for it.
type correction struct {
	of       tollbook.Entry
	booked   tollbook.Month // 0: where it is
	measured tollbook.Measured
	void     *tollbook.Void
	adjusts  bool // take back what counts of it
	behind   int  // words that were said since the event was read
}

// booking gives a posted event charges.
func booking(e tollbook.Entry, l *tollbook.Line, increments uint64) correction {
	return correction{of: e, measured: tollbook.Measured{
		Charges: []tollbook.Charge{{Line: l, Increments: decimal.NewUint(increments)}},
		Rate:    tollbook.Rate{CardID: "standard", Version: 4, Row: 21},
	}}
}

// unbooking takes a posted event's charges away.
func unbooking(e tollbook.Entry) correction {
	return correction{of: e, measured: tollbook.Measured{Unrated: tollbook.NoRate}}
}

// voiding takes a posted event out of the records.
func voiding(e tollbook.Entry) correction {
	return correction{of: e, void: &tollbook.Void{Reason: "test call", Actor: "tester", At: instant("2023-09-03T04:05:06.000000007Z")}}
}

// takingBack takes a posted event back in the records of a later month.
func takingBack(month string, e tollbook.Entry) correction {
	c := voiding(e)
	c.booked, c.adjusts = mustMonth(month), true
	return c
}

// book corrects events in both; the outcomes must agree.
func (s *subject) book(corrections ...correction) []tollbook.Outcome {
	s.t.Helper()
	got, err := s.ledger.Book(s.t.Context(), s.head, s.bookings(s.ledger, corrections))
	s.must(err)
	want, err := s.model.Book(s.t.Context(), s.modelHead, s.bookings(s.model, corrections))
	s.must(err)
	s.sameOutcomes("Book", got, want)
	return got
}

// bookings reads the events of some corrections from a ledger.
func (s *subject) bookings(l tollbook.Ledger, corrections []correction) []tollbook.Booking {
	s.t.Helper()
	var list []tollbook.Booking
	for _, c := range corrections {
		e := c.of
		event := tollbook.BookedEvent{Event: *e.Event, OrganizationID: e.OrganizationID, Claim: e.Claim, Home: e.Home, Booked: e.Booked, Measured: e.Measured}
		if words, _, err := l.History(s.t.Context(), e.Claim); err == nil {
			event = words[min(c.behind, len(words)-1)]
		} else {
			s.wantCode(err, tollbook.CodeNotFound)
		}
		b := tollbook.Booking{Event: &event, Booked: max(cmp.Or(c.booked, event.Booked), event.Home), Measured: c.measured, Void: c.void}
		if c.adjusts && len(event.Charges) > 0 {
			b.Adjusts = true
			for _, charge := range event.Charges {
				b.Charges = append(b.Charges, tollbook.Charge{Line: charge.Line, Increments: charge.Increments.Neg()})
			}
			b.Rate = event.Rate
		}
		list = append(list, b)
	}
	return list
}

func (s *subject) wantBook(want []tollbook.Outcome, corrections ...correction) {
	s.t.Helper()
	s.sameOutcomes("Book", s.book(corrections...), want)
}

// restatement is a Restatement of each ledger, whose words and Refs are its
// own.
type restatement struct{ ledger, model tollbook.Restatement }

// readMonth reads an account's month from both and measures its events anew;
// those for which measure returns nil stay as they are.
func (s *subject) readMonth(org, account string, month tollbook.Month, measure func(e *tollbook.BookedEvent) *tollbook.Measured) restatement {
	s.t.Helper()
	read := func(l tollbook.Ledger) tollbook.Restatement {
		r := tollbook.Restatement{OrganizationID: org, AccountID: account, Month: month}
		seen, events := l.MonthEvents(s.t.Context(), tollbook.MonthQuery{OrganizationID: org, AccountIDs: []string{account}, Month: month})
		r.Seen = seen
		for e, err := range events {
			s.must(err)
			if m := measure(&e); m != nil {
				r.Bookings = append(r.Bookings, tollbook.Booking{Event: &e, Booked: month, Measured: *m})
			}
		}
		return r
	}
	return restatement{read(s.ledger), read(s.model)}
}

// restate restates in both; the errors must agree.
func (s *subject) restate(r restatement) error {
	s.t.Helper()
	got := s.ledger.Restate(s.t.Context(), s.head, r.ledger)
	want := s.model.Restate(s.t.Context(), s.modelHead, r.model)
	if errors.Is(want, tollbook.ErrMoved) || errors.Is(want, tollbook.ErrStale) {
		s.wantErr(got, want)
	} else if want != nil {
		s.wantCode(got, tollbook.CodeOf(want))
	} else {
		s.must(got)
	}
	return got
}

func (s *subject) wantErr(got, want error) {
	s.t.Helper()
	if !errors.Is(got, want) {
		s.t.Fatalf("got the error %v, want %v", got, want)
	}
}

// wantRestate reads an account's month and restates it.
func (s *subject) wantRestate(account string, month tollbook.Month, measure func(*tollbook.BookedEvent) *tollbook.Measured) {
	s.t.Helper()
	s.must(s.restate(s.readMonth(acme, account, month, measure)))
}

// atLine measures every event as so many increments of a line.
func atLine(l *tollbook.Line, increments int64) func(*tollbook.BookedEvent) *tollbook.Measured {
	return func(*tollbook.BookedEvent) *tollbook.Measured {
		return &tollbook.Measured{Charges: []tollbook.Charge{{Line: l, Increments: decimal.NewInt(increments)}}, Rate: tollbook.Rate{CardID: "standard", Version: 5, Row: 8}}
	}
}

// only has an event measured anew if it has one of these ids.
func only(measure func(*tollbook.BookedEvent) *tollbook.Measured, ids ...string) func(*tollbook.BookedEvent) *tollbook.Measured {
	return func(e *tollbook.BookedEvent) *tollbook.Measured {
		if !slices.Contains(ids, e.ID) {
			return nil
		}
		return measure(e)
	}
}
