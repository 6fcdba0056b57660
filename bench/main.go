// Command bench measures Tollbook beside what one would write instead:
// PostgreSQL, SQLite and DuckDB with the same duty, on the same events, in the
// same run, in turn.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"tollbook/bench/peer"
	"tollbook/bench/proc"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == peer.ProcessCommand {
		if err := peer.ServeProcess(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// settings are what the flags say.
type settings struct {
	full   bool
	only   string
	events int
	rounds int
	seed   uint64
	dir    string
	root   string
	out    string

	clickhouse    bool
	layouts       bool
	fill          int
	freshness     time.Duration
	clickhouseDir string
}

// run runs the program and returns its exit code. When ctx ends, everything
// that was started ends and what was written is removed.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var s settings
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.BoolVar(&s.full, "full", false, "longer rounds, and Tollbook alone at 50 million events; up to an hour")
	f.StringVar(&s.only, "only", "", "engines and scenarios, between commas: "+strings.Join(slices.Concat(engineNames(), clickHouseNames(), layoutNames(), scenarioNames()), ", "))
	f.IntVar(&s.events, "events", 0, "events of a round in the first scenario, the others in proportion, and a fifth of each window at length (default 500,000; with -full 1,000,000 and windows of 10,000,000)")
	f.IntVar(&s.rounds, "rounds", 0, "rounds, in each of which every engine has its turn (default 3; with -full 5)")
	f.Uint64Var(&s.seed, "seed", 1, "of the workload")
	f.StringVar(&s.dir, "dir", os.TempDir(), "where the data goes; must be on a real disk")
	f.StringVar(&s.root, "root", "..", "Tollbook's module")
	f.StringVar(&s.out, "out", "", "file to write the report to, in Markdown, beside standard output")
	f.BoolVar(&s.clickhouse, "clickhouse", false, "the local store beside 1, 2 and 4 servers over a ClickHouse instead; about 15 minutes")
	f.IntVar(&s.fill, "fill", defaultFill, "with -clickhouse: events that both stores have when pages are read")
	f.DurationVar(&s.freshness, "freshness", defaultFreshness, "with -clickhouse: how old a page may be")
	f.StringVar(&s.clickhouseDir, "clickhouse-dir", "", "with -clickhouse: directory of the ClickHouse that is filled; it stays, and a later run goes on with it")
	f.BoolVar(&s.layouts, "layouts", false, "with -clickhouse: a server over the tables as they are, beside servers over other layouts of them; about 10 minutes")
	if err := f.Parse(args); err != nil {
		return 2
	}
	if f.NArg() > 0 {
		fmt.Fprintf(stderr, "bench: unexpected argument %q\n", f.Arg(0))
		return 2
	}
	p, err := s.plan()
	if err == nil {
		err = proc.RealDisk(s.dir)
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 2
	}
	err = bench(ctx, s, p, stdout, stderr)
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil: // whatever else it looks like
		fmt.Fprintln(stderr, "bench: interrupted; everything that it started has ended")
		return 130
	}
	fmt.Fprintln(stderr, "bench:", err)
	return 1
}

// bench runs a plan and writes its report.
func bench(ctx context.Context, s settings, p plan, stdout, stderr io.Writer) error {
	b, err := newBench(ctx, s, p, stderr)
	if err != nil {
		return err
	}
	defer b.close()
	r, err := b.run(ctx)
	if err != nil {
		return err
	}
	r.Title, r.Command = "Benchmarks", s.command()
	switch {
	case s.layouts:
		r.Title = "Layouts of the tables in ClickHouse"
	case s.clickhouse:
		r.Title = "Benchmarks of the ClickHouse store"
	default:
		r.Beside = "The local store beside a ClickHouse, by `make bench-clickhouse`: [benchmarks-clickhouse.md](benchmarks-clickhouse.md)."
	}
	text := r.String()
	if _, err := io.WriteString(stdout, text); err != nil {
		return err
	}
	if s.out == "" {
		return nil
	}
	return os.WriteFile(s.out, []byte(text), 0o644)
}

// command returns how the run can be repeated.
func (s *settings) command() string {
	command := "make bench"
	var flags []string
	switch {
	case s.full:
		command = "make bench-full"
	case s.clickhouse:
		command = "make bench-clickhouse"
		if s.layouts {
			flags = append(flags, "-layouts")
		}
		if s.fill != defaultFill {
			flags = append(flags, fmt.Sprintf("-fill %d", s.fill))
		}
		if s.freshness != defaultFreshness {
			flags = append(flags, fmt.Sprintf("-freshness %v", s.freshness))
		}
	}
	if s.only != "" {
		flags = append(flags, "-only "+s.only)
	}
	if s.events != 0 {
		flags = append(flags, fmt.Sprintf("-events %d", s.events))
	}
	if s.rounds != 0 {
		flags = append(flags, fmt.Sprintf("-rounds %d", s.rounds))
	}
	if s.seed != 1 {
		flags = append(flags, fmt.Sprintf("-seed %d", s.seed))
	}
	if len(flags) > 0 {
		command += ` BENCH="` + strings.Join(flags, " ") + `"`
	}
	return command
}
