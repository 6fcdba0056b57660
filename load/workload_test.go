package load

import (
	"testing"
	"time"

	"tollbook"
	"tollbook/decimal"
	"tollbook/rating"
	"tollbook/wire"
)

// TestEveryCallHasItsRate reads the events as a server does and rates them by
// the workload's own card.
func TestEveryCallHasItsRate(t *testing.T) {
	w := Million(1, mustMonth(t, "2026-08"))
	table, faults := rating.ParseCard(w.Card())
	if len(faults) > 0 {
		t.Fatal(faults[0])
	}
	card := rating.Compile("card", 1, table)
	calendar, err := tollbook.NewCalendar([]tollbook.ZoneFrom{{TimeZone: "UTC"}})
	if err != nil {
		t.Fatal(err)
	}
	const n = 5000
	items, err := wire.Decode(wire.JSON, string(w.AppendArray(nil, 0, n)), wire.Options{Now: w.Month.Start(time.UTC).AddDate(0, 1, 0)})
	if err != nil || len(items) != n {
		t.Fatal(len(items), err)
	}
	for i := range items {
		e, c := &items[i].Event, w.Call(uint64(i))
		if items[i].Err != nil {
			t.Fatal(items[i].Err)
		}
		charges, _, why := card.Measure(nil, e, calendar)
		if why != 0 || len(charges) != 1 {
			t.Fatalf("event %d: %d charges, %v", i, len(charges), why)
		}
		got, want := charges[0], tollbook.NewLine(tollbook.Grouping{
			ProductID: charges[0].Line.ProductID, AggrProductID: charges[0].Line.AggrProductID, WalletName: "contact center",
			Type: tollbook.Call, Description: Description(c.Rate), Currency: "USD", Direction: tollbook.Outbound,
			Resolution: tollbook.Answered, Unit: tollbook.Minutes,
		}, Price(c.Rate), decimal.FromInt(1))
		if got.Line.Key() != want.Key() || got.Increments != decimal.NewInt(int64(c.Increments)) || e.AccountID != w.AccountID(c.Account) || e.ID != string(c.ID[:]) {
			t.Fatalf("event %d: got %+v of %s, want %+v", i, got.Line, e.AccountID, want)
		}
		if month := calendar.MonthOf(e.OccurredAt); month != w.Month {
			t.Fatalf("event %d is in %s", i, month)
		}
	}
}

func TestEventsHaveOneLength(t *testing.T) {
	w := Million(7, mustMonth(t, "2026-08"))
	for n := range uint64(20_000) {
		if got := len(w.AppendJSON(nil, n)) + len(","); got != 376 {
			t.Fatalf("event %d has %d bytes", n, got)
		}
	}
}

func TestRepeatsAreEarlierEvents(t *testing.T) {
	w := Million(3, mustMonth(t, "2026-08"))
	const n = 200_000
	seen := map[[32]byte]uint64{}
	repeats := 0
	for i := range uint64(n) {
		c := w.Call(i)
		first, known := seen[c.ID]
		if known != (w.First(i) != i) || known && first != c.N {
			t.Fatalf("event %d: known %v, first %d, is %d", i, known, w.First(i), c.N)
		}
		if known {
			repeats++
		}
		seen[c.ID] = c.N
	}
	if repeats < n/300 || repeats > n/150 {
		t.Errorf("%d repeats in %d events", repeats, n)
	}
}

func TestCoverMakesEveryRecordOnce(t *testing.T) {
	w := &Workload{Seed: 5, Accounts: 30, PerAccount: 40, Rates: 100, Month: mustMonth(t, "2026-08"), Repeats: 10, Cover: true}
	seen := make([]int, w.Records())
	for n := range uint64(w.Records()) {
		c := w.Call(n)
		if c.N != n {
			t.Fatalf("event %d repeats event %d", n, c.N)
		}
		seen[c.Record]++
	}
	for record, n := range seen {
		if n != 1 {
			t.Errorf("record %d has %d events", record, n)
		}
	}
}

func mustMonth(t *testing.T, s string) tollbook.Month {
	t.Helper()
	m, err := tollbook.ParseMonth(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func BenchmarkAppend(b *testing.B) {
	w := Million(1, 2026*12+7)
	var buf []byte
	n := uint64(0)
	for b.Loop() {
		buf = w.AppendJSON(buf[:0], n)
		n++
	}
}
