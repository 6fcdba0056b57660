package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"tollbook/bench/clickhouse"
	"tollbook/bench/report"
)

// largePage is as many records as a page can have.
const largePage = 250

// depth returns how many such pages there are.
func (p *plan) depth() int { return max(p.workload.Records()/largePage, 1) }

// largePages returns what asks for such pages, of all records and of one account.
func (p *plan) largePages(random *rand.Rand) []func() string {
	w := &p.workload
	return []func() string{
		func() string { return usagePage("", "", largePage, random.IntN(p.depth())) },
		func() string {
			return usagePage("account_id eq '"+w.AccountID(random.IntN(w.Accounts))+"'", "", largePage, random.IntN(max(w.PerAccount/largePage, 1)))
		},
	}
}

// quantiles tells how long something took.
func (r *storesRun) quantiles(what string, times [2][]time.Duration) {
	for _, q := range []struct {
		name string
		of   float64
	}{{"p50", 0.5}, {"p99", 0.99}} {
		var values [2]float64
		for i := range times {
			values[i] = float64(report.Quantile(times[i], q.of))
		}
		r.pair(what+", "+q.name, values, func(v float64) string { return report.Millis(time.Duration(v)) })
	}
}

// pageTimes reads pages of each kind of a side.
func (r *storesRun) pageTimes(ctx context.Context, s *side) (times [2][]time.Duration, err error) {
	c, err := s.server().Client()
	if err != nil {
		return times, err
	}
	random := rand.New(rand.NewPCG(r.plan.workload.Seed, 2))
	for kind, path := range r.plan.largePages(random) {
		if times[kind], err = timePages(ctx, c, r.p.requests, r.p.reading, path); err != nil {
			return times, err
		}
	}
	return times, nil
}

// tellPages tells how long the pages of both sides took.
func (r *storesRun) tellPages(when string, sides [2][2][]time.Duration) {
	for kind, what := range []string{"a page of 250 at any depth", "a page of 250 of one account"} {
		r.quantiles(what+", "+when, [2][]time.Duration{sides[0][kind], sides[1][kind]})
	}
}

// What is waited for until pages are read that nothing else is in the way of.
const settleAtMost = 2 * time.Minute

func (r *storesRun) idlePages(ctx context.Context) error {
	if err := r.quietFor(ctx, 10*r.plan.quiet, settleAtMost); err != nil {
		return err
	}
	var times [2][2][]time.Duration
	for i, s := range r.sides {
		var err error
		if times[i], err = r.pageTimes(ctx, s); err != nil {
			return err
		}
	}
	r.tellPages("idle", times)
	return nil
}

func (r *storesRun) busyPages(ctx context.Context) error {
	var times [2][2][]time.Duration
	var came [2]float64
	for i, s := range r.sides {
		var err error
		came[i], err = s.beside(ctx, r.p.beside, func(ctx context.Context) (err error) {
			times[i], err = r.pageTimes(ctx, s)
			return err
		})
		if err != nil {
			return err
		}
	}
	r.tellPages("while events come in", times)
	r.pair(fmt.Sprintf("events/s that came in meanwhile, of the %s offered", report.Count(float64(r.p.beside))), came, report.Count)
	return nil
}

// disk tells what an event takes, at once and when all is merged.
func (r *storesRun) disk(ctx context.Context) error {
	house := r.sides[1].engine.(*clickhouse.Engine)
	if err := house.Await(ctx, time.Now()); err != nil {
		return err
	}
	perEvent := func(house int64) (values [2]float64, err error) {
		local, err := r.sides[0].engine.Disk(ctx)
		for i, n := range [2]int64{local, house} {
			values[i] = float64(n-r.sides[i].empty) / float64(r.sides[i].totals.Events())
		}
		return values, err
	}
	size, err := house.Size(ctx)
	if err != nil {
		return err
	}
	values, err := perEvent(size)
	if err != nil {
		return err
	}
	r.pair("disk bytes/event, at once", values, report.Count)
	start := time.Now()
	if size, err = house.Disk(ctx); err != nil {
		return err
	}
	took := time.Since(start)
	if err := r.quietFor(ctx, 10*r.plan.quiet, settleAtMost); err != nil {
		return err
	}
	if values, err = perEvent(size); err != nil {
		return err
	}
	r.pair(fmt.Sprintf("disk bytes/event, merged, in %.0f s", took.Seconds()), values, report.Count)
	tables, err := house.Tables(ctx)
	for _, t := range tables {
		switch t.Name {
		case "events", "claims", "records", "tallies":
			r.other("of it "+t.Name, "%.1f bytes/event, %s a row", float64(t.Bytes)/float64(r.sides[1].totals.Events()), report.Count(float64(t.Bytes)/float64(max(t.Rows, 1))))
		}
	}
	return err
}
