//go:build !race

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/bench/duty"
	"tollbook/bench/peer"
	"tollbook/checktest"
	"tollbook/load"
	"tollbook/wire"
)

// TestMain lets the test binary be the processes that SQLite and DuckDB run
// in.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == peer.ProcessCommand {
		if err := peer.ServeProcess(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	m.Run()
}

// smallPlan does everything that the real ones do, with few events.
func smallPlan() plan {
	p := plan{
		workload: load.Workload{Seed: 3, Accounts: 20, PerAccount: 50, Rates: 500, Month: tollbook.MonthOf(time.Now().UTC()) - 1, Repeats: 20, Cover: true},
		engines:  engineNames(), rounds: 2, quiet: time.Millisecond,
		length: &length{
			windows: 2, window: 10_000, batches: 1, crashes: 1, requests: 20, beside: 20_000,
			overload: 200 * time.Millisecond, overloadTimes: 3, settle: 400 * time.Millisecond,
		},
	}
	for _, sc := range scenarios {
		sc.events = max(sc.events/200, 50)
		p.scenarios = append(p.scenarios, sc)
	}
	return p
}

// TestSmallRun is the whole benchmark with little in it: every engine that is
// here, every scenario, and the exact check in the end.
func TestSmallRun(t *testing.T) {
	p := smallPlan()
	if _, err := peer.PostgresPrograms(); err != nil {
		checktest.NotRun(t, "bench: the small run of PostgreSQL: "+err.Error())
		p.engines = slices.DeleteFunc(p.engines, func(name string) bool { return name == duty.Postgres })
	}
	dir := diskDir(t)
	s := settings{dir: dir, root: "..", out: filepath.Join(t.TempDir(), "report.md")}
	var out bytes.Buffer
	if err := bench(t.Context(), s, p, &out, t.Output()); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(s.out)
	if err != nil || string(written) != out.String() {
		t.Errorf("the report was written as %q, %v", written, err)
	}
	for _, engine := range p.engines {
		for _, sc := range scenarios {
			if row := fmt.Sprintf("| %-37s | %-8s |", sc.title, engine); !strings.Contains(out.String(), row) && (engine == duty.Tollbook || !sc.imported()) {
				t.Errorf("the report has no row %q:\n%s", row, &out)
			}
		}
	}
	for _, what := range []string{"kill -9", "overload", "50 events of a record"} {
		if !strings.Contains(out.String(), what) {
			t.Errorf("the report does not tell of %q:\n%s", what, &out)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// diskDir returns a directory through which the user who runs PostgreSQL gets.
func diskDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bench-test-")
	if err == nil {
		err = os.Chmod(dir, 0o711)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestCheckOfARealEngine: an event that an engine was not given, and one that
// it was given although it should not count, is noticed.
func TestCheckOfARealEngine(t *testing.T) {
	p := smallPlan()
	b := &workbench{plan: p, dir: diskDir(t), log: t.Output(), started: time.Now()}
	s, err := b.start(t.Context(), duty.SQLite, b.dir)
	if err != nil {
		t.Fatal(err)
	}
	b.sides = append(b.sides, s)
	defer b.close()
	const events = 2000
	if _, err := s.send(t.Context(), duty.Run{To: events, Batch: 500, Conns: 1}); err != nil {
		t.Fatal(err)
	}
	if err := b.check(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	fresh := func(n uint64) uint64 { // the first event from n on that repeats none
		for p.workload.First(n) != n {
			n++
		}
		return n
	}
	s.totals.Advance(fresh(events) + 1) // which the engine was never given: it is lost
	if err := b.check(t.Context(), s); err == nil || !strings.Contains(err.Error(), "differences") {
		t.Errorf("a lost event: %v", err)
	}
	surplus := fresh(fresh(events) + 1)
	if _, err := s.send(t.Context(), duty.Run{From: events, To: surplus + 1, Batch: 500, Conns: 1}); err == nil {
		t.Error("more events were accepted than there are, and nobody noticed")
	}
	s.totals = duty.NewTotals(&p.workload)
	s.totals.Advance(surplus) // the engine counted one more
	if err := b.check(t.Context(), s); err == nil || !strings.Contains(err.Error(), "differences") {
		t.Errorf("an event too many: %v", err)
	}
}

// TestFilesSayTheSame: the CSV that is imported holds the events of the JSON.
func TestFilesSayTheSame(t *testing.T) {
	p := smallPlan()
	r := duty.Run{From: 900, To: 1500}
	decode := func(format wire.Format, write func(*bufio.Writer, *load.Workload, duty.Run) error) []wire.Item {
		var text bytes.Buffer
		w := bufio.NewWriter(&text)
		if err := write(w, &p.workload, r); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		items, err := wire.Decode(format, text.String(), wire.Options{Now: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		return items
	}
	lines, rows := decode(wire.NDJSON, writeLines), decode(wire.CSV, writeCSV)
	if len(lines) != r.Events() || len(rows) != r.Events() {
		t.Fatalf("%d lines, %d rows", len(lines), len(rows))
	}
	for i := range lines {
		if lines[i].Err != nil || rows[i].Err != nil || !reflect.DeepEqual(lines[i].Event, rows[i].Event) {
			t.Fatalf("event %d: %+v, %+v", i, lines[i], rows[i])
		}
	}
}

func TestRestrict(t *testing.T) {
	for only, want := range map[string][2]string{
		"":                   {"tollbook postgres sqlite duckdb", "batch-10000 batch-1000 batch-100 single import-json import-csv length"},
		"sqlite":             {"sqlite", "batch-10000 batch-1000 batch-100 single import-json import-csv"},
		"single":             {"tollbook postgres sqlite duckdb", "single"},
		"tollbook,length":    {"tollbook", "length"},
		"duckdb,batch-10000": {"duckdb", "batch-10000"},
	} {
		s := settings{full: true, only: only, seed: 1}
		p, err := s.plan()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, sc := range p.scenarios {
			names = append(names, sc.name)
		}
		if p.length != nil {
			names = append(names, atLength)
		}
		if got := [2]string{strings.Join(p.engines, " "), strings.Join(names, " ")}; got != want {
			t.Errorf("-only %q is %q, want %q", only, got, want)
		}
	}
	p, err := (&settings{clickhouse: true, fill: 1, only: "clickhouse-2,single"}).plan()
	if err != nil || len(p.engines) != 1 || len(p.scenarios) != 1 || p.stores != nil {
		t.Errorf("one engine and scenario beside a ClickHouse: %+v, %v", p, err)
	}
	if _, err := (&settings{only: "oracle"}).plan(); err == nil {
		t.Error("an engine that there is not was taken")
	}
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"-only", "oracle"}, {"-events", "-1"}, {"-clickhouse", "-full"}, {"argument"}} {
		var complaint bytes.Buffer
		if code := run(context.Background(), args, &complaint, &complaint); code != 2 || complaint.Len() == 0 {
			t.Errorf("%q: exit code %d, %s", args, code, &complaint)
		}
	}
}

func TestCommandRepeatsTheRun(t *testing.T) {
	for want, s := range map[string]settings{
		"make bench":                           {seed: 1},
		"make bench-full":                      {seed: 1, full: true},
		`make bench BENCH="-rounds 2 -seed 9"`: {seed: 9, rounds: 2},
		"make bench-clickhouse":                {seed: 1, clickhouse: true, fill: defaultFill, freshness: defaultFreshness},
		`make bench-clickhouse BENCH="-fill 5 -freshness 2s"`: {seed: 1, clickhouse: true, fill: 5, freshness: 2 * time.Second},
	} {
		if got := s.command(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
