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
			return usagePage("", random.IntN(w.Records()/pageSize))
		}},
		{"a page of 50 of one account's month", func() string {
			return usagePage("account_id eq '"+r.plan.workload.AccountID(random.IntN(w.Accounts))+"'"+month, random.IntN(max(w.PerAccount/pageSize, 1)))
		}},
		{"50 events of a record", func() string {
			return usagePath + "/" + records[random.IntN(len(records))] + "/events?per_page=" + strconv.Itoa(pageSize)
		}},
	}
	return r.beside(ctx, func(ctx context.Context) error {
		for _, kind := range kinds {
			times, err := timePages(ctx, c, r.l.requests, kind.path)
			if err != nil {
				return err
			}
			r.find(kind.what+" while events come in, p50 and p99", "%s, %s", report.Millis(report.Quantile(times, 0.5)), report.Millis(report.Quantile(times, 0.99)))
		}
		return nil
	})
}

// beside does something while events come in.
func (r *longRun) beside(ctx context.Context, do func(context.Context) error) error {
	const batch, conns = 1000, 4
	run := r.next(endless, batch, conns)
	ended, end := context.WithCancel(ctx)
	coming := make(chan error, 1)
	start := time.Now()
	go func() {
		to, o, err := r.server.StreamUntil(ctx, ended.Done(), run, r.l.beside)
		run.To = to
		if err == nil {
			err = duty.CheckOutcome(run, r.s.totals.Advance(to), o)
		}
		coming <- err
	}()
	err := do(ctx)
	took := time.Since(start).Seconds()
	end()
	err = errors.Join(err, <-coming)
	r.s.at = run.To
	if err != nil {
		return err
	}
	r.find(fmt.Sprintf("events/s that came in meanwhile, of the %s offered", report.Count(float64(r.l.beside))), "%s", report.Count(float64(run.Events())/took))
	return nil
}

func usagePage(filter string, page int) string {
	v := url.Values{"order_by": {"id:asc"}, "per_page": {strconv.Itoa(pageSize)}, "page": {strconv.Itoa(page + 1)}}
	if filter != "" {
		v.Set("filter", filter)
	}
	return usagePath + "?" + v.Encode()
}

// someRecords returns the ids of records from all over.
func (r *longRun) someRecords(ctx context.Context, c *client.Client, random *rand.Rand) (ids []string, err error) {
	const pages = 20
	for range pages {
		page, err := c.UsagePage(ctx, client.UsageQuery{OrderBy: "id:asc", PerPage: pageSize, Page: 1 + random.IntN(r.plan.workload.Records()/pageSize)})
		if err != nil {
			return nil, err
		}
		for i := range page.Records {
			ids = append(ids, page.Records[i].ID)
		}
	}
	return ids, nil
}

// timePages reads pages one after another.
func timePages(ctx context.Context, c *client.Client, n int, path func() string) (all []time.Duration, err error) {
	for range n {
		p := path()
		start := time.Now()
		if _, err := c.Get(ctx, p); err != nil {
			return nil, err
		}
		all = append(all, time.Since(start))
	}
	return all, nil
}
