package duty

import (
	"fmt"

	"tollbook/load"
)

// Totals is what the first events of a workload come to, by its own sums.
type Totals struct {
	w      *load.Workload
	upTo   uint64
	events int64 // without those sent again
	by     []total
}

type total struct{ units, events int64 }

// NewTotals returns the totals of no events.
func NewTotals(w *load.Workload) *Totals { return &Totals{w: w, by: make([]total, w.Records())} }

// Advance adds the events up to to, which is not included, and returns how
// many of them were none that is sent again.
func (t *Totals) Advance(to uint64) (fresh int) {
	for ; t.upTo < to; t.upTo++ {
		if t.w.First(t.upTo) != t.upTo {
			continue
		}
		c := t.w.Call(t.upTo)
		t.by[c.Record].units += int64(c.Increments)
		t.by[c.Record].events++
		fresh++
	}
	t.events += int64(fresh)
	return fresh
}

// Events returns how many events an engine must have kept.
func (t *Totals) Events() int64 { return t.events }

// maxDifferences is how many differences an error lists.
const maxDifferences = 5

// Check returns an error that lists where records differ from the totals: one
// that is missing, there twice, or of other units, amount or events.
func (t *Totals) Check(records []Record) error {
	seen := make([]bool, len(t.by))
	var differences []string
	count := 0
	differ := func(format string, args ...any) {
		if count++; count <= maxDifferences {
			differences = append(differences, fmt.Sprintf(format, args...))
		}
	}
	for _, r := range records {
		if r.Record < 0 || r.Record >= len(t.by) {
			differ("record %d is none of the workload", r.Record)
			continue
		}
		want := t.by[r.Record]
		_, rate := t.w.RecordOf(r.Record)
		switch {
		case seen[r.Record]:
			differ("record %d is there twice", r.Record)
		case r.Units != want.units || r.Amount != amountOf(rate, want.units) || r.Events != 0 && r.Events != want.events:
			differ("record %d has %d units, %d/10,000 USD, %d events; want %d, %d, %d", r.Record, r.Units, r.Amount, r.Events, want.units, amountOf(rate, want.units), want.events)
		}
		seen[r.Record] = true
	}
	for record, want := range t.by {
		if want.events > 0 && !seen[record] {
			differ("record %d is missing", record)
		}
	}
	if count > 0 {
		return fmt.Errorf("%d differences from what the events come to, such as %q", count, differences)
	}
	return nil
}

// CheckOutcome returns an error where an engine says of a run's events, of
// which so many were fresh, anything but that these were accepted and the
// others known.
func CheckOutcome(r Run, fresh int, o Outcome) error {
	if want := (Outcome{Accepted: fresh, Duplicate: r.Events() - fresh}); o != want {
		return fmt.Errorf("of %d events %+v, want %+v", r.Events(), o, want)
	}
	return nil
}

// NumberOf returns the number of the record of an account and a rate, and
// whether the workload has it.
func NumberOf(w *load.Workload, account, rate int) (record int, ok bool) {
	if account < 0 || account >= w.Accounts || rate < 0 || rate >= w.Rates {
		return 0, false
	}
	first := account * w.PerAccount
	_, start := w.RecordOf(first)
	nth := (rate - start + w.Rates) % w.Rates
	return first + nth, nth < w.PerAccount
}
