package book

import (
	"context"
	"errors"

	"tollbook"
)

// takeUpBatch is how many unrated events are looked at together. A ledger may have to
// look through all of them for each such page.
const takeUpBatch = tollbook.MaxBatch

// takeUpLoop takes up unrated events whenever a definition may have made some
// ratable, until ctx is done.
func (b *Book) takeUpLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.takeUp:
		}
		err := b.alone(ctx, func(ctx context.Context, _ tenure) error {
			n, err := b.TakeUp(ctx)
			if n > 0 {
				b.opt.Logger.Info("took up unrated events", "events", n)
			}
			return err
		})
		b.takeUpFailed.Store(err != nil)
		if err != nil && ctx.Err() == nil {
			b.opt.Logger.Error("taking up unrated events failed; it is tried again", "error", err)
		}
	}
}

// retryTakeUp has unrated events taken up again where that failed.
func (b *Book) retryTakeUp(context.Context) error {
	if b.takeUpFailed.Swap(false) {
		b.pokeTakeUp()
	}
	return nil
}

// pokeTakeUp has the unrated events looked through.
func (b *Book) pokeTakeUp() {
	select {
	case b.takeUp <- struct{}{}:
	default:
	}
}

// TakeUp measures every unrated event again and counts those that a rate
// covers now. It returns how many those are. It may be stopped and repeated at
// any point.
func (b *Book) TakeUp(ctx context.Context) (counted int, err error) {
	if err := b.ledger.Settle(ctx); err != nil {
		return 0, err
	}
	left, err := b.ledger.CountUnrated(ctx, "")
	if err != nil || left == 0 {
		return 0, err
	}
	for after := ""; ; {
		page, err := b.ledger.Events(ctx, tollbook.EventQuery{Unrated: true, After: after, Limit: takeUpBatch})
		if err != nil {
			return counted, err
		}
		n, err := b.bookRated(ctx, page.Events)
		counted += n
		if err != nil || page.Next == "" {
			return counted, err
		}
		after = page.Next
	}
}

// bookRated books the charges of those events that have some now.
func (b *Book) bookRated(ctx context.Context, events []tollbook.BookedEvent) (int, error) {
	for {
		under, bookings := b.measureAgain(events)
		if len(bookings) == 0 {
			return 0, nil
		}
		outcomes, err := b.ledger.Book(ctx, under, bookings)
		if errors.Is(err, tollbook.ErrMoved) {
			if err := b.reload(ctx); err != nil {
				return 0, err
			}
			continue
		}
		if isBusy(err) {
			continue // senders are in front; each try waits for its turn
		}
		counted := 0
		for _, o := range outcomes {
			if o == tollbook.Accepted {
				counted++
				b.counted.Store(true)
			}
		}
		return counted, err
	}
}

func (b *Book) measureAgain(events []tollbook.BookedEvent) (tollbook.Pos, []tollbook.Booking) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var bookings []tollbook.Booking
	for i := range events {
		e := &events[i]
		a := b.state.accounts[e.AccountID]
		if a == nil {
			continue
		}
		rates := b.state.ratesOf(a)
		if _, m := rates.measure(nil, &e.Event); m.Unrated == 0 {
			bookings = append(bookings, tollbook.Booking{Event: e, Booked: a.organization.booked(e.Home), Measured: m})
		}
	}
	return b.state.pos, bookings
}
