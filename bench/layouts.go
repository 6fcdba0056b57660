package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"tollbook/bench/clickhouse"
	"tollbook/bench/duty"
	"tollbook/bench/report"
	"tollbook/client"
)

// What -layouts does where nothing is said.
const (
	layoutEvents = 200_000 // of a round
	layoutReads  = 200
	layoutAgain  = 10
	againBatch   = 10_000
	// readAfter is the longest that what is left to do is waited for: so many idle
	// servers are never quiet.
	readAfter = 10 * time.Second
)

// ofLayouts plans for a server over a ClickHouse as migrations make its tables,
// beside servers over one each in another layout.
func (s *settings) ofLayouts(p *plan) error {
	if !s.clickhouse || s.clickhouseDir != "" || s.events < 0 || s.rounds < 0 {
		return errors.New("-layouts is with -clickhouse and without -clickhouse-dir; -events and -rounds must not be negative")
	}
	p.stores, p.engines = nil, append([]string{duty.ClickHouse(1)}, layoutNames()...)
	sc := scenarios[0]
	sc.events = layoutEvents
	if s.events > 0 {
		sc.events = s.events
	}
	if s.rounds > 0 {
		p.rounds = s.rounds
	}
	p.scenarios = []scenario{sc}
	p.reads = &reads{requests: layoutReads, again: layoutAgain}
	return p.restrict(s.only)
}

// layoutNames are the engines that take part with -layouts.
func layoutNames() (names []string) {
	for _, name := range clickhouse.Layouts() {
		names = append(names, duty.Layout(name))
	}
	return names
}

// reads is what is read of each engine when everything has been sent.
type reads struct {
	requests int // of each kind
	again    int // batches that are sent once more
}

// read reads of one side what others are compared with.
func (b *workbench) read(ctx context.Context, s *side) (report.Read, error) {
	r := report.Read{Engine: s.name}
	if err := b.quietFor(ctx, 10*b.plan.quiet, readAfter); err != nil {
		return r, err
	}
	c, err := s.server().Client()
	if err != nil {
		return r, err
	}
	random := rand.New(rand.NewPCG(b.plan.workload.Seed, 3))
	records, err := b.someRecords(ctx, c, random)
	if err != nil {
		return r, err
	}
	for _, path := range append(b.plan.largePages(random), eventsPage(records, random)) {
		times, err := timePages(ctx, c, b.plan.reads.requests, 0, path)
		if err != nil {
			return r, err
		}
		r.Times = append(r.Times, times)
	}
	var again []time.Duration
	for i := range uint64(b.plan.reads.again) {
		took, err := s.sendAgain(ctx, i*(s.at-againBatch)/uint64(b.plan.reads.again), againBatch)
		if err != nil {
			return r, err
		}
		again = append(again, took)
	}
	r.Times = append(r.Times, again)
	return r, nil
}

// readHeads say what read reads.
var readHeads = []string{"a page of 250 at any depth", "of one account", "50 events of a record", "10,000 events sent again"}

// someRecords returns the ids of records from all over.
func (b *workbench) someRecords(ctx context.Context, c *client.Client, random *rand.Rand) (ids []string, err error) {
	const pages = 20
	for range pages {
		page, err := c.UsagePage(ctx, client.UsageQuery{OrderBy: byID, PerPage: pageSize, Page: 1 + random.IntN(b.plan.workload.Records()/pageSize)})
		if err != nil {
			return nil, err
		}
		for i := range page.Records {
			ids = append(ids, page.Records[i].ID)
		}
	}
	return ids, nil
}

// termsOfLayouts says what a reader must know to judge the figures.
func termsOfLayouts(p *plan) []string {
	all := []string{
		fmt.Sprintf("A ClickHouse and a tollbook server over it for each layout, all on one machine, with the same events: %s records (%d accounts), %d rounds in turn. Everything acknowledged is synced. In the end every record is compared, over HTTP, with the sums that the workload itself comes to.", report.Count(float64(p.workload.Records())), p.workload.Accounts, p.rounds),
		fmt.Sprintf("Disk is of all tables, after a merge of all parts. Reads are made one after another, %d of each kind, %d batches: p50 and p99. An account has %s records, and a record a few events.", p.reads.requests, p.reads.again, report.Count(float64(p.workload.PerAccount))),
	}
	for _, name := range p.engines {
		_, layout := duty.ServersOf(name)
		all = append(all, name+": "+clickhouse.Describe(layout)+".")
	}
	return all
}
