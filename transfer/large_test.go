package transfer_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"tollbook"
	"tollbook/checktest"
	"tollbook/decimal"
	"tollbook/localstore"
	"tollbook/storetest"
	"tollbook/transfer"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// newLarge returns a ledger with a restatement that is larger than a batch.
func newLarge(t *testing.T) tollbook.Ledger {
	l, err := localstore.Open("data", localstore.Options{FS: vfs.NewMem(), Create: true})
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	w := &told{t: t, ledger: l}
	w.define(tollbook.KindOrganization, "acme")
	at := time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)
	month := tollbook.MonthOf(at)
	line := tollbook.NewLine(tollbook.Grouping{ProductID: "P", Type: tollbook.Call, Currency: "USD", Unit: tollbook.Minutes}, decimal.FromInt(2), decimal.FromInt(1))
	for i := range tollbook.MaxBatch + 500 {
		e := &tollbook.Event{ID: fmt.Sprint(i), Source: "s", AccountID: "office", OccurredAt: at, Type: tollbook.Call, Quantity: decimal.FromInt(1), Unit: tollbook.Minutes}
		w.posted = append(w.posted, storetest.NewEntry("acme", e, month, tollbook.Measured{Charges: []tollbook.Charge{{Line: line, Increments: decimal.NewInt(1)}}}))
	}
	for _, some := range [][]tollbook.Entry{w.posted[:tollbook.MaxBatch], w.posted[tollbook.MaxBatch:]} {
		_, err := l.Post(t.Context(), w.head, some)
		must(t, err)
	}
	w.book(w.latest(7), 1, false)
	w.posted = w.posted[:3]
	w.posted[2] = w.posted[0]
	w.restate()
	w.define(tollbook.KindMark, "day")
	w.book(w.latest(0), 0, true)
	w.restate()
	return l
}

// TestLargeRestatement copies a month that was restated whole, cut off at every
// third call.
func TestLargeRestatement(t *testing.T) {
	checktest.Leave(t)
	source := newLarge(t)
	for calls, ended := 1, false; !ended; calls += every(3) {
		to := newMemory(t)
		l := to.open(t)
		var saved transfer.State
		o := transfer.Options{SaveEvery: 3000, Wait: noWait, Save: func(s transfer.State) error { saved = s; return nil }}
		_, err := transfer.Copy(t.Context(), source, &faulty{Ledger: l, left: calls, behind: true}, o)
		if ended = err == nil; !ended && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		o.State = saved
		_, err = transfer.Copy(t.Context(), source, l, o)
		must(t, err)
		if r := wantSame(t, source, l); r.Bookings < 2*tollbook.MaxBatch {
			t.Fatalf("only %d corrections", r.Bookings)
		}
		must(t, l.Close())
	}
}
