package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"tollbook/bench/duty"
	"tollbook/bench/report"
	"tollbook/bench/server"
	"tollbook/client"
	"tollbook/load"
)

// stores is what is done with the local store and a ClickHouse at length.
type stores struct {
	servers  int // over the ClickHouse
	fill     int // events that both get
	portion  int // of them, sent from one line of progress to the next
	batch    int
	requests int           // pages of each kind, at least
	reading  time.Duration // for at least so long each
	beside   int           // events a second that come in while pages are read
	dir      string        // of the ClickHouse, which stays; "": it goes
}

// storesRun is that under way. The sides are the local store and ClickHouse.
type storesRun struct {
	*workbench
	p      *stores
	sides  [2]*side
	report *report.Report
}

// pair tells what both sides came to; the ratio is the second one's to the
// first one's.
func (r *storesRun) pair(what string, values [2]float64, say func(float64) string) {
	p := report.Pair{What: what, One: say(values[0]), Other: say(values[1]), Ratio: fmt.Sprintf("%.2f", values[1]/values[0])}
	r.say("%s: %s and %s", what, p.One, p.Other)
	r.report.Pairs = append(r.report.Pairs, p)
}

// other tells what only ClickHouse came to.
func (r *storesRun) other(what, format string, args ...any) {
	p := report.Pair{What: what, One: "–", Other: fmt.Sprintf(format, args...), Ratio: "–"}
	r.say("%s: %s", what, p.Other)
	r.report.Pairs = append(r.report.Pairs, p)
}

// stores measures both at length.
func (b *workbench) stores(ctx context.Context, out *report.Report) error {
	r := &storesRun{workbench: b, p: b.plan.stores, report: out}
	dir := r.p.dir
	if dir == "" {
		dir = filepath.Join(b.dir, "stores-clickhouse")
	}
	for i, e := range []struct{ name, dir string }{{duty.Tollbook, filepath.Join(b.dir, "stores-local")}, {duty.ClickHouse(r.p.servers), dir}} {
		b.say("starting %s", e.name)
		s, err := b.start(ctx, e.name, e.dir)
		if missing, ok := errors.AsType[*missingError](err); ok {
			b.left = append(b.left, missing.Error())
			b.say("%v", missing)
			return b.end()
		}
		if err != nil {
			return err
		}
		b.sides = append(b.sides, s)
		r.sides[i] = s
	}
	if err := b.keep(dir); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{r.resume, r.fill, r.idlePages, r.busyPages, r.disk} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	for _, s := range r.sides {
		if err := b.check(ctx, s); err != nil {
			return err
		}
	}
	return b.end()
}

// keptName is the file, in the directory of a ClickHouse that stays, that has
// the workload that it was given.
const keptName = "workload.json"

// keep notes the workload.
func (b *workbench) keep(dir string) error {
	text, err := json.Marshal(b.plan.workload)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, keptName), text, 0o644)
}

// readKept reads the workload that a directory was given; where there is none,
// w stays as it is.
func readKept(dir string, w *load.Workload) error {
	text, err := os.ReadFile(filepath.Join(dir, keptName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, w)
}

// unsure is how many batches around the last event that is there may be there
// or not, after a run that was cut off.
const unsure = 20

// resume finds out how much a ClickHouse has that was there before, and sends
// what is around the end again.
func (r *storesRun) resume(ctx context.Context) error {
	s := r.sides[1]
	there, err := s.engine.Events(ctx)
	if err != nil || there == 0 {
		return err
	}
	for s.totals.Events() < there {
		s.at += uint64(r.p.batch)
		s.totals.Advance(s.at)
	}
	around := uint64(unsure * r.p.batch)
	run := duty.Run{From: max(s.at, around) - around, To: s.at + around, Batch: r.p.batch, Conns: 1}
	r.say("%s are there; sending those from %s on again", report.Count(float64(there)), report.Count(float64(run.From)))
	o, err := s.server().Stream(ctx, run)
	if err == nil && o.Accepted+o.Duplicate != run.Events() {
		err = fmt.Errorf("of events that may have been sent before became %+v", o)
	}
	s.at = run.To
	s.totals.Advance(s.at)
	return err
}

// conns is how many connections the events come over.
const conns = 4

// fill sends both what they shall have, and reads pages meanwhile.
func (r *storesRun) fill(ctx context.Context) error {
	var speeds [2]float64
	var looks [2]looks
	for i, s := range r.sides {
		// What the one has put off is not in the way of the other.
		if err := r.quietFor(ctx, 10*r.plan.quiet, settleAtMost); err != nil {
			return err
		}
		begin, start := s.at, time.Now()
		filled, read := make(chan struct{}), make(chan error, 1)
		go func() {
			var err error
			looks[i], err = r.look(ctx, filled, s)
			read <- err
		}()
		err := r.fillSide(ctx, s)
		took := time.Since(start).Seconds()
		close(filled)
		if err := errors.Join(err, <-read); err != nil {
			return err
		}
		speeds[i] = float64(s.at-begin) / took
	}
	if speeds[1] == 0 || len(looks[0].took) == 0 || len(looks[1].took) == 0 {
		r.say("it was filled already")
		return nil
	}
	r.pair(fmt.Sprintf("events/s, %s × %d, up to %s events", report.Count(float64(r.p.batch)), conns, report.Count(float64(r.p.fill))), speeds, report.Count)
	r.quantiles("a page of 250 at any depth meanwhile", [2][]time.Duration{looks[0].took, looks[1].took})
	l := &looks[1]
	r.other(fmt.Sprintf("how old these %s pages were when they were asked for, p50, p99 and most", report.Count(float64(len(l.took)))), "%s", &l.asked)
	r.other("and when they were answered", "%s", &l.answered)
	r.other(fmt.Sprintf("of them older than the %v asked for, at either instant", r.plan.freshness), "%d, %d", l.asked.late, l.answered.late)
	r.other("requests answered 503, pages and batches, which were sent again", "%d and %d", l.refused, r.sides[1].server().Refused())
	return nil
}

// fillSide sends one side what it shall have.
func (r *storesRun) fillSide(ctx context.Context, s *side) error {
	for s.at < uint64(r.p.fill) {
		start := s.at
		took, err := s.stream(ctx, duty.Run{From: s.at, To: min(s.at+uint64(r.p.portion), uint64(r.p.fill)), Batch: r.p.batch, Conns: conns})
		if err != nil {
			return err
		}
		r.say("%s: %s of %s events, %s/s", s.name, report.Count(float64(s.at)), report.Count(float64(r.p.fill)), report.Count(float64(s.at-start)/took.Seconds()))
	}
	return nil
}

// looks is what pages were like while events came in.
type looks struct {
	took            []time.Duration
	asked, answered ages // at these instants
	refused         int  // answered 503
}

// ages is how old it was what pages showed.
type ages struct {
	all  []time.Duration
	late int // older than they may be
}

func (a *ages) add(age, most time.Duration) {
	a.all = append(a.all, age)
	if age > most {
		a.late++
	}
}

func (a *ages) String() string {
	return fmt.Sprintf("%s, %s, %s", report.Millis(report.Quantile(a.all, 0.5)), report.Millis(report.Quantile(a.all, 0.99)), report.Millis(report.Quantile(a.all, 1)))
}

// lookEvery is between two looks, so that they take little of the machine.
const lookEvery = time.Second

// look reads pages, from each server in turn, until all is filled.
func (r *storesRun) look(ctx context.Context, filled <-chan struct{}, s *side) (l looks, err error) {
	clients, err := s.server().Clients()
	if err != nil {
		return l, err
	}
	random := rand.New(rand.NewPCG(r.plan.workload.Seed, 1))
	for i := 0; ; i++ {
		q := client.UsageQuery{PerPage: largePage, Page: 1 + random.IntN(r.plan.depth())}
		asked := time.Now()
		page, err := clients[i%len(clients)].UsagePage(ctx, q)
		answered := time.Now()
		switch {
		case server.Unavailable(err):
			l.refused++
		case err != nil:
			return l, err
		default:
			l.took = append(l.took, answered.Sub(asked))
			l.asked.add(asked.Sub(page.AsOf), r.plan.freshness)
			l.answered.add(answered.Sub(page.AsOf), r.plan.freshness)
		}
		select {
		case <-filled:
			return l, nil
		case <-time.After(lookEvery - time.Since(asked)):
		}
	}
}
