package server

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"tollbook/bench/duty"
	"tollbook/client"
	"tollbook/load"
)

// The pages that all records are read by.
const (
	perPage = 250
	readers = 2 // each reads the pages of its part of the accounts
)

// Records reads every record over HTTP, the accounts one after another, and
// compares their number with what the server says there are in all.
func (s *Server) Records(ctx context.Context) ([]duty.Record, error) {
	c, err := s.Client()
	if err != nil {
		return nil, err
	}
	var parts [readers][]duty.Record
	g, each := errgroup.WithContext(ctx)
	for part := range readers {
		g.Go(func() error {
			for account := part; account < s.w.Accounts; account += readers {
				q := client.UsageQuery{Filter: "account_id eq '" + s.w.AccountID(account) + "'", PerPage: perPage, OrderBy: "id:asc"}
				for r, err := range c.Usage(each, q) {
					if err != nil {
						return err
					}
					record, err := s.record(account, &r)
					if err != nil {
						return err
					}
					parts[part] = append(parts[part], record)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var all []duty.Record
	for _, p := range parts {
		all = append(all, p...)
	}
	whole, err := c.UsagePage(ctx, client.UsageQuery{PerPage: 1})
	if err != nil {
		return nil, err
	}
	if whole.Total != len(all) {
		return nil, fmt.Errorf("the accounts have %d records, but there are %d", len(all), whole.Total)
	}
	return all, nil
}

// record returns which record of the workload r is, and what it came to.
func (s *Server) record(account int, r *client.Record) (duty.Record, error) {
	var rate int
	if _, err := fmt.Sscanf(r.Description, "Route %d", &rate); err != nil {
		return duty.Record{}, fmt.Errorf("record %s: %q is no description of the workload", r.ID, r.Description)
	}
	number, known := duty.NumberOf(s.w, account, rate)
	units, whole := r.NumberOfUnits.Scaled(0)
	amount, exact := r.TotalAmount.Scaled(duty.PriceScale)
	u, ok1 := units.Uint64()
	a, ok2 := amount.Uint64()
	if !known || r.Month != s.w.Month || r.Price != load.Price(rate) || r.AccountID != s.w.AccountID(account) || !whole || !exact || !ok1 || !ok2 {
		return duty.Record{}, fmt.Errorf("this record is none of the workload: %+v", *r)
	}
	return duty.Record{Record: number, Units: int64(u), Amount: int64(a)}, nil
}
