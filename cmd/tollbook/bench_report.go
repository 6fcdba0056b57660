package main

import (
	"fmt"
	"strconv"
	"time"

	"tollbook/load"
)

// loadReport is what a load came to, as JSON shows it. Times are in seconds.
type loadReport struct {
	OrganizationID  string        `json:"organization_id"`
	Seed            uint64        `json:"seed"`
	Events          int           `json:"events"`
	Requests        int           `json:"requests"`
	Seconds         float64       `json:"seconds"`
	EventsPerSecond int           `json:"events_per_second"`
	Latency         latencyReport `json:"latency_seconds"`
	Accepted        int           `json:"accepted"`
	Duplicate       int           `json:"duplicate"`
	Conflict        int           `json:"conflict"`
	Rejected        int           `json:"rejected"`
	Unrated         int           `json:"unrated"`
	TooMany         int           `json:"answers_429"`
	Unavailable     int           `json:"answers_503"`
	NoAnswer        int           `json:"without_answer"`
	Records         int           `json:"records"`
	Exact           bool          `json:"exact"`
	Wrong           int           `json:"records_wrong"`
	Missing         int           `json:"records_missing"`
	Differences     []string      `json:"differences"` // the first few
}

// latencyReport is of requests, until they were taken.
type latencyReport struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// reportLoad prints what a load came to, and fails where it is not exact.
func (a *app) reportLoad(b *bench, r *load.Result, v *load.Verdict, output string) error {
	var err error
	if output == asJSON {
		err = a.printJSON(reportOf(b, r, v))
	} else {
		a.printLoad(b, r, v)
	}
	if err != nil || v.Exact() {
		return err
	}
	if v.Missing == 0 && v.Above == v.Wrong {
		a.say("Every wrong record has too much, none too little: did an earlier run of seed %d send more events?", b.seed)
	}
	return failedSilently()
}

func reportOf(b *bench, r *load.Result, v *load.Verdict) *loadReport {
	report := &loadReport{
		OrganizationID: b.workload.OrganizationID(), Seed: b.seed,
		Events: r.Events(), Requests: r.Batches, Seconds: seconds(r.Took), EventsPerSecond: eventsPerSecond(r),
		Latency: latencyReport{
			P50: seconds(r.Latency.Percentile(50)), P90: seconds(r.Latency.Percentile(90)),
			P99: seconds(r.Latency.Percentile(99)), Max: seconds(r.Latency.Max()),
		},
		Accepted: r.Accepted, Duplicate: r.Duplicate, Conflict: r.Conflict, Rejected: r.Rejected, Unrated: r.Unrated,
		TooMany: r.Busy, Unavailable: r.Down, NoAnswer: r.Broken,
		Records: v.Records, Exact: v.Exact(), Wrong: v.Wrong, Missing: v.Missing, Differences: v.Differences,
	}
	if report.Differences == nil {
		report.Differences = []string{}
	}
	return report
}

// seconds returns a duration with no more digits than mean anything.
func seconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e6 }

func eventsPerSecond(r *load.Result) int {
	if r.Took <= 0 {
		return 0
	}
	return int(float64(r.Events()) / r.Took.Seconds())
}

func (a *app) printLoad(b *bench, r *load.Result, v *load.Verdict) {
	asked := "as fast as they were taken"
	if b.rate > 0 {
		asked = grouped(b.rate) + " a second were due"
	}
	rows := [][]string{
		{"organization", b.workload.OrganizationID()},
		{"seed", strconv.FormatUint(b.seed, 10)},
		{"events", fmt.Sprintf("%s in %s over %s, %s", grouped(r.Events()), plural(r.Batches, "request"), plural(b.connections, "connection"), asked)},
		{"time", shortTime(r.Took)},
		{"events a second", grouped(eventsPerSecond(r))},
	}
	for _, p := range []float64{50, 90, 99} {
		rows = append(rows, []string{fmt.Sprintf("latency p%v", p), shortTime(r.Latency.Percentile(p))})
	}
	rows = append(rows, []string{"latency max", shortTime(r.Latency.Max())})
	for _, n := range []struct {
		what  string
		count int
	}{
		{"accepted", r.Accepted}, {"duplicate", r.Duplicate}, {"conflict", r.Conflict}, {"rejected", r.Rejected}, {"unrated", r.Unrated},
		{"answers 429", r.Busy}, {"answers 503", r.Down}, {"requests without an answer", r.Broken},
	} {
		rows = append(rows, []string{n.what, grouped(n.count)})
	}
	a.printTable("", left("what", "figure"), rows)
	a.blankLine()
	if v.Exact() {
		fmt.Fprintf(a.stdout, "%s, every one exact.\n", plural(v.Records, "record"))
		return
	}
	fmt.Fprintf(a.stdout, "NOT EXACT: of %s %s wrong; %s missing.\n", plural(v.Records, "record"), grouped(v.Wrong), grouped(v.Missing))
	for _, d := range v.Differences {
		fmt.Fprintf(a.stdout, "  %s\n", printable(d))
	}
}

// shortTime returns a duration with about three digits.
func shortTime(d time.Duration) string {
	for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if d >= unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.String()
}
