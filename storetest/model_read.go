package storetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"tollbook"
	"tollbook/filter"
)

// AllRecords returns all records of an organization, of every one for "", in
// the order of their ids.
func (m *Model) AllRecords(organizationID string) []tollbook.Record {
	return m.recordsAt(0, organizationID)
}

// recordsAt returns the records of an organization as they were at a
// mark, as they are for 0.
func (m *Model) recordsAt(mark tollbook.Pos, org string) []tollbook.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.stateAt(mark)
	if err != nil {
		panic("storetest: " + err.Error())
	}
	return s.matching(org, nil, tollbook.Order{})
}

// recordsIn returns the records of an organization, of every one for "", in no
// order.
func (s *state) recordsIn(organizationID string) (all []*modelRecord) {
	for _, a := range s.accounts {
		if organizationID == "" || a.organization == organizationID {
			for _, r := range s.recordsOf(a) {
				all = append(all, r)
			}
		}
	}
	return all
}

func (s *state) find(organizationID string, id tollbook.RecordID) (*modelRecord, error) {
	for _, a := range s.accounts {
		if a.organization == organizationID {
			if r := s.recordsOf(a)[id]; r != nil {
				return r, nil
			}
		}
	}
	return nil, tollbook.NewError(tollbook.CodeNotFound, "no such record")
}

func (s *state) matching(organizationID string, where *filter.Expr, order tollbook.Order) []tollbook.Record {
	var found []*tollbook.Record
	for _, r := range s.recordsIn(organizationID) {
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

// stateAt returns what the words come to that had been said before a mark.
func (m *Model) stateAt(mark tollbook.Pos) (*state, error) {
	if mark == 0 {
		return m.now, nil
	}
	n, ok := m.marks[mark]
	if !ok {
		return nil, tollbook.NewError(tollbook.CodeNotFound, "no such mark")
	}
	if m.past[n] == nil {
		m.past[n] = newState()
		for _, w := range m.words[:n] {
			m.past[n].say(w)
		}
	}
	return m.past[n], nil
}

// Records implements tollbook.Ledger.
func (m *Model) Records(_ context.Context, q tollbook.Query) (tollbook.Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.stateAt(q.AsOf)
	if err != nil {
		return tollbook.Page{}, err
	}
	all := s.matching(q.OrganizationID, q.Filter, q.Order)
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
	r, err := m.now.find(organizationID, id)
	if err != nil {
		return tollbook.Record{}, err
	}
	return r.record(), nil
}

// Products implements tollbook.Ledger.
func (m *Model) Products(_ context.Context, organizationID string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	for _, r := range m.now.recordsIn(organizationID) {
		for _, id := range []string{r.shown.ProductID, r.shown.AggrProductID} {
			if id != "" {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// Totals implements tollbook.Ledger.
func (m *Model) Totals(_ context.Context, organizationID string) ([]tollbook.Total, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var totals []tollbook.Total
	for _, r := range m.now.matching(organizationID, nil, tollbook.Order{}) {
		i := slices.IndexFunc(totals, func(t tollbook.Total) bool {
			return t.AccountID == r.AccountID && t.Month == r.Month && t.WalletName == r.WalletName && t.Currency == r.Currency
		})
		if i < 0 {
			i = len(totals)
			totals = append(totals, tollbook.Total{AccountID: r.AccountID, Month: r.Month, WalletName: r.WalletName, Currency: r.Currency})
		}
		if r.Type.PutIn() {
			totals[i].PutIn = totals[i].PutIn.Add(r.TotalAmount)
		} else {
			totals[i].Used = totals[i].Used.Add(r.TotalAmount)
		}
	}
	slices.SortFunc(totals, func(a, b tollbook.Total) int {
		return cmp.Or(strings.Compare(a.AccountID, b.AccountID), cmp.Compare(a.Month, b.Month), strings.Compare(a.WalletName, b.WalletName), strings.Compare(a.Currency, b.Currency))
	})
	return totals, nil
}
