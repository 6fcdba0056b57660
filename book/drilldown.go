package book

import (
	"context"
	"iter"

	"tollbook"
	"tollbook/decimal"
)

// RecordEventsPage is a page of the events of a record.
type RecordEventsPage struct {
	Events []RecordEvent
	Next   string         // as of tollbook.EventPage
	Cuts   []tollbook.Cut // where the tiers of the record's rates cut its month
}

// RecordEvent is one word about an event and what of it counts in a record.
type RecordEvent struct {
	*tollbook.BookedEvent
	Line       *tollbook.Line   // as the record shows it: that of a tier, where the rate has tiers
	Increments *decimal.Int     // nil: of several lines, which may not be added
	Units      decimal.Decimal  // in Line.Unit
	Amount     *decimal.Decimal // nil: the rate has tiers, and the month's sum is cut, not an event
}

// RecordEvents returns a page of the events that make a record up. Errors:
// CodeNotFound as for Record; CodeInvalidRequest for a cursor of another
// record.
func (v *View) RecordEvents(ctx context.Context, id, after string, limit int) (RecordEventsPage, error) {
	rid, ok := tollbook.ParseRecordID(id)
	if !ok {
		return RecordEventsPage{}, errNoRecord()
	}
	got, err := v.book.ledger.Events(ctx, tollbook.EventQuery{OrganizationID: v.organizationID, Record: rid, After: after, Limit: limit})
	if tollbook.CodeOf(err) == tollbook.CodeNotFound {
		err = errNoRecord()
	}
	page := RecordEventsPage{Events: make([]RecordEvent, len(got.Events)), Next: got.Next, Cuts: got.Cuts}
	for i := range got.Events {
		page.Events[i] = inRecord(&got.Events[i], rid)
	}
	return page, err
}

// inRecord adds up what counts of an event in a record. That is more than one
// charge only where a setup fee is in the same record as what it is a fee of.
func inRecord(e *tollbook.BookedEvent, id tollbook.RecordID) RecordEvent {
	out := RecordEvent{BookedEvent: e}
	tiered := false
	amount := decimal.Decimal{}
	for _, c := range e.Charges {
		part := partIn(c.Line, e.AccountID, e.Booked, id)
		if part == nil {
			continue
		}
		if out.Line == nil {
			out.Line, out.Increments = part, &c.Increments
		} else {
			out.Increments = nil
		}
		tiered = tiered || c.Line.Parts() > 1
		out.Units = out.Units.Add(part.Units(c.Increments))
		amount = amount.Add(part.Amount(c.Increments))
	}
	if !tiered {
		out.Amount = &amount
	}
	return out
}

// partIn returns the part of a line that a record shows, nil for none.
func partIn(l *tollbook.Line, account string, m tollbook.Month, id tollbook.RecordID) *tollbook.Line {
	for i := range l.Parts() {
		if part := l.Part(i); tollbook.RecordIDOf(account, m, &part.Grouping) == id {
			return part
		}
	}
	return nil
}

// events yields all events of a query.
func (b *Book) events(ctx context.Context, q tollbook.EventQuery) iter.Seq2[*tollbook.BookedEvent, error] {
	q.Limit = tollbook.MaxBatch
	return func(yield func(*tollbook.BookedEvent, error) bool) {
		for {
			page, err := b.ledger.Events(ctx, q)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Events {
				if !yield(&page.Events[i], nil) {
					return
				}
			}
			if q.After = page.Next; q.After == "" {
				return
			}
		}
	}
}
