package duty

import (
	"slices"
	"testing"

	"tollbook"
	"tollbook/load"
)

func small() *load.Workload {
	return &load.Workload{Seed: 3, Accounts: 20, PerAccount: 10, Rates: 100, Month: tollbook.NewMonth(2026, 8), Repeats: 20, Cover: true}
}

// count counts events as an engine would, each as often as times says.
func count(w *load.Workload, events int, times func(n uint64) int) []Record {
	by := map[int]Record{}
	for n := range uint64(events) {
		if w.First(n) != n {
			continue
		}
		c := w.Call(n)
		for range times(n) {
			r := by[c.Record]
			r.Record = c.Record
			r.Units += int64(c.Increments)
			r.Amount += PriceOf(c.Rate) * int64(c.Increments)
			r.Events++
			by[c.Record] = r
		}
	}
	var all []Record
	for _, r := range by {
		all = append(all, r)
	}
	return all
}

func once(uint64) int { return 1 }

func TestEveryLossAndEveryDoubleShows(t *testing.T) {
	w := small()
	const events = 500
	totals := NewTotals(w)
	totals.Advance(events)
	if err := totals.Check(count(w, events, once)); err != nil {
		t.Fatal(err)
	}
	tried := 0
	for n := range uint64(events) {
		if w.First(n) != n {
			continue // it never counts
		}
		for _, times := range []int{0, 2} {
			tried++
			records := count(w, events, func(m uint64) int {
				if m == n {
					return times
				}
				return 1
			})
			if totals.Check(records) == nil {
				t.Errorf("event %d was counted %d times, and nobody noticed", n, times)
			}
		}
	}
	if tried < events {
		t.Fatalf("%d events tried", tried)
	}
}

func TestCheckRefuses(t *testing.T) {
	w := small()
	const events = 500
	totals := NewTotals(w)
	totals.Advance(events)
	for name, change := range map[string]func([]Record) []Record{
		"a record that is missing":     func(r []Record) []Record { return r[1:] },
		"a record that is there twice": func(r []Record) []Record { return append(r, r[0]) },
		"a foreign record":             func(r []Record) []Record { return append(r, Record{Record: w.Records()}) },
		"an amount that is off by one": func(r []Record) []Record { r[7].Amount++; return r },
		"a number of events":           func(r []Record) []Record { r[7].Events++; return r },
	} {
		if err := totals.Check(change(slices.Clone(count(w, events, once)))); err == nil {
			t.Errorf("%s passed", name)
		}
	}
}

func TestCheckOutcome(t *testing.T) {
	r := Run{From: 10, To: 20, Batch: 4, Conns: 1}
	if err := CheckOutcome(r, 9, Outcome{Accepted: 9, Duplicate: 1}); err != nil {
		t.Error(err)
	}
	for _, o := range []Outcome{{Accepted: 10}, {Accepted: 9}, {Accepted: 8, Duplicate: 1, Conflict: 1}, {Accepted: 8, Duplicate: 1, Refused: 1}} {
		if CheckOutcome(r, 9, o) == nil {
			t.Errorf("%+v passed", o)
		}
	}
}

func TestBatchesCoverARun(t *testing.T) {
	var got [][2]uint64
	err := Run{From: 5, To: 12, Batch: 3}.Batches(func(from, to uint64) error {
		got = append(got, [2]uint64{from, to})
		return nil
	})
	if want := [][2]uint64{{5, 8}, {8, 11}, {11, 12}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func TestNumberOfIsRecordOfBackwards(t *testing.T) {
	w := small()
	for record := range w.Records() {
		account, rate := w.RecordOf(record)
		if got, ok := NumberOf(w, account, rate); !ok || got != record {
			t.Fatalf("record %d is %d, %v", record, got, ok)
		}
		if _, ok := NumberOf(w, account, (rate+w.PerAccount)%w.Rates); ok {
			t.Fatalf("account %d has a rate that it does not use", account)
		}
	}
}
