//go:build !race

package main

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/bench/clickhouse"
	"tollbook/bench/duty"
	"tollbook/bench/report"
	"tollbook/checktest"
	"tollbook/load"
)

func smallStoresPlan(dir string) plan {
	return plan{
		workload: load.Workload{Seed: 3, Accounts: 4, PerAccount: 300, Rates: 500, Month: tollbook.MonthOf(time.Now().UTC()) - 1, Repeats: 20, Cover: true},
		engines:  []string{duty.Tollbook, duty.ClickHouse(2)}, rounds: 1, quiet: time.Millisecond, freshness: 3 * time.Second,
		scenarios: []scenario{{"batch-1000", "1,000 a batch", 500, 4, 2000, nil}},
		stores:    &stores{servers: 2, fill: 4000, portion: 3000, batch: 500, requests: 5, beside: 20_000, dir: dir},
	}
}

// wantRows runs a benchmark, whose report must have these rows.
func wantRows(t *testing.T, b *workbench, rows ...string) {
	t.Helper()
	r, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := r.String()
	for _, row := range rows {
		if !regexp.MustCompile(row).MatchString(out) {
			t.Errorf("the report has no row %s:\n%s", row, out)
		}
	}
}

// TestSmallRunOfStores is the whole benchmark of the stores, and then again what
// goes on with the ClickHouse of the first.
func TestSmallRunOfStores(t *testing.T) {
	if err := clickhouse.Installed(); err != nil {
		checktest.NotRun(t, "bench: the small run over ClickHouse: "+err.Error())
		t.SkipNow()
	}
	kept := t.TempDir()
	b, err := newBench(t.Context(), settings{dir: diskDir(t), root: ".."}, smallStoresPlan(kept), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	wantRows(t, b,
		`\| 1,000 a batch +\| tollbook +\|.* 1\.00 \|`,
		`\| 1,000 a batch +\| clickhouse-2 +\|`,
		`\| events/s, 500 × 4, up to 4,000 events +\|.*,.*\|`,
		`\| of them older than the 3s asked for, at either instant +\| +– \| +0, \d+ \|`,
		`\| a page of 250 of one account, while events come in, p99 +\|.* ms \|.* ms \|`,
		`\| of it events +\| +– \| .* bytes/event, .* a row \|`,
	)

	p := smallStoresPlan(kept)
	p.workload.Seed, p.stores.fill = 4, 20_000
	if err := readKept(kept, &p.workload); err != nil || p.workload.Seed != 3 {
		t.Fatalf("seed %d is kept, %v", p.workload.Seed, err)
	}
	var progress strings.Builder
	again := &workbench{plan: p, dir: t.TempDir(), program: b.program, log: &progress, started: time.Now()}
	if err := again.stores(t.Context(), &report.Report{}); err != nil {
		t.Fatalf("%v\n%s", errors.Join(err, again.end()), &progress)
	}
	if !strings.Contains(progress.String(), "are there; sending those from") {
		t.Errorf("what was kept was not gone on with:\n%s", &progress)
	}
	if err := readKept(filepath.Join(kept, "none"), &p.workload); err != nil {
		t.Errorf("of a directory that is new: %v", err)
	}
}

// TestSmallRunOfLayouts is the benchmark of layouts with one of them.
func TestSmallRunOfLayouts(t *testing.T) {
	if err := clickhouse.Installed(); err != nil {
		checktest.NotRun(t, "bench: the small run of layouts: "+err.Error())
		t.SkipNow()
	}
	p := smallStoresPlan("")
	p.stores, p.engines, p.reads = nil, []string{duty.ClickHouse(1), duty.Layout("events-by-claim")}, &reads{requests: 3, again: 2}
	p.scenarios[0].events = 12_000 // sent again, a batch of which has 10,000
	b, err := newBench(t.Context(), settings{dir: diskDir(t), root: ".."}, p, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	wantRows(t, b,
		`\| 1,000 a batch +\| clickhouse-1 +\|.* 1\.00 \|`,
		`\| clickhouse-1-events-by-claim \| .* ms, .* ms \| .* ms, .* ms \| .* ms, .* ms \| .* ms, .* ms \|`,
		`\| tollbook .*, servers: 1, layout: events-by-claim \| .* \|`,
		`- clickhouse-1-events-by-claim: events in the order of claims\.`,
	)
}
