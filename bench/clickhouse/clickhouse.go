// Package clickhouse runs tollbook servers over a ClickHouse of their own, as
// an engine of a benchmark.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tollbook/bench/duty"
	"tollbook/bench/proc"
	"tollbook/bench/server"
	"tollbook/clickhousetest"
	"tollbook/load"
)

// memory is how much ClickHouse may use, in bytes.
const memory = 8 << 30

// Engine is a ClickHouse and the servers over it.
type Engine struct {
	*server.Server
	host     *clickhousetest.Host
	database *clickhousetest.Server
	options  Options
	version  string
}

// Installed returns an error where there is no ClickHouse.
func Installed() error {
	h := clickhousetest.NewHost(context.Background(), "bench")
	return h.Run(func() { clickhousetest.Need(h) })
}

// Options say what runs over a ClickHouse.
type Options struct {
	Servers   int
	Freshness time.Duration // how old pages may be
	Layout    string        // one of Layouts; empty: as migrations make the tables
}

// Open starts a ClickHouse below dir, or goes on with the one that is there,
// and servers over it.
func Open(ctx context.Context, w *load.Workload, program, dir string, o Options) (_ *Engine, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	e := &Engine{host: clickhousetest.NewHost(ctx, "bench"), options: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.host.Close())
		}
	}()
	err = e.host.Run(func() {
		e.database = clickhousetest.Start(e.host, clickhousetest.Options{Dir: filepath.Join(dir, "clickhouse"), Memory: memory})
	})
	if err == nil {
		e.version, err = e.database.Query(ctx, "SELECT version()")
	}
	if err == nil {
		err = e.database.Exec(ctx, "CREATE DATABASE IF NOT EXISTS tollbook")
	}
	if err != nil {
		return nil, fmt.Errorf("ClickHouse: %w", err)
	}
	ledger := server.Ledger{
		Store: "clickhouse://" + e.database.Addr() + "/tollbook", Servers: o.Servers, Freshness: o.Freshness,
		Migrated: func(ctx context.Context) error { return e.lay(ctx, o.Layout) },
	}
	e.Server, err = server.Start(ctx, w, program, dir, ledger)
	return e, err
}

// Name returns the name and version.
func (e *Engine) Name() string {
	name := fmt.Sprintf("%s over ClickHouse %s, servers: %d", e.Server.Name(), e.version, e.options.Servers)
	if e.options.Layout != "" {
		name += ", layout: " + e.options.Layout
	}
	return name
}

// CPU returns what the servers and ClickHouse have used.
func (e *Engine) CPU() (float64, error) {
	servers, err1 := e.Server.CPU()
	own, err2 := proc.CPU(e.database.Pid())
	return servers + own, errors.Join(err1, err2)
}

// PeakMemory returns the most that each of them had.
func (e *Engine) PeakMemory() (int64, error) {
	servers, err1 := e.Server.PeakMemory()
	own, err2 := proc.PeakMemory(e.database.Pid())
	return servers + own, errors.Join(err1, err2)
}

// Records returns every record, with everything in it that was acknowledged
// before.
func (e *Engine) Records(ctx context.Context) ([]duty.Record, error) {
	if err := e.Await(ctx, time.Now()); err != nil {
		return nil, err
	}
	return e.Server.Records(ctx)
}

// awaitEvery is between two looks at how old a page is.
const awaitEvery = 100 * time.Millisecond

// Await returns when pages have everything in them that was acknowledged before
// a time.
func (e *Engine) Await(ctx context.Context, taken time.Time) error {
	c, err := e.Client()
	if err != nil {
		return err
	}
	for {
		at, err := server.AsOf(ctx, c)
		if err != nil || !at.Before(taken) {
			return err
		}
		if err := server.Until(ctx, time.Now().Add(awaitEvery)); err != nil {
			return err
		}
	}
}

// Events returns how many events are kept and count: one that several servers
// took at the same time is there more than once.
func (e *Engine) Events(ctx context.Context) (int64, error) {
	text, err := e.database.Query(ctx, "SELECT (SELECT count() FROM tollbook.events) - (SELECT count() FROM tollbook.repeats FINAL)")
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// Table is what a table takes on disk.
type Table struct {
	Name               string
	Rows, Bytes, Parts int64
}

// Tables returns what each table takes, the largest first.
func (e *Engine) Tables(ctx context.Context) (all []Table, err error) {
	text, err := e.database.Query(ctx, "SELECT table, sum(rows), sum(bytes_on_disk) AS bytes, count() FROM system.parts WHERE active AND database = 'tollbook' GROUP BY table ORDER BY bytes DESC")
	for line := range strings.Lines(text) {
		var t Table
		if _, err := fmt.Sscan(line, &t.Name, &t.Rows, &t.Bytes, &t.Parts); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, err
}

// Merge merges each table into as few parts as there can be.
func (e *Engine) Merge(ctx context.Context) error {
	tables, err := e.Tables(ctx)
	for i := range tables {
		if err == nil {
			err = e.database.Exec(ctx, "OPTIMIZE TABLE tollbook."+tables[i].Name+" FINAL")
		}
	}
	return err
}

// Size returns the bytes of all tables as they are.
func (e *Engine) Size(ctx context.Context) (sum int64, err error) {
	tables, err := e.Tables(ctx)
	for i := range tables {
		sum += tables[i].Bytes
	}
	return sum, err
}

// Disk merges everything and returns the bytes of all tables.
func (e *Engine) Disk(ctx context.Context) (int64, error) {
	if err := e.Merge(ctx); err != nil {
		return 0, err
	}
	return e.Size(ctx)
}

// Close ends the servers and ClickHouse; what is on disk stays.
func (e *Engine) Close() error { return errors.Join(e.Server.Close(), e.host.Close()) }
