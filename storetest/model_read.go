package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tollbook"
	"tollbook/filter"
)

// record returns r with its sums.
func (r *modelRecord) record() tollbook.Record {
	if r.whole != nil {
		return *r.whole
	}
	out := r.shown
	out.NumberOfUnits = decimalOf(r.units)
	out.TotalAmount = decimalOf(r.amount)
	events := map[*modelEvent]bool{}
	for _, e := range r.events {
		events[e] = true
	}
	out.Events = int64(len(events))
	r.whole = &out
	return out
}

// AllRecords returns all records of an organization, of every one for "", in
// the order of their ids.
func (m *Model) AllRecords(organizationID string) []tollbook.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.matching(organizationID, nil, tollbook.Order{})
}

func (m *Model) matching(organizationID string, where *filter.Expr, order tollbook.Order) []tollbook.Record {
	var found []*tollbook.Record
	for _, r := range m.records {
		if organizationID != "" && r.organization != organizationID {
			continue
		}
		if rec := r.record(); where == nil || matches(where, &rec) {
			found = append(found, &rec)
		}
	}
	slices.SortFunc(found, order.Compare)
	all := make([]tollbook.Record, len(found))
	for i, r := range found {
		all[i] = *r
	}
	return all
}

// Records implements tollbook.Ledger.
func (m *Model) Records(_ context.Context, q tollbook.Query) (tollbook.Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.matching(q.OrganizationID, q.Filter, q.Order)
	from := min(q.Offset, len(all))
	to := min(from+q.Limit, len(all))
	switch {
	case q.After != nil:
		from = 0
		for from < len(all) && q.Order.Compare(&all[from], q.After) <= 0 {
			from++
		}
		to = min(from+q.Limit, len(all))
	case q.Before != nil:
		to = 0
		for to < len(all) && q.Order.Compare(&all[to], q.Before) < 0 {
			to++
		}
		from = max(0, to-q.Limit)
	}
	return tollbook.Page{Records: all[from:to], Total: len(all), Offset: from}, nil
}

// matches tells whether a record passes a filter: null equals only null, and
// an order with null is false.
func matches(e *filter.Expr, r *tollbook.Record) bool {
	switch e.Op {
	case filter.And:
		for _, arg := range e.Args {
			if !matches(arg, r) {
				return false
			}
		}
		return true
	case filter.Or:
		for _, arg := range e.Args {
			if matches(arg, r) {
				return true
			}
		}
		return false
	case filter.Not:
		return !matches(e.Args[0], r)
	}
	v := r.Value(e.Field)
	compare := func(w filter.Value) int {
		if e.Kind == filter.Number {
			return v.Number.Cmp(w.Number)
		}
		return strings.Compare(v.Text, w.Text)
	}
	switch e.Op {
	case filter.Null:
		return v.Null
	case filter.NotNull:
		return !v.Null
	case filter.Ne:
		return v.Null || compare(e.Values[0]) != 0
	case filter.In:
		return !v.Null && slices.ContainsFunc(e.Values, func(w filter.Value) bool { return compare(w) == 0 })
	case filter.Contains:
		return !v.Null && strings.Contains(v.Text, e.Values[0].Text)
	case filter.Eq:
		return !v.Null && compare(e.Values[0]) == 0
	case filter.Gt:
		return !v.Null && compare(e.Values[0]) > 0
	case filter.Ge:
		return !v.Null && compare(e.Values[0]) >= 0
	case filter.Lt:
		return !v.Null && compare(e.Values[0]) < 0
	case filter.Le:
		return !v.Null && compare(e.Values[0]) <= 0
	}
	panic(fmt.Sprintf("storetest: unknown operation %d in a filter", e.Op))
}

// Record implements tollbook.Ledger.
func (m *Model) Record(_ context.Context, organizationID string, id tollbook.RecordID) (tollbook.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.records[id]
	if r == nil || r.organization != organizationID {
		return tollbook.Record{}, tollbook.NewError(tollbook.CodeNotFound, "no such record")
	}
	return r.record(), nil
}

// Events implements tollbook.Ledger. The order is that of acceptance; Next is
// the query and the number of the last event of the page.
func (m *Model) Events(_ context.Context, q tollbook.EventQuery) (tollbook.EventPage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	events, err := m.eventsOf(q)
	if err != nil {
		return tollbook.EventPage{}, err
	}
	asked := fmt.Sprintf("%q %q %s %t", q.OrganizationID, q.AccountID, q.Record, q.Unrated)
	last := -1
	if q.After != "" {
		number, ok := strings.CutPrefix(q.After, asked+" ")
		if _, err := fmt.Sscan(number, &last); !ok || err != nil {
			return tollbook.EventPage{}, tollbook.NewError(tollbook.CodeInvalidRequest, "after is of another query")
		}
	}
	var page tollbook.EventPage
	for _, e := range events {
		if e.number <= last {
			continue
		}
		if len(page.Events) == q.Limit {
			page.Next = fmt.Sprintf("%s %d", asked, last)
			break
		}
		page.Events = append(page.Events, e.booked)
		last = e.number
	}
	return page, nil
}

// eventsOf returns all that a query asks for, each event once, in the order of
// acceptance.
func (m *Model) eventsOf(q tollbook.EventQuery) ([]*modelEvent, error) {
	if !q.Unrated {
		r := m.records[q.Record]
		if r == nil || r.organization != q.OrganizationID {
			return nil, tollbook.NewError(tollbook.CodeNotFound, "no such record")
		}
		events := slices.Clone(r.events)
		slices.SortFunc(events, func(a, b *modelEvent) int { return a.number - b.number })
		return slices.Compact(events), nil
	}
	var events []*modelEvent
	for _, e := range m.events {
		if len(e.booked.Charges) == 0 &&
			(q.OrganizationID == "" || e.booked.OrganizationID == q.OrganizationID) &&
			(q.AccountID == "" || e.booked.AccountID == q.AccountID) {
			events = append(events, e)
		}
	}
	return events, nil
}

// Products implements tollbook.Ledger.
func (m *Model) Products(_ context.Context, organizationID string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	for _, r := range m.records {
		if r.organization != organizationID {
			continue
		}
		for _, id := range []string{r.shown.ProductID, r.shown.AggrProductID} {
			if id != "" {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// CountUnrated implements tollbook.Ledger.
func (m *Model) CountUnrated(_ context.Context, organizationID string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	events, err := m.eventsOf(tollbook.EventQuery{OrganizationID: organizationID, Unrated: true})
	return len(events), err
}
