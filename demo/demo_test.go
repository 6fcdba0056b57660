package demo

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/rating"
	"tollbook/wire"
)

func world(t *testing.T, until string, events int) *World {
	t.Helper()
	day, err := time.Parse(time.DateOnly, until)
	if err != nil {
		t.Fatal(err)
	}
	w, err := New(day, events)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// hash returns the hash of all of a world's events, and how many there are.
func hash(w *World) (sum [32]byte, n int) {
	h := sha256.New()
	for e := range w.Events() {
		h.Write(wire.AppendEvent(nil, e))
		n++
	}
	return [32]byte(h.Sum(nil)), n
}

func TestWorldIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	a, n := hash(world(t, "2026-03-14", 20_000))
	if b, _ := hash(world(t, "2026-03-14", 20_000)); a != b {
		t.Error("two worlds of one day differ")
	}
	if b, _ := hash(world(t, "2026-03-15", 20_000)); a == b {
		t.Error("two worlds of two days do not differ")
	}
	if count := world(t, "2026-03-14", 20_000).Count(); n != count || n < 19_000 || n > 21_000 {
		t.Errorf("%d events, Count says %d; want about 20000", n, count)
	}
}

// TestWorldIsWhole checks what a world promises, also on the days on which
// its last month has hardly begun or is just over in some zone.
func TestWorldIsWhole(t *testing.T) {
	t.Parallel()
	for _, until := range []string{"2026-03-01", "2026-03-14", "2026-03-31", "2024-02-29", "2025-12-31"} {
		t.Run(until, func(t *testing.T) {
			t.Parallel()
			w := world(t, until, 30_000)
			zones, accounts, calendars := map[string]bool{}, map[string]*Account{}, map[string]*tollbook.Calendar{}
			for i := range w.Accounts {
				a := &w.Accounts[i]
				accounts[a.ID], zones[a.Spec.TimeZone] = a, true
				c, err := tollbook.NewCalendar([]tollbook.ZoneFrom{{TimeZone: a.Spec.TimeZone}})
				if err != nil {
					t.Fatal(err)
				}
				calendars[a.ID] = c
			}
			if len(accounts) != 40 || len(zones) != 6 || len(w.Organizations) != 3 {
				t.Errorf("%d accounts in %d zones of %d organizations", len(accounts), len(zones), len(w.Organizations))
			}
			types, names := map[string]map[tollbook.UsageType]bool{}, map[string]bool{}
			months := map[string]map[tollbook.Month]bool{}
			for e := range w.Events() {
				org := accounts[e.AccountID].Spec.OrganizationID
				if types[org] == nil {
					types[org], months[org] = map[tollbook.UsageType]bool{}, map[tollbook.Month]bool{}
				}
				types[org][e.Type] = true
				months[org][calendars[e.AccountID].MonthOf(e.OccurredAt)] = true
				if !e.OccurredAt.Before(w.Until.AddDate(0, 0, 1)) {
					t.Fatalf("an event at %v", e.OccurredAt)
				}
				if names[e.ID] {
					t.Fatalf("two events are named %s", e.ID)
				}
				names[e.ID] = true
			}
			for _, o := range w.Organizations {
				if len(types[o.ID]) != 13 || len(months[o.ID]) != Months {
					t.Errorf("%s has %d types in %d months", o.ID, len(types[o.ID]), len(months[o.ID]))
				}
			}
		})
	}
}

func TestCardsPriceEveryEvent(t *testing.T) {
	t.Parallel()
	w := world(t, "2026-03-14", 40_000)
	cards := map[string]*rating.Card{}
	for _, c := range w.Cards {
		table, faults := rating.ParseCard(string(c.CSV))
		if len(faults) > 0 {
			t.Fatalf("%s: %v", c.ID, faults[0])
		}
		cards[c.ID] = rating.Compile(c.ID, 1, table)
		if c.ID == "standard-usd" {
			prefixes := 0
			for line := range strings.Lines(string(c.CSV)) {
				if strings.HasPrefix(line, "call,") && strings.Contains(line, ",outbound,") {
					prefixes++
				}
			}
			if prefixes < 2000 {
				t.Errorf("%d rows with prefixes, want 2000", prefixes)
			}
		}
	}
	if len(cards) != 4 || len(countries()) < 200 {
		t.Errorf("%d cards, %d countries", len(cards), len(countries()))
	}
	cardOf := map[string]*rating.Card{}
	calendar := map[string]*tollbook.Calendar{}
	for _, a := range w.Accounts {
		cardOf[a.ID] = cards[a.currency.card]
		c, err := tollbook.NewCalendar([]tollbook.ZoneFrom{{TimeZone: a.Spec.TimeZone}})
		if err != nil {
			t.Fatal(err)
		}
		calendar[a.ID] = c
	}
	for e := range w.Events() {
		if e.Priced {
			continue
		}
		charges, _, reason := cardOf[e.AccountID].Measure(nil, e, calendar[e.AccountID])
		if reason != 0 {
			t.Fatalf("%s: %s", reason, wire.AppendEvent(nil, e))
		}
		// A prefix of another country would bill the wrong one.
		if e.Type == tollbook.Call && e.Direction == tollbook.Outbound {
			want := "Calls to " + w.byISO[e.Country].name
			if got := charges[0].Line.Description; got != want && !strings.HasPrefix(got, want+",") {
				t.Errorf("a call to %s (%s) is billed as %s", e.To, e.Country, got)
			}
		}
	}
}
