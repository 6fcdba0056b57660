package book_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tollbook"
	"tollbook/book"
	"tollbook/decimal"
)

func number(t testing.TB, s string) decimal.Decimal {
	t.Helper()
	d, err := decimal.Parse(s, 52, 24)
	if err != nil {
		t.Fatal(s, err)
	}
	return d
}

// totals reads lines of "account month wallet currency put-in used"; a wallet
// of "-" is none.
func totals(t testing.TB, lines string) (all []tollbook.Total) {
	t.Helper()
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		f := strings.Fields(line)
		m, err := tollbook.ParseMonth(f[1])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, tollbook.Total{AccountID: f[0], Month: m, WalletName: strings.TrimPrefix(f[2], "-"), Currency: f[3], PutIn: number(t, f[4]), Used: number(t, f[5])})
	}
	return all
}

func zone(t testing.TB, name string) *tollbook.Calendar {
	t.Helper()
	c, err := tollbook.NewCalendar([]tollbook.ZoneFrom{{TimeZone: name}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestWalletMonths: what moves in a wallet from month to month.
func TestWalletMonths(t *testing.T) {
	for _, test := range []struct{ name, totals, want string }{
		{
			"the credit is drawn first, then charged, and what is left goes on",
			`a 2026-06 main USD 100 30
			 a 2026-07 main USD 0 90
			 a 2026-08 main USD 50 20`,
			// month, carried over, put in, used, drawn, charged, balance
			`2026-06 0 100 30 30 0 70
			 2026-07 70 0 90 70 20 0
			 2026-08 0 50 20 20 0 30`,
		}, {
			"a recharge pays for the whole of its month",
			`a 2026-07 main USD 10 10`,
			`2026-07 0 10 10 10 0 0`,
		}, {
			"without credit all is charged",
			`a 2026-07 - USD 0 7.25`,
			`2026-07 0 0 7.25 0 7.25 0`,
		}, {
			"usage taken back was charged last, so it is not charged first",
			`a 2026-07 main USD 100 120
			 a 2026-08 main USD 0 -30`,
			`2026-07 0 100 120 100 20 0
			 2026-08 0 0 -30 -10 -20 10`,
		}, {
			"usage taken back that had been drawn is credit again",
			`a 2026-07 main USD 100 40
			 a 2026-08 main USD 0 -30`,
			`2026-07 0 100 40 40 0 60
			 2026-08 60 0 -30 -30 0 90`,
		}, {
			"a recharge does not pay for what an earlier month was charged",
			`a 2026-07 main USD 0 20
			 a 2026-08 main USD 50 0`,
			`2026-07 0 0 20 0 20 0
			 2026-08 0 50 0 0 0 50`,
		}, {
			"a recharge taken back after it was drawn",
			`a 2026-07 main USD 100 80
			 a 2026-08 main USD -100 5`,
			`2026-07 0 100 80 80 0 20
			 2026-08 20 -100 5 -80 85 0`,
		}, {
			"both taken back",
			`a 2026-07 main USD 100 80
			 a 2026-08 main USD -100 -80`,
			`2026-07 0 100 80 80 0 20
			 2026-08 20 -100 -80 -80 0 0`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			wallets := book.WalletsOf(totals(t, test.totals), zone(t, "UTC"), at(t, "2026-08-15T00:00:00Z"))
			if len(wallets) != 1 {
				t.Fatalf("%d wallets", len(wallets))
			}
			var got []string
			for _, m := range wallets[0].Months {
				got = append(got, strings.TrimSpace(fmt.Sprintln(m.Month, m.CarriedOver, m.PutIn, m.Used, m.Drawn, m.Charged, m.Balance)))
			}
			want := strings.Split(strings.ReplaceAll(test.want, "\t", ""), "\n")
			for i := range want {
				want[i] = strings.TrimSpace(want[i])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestWalletProjection: the burn rate and when it will have exhausted the
// balance.
func TestWalletProjection(t *testing.T) {
	for _, test := range []struct{ name, zone, now, totals, balance, rate, exhausted string }{
		{
			"31 days of July and 10 of August", "UTC", "2026-08-11T00:00:00Z",
			`a 2026-07 main USD 1000 310
			 a 2026-08 main USD 0 100`,
			"590", "10", "2026-10-09T00:00:00Z",
		}, {
			"months before the last one do not count", "UTC", "2026-08-11T00:00:00Z",
			`a 2026-06 main USD 1000 900
			 a 2026-07 main USD 0 41
			 a 2026-08 main USD 0 0`,
			"59", "1", "2026-10-09T00:00:00Z",
		}, {
			"a wallet of this month has only that", "UTC", "2026-08-11T00:00:00Z",
			`a 2026-08 main USD 150 50`,
			"100", "5", "2026-08-31T00:00:00Z",
		}, {
			"a month without movement counts with its days", "UTC", "2026-08-11T00:00:00Z",
			`a 2026-06 main USD 100 0
			 a 2026-08 main USD 0 41`,
			"59", "1", "2026-10-09T00:00:00Z",
		}, {
			"days are those of the account's zone, and as long as they were there", "America/New_York", "2026-11-08T05:00:00Z",
			// October starts at 04:00 UTC, 31 days; November's first has 25 hours: 38 days and an hour
			`a 2026-10 main USD 1000 913
			 a 2026-11 main USD 0 0`,
			"87", "24", "2026-11-11T20:00:00Z",
		}, {
			"a rate below one", "UTC", "2026-08-02T00:00:00Z",
			`a 2026-07 main USD 10 1
			 a 2026-08 main USD 0 0`,
			"9", "0.03125", "2027-05-17T00:00:00Z",
		}, {
			"a rate that does not end", "UTC", "2026-03-03T00:00:00Z", // 28 + 2 days
			`a 2026-02 main USD 10 1
			 a 2026-03 main USD 0 0`,
			"9", "0.033333333333", "2026-11-28T00:00:00Z",
		},
		{"nothing used", "UTC", "2026-08-11T00:00:00Z", `a 2026-08 main USD 150 0`, "150", "0", ""},
		{"nothing left", "UTC", "2026-08-11T00:00:00Z", `a 2026-08 main USD 10 50`, "0", "5", ""},
		{"more taken back than used", "UTC", "2026-08-11T00:00:00Z", `a 2026-08 main USD 10 -50`, "60", "-5", ""},
		{"not in a hundred years", "UTC", "2026-08-11T00:00:00Z", `a 2026-08 main USD 1000000 1`, "999999", "0.1", ""},
		{"the largest amounts", "UTC", "2026-08-01T00:00:00Z", "a 2026-08 main USD " + strings.Repeat("9", 52) + "." + strings.Repeat("9", 24) + " " + strings.Repeat("9", 51) + "." + strings.Repeat("9", 24), "9" + strings.Repeat("0", 51), "864" + strings.Repeat("0", 53), "2026-08-01T00:00:09Z"},
		{"in the first second of a month", "UTC", "2026-08-01T00:00:00Z", `a 2026-08 main USD 86401 1`, "86400", "86400", "2026-08-02T00:00:00Z"},
		{"what is to come next month", "UTC", "2026-08-31T12:00:00Z", `a 2026-09 main USD 10 5`, "5", "0", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := book.WalletsOf(totals(t, test.totals), zone(t, test.zone), at(t, test.now))[0]
			exhausted := ""
			if w.ExhaustedAt != nil {
				exhausted = w.ExhaustedAt.Format(time.RFC3339)
			}
			if got, want := fmt.Sprintln(w.Balance, w.BurnRatePerDay, exhausted), fmt.Sprintln(test.balance, test.rate, test.exhausted); got != want {
				t.Errorf("balance, rate, exhausted: %s, want %s", got, want)
			}
		})
	}
}

// TestWalletsApart: account, name and currency each tell wallets apart.
func TestWalletsApart(t *testing.T) {
	wallets := book.WalletsOf(totals(t, `
		a 2026-07 - USD 0 1
		a 2026-07 main EUR 10 2
		a 2026-07 main USD 10 3
		a 2026-08 main USD 0 4
		b 2026-07 main USD 10 5`), zone(t, "UTC"), at(t, "2026-08-15T00:00:00Z"))
	var got []string
	for _, w := range wallets {
		name, err := json.Marshal(w.WalletName)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.Join([]string{w.AccountID, string(name), w.Currency, w.Used.String()}, " "))
	}
	want := []string{"a null USD 1", `a "main" EUR 2`, `a "main" USD 7`, `b "main" USD 5`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestWalletSums: whatever moves, nothing is lost, no balance and no sum that
// was charged falls below zero, and credit is never kept back from use.
func TestWalletSums(t *testing.T) {
	utc := zone(t, "UTC")
	amount := rapid.Map(rapid.Int64Range(-50, 200), decimal.FromInt)
	rapid.Check(t, func(t *rapid.T) {
		var all []tollbook.Total
		for i := range rapid.IntRange(1, 8).Draw(t, "months") {
			all = append(all, tollbook.Total{AccountID: "a", Month: tollbook.NewMonth(2026, time.Month(i+1)), Currency: "USD", PutIn: amount.Draw(t, "put in"), Used: amount.Draw(t, "used")})
		}
		w := book.WalletsOf(all, utc, time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC))[0]
		zero, charged, balance := decimal.Decimal{}, decimal.Decimal{}, decimal.Decimal{}
		for i, m := range w.Months {
			if m.CarriedOver != balance || m.PutIn != all[i].PutIn || m.Used != all[i].Used {
				t.Fatalf("month %d: %+v", i, m)
			}
			if m.Drawn.Add(m.Charged) != m.Used || m.CarriedOver.Add(m.PutIn).Sub(m.Drawn) != m.Balance {
				t.Fatalf("month %d does not add up: %+v", i, m)
			}
			if m.Charged.Sign() > 0 && m.Balance.Sign() != 0 {
				t.Fatalf("month %d is charged while credit is left: %+v", i, m)
			}
			charged, balance = charged.Add(m.Charged), m.Balance
			if balance.Cmp(zero) < 0 || charged.Cmp(zero) < 0 {
				t.Fatalf("month %d: balance %s, charged to date %s", i, balance, charged)
			}
		}
		if w.Drawn.Add(w.Charged) != w.Used || w.PutIn.Sub(w.Drawn) != w.Balance || w.Balance != balance || w.Charged != charged {
			t.Fatalf("does not add up: %+v", w)
		}
	})
}
