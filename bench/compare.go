package main

import (
	"context"
	"runtime"
	"time"

	"tollbook/bench/duty"
	"tollbook/bench/report"
	"tollbook/bench/server"
)

// compare measures all engines side by side.
func (b *workbench) compare(ctx context.Context, r *report.Report) error {
	if err := b.open(ctx); err != nil {
		return err
	}
	if err := b.cover(ctx, b.sides); err != nil {
		return err
	}
	for i := range b.plan.scenarios {
		if err := b.scenario(ctx, &b.plan.scenarios[i], r); err != nil {
			return err
		}
	}
	if b.plan.reads != nil {
		r.ReadHeads = readHeads
		for _, s := range b.sides {
			read, err := b.read(ctx, s)
			if err != nil {
				return err
			}
			r.Reads = append(r.Reads, read)
		}
	}
	for _, s := range b.sides {
		memory, err := s.engine.PeakMemory() // before it has to read everything
		if err != nil {
			return err
		}
		disk, err := s.engine.Disk(ctx)
		if err != nil {
			return err
		}
		r.Kept = append(r.Kept, report.Kept{Engine: s.name, Name: s.engine.Name(), Events: s.totals.Events(), Disk: disk - s.empty, Memory: memory})
		if err := b.check(ctx, s); err != nil {
			return err
		}
	}
	return b.end()
}

// scenario measures one scenario, in rounds.
func (b *workbench) scenario(ctx context.Context, sc *scenario, r *report.Report) error {
	var sides []*side
	for _, s := range b.sides {
		if !sc.imported() || s.name == duty.Tollbook {
			sides = append(sides, s)
		}
	}
	speeds, before := make([][]float64, len(sides)), make([]float64, len(sides))
	for round := range b.plan.rounds {
		for i, s := range sides {
			if err := b.quiet(ctx); err != nil {
				return err
			}
			if round == 0 {
				var err error
				if before[i], err = s.engine.CPU(); err != nil {
					return err
				}
			}
			took, err := b.turn(ctx, sc, s)
			if err != nil {
				return err
			}
			speed := float64(sc.of(s.name)) / took.Seconds()
			speeds[i] = append(speeds[i], speed)
			b.say("%s, round %d: %s, %s events/s", sc.name, round+1, s.name, report.Count(speed))
		}
	}
	if err := b.quiet(ctx); err != nil {
		return err
	}
	for i, s := range sides {
		after, err := s.engine.CPU()
		if err != nil {
			return err
		}
		n := sc.of(s.name)
		r.Rates = append(r.Rates, report.Rate{
			Scenario: sc.title, Engine: s.name, Events: n, PerSecond: speeds[i],
			CPU: (after - before[i]) * 1e6 / float64(n*b.plan.rounds),
		})
	}
	return nil
}

// turn is one engine's part of a round.
func (b *workbench) turn(ctx context.Context, sc *scenario, s *side) (time.Duration, error) {
	run := sc.run(s.name, s.at)
	if tollbook, ok := s.engine.(*server.Server); ok && sc.imported() {
		return b.importFile(ctx, sc.name, s, tollbook, run)
	}
	runtime.GC() // the last run's input, before the clock starts
	return s.send(ctx, run)
}

// What counts as quiet, and how long it is waited for.
const (
	quietShare  = 0.1 // of a core
	quietAtMost = 3 * time.Second
)

// quiet returns when no engine has anything to do, or after a while: what one
// has put off must not be in the way of another.
func (b *workbench) quiet(ctx context.Context) error {
	return b.quietFor(ctx, b.plan.quiet, quietAtMost)
}

// quietFor returns when for a whole window no engine had anything to do, or
// when the time is up.
func (b *workbench) quietFor(ctx context.Context, window, atMost time.Duration) error {
	tick := time.NewTicker(window)
	defer tick.Stop()
	used := func() (sum float64, err error) {
		for _, s := range b.sides {
			seconds, err := s.engine.CPU()
			if err != nil {
				return 0, err
			}
			sum += seconds
		}
		return sum, nil
	}
	last, err := used()
	for start := time.Now(); err == nil && time.Since(start) < atMost; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		var now float64
		if now, err = used(); err == nil && now-last < quietShare*window.Seconds() {
			return nil
		}
		last = now
	}
	return err
}
