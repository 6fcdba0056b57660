package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tollbook"
	"tollbook/bench/duty"
	"tollbook/load"
)

// scenario is one way of sending events, which all engines are measured in.
type scenario struct {
	name   string
	title  string
	batch  int
	conns  int
	events int            // of a round, at the default of the flag
	fewer  map[string]int // an engine that is slow at it gets this part of them
}

// The names of the scenarios that are not sent by the benchmark itself.
const (
	importJSON = "import-json"
	importCSV  = "import-csv"
	atLength   = "length"
)

// defaultEvents is what the scenarios' events are stated at.
const defaultEvents = 500_000

var scenarios = []scenario{
	{"batch-10000", "10,000 events a batch, 4 connections", 10_000, 4, 500_000, nil},
	{"batch-1000", "1,000 a batch, 16 connections", 1000, 16, 200_000, nil},
	{"batch-100", "100 a batch, 64 connections", 100, 64, 50_000, map[string]int{duty.DuckDB: 5}},
	{"single", "single events, 64 connections", 1, 64, 10_000, map[string]int{duty.DuckDB: 20, duty.ClickHouse(1): 5, duty.ClickHouse(2): 5, duty.ClickHouse(4): 5}},
	{importJSON, "a file of JSON lines, tollbook import", 0, 0, 500_000, nil},
	{importCSV, "a file of CSV, tollbook import", 0, 0, 500_000, nil},
}

// imported tells whether the scenario is a file that tollbook imports.
func (s *scenario) imported() bool { return s.batch == 0 }

// run returns what an engine is sent in a round, from event at on.
func (s *scenario) run(engine string, at uint64) duty.Run {
	return duty.Run{From: at, To: at + uint64(s.of(engine)), Batch: max(s.batch, 1), Conns: s.conns}
}

// of returns how many events of a round an engine gets.
func (s *scenario) of(engine string) int { return max(s.events/max(s.fewer[engine], 1), 1) }

func engineNames() []string {
	return []string{duty.Tollbook, duty.Postgres, duty.SQLite, duty.DuckDB}
}

// clickHouseNames are the engines that take part beside the local store.
func clickHouseNames() []string {
	return []string{duty.ClickHouse(1), duty.ClickHouse(2), duty.ClickHouse(4)}
}

func scenarioNames() []string {
	names := []string{atLength}
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	slices.Sort(names)
	return names
}

// plan is what a benchmark does.
type plan struct {
	workload  load.Workload
	engines   []string
	scenarios []scenario
	rounds    int
	quiet     time.Duration // for which no engine has had anything to do before one has its turn
	length    *length       // nil: not
	stores    *stores       // nil: not
	reads     *reads        // of each engine; nil: none
	freshness time.Duration // of servers over a ClickHouse
}

// length is what is done with Tollbook alone.
type length struct {
	windows, window int           // so many times so many events
	batches         int           // that are sent once more, and as many fresh ones
	crashes         int           // kill -9 and start again
	requests        int           // pages of each kind
	beside          int           // events a second that come in while pages are read
	overload        time.Duration // during which more is offered than can be taken
	overloadTimes   int           // how many times as much
	settle          time.Duration // the longest that background work is waited for; a 40th of it without any is the end
}

// plan returns what the flags ask for.
func (s *settings) plan() (plan, error) {
	now := time.Now()
	p := plan{
		workload: *load.Million(s.seed, tollbook.MonthOf(now.UTC())-1), // over, so that no event is of the future
		engines:  engineNames(), rounds: 3, quiet: 200 * time.Millisecond,
	}
	p.workload.Cover = true
	if s.clickhouse {
		if err := s.besideClickHouse(&p); err != nil {
			return p, err
		}
	}
	if s.layouts {
		return p, s.ofLayouts(&p)
	}
	events := defaultEvents
	if s.full {
		p.rounds, events = 5, 1_000_000
		p.length = &length{
			windows: 5, window: 10_000_000, batches: 20, crashes: 3, requests: 3000, beside: 100_000,
			overload: 2 * time.Minute, overloadTimes: 3, settle: 10 * time.Minute,
		}
	}
	if s.events < 0 || s.rounds < 0 {
		return p, fmt.Errorf("-events and -rounds must not be negative")
	}
	if s.events > 0 {
		events = s.events
		if p.length != nil {
			p.length.window = 5 * s.events
		}
	}
	if s.rounds > 0 {
		p.rounds = s.rounds
	}
	for _, sc := range scenarios {
		if s.clickhouse && sc.imported() {
			continue
		}
		sc.events = max(int(int64(sc.events)*int64(events)/defaultEvents), 1)
		p.scenarios = append(p.scenarios, sc)
	}
	return p, p.restrict(s.only)
}

// What -clickhouse does where nothing is said.
const (
	defaultFill      = 1_000_000
	defaultFreshness = 10 * time.Second
)

// besideClickHouse plans for the stores of Tollbook alone: 100,000 records.
func (s *settings) besideClickHouse(p *plan) error {
	if s.full || s.fill < 1 {
		return fmt.Errorf("-clickhouse and -full exclude each other, and -fill must be positive")
	}
	p.workload.Accounts, p.workload.PerAccount = 100, 1000
	p.engines, p.freshness = append([]string{duty.Tollbook}, clickHouseNames()...), s.freshness
	p.stores = &stores{servers: 2, fill: s.fill, portion: min(max(s.fill/20, 200_000), 1_000_000), batch: 10_000, requests: 300, reading: 10 * time.Second, beside: 10_000, dir: s.clickhouseDir}
	if s.clickhouseDir == "" {
		return nil
	}
	return readKept(s.clickhouseDir, &p.workload)
}

// restrict leaves the engines and scenarios named, and all of a kind of which
// none is named.
func (p *plan) restrict(only string) error {
	if only == "" {
		return nil
	}
	names := strings.Split(only, ",")
	known := append(slices.Clone(p.engines), scenarioNames()...)
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("-only: there is no engine or scenario %q", name)
		}
	}
	named := func(name string) bool { return slices.Contains(names, name) }
	if slices.ContainsFunc(p.engines, named) {
		p.engines = slices.DeleteFunc(p.engines, func(name string) bool { return !named(name) })
	}
	if slices.ContainsFunc(scenarioNames(), named) {
		p.scenarios = slices.DeleteFunc(p.scenarios, func(s scenario) bool { return !named(s.name) })
		if !named(atLength) {
			p.length, p.stores = nil, nil
		}
	}
	if !slices.Contains(p.engines, duty.Tollbook) {
		p.length = nil
	}
	return nil
}
