//go:build !race

package peer

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"tollbook"
	"tollbook/bench/duty"
	"tollbook/load"
	"tollbook/wire"
)

func small() *load.Workload {
	return &load.Workload{Seed: 3, Accounts: 20, PerAccount: 10, Rates: 100, Month: tollbook.NewMonth(2026, 8), Repeats: 20, Cover: true}
}

// TestRowsSayWhatTheEventsSay reads the events' JSON as the server does.
func TestRowsSayWhatTheEventsSay(t *testing.T) {
	w := small()
	const n = 2000
	items, err := wire.Decode(wire.JSON, string(w.AppendArray(nil, 0, n)), wire.Options{Now: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	m := newMaker(w)
	for i := range uint64(n) {
		e, r := &items[i].Event, m.row(i)
		if items[i].Err != nil {
			t.Fatal(items[i].Err)
		}
		var attributes map[string]string
		if err := json.Unmarshal([]byte(r.Attributes), &attributes); err != nil {
			t.Fatal(err)
		}
		for name, pair := range map[string][2]string{
			"id": {r.ID, e.ID}, "source": {r.Source, e.Source}, "account": {r.AccountID, e.AccountID}, "subtype": {r.Subtype, e.Subtype},
			"country": {r.Country, e.Country}, "category": {r.Category, e.Category}, "from": {r.From, e.From}, "to": {r.To, e.To},
			"quantity": {strconv.FormatInt(r.Quantity, 10), e.Quantity.String()}, "occurred": {r.Occurred.Format(time.RFC3339Nano), e.OccurredAt.UTC().Format(time.RFC3339Nano)},
		} {
			if pair[0] != pair[1] {
				t.Errorf("event %d: %s is %q in the row, %q in the event", i, name, pair[0], pair[1])
			}
		}
		if len(attributes) != len(e.Attributes) {
			t.Errorf("event %d: attributes %v, want %v", i, attributes, e.Attributes)
		}
		for _, a := range e.Attributes {
			if attributes[a.Key] != a.Value {
				t.Errorf("event %d: attribute %s is %q, want %q", i, a.Key, attributes[a.Key], a.Value)
			}
		}
	}
}

func TestBatchIsSortedAndWithoutRepeats(t *testing.T) {
	w := small()
	const n = 3000
	b := newMaker(w).batch(0, n)
	fresh := duty.NewTotals(w).Advance(n)
	if len(b.rows) != fresh || b.repeated != (duty.Outcome{Duplicate: n - fresh}) {
		t.Errorf("%d rows and %+v of %d fresh events", len(b.rows), b.repeated, fresh)
	}
	for i := 1; i < len(b.rows); i++ {
		if string(b.rows[i-1].Key[:]) >= string(b.rows[i].Key[:]) {
			t.Fatalf("row %d is out of order", i)
		}
	}
}

func TestGroupsAddUp(t *testing.T) {
	w := small()
	b := newMaker(w).batch(0, 1000)
	var sum, want group
	seen := map[[2]int32]bool{}
	for _, g := range groups(b.rows) {
		sum.units, sum.amount, sum.events = sum.units+g.units, sum.amount+g.amount, sum.events+g.events
		if seen[[2]int32{g.account, g.line}] {
			t.Fatalf("a record has two groups: %+v", g)
		}
		seen[[2]int32{g.account, g.line}] = true
	}
	for i := range b.rows {
		want.units, want.amount, want.events = want.units+b.rows[i].Increments, want.amount+b.rows[i].Amount, want.events+1
	}
	if sum != want {
		t.Errorf("groups come to %+v, rows to %+v", sum, want)
	}
}
