package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tollbook/bench/duty"
	"tollbook/bench/report"
	"tollbook/bench/server"
)

// longRun is Tollbook alone, with more events than anything fits into.
type longRun struct {
	*workbench
	l      *length
	s      *side
	server *server.Server
	report *report.Report
	speed  int // events a second that it takes, the median of the windows
}

func (r *longRun) find(what, format string, args ...any) {
	f := report.Finding{What: what, Figure: fmt.Sprintf(format, args...)}
	r.say("%s: %s", f.What, f.Figure)
	r.report.Long = append(r.report.Long, f)
}

// length measures what is of interest of Tollbook alone.
func (b *workbench) length(ctx context.Context, out *report.Report) error {
	b.say("starting tollbook anew")
	s, err := b.start(ctx, duty.Tollbook, filepath.Join(b.dir, "length"))
	if err != nil {
		return err
	}
	b.sides = append(b.sides, s)
	r := &longRun{workbench: b, l: b.plan.length, s: s, server: s.engine.(*server.Server), report: out}
	if err := b.cover(ctx, b.sides); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{r.windows, r.footprint, r.resend, r.crash, r.pages, r.overload} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := b.check(ctx, s); err != nil {
		return err
	}
	return b.end()
}

func (r *longRun) next(events, batch, conns int) duty.Run {
	return r.s.next(events, batch, conns)
}

// millions says a number of events.
func millions(n uint64) string {
	return strings.TrimSuffix(strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64), ".0") + " million"
}

func (r *longRun) windows(ctx context.Context) error {
	// What a server fills once, such as buffers that it keeps, is no growth: it
	// is counted from the end of the first window on.
	var from uint64
	var speeds []float64
	var first, last int64
	for i := range r.l.windows {
		start := r.s.at
		took, err := r.s.stream(ctx, r.next(r.l.window, 10_000, 4))
		if err != nil {
			return err
		}
		if last, err = r.server.Memory(); err != nil {
			return err
		}
		if i == 0 {
			first, from = last, r.s.at
		}
		speeds = append(speeds, float64(r.l.window)/took.Seconds())
		r.find(fmt.Sprintf("events/s, 10,000 × 4, from %s to %s events", millions(start), millions(r.s.at)), "%s", report.Count(speeds[len(speeds)-1]))
	}
	peak, err := r.server.PeakMemory()
	if err != nil {
		return err
	}
	r.speed = int(report.Of(speeds).Median)
	r.find("memory with "+millions(r.s.at)+" events", "%s, at most %s", report.Bytes(last), report.Bytes(peak))
	if r.s.at > from {
		r.find("memory for each event more, from "+millions(from)+" on", "%.1f bytes", float64(last-first)/float64(r.s.at-from))
	}
	return nil
}

// footprint tells what is on disk, at once and when all that is done in the
// background is done.
func (r *longRun) footprint(ctx context.Context) error {
	perEvent := func() (float64, error) {
		n, err := r.server.Disk(ctx)
		return float64(n-r.s.empty) / float64(r.s.totals.Events()), err
	}
	at, err := perEvent()
	if err != nil {
		return err
	}
	r.find("disk, at once", "%.0f bytes/event", at)
	idle := r.l.settle / 40 // longer than anything that is done now and then
	start := time.Now()
	if err := r.quietFor(ctx, idle, r.l.settle); err != nil {
		return err
	}
	if at, err = perEvent(); err != nil {
		return err
	}
	memory, err := r.server.Memory()
	r.find("disk, with nothing left to do", "%.0f bytes/event, after %.0f s", at, time.Since(start).Seconds())
	r.find("memory then", "%s", report.Bytes(memory))
	return err
}

// resend sends batches once more, each twice, and compares with fresh ones.
func (r *longRun) resend(ctx context.Context) error {
	const batch = 10_000
	var known, again, fresh []time.Duration
	for i := range uint64(r.l.batches) {
		old := i * (r.s.at - batch) / uint64(r.l.batches)
		for _, times := range []*[]time.Duration{&known, &again} {
			took, err := r.s.sendAgain(ctx, old, batch)
			if err != nil {
				return err
			}
			*times = append(*times, took)
		}
		took, err := r.s.stream(ctx, r.next(batch, batch, 1))
		if err != nil {
			return err
		}
		fresh = append(fresh, took)
	}
	r.find("a fresh batch of 10,000 on one connection, p50", "%s", report.Millis(report.Quantile(fresh, 0.5)))
	r.find("one sent long ago, sent again, p50, longest", "%s, %s", report.Millis(report.Quantile(known, 0.5)), report.Millis(report.Quantile(known, 1)))
	r.find("and at once again, what it needs being in memory", "%s, %s", report.Millis(report.Quantile(again, 0.5)), report.Millis(report.Quantile(again, 1)))
	return nil
}

// crash kills the server in the middle of sending, starts it again and sends
// the same events again.
func (r *longRun) crash(ctx context.Context) error {
	var all []time.Duration
	for range r.l.crashes {
		run := r.next(r.l.window/10, 10_000, 4)
		ended := make(chan error, 1)
		go func() {
			_, err := r.server.Stream(ctx, run)
			ended <- err
		}()
		half := time.NewTimer(time.Duration(float64(time.Second) * float64(run.Events()) / float64(2*r.speed)))
		select {
		case <-half.C:
		case err := <-ended: // sooner than it should
			ended <- err
		}
		r.server.Kill()
		cut := <-ended
		start := time.Now()
		if err := r.server.Restart(ctx); err != nil {
			return err
		}
		all = append(all, time.Since(start))
		o, err := r.server.Stream(ctx, run)
		if err != nil {
			return err
		}
		r.s.at = run.To
		r.s.totals.Advance(run.To)
		if o.Accepted+o.Duplicate != run.Events() {
			return fmt.Errorf("of events sent again after a kill (%v) became %+v", cut, o)
		}
	}
	r.find("kill -9 while events come in, to ready again, median and longest", "%.1f s, %.1f s", report.Quantile(all, 0.5).Seconds(), report.Quantile(all, 1).Seconds())
	return nil
}

// What an overload is made of.
const (
	floodBatch = 1000
	floodConns = 1000
	// memoryEvery is how often memory is looked at.
	memoryEvery = 500 * time.Millisecond
)

// overload offers more than can be taken and sends what was not taken later.
func (r *longRun) overload(ctx context.Context) error {
	before, err := r.server.Memory()
	if err != nil {
		return err
	}
	var most int64
	watched, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		done <- every(watched, memoryEvery, func() error {
			now, err := r.server.Memory()
			most = max(most, now)
			return err
		})
	}()
	start := time.Now()
	f, err := r.server.Flood(ctx, server.Flood{From: r.s.at, Batch: floodBatch, PerSecond: r.l.overloadTimes * r.speed, Time: r.l.overload, MostConns: floodConns})
	took := time.Since(start).Seconds()
	stop()
	if err := errors.Join(err, <-done); err != nil {
		return err
	}
	sum := f.Taken
	for _, run := range f.Missing {
		o, err := r.server.Stream(ctx, run)
		if err != nil {
			return err
		}
		sum.Add(o)
	}
	whole := duty.Run{From: r.s.at, To: f.To}
	r.s.at = f.To
	r.s.totals.Advance(f.To)
	r.find(fmt.Sprintf("overload: offered %d times what it takes for %.0f s: sent, events/s", r.l.overloadTimes, r.l.overload.Seconds()), "%s", report.Count(float64(f.Offered)/r.l.overload.Seconds()))
	r.find("taken of these, events/s", "%s", report.Count(float64(f.Taken.Accepted+f.Taken.Duplicate)/took))
	var answers []string
	for _, status := range slices.Sorted(maps.Keys(f.Statuses)) {
		name := strconv.Itoa(status)
		if status == 0 {
			name = "broken"
		}
		answers = append(answers, name+": "+report.Count(float64(f.Statuses[status])))
	}
	r.find("answers to batches of 1,000", "%s", strings.Join(answers, ", "))
	r.find("not sent, all connections being busy, events/s", "%s", report.Count(float64(f.Unsent)/r.l.overload.Seconds()))
	r.find("memory before and at most", "%s, %s", report.Bytes(before), report.Bytes(most))
	if lost := whole.Events() - sum.Accepted - sum.Duplicate; lost != 0 || sum.Conflict != 0 {
		return fmt.Errorf("of %d events of the overload became %+v", whole.Events(), sum)
	}
	return nil
}

// every calls do again and again until ctx ends or it fails.
func every(ctx context.Context, period time.Duration, do func() error) error {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := do(); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}
