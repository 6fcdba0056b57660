package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"tollbook/bench/clickhouse"
	"tollbook/bench/duty"
	"tollbook/bench/peer"
	"tollbook/bench/proc"
	"tollbook/bench/report"
	"tollbook/bench/server"
)

// side is an engine and how far it is.
type side struct {
	name   string // as of the flags
	engine duty.Engine
	totals *duty.Totals // what it must have come to
	at     uint64       // the next event that it is sent
	empty  int64        // bytes on disk before the first
}

// workbench is a benchmark under way.
type workbench struct {
	plan    plan
	dir     string // all data, removed in the end
	program string // tollbook
	sides   []*side
	left    []string // engines that are not here, and why
	started time.Time
	others  *proc.Others // what else the machine is busy with
	log     io.Writer
}

// newBench makes the directory and builds the program.
func newBench(ctx context.Context, s settings, p plan, log io.Writer) (*workbench, error) {
	dir, err := os.MkdirTemp(s.dir, "tollbook-bench-")
	if err != nil {
		return nil, err
	}
	b := &workbench{plan: p, dir: dir, program: filepath.Join(dir, "bin"), log: log, started: time.Now()}
	b.others, err = proc.WatchOthers()
	if err == nil {
		err = os.Chmod(dir, 0o711) // the user who runs PostgreSQL has to get through
	}
	if err == nil {
		b.say("building tollbook")
		err = server.Build(ctx, s.root, b.program)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// say writes a line of progress.
func (b *workbench) say(format string, args ...any) {
	fmt.Fprintf(b.log, "%4.0fs  %s\n", time.Since(b.started).Seconds(), fmt.Sprintf(format, args...))
}

// close ends all engines and removes what they wrote.
func (b *workbench) close() {
	if err := b.end(); err != nil {
		b.say("not ended well: %v", err)
	}
	if err := os.RemoveAll(b.dir); err != nil {
		b.say("cannot remove %s: %v", b.dir, err)
	}
}

// end ends the engines, which have done what they should.
func (b *workbench) end() (err error) {
	for _, s := range b.sides {
		if e := s.engine.Close(); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", s.name, e))
		}
	}
	b.sides = nil
	return err
}

// run does all that the plan says.
func (b *workbench) run(ctx context.Context) (*report.Report, error) {
	r := &report.Report{Base: duty.Postgres, BaseName: "PostgreSQL"}
	if b.plan.freshness > 0 {
		r.Base, r.BaseName = duty.Tollbook, "local store"
	}
	if b.plan.reads != nil {
		r.Base, r.BaseName = duty.ClickHouse(1), "what migrations make"
	}
	if len(b.plan.scenarios) > 0 {
		if err := b.compare(ctx, r); err != nil {
			return nil, err
		}
	}
	if b.plan.length != nil {
		if err := b.length(ctx, r); err != nil {
			return nil, err
		}
	}
	if b.plan.stores != nil {
		if err := b.stores(ctx, r); err != nil {
			return nil, err
		}
	}
	machine, err := proc.Machine(b.dir)
	if err != nil {
		return nil, err
	}
	others, err := b.others.Share()
	if err != nil {
		return nil, err
	}
	r.Machine = append(machine, fmt.Sprintf("other processes took %.0f%% of the cores meanwhile", 100*others))
	r.Terms = append(terms(&b.plan), b.left...)
	return r, nil
}

// open starts the engines, each in a directory of its own, and brings all
// records into being.
func (b *workbench) open(ctx context.Context) error {
	for _, name := range b.plan.engines {
		b.say("starting %s", name)
		s, err := b.start(ctx, name, filepath.Join(b.dir, name))
		if missing, ok := errors.AsType[*missingError](err); ok {
			b.left = append(b.left, missing.Error())
			b.say("%v", missing)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		b.sides = append(b.sides, s)
	}
	return nil
}

// missingError says that an engine is not installed.
type missingError struct {
	engine string
	err    error
}

func (e *missingError) Error() string { return e.engine + " was left out: " + e.err.Error() }

// start starts one engine, in a directory that may be there.
func (b *workbench) start(ctx context.Context, name, dir string) (*side, error) {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, err
	}
	s := &side{name: name, totals: duty.NewTotals(&b.plan.workload)}
	var err error
	if s.engine, err = b.plan.open(ctx, name, b.program, dir); err != nil {
		return nil, err
	}
	if duty.OverClickHouse(name) {
		return s, nil // its tables are empty, or have what is to be gone on with
	}
	if s.empty, err = s.engine.Disk(ctx); err != nil {
		return nil, errors.Join(err, s.engine.Close())
	}
	return s, nil
}

// open starts an engine of a name.
func (p *plan) open(ctx context.Context, name, program, dir string) (duty.Engine, error) {
	w := &p.workload
	if n, layout := duty.ServersOf(name); n > 0 {
		if err := clickhouse.Installed(); err != nil {
			return nil, &missingError{name, err}
		}
		return engine(clickhouse.Open(ctx, w, program, dir, clickhouse.Options{Servers: n, Freshness: p.freshness, Layout: layout}))
	}
	switch name {
	case duty.Postgres:
		if _, err := peer.PostgresPrograms(); err != nil {
			return nil, &missingError{name, err}
		}
		return engine(peer.OpenPostgres(ctx, w, dir))
	case duty.SQLite:
		return engine(peer.OpenSQLite(ctx, w, dir))
	case duty.DuckDB:
		return engine(peer.OpenDuckDB(ctx, w, dir))
	}
	return engine(server.Start(ctx, w, program, dir, server.Ledger{}))
}

// engine returns no engine where there is an error, not one that is nil.
func engine[E duty.Engine](e E, err error) (duty.Engine, error) {
	if err != nil {
		return nil, err
	}
	return e, nil
}

// cover brings all records into being, on all sides at once, since it is not
// measured.
func (b *workbench) cover(ctx context.Context, sides []*side) error {
	records := b.plan.workload.Records()
	b.say("making %s records everywhere", report.Count(float64(records)))
	const batch, conns = 10_000, 4
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range sides {
		g.Go(func() error {
			_, err := s.send(ctx, duty.Run{To: uint64(records), Batch: batch, Conns: conns})
			return err
		})
	}
	return g.Wait()
}

// send sends a run to an engine, checks what that says became of it, and
// returns how long it took.
func (s *side) send(ctx context.Context, r duty.Run) (time.Duration, error) {
	send, err := s.engine.Prepare(ctx, r)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s.name, err)
	}
	fresh := s.totals.Advance(r.To)
	s.at = r.To
	start := time.Now()
	o, err := send(ctx)
	took := time.Since(start)
	if err == nil {
		err = s.checkOutcome(r, fresh, o)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s.name, err)
	}
	return took, nil
}

// stream sends a run without making its input before.
func (s *side) stream(ctx context.Context, r duty.Run) (time.Duration, error) {
	start := time.Now()
	o, err := s.server().Stream(ctx, r)
	took := time.Since(start)
	if err != nil {
		return 0, err
	}
	s.at = r.To
	return took, s.checkOutcome(r, s.totals.Advance(r.To), o)
}

// sendAgain sends a batch that was sent before once more.
func (s *side) sendAgain(ctx context.Context, from uint64, batch int) (time.Duration, error) {
	start := time.Now()
	o, err := s.server().Stream(ctx, duty.Run{From: from, To: from + uint64(batch), Batch: batch, Conns: 1})
	took := time.Since(start)
	if err == nil && (o != duty.Outcome{Duplicate: batch}) {
		err = fmt.Errorf("of a batch sent again became %+v", o)
	}
	return took, err
}

// server returns the servers of an engine that is Tollbook.
func (s *side) server() *server.Server {
	if e, ok := s.engine.(*clickhouse.Engine); ok {
		return e.Server
	}
	return s.engine.(*server.Server)
}

// checkOutcome checks what an engine says became of a run. Several servers over
// a ClickHouse may take an event that comes twice at the same time as a new one
// each, and one may have taken some of what it answered 503 to. That all counts
// once shows in the records, and in what is kept.
func (s *side) checkOutcome(r duty.Run, fresh int, o duty.Outcome) error {
	twice := o.Accepted - fresh
	servers, _ := duty.ServersOf(s.name)
	if twice > 0 && servers > 1 || twice < 0 && servers > 0 && s.server().Refused() > 0 {
		o.Accepted -= twice
		o.Duplicate += twice
	}
	return duty.CheckOutcome(r, fresh, o)
}

// check compares every record with what the events come to.
func (b *workbench) check(ctx context.Context, s *side) error {
	records, err := s.engine.Records(ctx)
	if err == nil {
		err = s.totals.Check(records)
	}
	var kept int64
	if err == nil {
		kept, err = s.engine.Events(ctx)
	}
	if err == nil && kept >= 0 && kept != s.totals.Events() {
		err = fmt.Errorf("%d events are kept; want %d", kept, s.totals.Events())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	b.say("%s: all %s records are exact", s.name, report.Count(float64(len(records))))
	return nil
}
