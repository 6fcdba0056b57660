package book

import (
	"context"
	"time"

	"tollbook"
	"tollbook/filter"
)

// The states of an organization's month.
const (
	MonthOpen    = "open"
	MonthClosing = "closing" // nothing is booked in it any more; its statement is being worked out
	MonthClosed  = "closed"
)

// Month is the state of an organization's month.
type Month struct {
	OrganizationID string         `json:"organization_id"`
	Month          tollbook.Month `json:"month"`
	State          string         `json:"state"`
	EndsAt         time.Time      `json:"ends_at"`   // for the last of the organization's accounts
	ClosesAt       *time.Time     `json:"closes_at"` // by schedule; null: closed, or there is no schedule
	ClosedAt       *time.Time     `json:"closed_at"`
	ClosedBy       *string        `json:"closed_by"` // the client that asked for it, or "schedule"
	Statement      *Statement     `json:"statement"` // null until it is closed
}

func (o *organization) month(m tollbook.Month) Month {
	c := o.closedAs(m)
	out := Month{OrganizationID: o.value.ID, Month: m, State: c.state()}
	out.EndsAt, _ = o.ends(m)
	if c == nil {
		out.ClosesAt = o.closesAt(m)
		return out
	}
	closed := *c
	out.ClosedAt, out.ClosedBy, out.Statement = &closed.at, &closed.actor, closed.statement
	return out
}

// state is that of a closed month; nil stands for an open one.
func (c *closedMonth) state() string {
	switch {
	case c == nil:
		return MonthOpen
	case c.statement == nil:
		return MonthClosing
	}
	return MonthClosed
}

// span returns the first and the last month of an organization that there is
// something to say of: from the first that is closed or has records to the
// one that it is now, or will be soon in another time zone.
func (b *Book) span(ctx context.Context, organizationID string) (from, to tollbook.Month, err error) {
	b.mu.RLock()
	o := b.state.organizations[organizationID]
	b.mu.RUnlock()
	if o == nil {
		return 0, 0, errNoObject(tollbook.KindOrganization)
	}
	next, err := b.firstOpen(ctx, organizationID, b.earliestRecord)
	if err != nil {
		return 0, 0, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	now := b.opt.Clock()
	to = tollbook.MonthOf(now.UTC())
	for _, a := range o.accounts {
		to = max(to, a.calendar.MonthOf(now))
	}
	from = to
	if next.ok {
		from, to = next.month, max(next.month, to)
	}
	if len(o.closed) > 0 {
		from = o.closed[0].month
	}
	return from, to, nil
}

// Month returns the state of an organization's month. Error: CodeNotFound
// where there is no such organization, or nothing to say of the month.
func (op *Operator) Month(ctx context.Context, organizationID string, m tollbook.Month) (Month, error) {
	from, to, err := op.book.span(ctx, organizationID)
	if err != nil {
		return Month{}, err
	}
	if m < from || m > to {
		return Month{}, errNoObject(tollbook.KindMonth)
	}
	op.book.mu.RLock()
	defer op.book.mu.RUnlock()
	return op.book.state.organizations[organizationID].month(m), nil
}

// Months returns a page of an organization's months, the latest first unless
// ordered otherwise: from the first that is closed or has records to the one
// that it is now. Errors: CodeNotFound where there is no such organization;
// CodeInvalidRequest.
func (op *Operator) Months(ctx context.Context, organizationID string, q PageQuery) ([]Month, PageInfo, error) {
	from, to, err := op.book.span(ctx, organizationID)
	if err != nil {
		return nil, PageInfo{}, err
	}
	op.book.mu.RLock()
	defer op.book.mu.RUnlock()
	o := op.book.state.organizations[organizationID]
	all := make([]tollbook.Month, 0, to-from+1)
	for m := from; m <= to; m++ {
		all = append(all, m)
	}
	l := &list[tollbook.Month]{
		name:   "months of " + organizationID,
		schema: filter.Schema{{Name: "month", Kind: filter.Month}, {Name: "state", Kind: filter.Enum, Values: []string{MonthOpen, MonthClosing, MonthClosed}}},
		id:     func(m *tollbook.Month) string { return m.String() },
		value: func(m *tollbook.Month, i int) filter.Value {
			return filter.Value{Text: [...]string{m.String(), o.closedAs(*m).state()}[i]}
		},
	}
	page, info, err := l.page(all, q)
	rows := make([]Month, len(page))
	for i, m := range page {
		rows[i] = o.month(m)
	}
	return rows, info, err
}

// Adjustments returns a page of what occurred in a month of an organization,
// or of one of its accounts, but is booked in a later one: events that came
// after it was closed, and voids of events that had been stated. Errors:
// CodeNotFound where there is no such organization; CodeInvalidRequest for a
// cursor of something else.
func (op *Operator) Adjustments(ctx context.Context, organizationID, accountID string, m tollbook.Month, after string, limit int) (tollbook.EventPage, error) {
	if _, err := op.Organization(organizationID); err != nil {
		return tollbook.EventPage{}, err
	}
	return op.book.ledger.Events(ctx, tollbook.EventQuery{OrganizationID: organizationID, AccountID: accountID, Late: true, Home: m, After: after, Limit: limit})
}
