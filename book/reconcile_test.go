package book_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/book"
	"tollbook/decimal"
	"tollbook/reconcile"
	"tollbook/storetest"
)

// TestReconcileLateEvents: of a month, the events are compared that occurred in
// it, in whichever month they are booked, unless those are asked for that it
// counts.
func TestReconcileLateEvents(t *testing.T) {
	ledger := newLedger(t)
	f := newFixture(t, ledger)
	_, err := f.sender.Post(f.ctx, []*tollbook.Event{call("in time")})
	f.must(err)
	september := tollbook.NewMonth(2026, time.September)
	line := tollbook.NewLine(tollbook.Grouping{Type: tollbook.Call, Unit: tollbook.Seconds, Currency: "USD"}, decimal.FromInt(2), decimal.FromInt(1))
	charge := tollbook.Measured{Charges: []tollbook.Charge{{Line: line, Increments: decimal.NewUint(1)}}}
	var entries []tollbook.Entry
	for name, m := range map[string]tollbook.Measured{"late": charge, "late and unrated": {Unrated: tollbook.NoRate}, "of August": charge} {
		e := call(name)
		if m.Unrated != 0 {
			e.Type, e.Unit = tollbook.Message, tollbook.Segments // which no rate covers, so that it stays unrated
		}
		entry := storetest.NewEntry("acme", e, september, m)
		entry.Booked = september + 1
		if name == "of August" {
			e.OccurredAt = e.OccurredAt.AddDate(0, -1, 0)
			entry = storetest.NewEntry("acme", e, september-1, m)
			entry.Booked = september
		}
		entries = append(entries, entry)
	}
	outcomes, err := ledger.Post(f.ctx, head(f, ledger), entries)
	f.must(err)
	if fmt.Sprint(outcomes) != fmt.Sprint([]tollbook.Outcome{tollbook.Accepted, tollbook.Accepted, tollbook.Accepted}) {
		t.Fatalf("outcomes %v", outcomes)
	}
	for booked, want := range map[bool]string{false: "in time, late, late and unrated", true: "of August, in time"} {
		q := book.Reconciliation{AccountID: "a1", Month: september, Booked: booked, Rules: reconcile.Rules{Keep: 10}}
		got, err := f.operator.Reconcile(f.ctx, q, "id\n")
		f.must(err)
		var names []string
		for _, d := range got.MissingThere {
			names = append(names, d.Ours.ID)
		}
		if names := strings.Join(names, ", "); names != want {
			t.Errorf("booked %t: %s, want %s", booked, names, want)
		}
	}
}

// head is the position of the last definition.
func head(f *fixture, ledger tollbook.Ledger) (pos tollbook.Pos) {
	f.Helper()
	for def, err := range ledger.Definitions(f.ctx, 0) {
		f.must(err)
		pos = def.Pos
	}
	return pos
}

// TestReconcileVoided: an event that was voided after its month was closed is
// no event to compare, though the closed month counts it.
func TestReconcileVoided(t *testing.T) {
	clock := newWatch("2026-09-15T12:00:00Z")
	f := newFixtureOn(t, openAt(t, newLedger(t), clock.time))
	f.post(callAt("kept", "2026-07-01T00:00:00Z"), callAt("voided", "2026-07-01T00:00:00Z"))
	closeMonth := func(m string) {
		_, err := f.operator.CloseMonth(f.ctx, "acme", month(m))
		f.must(err)
	}
	closeMonth("2026-07")
	f.post(callAt("late", "2026-07-02T00:00:00Z"), callAt("late and voided", "2026-07-02T00:00:00Z"))
	closeMonth("2026-08")
	results, err := f.sender.Void(f.ctx, voids("voided", "late and voided"))
	f.must(err)
	f.want("voids", said(results), "[voided:2026-09+ voided:2026-09+]")
	got, err := f.operator.Reconcile(f.ctx, book.Reconciliation{AccountID: "a1", Month: month("2026-07"), Rules: reconcile.Rules{Keep: 10}}, "id\nkept\nvoided\nlate and voided\n")
	f.must(err)
	var all []string
	for d := range got.Differences() {
		if d.Theirs != nil {
			all = append(all, fmt.Sprint(d.Class, " ", d.Theirs.ID))
		} else {
			all = append(all, fmt.Sprint(d.Class, " ", d.Ours.ID))
		}
	}
	f.want("differences", strings.Join(all, ", "), "missing_here voided, missing_here late and voided, missing_there late")
}
