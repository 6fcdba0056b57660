package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"time"

	"tollbook/bench/duty"
	"tollbook/bench/report"
	"tollbook/client"
)

const (
	pageSize  = 50
	byID      = "id:asc"
	usagePath = "/express/usage/month"
	// endless is more than comes in while pages are read.
	endless = 1_000_000_000
)

// pages measures how long pages take while events come in.
func (r *longRun) pages(ctx context.Context) error {
	c, err := r.server.Client()
	if err != nil {
		return err
	}
	w := &r.plan.workload
	random := rand.New(rand.NewPCG(w.Seed, 0))
	records, err := r.someRecords(ctx, c, random)
	if err != nil {
		return err
	}
	month := " and month eq '" + w.Month.String() + "'"
	kinds := []struct {
		what string
		path func() string
	}{
		{"a page of 50 at any depth of all records", func() string {
			return usagePage("", byID, pageSize, random.IntN(w.Records()/pageSize))
		}},
		{"a page of 50 of one account's month", func() string {
			return usagePage("account_id eq '"+r.plan.workload.AccountID(random.IntN(w.Accounts))+"'"+month, byID, pageSize, random.IntN(max(w.PerAccount/pageSize, 1)))
		}},
		{"50 events of a record", eventsPage(records, random)},
	}
	came, err := r.s.beside(ctx, r.l.beside, func(ctx context.Context) error {
		for _, kind := range kinds {
			times, err := timePages(ctx, c, r.l.requests, 0, kind.path)
			if err != nil {
				return err
			}
			r.find(kind.what+" while events come in, p50 and p99", "%s, %s", report.Millis(report.Quantile(times, 0.5)), report.Millis(report.Quantile(times, 0.99)))
		}
		return nil
	})
	if err == nil {
		r.find(fmt.Sprintf("events/s that came in meanwhile, of the %s offered", report.Count(float64(r.l.beside))), "%s", report.Count(came))
	}
	return err
}

// beside does something while so many events a second come in, and returns how
// many it were.
func (s *side) beside(ctx context.Context, perSecond int, do func(context.Context) error) (came float64, err error) {
	const batch, conns = 1000, 4
	run := s.next(endless, batch, conns)
	ended, end := context.WithCancel(ctx)
	coming := make(chan error, 1)
	start := time.Now()
	go func() {
		to, o, err := s.server().StreamUntil(ctx, ended.Done(), run, perSecond)
		run.To = to
		if err == nil {
			err = s.checkOutcome(run, s.totals.Advance(to), o)
		}
		coming <- err
	}()
	err = do(ctx)
	end()
	err = errors.Join(err, <-coming)
	s.at = run.To
	return float64(run.Events()) / time.Since(start).Seconds(), err
}

// next returns a run of what comes next.
func (s *side) next(events, batch, conns int) duty.Run {
	return duty.Run{From: s.at, To: s.at + uint64(events), Batch: batch, Conns: conns}
}

// usagePage returns the path of a page; in the default order where none is given.
func usagePage(filter, order string, size, page int) string {
	v := url.Values{"per_page": {strconv.Itoa(size)}, "page": {strconv.Itoa(page + 1)}}
	if order != "" {
		v.Set("order_by", order)
	}
	if filter != "" {
		v.Set("filter", filter)
	}
	return usagePath + "?" + v.Encode()
}

// eventsPage returns what asks for events of one of some records.
func eventsPage(records []string, random *rand.Rand) func() string {
	return func() string {
		return usagePath + "/" + records[random.IntN(len(records))] + "/events?per_page=" + strconv.Itoa(pageSize)
	}
}

// timePages reads pages one after another: at least so many, for at least so
// long.
func timePages(ctx context.Context, c *client.Client, n int, least time.Duration, path func() string) (all []time.Duration, err error) {
	for begin := time.Now(); len(all) < n || time.Since(begin) < least; {
		p := path()
		start := time.Now()
		if _, err := c.Get(ctx, p); err != nil {
			return nil, err
		}
		all = append(all, time.Since(start))
	}
	return all, nil
}
