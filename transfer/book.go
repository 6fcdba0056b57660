package transfer

import (
	"context"
	"errors"
	"slices"

	"tollbook"
)

// bookings writes a chapter of bookings, but for those that are there already.
func (c *copier) bookings(ctx context.Context, ch *tollbook.Chapter) error {
	if err := c.endPosts(ctx); err != nil {
		return err
	}
	there := min(c.there, len(ch.Bookings))
	c.there -= there
	words := ch.Bookings[there:]
	if len(words) == 0 {
		return nil
	}
	bookings := make([]tollbook.Booking, 0, len(words))
	for some := range slices.Chunk(words, tollbook.MaxBatch) {
		claims := make([]tollbook.Claim, len(some))
		for i := range some {
			claims[i] = some[i].Claim
		}
		latest, err := c.to.Latest(ctx, claims)
		if err != nil {
			return err
		}
		for i := range some {
			w := &some[i]
			if latest[i] == nil {
				return lacks(w)
			}
			bookings = append(bookings, tollbook.Booking{Event: latest[i], Booked: w.Booked, Measured: w.Measured, Void: w.Void, Adjusts: w.Adjusts})
		}
	}
	if ch.Together {
		r := tollbook.Restatement{OrganizationID: words[0].OrganizationID, AccountID: words[0].AccountID, Month: words[0].Booked, Bookings: bookings}
		if r.Check() == nil {
			return c.restate(ctx, r)
		}
	}
	return c.book(ctx, bookings)
}

func (c *copier) book(ctx context.Context, bookings []tollbook.Booking) error {
	outcomes, err := c.to.Book(ctx, c.head, bookings)
	if err != nil {
		return err
	}
	for i, o := range outcomes {
		e := bookings[i].Event
		switch o {
		case tollbook.Accepted:
		case tollbook.Stale:
			return tollbook.ErrStale // somebody writes, or a statement that was given up
		case tollbook.TooManyRecords:
			return tooManyRecords(e.OrganizationID, e.AccountID, bookings[i].Booked)
		default:
			return lacks(e)
		}
	}
	return nil
}

func lacks(e *tollbook.BookedEvent) error {
	return conflict("The destination lacks event %q of source %q, organization %s.", e.ID, e.Source, e.OrganizationID)
}

// restate writes a restatement. Nobody else corrects anything meanwhile, so the
// month need not be read again for each; where something of it has been booked
// since it was, it is asked for again.
func (c *copier) restate(ctx context.Context, r tollbook.Restatement) error {
	if r.Seen = c.seen; r.Seen != 0 {
		if err := c.to.Restate(ctx, c.head, r); !errors.Is(err, tollbook.ErrStale) {
			return err
		}
	}
	c.seen, _ = c.to.MonthEvents(ctx, tollbook.MonthQuery{OrganizationID: r.OrganizationID, AccountIDs: []string{r.AccountID}, Month: r.Month})
	r.Seen = c.seen
	err := c.to.Restate(ctx, c.head, r)
	if errors.Is(err, tollbook.ErrStale) && len(r.Bookings) <= tollbook.MaxBatch {
		return c.book(ctx, r.Bookings) // it was none, but looks like one
	}
	return err
}
