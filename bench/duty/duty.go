// Package duty says what every engine of a benchmark must do, and checks that
// it did: the same events, each counted once for ever, durable before they
// are acknowledged, and in the end exactly the totals that the workload itself
// comes to.
package duty

import (
	"context"
	"strconv"
	"strings"

	"tollbook/load"
)

// Run is a part of a workload, to be sent from several connections at once, a
// batch after another on each.
type Run struct {
	From, To uint64 // events of the workload, To not included
	Batch    int    // events that are acknowledged together
	Conns    int
}

// Events returns how many events a run has, those sent again counted.
func (r Run) Events() int { return int(r.To - r.From) }

// Batches calls do with the bounds of each batch, until it fails.
func (r Run) Batches(do func(from, to uint64) error) error {
	for from := r.From; from < r.To; from += uint64(r.Batch) {
		if err := do(from, min(from+uint64(r.Batch), r.To)); err != nil {
			return err
		}
	}
	return nil
}

// Outcome is what an engine says became of a run's events.
type Outcome struct {
	Accepted  int
	Duplicate int
	Conflict  int // known by name, with other content
	Refused   int // not taken for any other reason
}

// Add adds p to o.
func (o *Outcome) Add(p Outcome) {
	o.Accepted += p.Accepted
	o.Duplicate += p.Duplicate
	o.Conflict += p.Conflict
	o.Refused += p.Refused
}

// Record is what an engine says a record came to.
type Record struct {
	Record int   // the workload's number of it
	Units  int64 // minutes
	Amount int64 // in 1/10,000 USD
	Events int64 // 0 where the engine does not tell
}

// Engine is one side of a benchmark, running and empty but for definitions.
type Engine interface {
	// Name returns what the engine is and of which version.
	Name() string

	// Prepare makes a run's input, apart from what is measured, and returns
	// what sends it. It is sent once.
	Prepare(ctx context.Context, r Run) (Send, error)

	// Records returns every record, in any order.
	Records(ctx context.Context) ([]Record, error)

	// Events returns how many events are kept, -1 where the engine does not
	// tell.
	Events(ctx context.Context) (int64, error)

	// CPU returns how many seconds of processor time the engine has used,
	// apart from what sends to it where it is another process.
	CPU() (float64, error)

	// PeakMemory returns the most bytes of memory that the engine had.
	PeakMemory() (int64, error)

	// Disk brings what is on disk into the state that it stays in and returns
	// its bytes.
	Disk(ctx context.Context) (int64, error)

	// Close ends the engine and everything that it started.
	Close() error
}

// Send sends what was prepared, and returns when all of it is durable.
type Send func(ctx context.Context) (Outcome, error)

// Engines that take part, by the names of the flags.
const (
	Tollbook = "tollbook"
	Postgres = "postgres"
	SQLite   = "sqlite"
	DuckDB   = "duckdb"
)

// ClickHouse returns the name of so many tollbook servers over a ClickHouse.
func ClickHouse(servers int) string { return clickHousePrefix + strconv.Itoa(servers) }

// Layout returns the name of one such server over tables in another layout than
// migrations have.
func Layout(name string) string { return ClickHouse(1) + "-" + name }

const clickHousePrefix = "clickhouse-"

// ServersOf returns how many servers over a ClickHouse a name says, 0 where it
// is that of something else, and the layout of the tables, if it is another one.
func ServersOf(name string) (servers int, layout string) {
	rest, ok := strings.CutPrefix(name, clickHousePrefix)
	digits, layout, _ := strings.Cut(rest, "-")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 1 || strconv.Itoa(n) != digits {
		return 0, ""
	}
	return n, layout
}

// OverClickHouse tells whether a name is that of servers over a ClickHouse.
func OverClickHouse(name string) bool {
	n, _ := ServersOf(name)
	return n > 0
}

// amountOf returns what units of a rate cost, in 1/10,000 USD: exact, for that
// is what the workload's prices are made of.
func amountOf(rate int, units int64) int64 { return PriceOf(rate) * units }

// PriceOf returns the price of a rate in 1/10,000 USD.
func PriceOf(rate int) int64 {
	coef, ok := load.Price(rate).Scaled(PriceScale)
	price, fits := coef.Uint64()
	if !ok || !fits {
		panic("a price of the workload has more than four places")
	}
	return int64(price)
}

// PriceScale is how many places after the point prices and amounts have.
const PriceScale = 4
