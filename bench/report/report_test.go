package report

import (
	"strings"
	"testing"
	"time"
)

func TestOf(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   Stats
	}{
		{[]float64{5}, Stats{5, 5, 5}},
		{[]float64{3, 1, 2}, Stats{2, 1, 3}},
		{[]float64{4, 1, 2, 9}, Stats{3, 1, 9}},
	} {
		if got := Of(tt.values); got != tt.want {
			t.Errorf("Of(%v) = %v, want %v", tt.values, got, tt.want)
		}
	}
}

func TestQuantile(t *testing.T) {
	var all []time.Duration
	for i := 100; i >= 1; i-- {
		all = append(all, time.Duration(i))
	}
	for q, want := range map[float64]time.Duration{0.5: 50, 0.99: 99, 1: 100, 0.001: 1} {
		if got := Quantile(all, q); got != want {
			t.Errorf("Quantile(%v) = %d, want %d", q, got, want)
		}
	}
	if got := Quantile([]time.Duration{7}, 0.5); got != 7 {
		t.Errorf("of one: %d", got)
	}
}

func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{
		Count(0): "0", Count(999.4): "999", Count(1000): "1,000", Count(1234567.5): "1,234,568", Count(-1234): "-1,234",
		Bytes(1023): "1,023 B", Bytes(5 << 20): "5 MiB", Bytes(3 << 29): "1.50 GiB", Millis(1500 * time.Microsecond): "1.50 ms",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestReport(t *testing.T) {
	r := &Report{
		Title: "Benchmarks", Command: "make bench", Base: "postgres", BaseName: "PostgreSQL", Machine: []string{"one core"}, Terms: []string{"fair"},
		Rates: []Rate{
			{"large", "tollbook", 1000, []float64{400_000, 500_000, 450_000}, 2.5},
			{"large", "postgres", 1000, []float64{90_000}, 16},
			{"alone", "tollbook", 10, []float64{1}, 1},
		},
		Kept:  []Kept{{"tollbook", "Tollbook 1", 1000, 150_000, 1 << 30}},
		Long:  []Finding{{"memory", "a lot"}},
		Pairs: []Pair{{"a page", "1.00 ms", "2.00 ms", "2.00"}},

		ReadHeads: []string{"a page", "again"},
		Reads:     []Read{{"tollbook", [][]time.Duration{{3e6, 1e6, 2e6}, {4e6}}}},
	}
	const want = `# Benchmarks

Made by ` + "`make bench`" + `; a run writes this page anew.

## Events a second

| scenario | engine   | events/s, median |  lowest to highest | to PostgreSQL | CPU µs/event | events a round |
| -------- | -------- | ---------------: | -----------------: | ------------: | -----------: | -------------: |
| large    | tollbook |          450,000 | 400,000 to 500,000 |          5.00 |          2.5 |          1,000 |
| large    | postgres |           90,000 |   90,000 to 90,000 |          1.00 |         16.0 |          1,000 |
| alone    | tollbook |                1 |             1 to 1 |             – |          1.0 |             10 |

## What it takes

| engine     | events kept | disk bytes/event | peak memory |
| ---------- | ----------: | ---------------: | ----------: |
| Tollbook 1 |       1,000 |              150 |    1.00 GiB |

## Reads

| engine   |           a page |            again |
| -------- | ---------------: | ---------------: |
| tollbook | 2.00 ms, 3.00 ms | 4.00 ms, 4.00 ms |

## Tollbook at length

| what   | figure |
| ------ | -----: |
| memory |  a lot |

## At length

| what   | local store | ClickHouse | ratio |
| ------ | ----------: | ---------: | ----: |
| a page |     1.00 ms |    2.00 ms |  2.00 |

## How it was measured

- fair

## Where

- one core
`
	if got := r.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := (&Report{Command: "x"}).String(); strings.Contains(got, "##") {
		t.Errorf("an empty report has sections: %s", got)
	}
}
