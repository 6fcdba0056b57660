package localstore

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"tollbook"
)

// Records implements tollbook.Ledger. In an order by id, month or account,
// and with a filter on nothing but account and month, a page of any depth is
// found by rank; anything else scans those of the organization's records that
// the filter's account and month leave.
func (s *Store) Records(ctx context.Context, q tollbook.Query) (tollbook.Page, error) {
	if err := checkQuery(&q); err != nil {
		return tollbook.Page{}, err
	}
	v := s.views
	if q.AsOf != 0 {
		var err error
		if v, err = s.past.views(ctx, s, q.AsOf); err != nil {
			return tollbook.Page{}, err
		}
	}
	if q.Order.Field > tollbook.OrderAccountID || !onlyCells(q.Filter) {
		return s.scan(ctx, v, &q)
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	org := v.org(q.OrganizationID)
	if org == nil {
		return tollbook.Page{}, nil
	}
	r := v.choose(org, q.Filter).groups(q.Order.Field)
	from, to, offset := r.window(v, &q)
	page := tollbook.Page{Total: r.len(), Offset: offset}
	numbers := r.slice(v, from, to)
	if q.Order.Desc {
		slices.Reverse(numbers)
	}
	page.Records = v.fillAll(numbers)
	return page, nil
}

func (v *views) fillAll(numbers []uint32) []tollbook.Record {
	records := make([]tollbook.Record, len(numbers))
	for i, no := range numbers {
		v.fill(&records[i], no)
	}
	return records
}

func checkQuery(q *tollbook.Query) error {
	given := 0
	for _, is := range [...]bool{q.Offset != 0, q.After != nil, q.Before != nil} {
		if is {
			given++
		}
	}
	switch {
	case q.Limit < 1 || q.Limit > tollbook.MaxPage:
		return tollbook.NewError(tollbook.CodeInvalidRequest, fmt.Sprintf("A page has 1 to %d records, not %d.", tollbook.MaxPage, q.Limit))
	case q.Offset < 0 || given > 1 || q.Order.Field > tollbook.OrderNumberOfUnits:
		return tollbook.NewError(tollbook.CodeInvalidRequest, "A page starts at an offset, after or before a record, and in a known order.")
	}
	return nil
}

var errNoRecord = tollbook.NewError(tollbook.CodeNotFound, "There is no such record.")

// Record implements tollbook.Ledger.
func (s *Store) Record(_ context.Context, organizationID string, id tollbook.RecordID) (tollbook.Record, error) {
	v := s.views
	v.mu.RLock()
	defer v.mu.RUnlock()
	no, ok := v.findRecord(organizationID, &id)
	if !ok {
		return tollbook.Record{}, errNoRecord
	}
	var r tollbook.Record
	v.fill(&r, no)
	return r, nil
}

func (v *views) findRecord(organizationID string, id *tollbook.RecordID) (uint32, bool) {
	org := v.org(organizationID)
	if org == nil {
		return 0, false
	}
	return org.all.find(v, id)
}

// Products implements tollbook.Ledger.
func (s *Store) Products(_ context.Context, organizationID string) ([]string, error) {
	v := s.views
	v.mu.RLock()
	defer v.mu.RUnlock()
	org := v.org(organizationID)
	if org == nil {
		return nil, nil
	}
	return slices.Sorted(maps.Keys(org.products)), nil
}

// CountUnrated implements tollbook.Ledger.
func (s *Store) CountUnrated(_ context.Context, organizationID string) (int, error) {
	v := s.views
	v.mu.RLock()
	defer v.mu.RUnlock()
	if organizationID == "" {
		return int(v.unrated), nil
	}
	if org := v.org(organizationID); org != nil {
		return int(org.unrated), nil
	}
	return 0, nil
}
