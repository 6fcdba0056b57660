package localstore

import (
	"context"
	"iter"
	"slices"

	"tollbook"
)

// MonthEvents implements tollbook.Ledger. It takes hold of one account's words
// after the other, and reads them in the order in which they lie in the log.
func (s *Store) MonthEvents(ctx context.Context, q tollbook.MonthQuery) (tollbook.Ref, iter.Seq2[tollbook.BookedEvent, error]) {
	s.views.mu.RLock()
	seen := makeLocator(s.views.end, 0)
	s.views.mu.RUnlock()
	return tollbook.Ref(seen), func(yield func(tollbook.BookedEvent, error) bool) {
		for _, account := range q.AccountIDs {
			places, err := s.monthWords(&q, account)
			if err == nil {
				err = s.yieldWords(ctx, places, yield)
			}
			if err == errStopped {
				return
			}
			if err != nil {
				yield(tollbook.BookedEvent{}, err)
				return
			}
		}
	}
}

// wordsAtOnce is how many words are read between two chances for Close.
const wordsAtOnce = 4096

// errStopped is that whoever is given events wants no more.
var errStopped = tollbook.NewError(tollbook.CodeInternal, "The reader has stopped.")

func (s *Store) yieldWords(ctx context.Context, places []locator, yield func(tollbook.BookedEvent, error) bool) error {
	r := s.wordReader()
	for some := range slices.Chunk(places, wordsAtOnce) {
		events, err := s.readWords(ctx, r, some)
		if err != nil {
			return err
		}
		for i := range events {
			if !events[i].Adjusts && !yield(events[i], nil) {
				return errStopped
			}
		}
	}
	return nil
}

func (s *Store) readWords(ctx context.Context, r *wordReader, places []locator) ([]tollbook.BookedEvent, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	events := make([]tollbook.BookedEvent, 0, len(places))
	for _, at := range places {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e, _, err := r.read(at)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// monthWords returns where the words are that count in an account's month, or
// are unrated there, ascending.
func (s *Store) monthWords(q *tollbook.MonthQuery, account string) ([]locator, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	l := &listing{s: s}
	defer l.close()
	l.beginMonth(q, account)
	var places []locator
	for _, t := range l.tallies {
		at, err := l.stored.Tally(nil, t, 0, uint64(l.end), int(^uint(0)>>1))
		if err != nil {
			return nil, s.unreadable(err)
		}
		for _, at := range at {
			if !l.isGone(indexed{locator(at), t}) {
				places = append(places, locator(at))
			}
		}
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

// beginMonth takes hold of an account's month.
func (l *listing) beginMonth(q *tollbook.MonthQuery, account string) {
	v := l.s.views
	v.mu.RLock()
	defer v.mu.RUnlock()
	if c := v.findCell(q.OrganizationID, account, q.Month); c != nil {
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
