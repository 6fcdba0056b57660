package report

import (
	"fmt"
	"strings"
	"time"
)

// Report is what a benchmark found.
type Report struct {
	Title   string
	Command string   // that made it
	Beside  string   // where more is to be found
	Machine []string // it ran on, and the versions of everything, an item each
	Terms   []string // what the comparison is fair and unfair by, an item each

	Rates []Rate
	Kept  []Kept
	Long  []Finding // of Tollbook alone
	Pairs []Pair    // of the local store and a ClickHouse

	Reads     []Read
	ReadHeads []string // what each of a Read's Times is of

	// Base is the engine that rates are compared with, and BaseName what the
	// table calls it.
	Base, BaseName string
}

// Rate is how fast an engine was in one scenario.
type Rate struct {
	Scenario  string
	Engine    string // as of the flags
	Events    int    // of each round
	PerSecond []float64
	CPU       float64 // µs an event, the engine's alone
}

// Kept is what an engine had in the end.
type Kept struct {
	Engine string
	Name   string // with its version
	Events int64
	Disk   int64 // bytes for the events, what an empty one has not counted
	Memory int64 // the most bytes
}

// Read is how long each of several requests to an engine took.
type Read struct {
	Engine string
	Times  [][]time.Duration // of each kind
}

// Pair is one figure of the local store and one of a ClickHouse.
type Pair struct{ What, One, Other, Ratio string }

// Finding is one figure.
type Finding struct{ What, Figure string }

// String returns the report in Markdown.
func (r *Report) String() string {
	var b strings.Builder
	b.WriteString("# " + r.Title + "\n\nMade by `" + r.Command + "`; a run writes this page anew.\n")
	if r.Beside != "" {
		b.WriteString("\n" + r.Beside + "\n")
	}
	list := func(head string, items []string) {
		if len(items) == 0 {
			return
		}
		b.WriteString("\n## " + head + "\n\n")
		for _, item := range items {
			b.WriteString("- " + item + "\n")
		}
	}
	section := func(head string, t *Table) {
		if !t.Empty() {
			b.WriteString("\n## " + head + "\n\n" + t.String())
		}
	}
	section("Events a second", r.rates())
	section("What it takes", r.kept())
	section("Reads", r.reads())
	section("Tollbook at length", r.long())
	section("At length", r.pairs())
	list("How it was measured", r.Terms)
	list("Where", r.Machine)
	return b.String()
}

func (r *Report) rates() *Table {
	t := NewTable("scenario", "engine", ">events/s, median", ">lowest to highest", ">to "+r.BaseName, ">CPU µs/event", ">events a round")
	for i := range r.Rates {
		m := &r.Rates[i]
		s := Of(m.PerSecond)
		t.Row(m.Scenario, m.Engine, Count(s.Median), Count(s.Low)+" to "+Count(s.High), r.ratio(m), fmt.Sprintf("%.1f", m.CPU), Count(float64(m.Events)))
	}
	return t
}

// ratio returns how many times as fast as the base an engine was.
func (r *Report) ratio(m *Rate) string {
	for i := range r.Rates {
		p := &r.Rates[i]
		if p.Scenario == m.Scenario && p.Engine == r.Base {
			return fmt.Sprintf("%.2f", Of(m.PerSecond).Median/Of(p.PerSecond).Median)
		}
	}
	return "–"
}

func (r *Report) kept() *Table {
	t := NewTable("engine", ">events kept", ">disk bytes/event", ">peak memory")
	for _, k := range r.Kept {
		t.Row(k.Name, Count(float64(k.Events)), Count(float64(k.Disk)/float64(max(k.Events, 1))), Bytes(k.Memory))
	}
	return t
}

func (r *Report) reads() *Table {
	head := []string{"engine"}
	for _, h := range r.ReadHeads {
		head = append(head, ">"+h)
	}
	t := NewTable(head...)
	for _, read := range r.Reads {
		row := []string{read.Engine}
		for _, times := range read.Times {
			row = append(row, Millis(Quantile(times, 0.5))+", "+Millis(Quantile(times, 0.99)))
		}
		t.Row(row...)
	}
	return t
}

func (r *Report) pairs() *Table {
	t := NewTable("what", ">local store", ">ClickHouse", ">ratio")
	for _, p := range r.Pairs {
		t.Row(p.What, p.One, p.Other, p.Ratio)
	}
	return t
}

func (r *Report) long() *Table {
	t := NewTable("what", ">figure")
	for _, f := range r.Long {
		t.Row(f.What, f.Figure)
	}
	return t
}
