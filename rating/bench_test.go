package rating

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/load"
)

// bigCSV is a card of n prefixes of 1 to 8 digits, a row each, at one of some
// prices.
func bigCSV(n, prices int, rng *rand.Rand) (string, []string) {
	var b strings.Builder
	b.WriteString("resource,direction,prefixes,price_per_increment,increment,unit_of_measure,currency,description,product_id\n")
	seen := map[string]bool{}
	var prefixes []string
	for len(prefixes) < n {
		p := fmt.Sprint(1 + rng.IntN([]int{9, 99, 9999, 99_999, 999_999, 9_999_999, 99_999_999}[rng.IntN(7)]))
		if seen[p] {
			continue
		}
		seen[p] = true
		prefixes = append(prefixes, p)
		fmt.Fprintf(&b, "call,outbound,%s,0.%09d,6,minutes,USD,Outbound call,TD-USG-%d\n", p, 1+rng.IntN(prices), rng.IntN(3))
	}
	return b.String(), prefixes
}

func BenchmarkMeasure(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	csv, prefixes := bigCSV(50_000, 200, rng)
	c := card(b, strings.TrimSpace(csv))
	numbers := make([]string, 4096)
	for i := range numbers {
		numbers[i] = fmt.Sprintf("+%s%07d", prefixes[rng.IntN(len(prefixes))], rng.IntN(10_000_000))
	}
	e := event("", "", 1_700_000_000)
	e.Direction, e.Resolution, e.Quantity = tollbook.Outbound, tollbook.Answered, dec("137")
	cal := calendar(b, "Europe/Berlin")
	var charges []tollbook.Charge
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		e.To = numbers[i%len(numbers)]
		var why tollbook.Unrated
		if charges, _, why = c.Measure(charges[:0], e, cal); why != 0 {
			b.Fatal(why)
		}
		i++
	}
}

func BenchmarkMeasureInbound(b *testing.B) {
	csv := "resource,direction,country_code,category,price_per_increment,increment,unit_of_measure,currency,effective_from\ncall,inbound,,,1,1,minutes,USD,\n"
	for i := range 250 {
		csv += fmt.Sprintf("call,inbound,c%d,,1,60,seconds,USD,\n", i)
		for j := range 8 {
			csv += fmt.Sprintf("call,inbound,c%d,category %d,1,60,seconds,USD,2020-01-01\n", i, j)
		}
	}
	c := card(b, strings.TrimSpace(csv))
	e := event("+4930123456", "C77", 1_700_000_000)
	e.Direction, e.Category = tollbook.Inbound, "Category 5"
	cal := calendar(b, "Europe/Berlin")
	var charges []tollbook.Charge
	b.ReportAllocs()
	for b.Loop() {
		charges, _, _ = c.Measure(charges[:0], e, cal)
	}
}

func BenchmarkPricer(b *testing.B) {
	e := event("", "", 0)
	e.Priced, e.Price, e.Currency = true, dec("0.0125"), "USD"
	p := NewPricer()
	var charges []tollbook.Charge
	b.ReportAllocs()
	for b.Loop() {
		charges = p.Measure(charges[:0], e)
	}
}

// BenchmarkLoad reads and compiles a card of 260,000 rows with a prefix each,
// once at some hundred prices and once with a price of its own for each. What
// the card holds is live_MB, beside the text.
func BenchmarkLoad(b *testing.B) {
	for name, prices := range map[string]int{"200_prices": 200, "own_prices": 1_000_000_000} {
		b.Run(name, func(b *testing.B) {
			csv, _ := bigCSV(260_000, prices, rand.New(rand.NewPCG(1, 2)))
			before := liveBytes()
			b.SetBytes(int64(len(csv)))
			b.ReportAllocs()
			var c *Card
			for b.Loop() {
				table, errs := ParseCard(csv)
				if table == nil {
					b.Fatal(errs[0])
				}
				c = Compile("card", 1, table)
			}
			b.ReportMetric(float64(liveBytes()-before)/1e6, "live_MB")
			runtime.KeepAlive(c)
			runtime.KeepAlive(csv)
		})
	}
}

// liveBytes returns how much of the heap is in use.
func liveBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkMeasureMillion rates the calls of load.Million, which go at random
// over a card of 49,500 prefixes with a price and a line of its own for each:
// what counts is how much memory an event touches.
func BenchmarkMeasureMillion(b *testing.B) {
	const calls = 1 << 18
	w := load.Million(1, tollbook.NewMonth(2026, time.August))
	c := card(b, strings.TrimSpace(w.Card()))
	numbers := make([]string, calls)
	for i := range numbers {
		call := w.Call(uint64(i))
		numbers[i] = fmt.Sprintf("+%d%07d", 10_000+call.Rate, call.Callee)
	}
	e := event("", "AT", 1_785_600_000)
	e.Direction, e.Resolution, e.Quantity = tollbook.Outbound, tollbook.Answered, dec("137")
	e.Subtype, e.Category = "SIPUDP", "mobile"
	cal := calendar(b, "UTC")
	charges := make([]tollbook.Charge, 0, 1)
	measure := func(i int) {
		e.To = numbers[i%calls]
		var why tollbook.Unrated
		if charges, _, why = c.Measure(charges[:0], e, cal); why != 0 {
			b.Fatal(why)
		}
	}
	for i := range numbers { // each line is made once
		measure(i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		measure(i)
		i++
	}
}
