package localstore

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"tollbook"
)

// MonthEvents implements tollbook.Ledger. It takes hold of the words of all
// accounts at once and reads them in the order in which they lie in the log: an
// account's events are spread over all of it, and a block that is read holds
// those of many.
func (s *Store) MonthEvents(ctx context.Context, q tollbook.MonthQuery) (tollbook.Ref, iter.Seq2[tollbook.BookedEvent, error]) {
	s.views.mu.RLock()
	seen := makeLocator(s.views.end, 0)
	s.views.mu.RUnlock()
	return tollbook.Ref(seen), func(yield func(tollbook.BookedEvent, error) bool) {
		places, err := s.monthWords(&q)
		if err == nil {
			err = s.yieldWords(ctx, places, yield)
		}
		if err != nil && err != errStopped {
			yield(tollbook.BookedEvent{}, err)
		}
	}
}

const (
	// wordsAtOnce is how many words are read between two chances for Close.
	wordsAtOnce = 4096
	// bookingsAtOnce is how many bookings are put into the order of their
	// events before these are read.
	bookingsAtOnce = 64 * wordsAtOnce
)

// errStopped is that whoever is given events wants no more.
var errStopped = tollbook.NewError(tollbook.CodeInternal, "The reader has stopped.")

// monthBooking is a word that is a booking.
type monthBooking struct {
	at   locator
	body bookingBody
}

// yieldWords yields events by the words at places: those that came at once, and
// those that were booked together, in the order in which they came.
func (s *Store) yieldWords(ctx context.Context, places []locator, yield func(tollbook.BookedEvent, error) bool) error {
	r := s.wordReader()
	var events []tollbook.BookedEvent
	var booked []monthBooking
	flush := func() error {
		slices.SortFunc(booked, func(a, b monthBooking) int { return cmp.Compare(a.body.came, b.body.came) })
		for some := range slices.Chunk(booked, wordsAtOnce) {
			var err error
			if events, err = s.readBooked(ctx, r, events[:0], some); err != nil {
				return err
			}
			if !yieldAll(events, yield) {
				return errStopped
			}
		}
		booked = booked[:0]
		return nil
	}
	for some := range slices.Chunk(places, wordsAtOnce) {
		var err error
		if events, booked, err = s.readWords(ctx, r, events[:0], booked, some); err != nil {
			return err
		}
		if !yieldAll(events, yield) {
			return errStopped
		}
		if len(booked) >= bookingsAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func yieldAll(events []tollbook.BookedEvent, yield func(tollbook.BookedEvent, error) bool) bool {
	for i := range events {
		if !yield(events[i], nil) {
			return false
		}
	}
	return true
}

// readWords reads words: it appends the events that came to events, and what
// was booked since to booked. What adjusts is left out.
func (s *Store) readWords(ctx context.Context, r *wordReader, events []tollbook.BookedEvent, booked []monthBooking, places []locator) ([]tollbook.BookedEvent, []monthBooking, error) {
	if err := s.enter(); err != nil {
		return nil, nil, err
	}
	defer s.leave()
	for _, at := range places {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		e, body, err := r.word(at)
		switch {
		case err != nil:
			return nil, nil, err
		case body == nil:
			events = append(events, e)
		case !body.adjusts:
			booked = append(booked, monthBooking{at, *body})
		}
	}
	return events, booked, nil
}

// readBooked appends the events of bookings.
func (s *Store) readBooked(ctx context.Context, r *wordReader, events []tollbook.BookedEvent, booked []monthBooking) ([]tollbook.BookedEvent, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	for i := range booked {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e, err := r.eventOf(booked[i].at, &booked[i].body)
		if err != nil {
			return nil, atPosition(booked[i].at, err)
		}
		events = append(events, e)
	}
	return events, nil
}

// monthWords returns where the words are that count in the accounts' month, or
// are unrated there, ascending.
func (s *Store) monthWords(q *tollbook.MonthQuery) ([]locator, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	l := &listing{s: s}
	defer l.close()
	l.beginMonth(q)
	l.sift()
	var places []locator
	err := l.stored.Tallies(l.tallies, uint64(l.end), func(tally uint32, at uint64) {
		if !l.isGone(indexed{locator(at), tally}) {
			places = append(places, locator(at))
		}
	})
	if err != nil {
		return nil, s.unreadable(err)
	}
	for _, words := range l.recent {
		for _, e := range words {
			if l.ours(e.tally) && !l.isGone(e) {
				places = append(places, e.at)
			}
		}
	}
	slices.Sort(places)
	return slices.Compact(places), nil
}

// beginMonth takes hold of accounts' month.
func (l *listing) beginMonth(q *tollbook.MonthQuery) {
	v := l.s.views
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, account := range q.AccountIDs {
		c := v.findCell(q.OrganizationID, account, q.Month)
		if c == nil {
			continue
		}
		for _, t := range c.tallies {
			if v.counts.at(t).words > 0 {
				l.tallies = append(l.tallies, t)
			}
		}
	}
	l.hold(true, true)
}

// findCell returns an account's month, or nil.
func (v *views) findCell(organizationID, accountID string, month tollbook.Month) *cell {
	org := v.org(organizationID)
	if org == nil {
		return nil
	}
	i, ok := v.findAccount(org, accountID)
	if !ok {
		return nil
	}
	return v.cellAt(cellKey{org.accounts[i], month})
}
