package clickhousestore

import (
	"context"
	"fmt"

	"tollbook"
)

// correction is a Book or a Restate that waits.
type correction struct {
	*waiting
	bookings []tollbook.Booking
	outcomes []tollbook.Outcome    // of a Book
	restates *tollbook.Restatement // nil: it is a Book
}

// Book implements tollbook.Ledger.
func (s *Store) Book(ctx context.Context, under tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error) {
	if err := checkBatch(len(bookings)); err != nil {
		return nil, err
	}
	for i := range bookings {
		if err := bookings[i].Check(); err != nil {
			return nil, tollbook.NewError(tollbook.CodeInvalidRequest, fmt.Sprintf("Booking %d %v.", i, err))
		}
	}
	r := &correction{newWaiting(under, len(bookings)), bookings, make([]tollbook.Outcome, len(bookings)), nil}
	if err := s.books.enqueue(ctx, r); err != nil {
		return nil, err
	}
	s.metrics.decided(r.outcomes)
	return r.outcomes, nil
}

// Restate implements tollbook.Ledger.
func (s *Store) Restate(ctx context.Context, under tollbook.Pos, r tollbook.Restatement) error {
	if len(r.Bookings) == 0 {
		return nil
	}
	if err := tollbook.CheckRestated(len(r.Bookings)); err != nil {
		return err
	}
	if err := r.Check(); err != nil {
		return tollbook.NewError(tollbook.CodeInvalidRequest, "The restatement's "+err.Error()+".")
	}
	return s.books.enqueue(ctx, &correction{newWaiting(under, len(r.Bookings)), r.Bookings, nil, &r})
}

// bookGroup decides corrections, and writes what they have accepted together. They
// have one order: who is not the first behind the last one looks again.
func (s *Store) bookGroup(ctx context.Context, group []*correction) error {
	for {
		b, err := s.booker(ctx, group)
		if err != nil {
			return err
		}
		for _, r := range group {
			if err := b.decide(ctx, r); err != nil {
				return err
			}
		}
		if ok, err := b.write(ctx); ok || err != nil {
			return err
		}
	}
}
