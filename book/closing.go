package book

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"tollbook"
)

// scheduled is the actor of a month that is closed by its organization's
// schedule.
const scheduled = "schedule"

// MaxCloseAfterDays bounds the grace period of a schedule.
const MaxCloseAfterDays = 366

// closingTime is how long months that are due are closed before the other work
// has its turn: a schedule that is set late may find hundreds of them.
const closingTime = 10 * time.Second

// closing is the body of a definition of KindMonth. A month is defined twice:
// when it is closed, after which nothing is booked in it, and when its
// statement has been worked out.
type closing struct {
	OrganizationID string         `json:"organization_id"`
	Month          tollbook.Month `json:"month"`
	Statement      *Statement     `json:"statement"`
}

func (c *closing) id() string { return c.OrganizationID + "/" + c.Month.String() }

// closedMonth is a month in which nothing is booked any more.
type closedMonth struct {
	month     tollbook.Month
	pos       tollbook.Pos // of the definition that closed it
	at        time.Time
	actor     string
	statement *Statement // nil: not worked out yet
}

// booked returns the month in whose records an event of a home month counts:
// that month, or the first one that is open.
func (o *organization) booked(home tollbook.Month) tollbook.Month {
	if n := len(o.closed); n > 0 {
		return max(home, o.closed[n-1].month+1)
	}
	return home
}

// closedAs returns a month that is closed, nil for any other.
func (o *organization) closedAs(m tollbook.Month) *closedMonth {
	if len(o.closed) == 0 {
		return nil
	}
	if i := int(m - o.closed[0].month); i >= 0 && i < len(o.closed) {
		return o.closed[i]
	}
	return nil
}

// applyMonth makes a closing or a statement hold. Closed months are without
// gaps; the first one may get others in front (see stateClosed).
func (s *state) applyMonth(def *tollbook.Definition) error {
	var c closing
	if err := json.Unmarshal(def.Body, &c); err != nil {
		return err
	}
	o := s.organizations[c.OrganizationID]
	if o == nil {
		return fmt.Errorf("organization %s is not defined", c.OrganizationID)
	}
	if known := o.closedAs(c.Month); known != nil {
		known.statement = c.Statement
		return nil
	}
	m := &closedMonth{c.Month, def.Pos, def.At, def.Actor, c.Statement}
	switch n := len(o.closed); {
	case n == 0 || c.Month == o.closed[n-1].month+1:
		o.closed = append(o.closed, m)
	case c.Month == o.closed[0].month-1:
		o.closed = slices.Insert(o.closed, 0, m)
	default:
		return errors.New("the month does not follow on those that are closed")
	}
	return nil
}

// ends returns when a month has ended for the last of an organization's
// accounts, and which that is.
func (o *organization) ends(m tollbook.Month) (end time.Time, account string) {
	end = (m + 1).Start(time.UTC)
	for id, a := range o.accounts {
		if at := a.calendar.Start(m + 1); account == "" || at.After(end) || at.Equal(end) && id < account {
			end, account = at, id
		}
	}
	return end.UTC(), account
}

// first is the first month of an organization that is closed or may be; there
// is none before it has records.
type first struct {
	month tollbook.Month
	ok    bool
}

// earliestRecord returns the first month with records, as it is now.
func (b *Book) earliestRecord(ctx context.Context, organizationID string) (first, error) {
	if err := b.ledger.Settle(ctx); err != nil {
		return first{}, err
	}
	return b.earliestSeen(ctx, organizationID)
}

// earliestSeen returns the first month with records, as it was a while ago.
func (b *Book) earliestSeen(ctx context.Context, organizationID string) (first, error) {
	page, err := b.ledger.Records(ctx, tollbook.Query{OrganizationID: organizationID, Order: tollbook.Order{Field: tollbook.OrderMonth}, Limit: 1})
	if err != nil || len(page.Records) == 0 {
		return first{}, err
	}
	return first{page.Records[0].Month, true}, nil
}

// mayClose returns why a month cannot be closed now.
func (o *organization) mayClose(m tollbook.Month, earliest first, now time.Time) error {
	refused := func(format string, args ...any) error {
		return tollbook.NewError(tollbook.CodeConflict, "The month cannot be closed.", tollbook.FieldError{Name: "month", Description: fmt.Sprintf(format, args...)})
	}
	switch n := len(o.closed); {
	case n > 0 && m < o.closed[0].month:
		return refused("is before %s, the first month that was closed, and has no records", o.closed[0].month)
	case n > 0 && m != o.closed[n-1].month+1:
		return refused("is not the first open month, which is %s; months are closed in order", o.closed[n-1].month+1)
	case n == 0 && !earliest.ok:
		return refused("has no records, and there are no others")
	case n == 0 && m < earliest.month:
		return refused("has no records; the first month that has some is %s", earliest.month)
	case n == 0 && m > earliest.month:
		return refused("is not the first month with records, which is %s; months are closed in order", earliest.month)
	}
	if end, account := o.ends(m); now.Before(end) {
		if account == "" {
			return refused("has not ended yet: it does at %s", end.Format(time.RFC3339))
		}
		return refused("has not ended yet for account %s: it does at %s", account, end.Format(time.RFC3339))
	}
	return nil
}

// CloseMonth closes a month of an organization, and returns it with its
// statement: from then on nothing is booked in it. Closing it again changes
// nothing. Errors: CodeNotFound where there is no such organization;
// CodeConflict where the month is not the next one, or has not ended for all
// accounts.
func (op *Operator) CloseMonth(ctx context.Context, organizationID string, m tollbook.Month) (Month, error) {
	if err := op.book.closeMonth(ctx, op.actor, organizationID, m); err != nil {
		return Month{}, err
	}
	return op.Month(ctx, organizationID, m)
}

func (b *Book) closeMonth(ctx context.Context, actor, organizationID string, m tollbook.Month) error {
	earliest, err := b.earliestRecord(ctx, organizationID)
	if err != nil {
		return err
	}
	err = b.define(ctx, actor, func(s *state) (definition, error) {
		o := s.organizations[organizationID]
		switch {
		case o == nil:
			return definition{}, errNoObject(tollbook.KindOrganization)
		case o.closedAs(m) != nil:
			return definition{}, nil
		}
		c := closing{OrganizationID: organizationID, Month: m}
		return definition{tollbook.KindMonth, c.id(), c}, o.mayClose(m, earliest, b.opt.Clock())
	})
	if err != nil {
		return err
	}
	return b.stateClosed(ctx, organizationID)
}

// stateClosed works out the statements that are missing of an organization's
// closed months: of one just closed, or of one where that was interrupted.
//
// The first month is the earliest with records. Until it is closed an earlier
// one may get some; it is closed with it.
func (b *Book) stateClosed(ctx context.Context, organizationID string) error {
	for {
		m, isFirst := b.unstated(organizationID)
		if m == nil {
			return nil
		}
		if isFirst {
			earliest, err := b.earliestRecord(ctx, organizationID)
			if err != nil {
				return err
			}
			if earliest.ok && earliest.month < m.month {
				if err := b.closeBefore(ctx, organizationID, m); err != nil {
					return err
				}
				continue
			}
		}
		st, err := makeStatement(ctx, b.ledger, organizationID, m.month)
		if err != nil {
			return err
		}
		st.Position, st.StatedAt = m.pos, b.opt.Clock().UTC()
		if err := b.defineStatement(ctx, m.actor, closing{organizationID, m.month, &st}); err != nil {
			return err
		}
	}
}

// unstated returns the first closed month of an organization that has no
// statement, and whether it is the first that is closed.
func (b *Book) unstated(organizationID string) (m *closedMonth, isFirst bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	o := b.state.organizations[organizationID]
	if o == nil {
		return nil, false
	}
	for i, m := range o.closed {
		if m.statement == nil {
			kept := *m
			return &kept, i == 0
		}
	}
	return nil, false
}

// closeBefore closes the month before the first that is closed.
func (b *Book) closeBefore(ctx context.Context, organizationID string, before *closedMonth) error {
	return b.define(ctx, before.actor, func(s *state) (definition, error) {
		c := closing{OrganizationID: organizationID, Month: before.month - 1}
		if s.organizations[organizationID].closedAs(c.Month) != nil {
			return definition{}, nil
		}
		return definition{tollbook.KindMonth, c.id(), c}, nil
	})
}

// defineStatement appends the statement of a closed month and marks the point
// at which it holds, unless somebody else has.
func (b *Book) defineStatement(ctx context.Context, actor string, c closing) error {
	return b.defineAll(ctx, actor, func(s *state) ([]definition, error) {
		if s.organizations[c.OrganizationID].closedAs(c.Month).statement != nil {
			return nil, nil
		}
		mark := tollbook.Mark{Reason: tollbook.MarkClose, Of: c.Month.String(), OrganizationID: c.OrganizationID}
		return []definition{{tollbook.KindMonth, c.id(), c}, {tollbook.KindMark, markID(mark), mark}}, nil
	})
}

// closeDue closes the months that their organizations' schedules say are to be
// closed by now, of each organization one at least, and finishes what was
// interrupted.
func (b *Book) closeDue(ctx context.Context) error {
	b.mu.RLock()
	ids := slices.Sorted(maps.Keys(b.state.organizations))
	b.mu.RUnlock()
	until := b.opt.Clock().Add(closingTime)
	var failed []error
	for _, id := range ids {
		if err := b.closeDueOf(ctx, id, until); err != nil {
			failed = append(failed, fmt.Errorf("close the months of %s: %w", id, err))
		}
	}
	return errors.Join(failed...)
}

func (b *Book) closeDueOf(ctx context.Context, organizationID string, until time.Time) error {
	if err := b.stateClosed(ctx, organizationID); err != nil {
		return err
	}
	for n := 0; n == 0 || b.opt.Clock().Before(until); n++ {
		due, err := b.dueMonth(ctx, organizationID)
		if err != nil || !due.ok {
			return err
		}
		if err := b.closeMonth(ctx, scheduled, organizationID, due.month); err != nil {
			return err
		}
		b.opt.Logger.Info("closed a month by schedule", "organization", organizationID, "month", due.month.String())
	}
	return nil
}

// dueMonth returns the first open month of an organization if its schedule
// says that it is to be closed by now.
func (b *Book) dueMonth(ctx context.Context, organizationID string) (first, error) {
	if !b.hasSchedule(organizationID) {
		return first{}, nil
	}
	// Whoever closes it looks again. This is asked of many organizations.
	next, err := b.firstOpen(ctx, organizationID, b.earliestSeen)
	if err != nil || !next.ok {
		return first{}, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	at := b.state.organizations[organizationID].closesAt(next.month)
	return first{next.month, at != nil && !b.opt.Clock().Before(*at)}, nil
}

func (b *Book) hasSchedule(organizationID string) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.state.organizations[organizationID].value.CloseAfterDays != nil
}

// closesAt returns when an organization's schedule closes a month; nil: it has
// none.
func (o *organization) closesAt(m tollbook.Month) *time.Time {
	days := o.value.CloseAfterDays
	if days == nil {
		return nil
	}
	end, _ := o.ends(m)
	at := end.Add(time.Duration(*days) * 24 * time.Hour)
	return &at
}

// firstOpen returns the month of an organization that is to be closed next: behind
// those that are closed, or the earliest.
func (b *Book) firstOpen(ctx context.Context, organizationID string, earliest func(context.Context, string) (first, error)) (first, error) {
	if m, closed := b.lastClosed(organizationID); closed {
		return first{m + 1, true}, nil
	}
	return earliest(ctx, organizationID)
}

func (b *Book) lastClosed(organizationID string) (m tollbook.Month, ok bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	closed := b.state.organizations[organizationID].closed
	if len(closed) == 0 {
		return 0, false
	}
	return closed[len(closed)-1].month, true
}
