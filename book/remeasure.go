package book

import (
	"context"
	"errors"
	"iter"
	"slices"

	"tollbook"
	"tollbook/rating"
)

// rates is all that prices an account's events.
type rates struct {
	pricer   *rating.Pricer
	card     *rating.Card // nil: the account has none
	calendar *tollbook.Calendar
}

// ratesOf returns what an account is rated by now.
func (s *state) ratesOf(a *account) rates { return rates{s.pricer, s.cardOf(a), a.calendar} }

// measure rates one event. It appends the charges to dst and returns that, too.
func (r *rates) measure(dst []tollbook.Charge, e *tollbook.Event) ([]tollbook.Charge, tollbook.Measured) {
	from := len(dst)
	var m tollbook.Measured
	if e.Priced {
		dst = r.pricer.Measure(dst, e)
	} else if r.card != nil {
		dst, m.Rate, m.Unrated = r.card.Measure(dst, e, r.calendar)
	} else {
		m.Unrated = tollbook.NoRateCard
	}
	m.Charges = dst[from:len(dst):len(dst)]
	return dst, m
}

// accountMonth names an account's month.
type accountMonth struct {
	OrganizationID string         `json:"organization_id"`
	AccountID      string         `json:"account_id"`
	Month          tollbook.Month `json:"month"`
}

func (m *accountMonth) events(ctx context.Context, ledger tollbook.Ledger) (tollbook.Ref, iter.Seq2[tollbook.BookedEvent, error]) {
	return ledger.MonthEvents(ctx, tollbook.MonthQuery{OrganizationID: m.OrganizationID, AccountIDs: []string{m.AccountID}, Month: m.Month})
}

// remeasured is what came of measuring an account's month again.
type remeasured struct{ events, changed int64 }

// remeasure measures the events of an account's open month again and restates
// it where that changes something: all of it, or nothing. Of a month that is
// closed it does nothing. Errors: CodeTooManyRecords, CodeTooLarge where the
// month stays as it is, and what stops a ledger.
func (b *Book) remeasure(ctx context.Context, m accountMonth) (remeasured, error) {
	for {
		in, _, open := b.ratesNow(m)
		if !open {
			return remeasured{}, nil
		}
		seen, events := m.events(ctx, b.ledger)
		var done remeasured
		var bookings []tollbook.Booking
		for e, err := range events {
			if err != nil {
				return done, err
			}
			done.events++
			if _, now := in.measure(nil, &e.Event); !sameCharges(&now, &e.Measured) {
				bookings = append(bookings, tollbook.Booking{Event: &e, Booked: m.Month, Measured: now})
			}
		}
		done.changed = int64(len(bookings))
		if len(bookings) == 0 {
			return done, nil
		}
		again, err := b.restate(ctx, m, &in, seen, bookings)
		if !again {
			return done, err
		}
	}
}

// restate has what was measured hold. Where definitions have moved on that do
// not concern the account, what was measured under them is the same. again
// tells that the month is to be measured again.
func (b *Book) restate(ctx context.Context, m accountMonth, in *rates, seen tollbook.Ref, bookings []tollbook.Booking) (again bool, err error) {
	r := tollbook.Restatement{OrganizationID: m.OrganizationID, AccountID: m.AccountID, Month: m.Month, Seen: seen, Bookings: bookings}
	for {
		now, under, open := b.ratesNow(m)
		if !open || now != *in {
			return true, nil
		}
		err := b.ledger.Restate(ctx, under, r)
		switch {
		case isMoved(err):
			if err := b.reload(ctx); err != nil {
				return false, err
			}
		case errors.Is(err, tollbook.ErrStale):
			return true, nil
		case tollbook.CodeOf(err) == tollbook.CodeTooManyRequests && err != nil:
			// Senders are in front; each try waits for its turn.
		default:
			if err == nil {
				b.counted.Store(true)
			}
			return false, err
		}
	}
}

// ratesNow returns what an account's month is rated by, under which position
// of the definitions, and whether it is open.
func (b *Book) ratesNow(m accountMonth) (in rates, under tollbook.Pos, open bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	a := b.state.accounts[m.AccountID]
	if a == nil || a.organization.value.ID != m.OrganizationID || a.organization.booked(m.Month) != m.Month {
		return rates{}, 0, false
	}
	return b.state.ratesOf(a), b.state.pos, true
}

// sameCharges tells whether two measurements charge the same, whichever
// version of which row says so, or give the same reason for charging nothing.
func sameCharges(a, b *tollbook.Measured) bool {
	return a.Unrated == b.Unrated && slices.EqualFunc(a.Charges, b.Charges, func(x, y tollbook.Charge) bool {
		return x.Increments == y.Increments && (x.Line == y.Line || x.Line.Key() == y.Line.Key())
	})
}
