package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// BenchmarkReconcile holds 300,000 calls against as many events, by number and
// time: one in a hundred differs or is missing.
func BenchmarkReconcile(b *testing.B) {
	const n = 300_000
	var file strings.Builder
	file.WriteString("Call Sid,From,To,Start Time,Duration,Price,Price Unit\n")
	all := make([]Event, n)
	for i := range all {
		start := august.From.Add(time.Duration(i) * 8 * time.Second)
		all[i] = Event{
			ID: fmt.Sprint("e", i), Source: "pbx", AccountID: "a", To: fmt.Sprintf("+35121%07d", i*7919%5000), From: fmt.Sprintf("+1202%07d", i*31%300), Start: start,
			Quantity: Quantity{decimal.FromInt(int64(i % 600)), tollbook.Seconds}, Amount: &Amount{decimal.New(decimal.NewUint(uint64(i%600)), 4), "USD"},
		}
		if i%100 == 0 {
			continue
		}
		fmt.Fprintf(&file, "CA%032d,%s,%s,%s,%d,%s,USD\n", i, all[i].From, all[i].To, start.Add(3*time.Second).Format(time.DateTime), i%600, all[i].Amount.Number)
	}
	rules := august
	rules.By = ByCall
	b.ReportAllocs()
	for b.Loop() {
		f, faults := Read(file.String(), Layout{})
		if f == nil {
			b.Fatal(faults)
		}
		m := NewMatcher(f, rules)
		for i := range all {
			if err := m.Add(all[i]); err != nil {
				b.Fatal(err)
			}
		}
		if r := m.Report(); r.Classes[0].Rows < n*9/10 {
			b.Fatalf("%d rows match", r.Classes[0].Rows)
		}
	}
}
