package load

import (
	"fmt"
	"testing"

	"tollbook/decimal"
)

// TestTotals adds the events up the slow way: one by one, by id, in maps.
func TestTotals(t *testing.T) {
	w := &Workload{Seed: 5, Accounts: 7, PerAccount: 11, Rates: 300, Month: mustMonth(t, "2026-08"), Repeats: 9}
	for _, stretch := range [][2]uint64{{0, 0}, {0, 1}, {0, 5000}, {3000, 9000}, {17, 18}} {
		t.Run(fmt.Sprint(stretch), func(t *testing.T) {
			type sums struct{ minutes, events int }
			seen, want := map[[32]byte]bool{}, map[[2]int]sums{}
			for n := stretch[0]; n < stretch[1]; n++ {
				c := w.Call(n)
				if seen[c.ID] {
					continue
				}
				seen[c.ID] = true
				s := want[[2]int{c.Account, c.Rate}]
				want[[2]int{c.Account, c.Rate}] = sums{s.minutes + c.Increments, s.events + 1}
			}
			got := w.Totals(stretch[0], stretch[1])
			if got.Records() != len(want) || got.Counted() != uint64(len(seen)) {
				t.Errorf("%d records of %d events, want %d of %d", got.Records(), got.Counted(), len(want), len(seen))
			}
			for record := range w.Records() {
				account, rate := w.RecordOf(record)
				s := want[[2]int{account, rate}]
				amount := decimal.Decimal{}
				for range s.minutes {
					amount = amount.Add(Price(rate))
				}
				if got.Minutes[record] != uint64(s.minutes) || int(got.Events[record]) != s.events || got.Amount(record) != amount {
					t.Errorf("account %d, rate %d: %d minutes of %d events for %s, want %+v for %s",
						account, rate, got.Minutes[record], got.Events[record], got.Amount(record), s, amount)
				}
			}
		})
	}
}

// TestWorkloadsAreApart: each has an organization and accounts of its own.
func TestWorkloadsAreApart(t *testing.T) {
	base := Workload{Seed: 1, Accounts: 20, PerAccount: 30, Rates: 40, Month: mustMonth(t, "2026-08"), Repeats: 5}
	others := [6]Workload{base, base, base, base, base, base}
	others[0].Seed++
	others[1].Accounts++
	others[2].PerAccount++
	others[3].Rates++
	others[4].Month++
	others[5].Repeats++
	for i := range others {
		if w := &others[i]; w.OrganizationID() == base.OrganizationID() || w.AccountID(3) == base.AccountID(3) {
			t.Errorf("%+v shares an id with %+v", *w, base)
		}
	}
	if again := base; again.OrganizationID() != base.OrganizationID() {
		t.Error("one workload has two organizations")
	}
	for _, i := range []int{0, 7, 19} {
		if got, ok := base.accountOf(base.AccountID(i)); !ok || got != i || len(base.AccountID(i)) != 24 {
			t.Errorf("account %d is %s, which is account %d, %v", i, base.AccountID(i), got, ok)
		}
	}
	for _, id := range []string{"", "7", base.AccountID(20), others[0].AccountID(3), "x" + base.AccountID(3)} {
		if i, ok := base.accountOf(id); ok {
			t.Errorf("%q is account %d", id, i)
		}
	}
}

func BenchmarkTotals(b *testing.B) {
	w := Million(1, 2026*12+7)
	w.Totals(0, uint64(b.N))
}
