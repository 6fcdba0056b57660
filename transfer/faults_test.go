package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/checktest"
	"tollbook/clickhousetest"
	"tollbook/decimal"
	"tollbook/storetest"
	"tollbook/transfer"
)

// told is a ledger in memory that was told this and that.
type told struct {
	t      *testing.T
	place  place
	ledger tollbook.Ledger
	head   tollbook.Pos
	work   *storetest.Workload
	n      int
	posted []tollbook.Entry
}

// newTold returns a ledger with definitions, events, corrections and marks.
func newTold(t *testing.T) *told {
	w := &told{t: t, place: newMemory(t), work: storetest.NewWorkload(5, storetest.WorkloadSize{Organizations: []string{"acme", "globex"}, Accounts: 3, Months: 2, Lines: 6})}
	w.ledger = w.place.open(t)
	t.Cleanup(func() { must(t, w.ledger.Close()) })
	w.define(tollbook.KindOrganization, "acme")
	w.define(tollbook.KindOrganization, "globex")
	for i := range 4 {
		w.post(60)
		w.define(tollbook.KindAccount, fmt.Sprint("account-", i))
		w.book(w.latest(7*i), 3*i, false)
		w.book(w.latest(7*i+1), 0, true)
		w.restate()
		w.define(tollbook.KindMark, "day")
		w.post(20)
	}
	w.book(w.latest(0), 9, false)
	return w
}

func (w *told) define(kind tollbook.Kind, id string) {
	w.n++
	d := tollbook.Definition{At: time.Date(2026, 11, 1, 0, 0, w.n, w.n, time.UTC), Actor: "tester", Kind: kind, ID: id, Body: fmt.Appendf(nil, `{"id":%q,"n":%d}`, id, w.n)}
	copy(d.RequestID[:], fmt.Sprintf("request %08d", w.n))
	head, err := w.ledger.Define(w.t.Context(), w.head, []tollbook.Definition{d})
	must(w.t, err)
	w.head = head
}

func (w *told) post(n int) {
	batch := w.work.Batch(n)
	outcomes, err := w.ledger.Post(w.t.Context(), w.head, batch)
	must(w.t, err)
	for i, o := range outcomes {
		if o == tollbook.Accepted {
			w.posted = append(w.posted, batch[i])
		}
	}
}

// latest returns the latest word about the i-th event.
func (w *told) latest(i int) *tollbook.BookedEvent {
	words, err := w.ledger.Latest(w.t.Context(), []tollbook.Claim{w.posted[i].Claim})
	must(w.t, err)
	return words[0]
}

// book makes an event unrated, or voids it; where it is void, it stays so.
func (w *told) book(e *tollbook.BookedEvent, late int, void bool) {
	b := tollbook.Booking{Event: e, Booked: e.Home + tollbook.Month(late), Measured: tollbook.Measured{Unrated: tollbook.NoRate}}
	if void {
		b.Measured, b.Void = tollbook.Measured{}, &tollbook.Void{Reason: "test", Actor: "tester", At: time.Date(2026, 11, 1, 0, 0, 0, 5, time.UTC)}
	}
	_, err := w.ledger.Book(w.t.Context(), w.head, []tollbook.Booking{b})
	must(w.t, err)
}

// restate doubles what counts in a month of the account of the first event.
func (w *told) restate() {
	first := &w.posted[2]
	r := tollbook.Restatement{OrganizationID: first.OrganizationID, AccountID: first.Event.AccountID, Month: first.Booked}
	seen, events := w.ledger.MonthEvents(w.t.Context(), tollbook.MonthQuery{OrganizationID: r.OrganizationID, AccountIDs: []string{r.AccountID}, Month: r.Month})
	r.Seen = seen
	for e, err := range events {
		must(w.t, err)
		if len(e.Charges) == 0 {
			continue
		}
		b := tollbook.Booking{Event: &e, Booked: r.Month, Measured: e.Measured}
		b.Charges = []tollbook.Charge{{Line: e.Charges[0].Line, Increments: e.Charges[0].Increments.Add(decimal.NewInt(1))}}
		r.Bookings = append(r.Bookings, b)
	}
	must(w.t, w.ledger.Restate(w.t.Context(), w.head, r))
}

// every leaves calls out that all tests would make fail.
func every(n int) int {
	if clickhousetest.Whole() {
		return 1
	}
	return n
}

// TestEveryFault has every call on the destination fail once, done or not, with
// an error that ends the copy; the next one begins with what was saved.
func TestEveryFault(t *testing.T) {
	checktest.Leave(t)
	w := newTold(t)
	for _, behind := range []bool{false, true} {
		for _, saveEvery := range []int{1, 50, 1_000_000} {
			ended := false
			for calls := 1 + saveEvery%2; !ended; calls += every(2) { // even calls, or odd ones
				to := newMemory(t)
				var saved transfer.State
				o := transfer.Options{SaveEvery: saveEvery, Wait: noWait, Save: func(s transfer.State) error { saved = s; return nil }}
				l := to.open(t)
				_, err := transfer.Copy(t.Context(), w.ledger, &faulty{Ledger: l, left: calls, behind: behind}, o)
				if ended = err == nil; !ended && !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				must(t, l.Close())
				if ended {
					continue
				}
				l = to.open(t)
				o.State = saved
				if _, err := transfer.Copy(t.Context(), w.ledger, l, o); err != nil {
					t.Fatalf("after call %d failed (%t), every %d: %v", calls, behind, saveEvery, err)
				}
				wantSame(t, w.ledger, l)
				must(t, l.Close())
			}
		}
	}
}

// TestComesAgain: what fails for now is tried again within one copy, and what was
// done although it failed is not done twice.
func TestComesAgain(t *testing.T) {
	w := newTold(t)
	for i, err := range []error{
		tollbook.ErrMoved, tollbook.ErrStale,
		tollbook.NewError(tollbook.CodeTooManyRequests, "busy"), tollbook.NewError(tollbook.CodeUnavailable, "away"),
	} {
		waits := 0
		for calls := 1; ; calls += 3 {
			l := newMemory(t).open(t)
			waited := time.Duration(0)
			o := transfer.Options{SaveEvery: 40, Wait: func(_ context.Context, d time.Duration) error { waited += d; return nil }}
			f := &faulty{Ledger: l, left: calls, behind: i > 1, once: true, err: err}
			_, failed := transfer.Copy(t.Context(), w.ledger, f, o)
			must(t, failed)
			wantSame(t, w.ledger, l)
			must(t, l.Close())
			if f.left > 0 && calls < 20 {
				t.Fatalf("a copy makes only %d calls", calls-f.left)
			}
			if f.left > 0 {
				break
			}
			if waited > 0 {
				waits++
			}
		}
		if waits < 5 { // only a restatement that is stale is made again at once
			t.Fatalf("%v: it waited %d times", err, waits)
		}
	}
}

// TestGivesUp: what fails for now for ever is an error in the end.
func TestGivesUp(t *testing.T) {
	w := newTold(t)
	l := newMemory(t).open(t)
	defer func() { must(t, l.Close()) }()
	away := tollbook.NewError(tollbook.CodeUnavailable, "away")
	if _, err := transfer.Copy(t.Context(), w.ledger, &faulty{Ledger: l, left: 5, err: away}, transfer.Options{Wait: noWait}); !errors.Is(err, away) || !strings.Contains(err.Error(), "given up after 10 tries") {
		t.Fatal(err)
	}
}

// TestCutOff cuts the context off at each chapter of the source.
func TestCutOff(t *testing.T) {
	w := newTold(t)
	to := newMemory(t)
	var saved transfer.State
	runs := 0
	for done := false; !done; runs++ {
		ctx, cut := context.WithCancel(t.Context())
		chapters := 0
		o := transfer.Options{State: saved, SaveEvery: 1, Wait: noWait, Save: func(s transfer.State) error { saved = s; return nil }, Told: func(_, _ int64) {
			if chapters++; chapters == 2 {
				cut()
			}
		}}
		l := to.open(t)
		_, err := transfer.Copy(ctx, w.ledger, l, o)
		if done = err == nil; !done && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if done {
			wantSame(t, w.ledger, l)
		}
		must(t, l.Close())
		cut()
	}
	if runs < 5 {
		t.Fatalf("%d runs are not many", runs)
	}
}

// TestCatchesUp: a copy of what was written since goes on behind what is there.
func TestCatchesUp(t *testing.T) {
	w := newTold(t)
	l := newMemory(t).open(t)
	defer func() { must(t, l.Close()) }()
	var saved transfer.State
	o := transfer.Options{Save: func(s transfer.State) error { saved = s; return nil }}
	first, err := transfer.Copy(t.Context(), w.ledger, l, o)
	must(t, err)
	w.post(50)
	w.book(w.latest(3), 1, false)
	o.State = saved
	again, err := transfer.Copy(t.Context(), w.ledger, l, o)
	must(t, err)
	if first.Events < 100 || again.Events >= 60 || again.Bookings != 1 || again.Definitions != 0 {
		t.Fatalf("copied %+v, and then %+v", first, again)
	}
	if r := wantSame(t, w.ledger, l); r.Marks != 4 || r.Events != first.Events+again.Events || r.Records < 50 || r.Organizations != 2 {
		t.Fatalf("compared %+v", r)
	}
}

// TestRefuses: a destination that holds anything else is left as it is.
func TestRefuses(t *testing.T) {
	w := newTold(t)
	var saved transfer.State
	o := transfer.Options{Save: func(s transfer.State) error { saved = s; return nil }}
	refused := func(from, to tollbook.Ledger, want string) {
		t.Helper()
		before, err := to.JournalEnd(t.Context())
		must(t, err)
		_, err = transfer.Copy(t.Context(), from, to, o)
		if tollbook.CodeOf(err) != tollbook.CodeConflict || !strings.Contains(err.Error(), want) {
			t.Fatalf("got the error %v, want one with %q", err, want)
		}
		if after, err := to.JournalEnd(t.Context()); err != nil || after != before {
			t.Fatalf("the destination was written to: %s is %s now (%v)", before, after, err)
		}
	}
	other := newTold(t)
	refused(w.ledger, other.ledger, "is not empty")
	empty := newMemory(t).open(t)
	o.State = transfer.State{Begun: true, Written: "local-0000000000100000"}
	refused(w.ledger, empty, "is not the one that was copied to")
	must(t, empty.Close())

	for _, change := range []struct {
		what string
		do   func(w *told)
	}{
		{"account mine", func(w *told) { w.define(tollbook.KindAccount, "mine") }},
		{"an event", func(w *told) { w.post(30) }},
		{"a correction", func(w *told) { w.book(w.latest(5), 2, false) }},
	} {
		copied := &told{t: t, ledger: newMemory(t).open(t), work: storetest.NewWorkload(99, storetest.WorkloadSize{Organizations: []string{"initech"}, Accounts: 2, Months: 1, Lines: 2}), posted: w.posted, n: 1000}
		o.State = transfer.State{}
		_, err := transfer.Copy(t.Context(), w.ledger, copied.ledger, o)
		must(t, err)
		o.State, copied.head = saved, saved.Head
		change.do(copied)
		refused(w.ledger, copied.ledger, change.what)
		must(t, copied.ledger.Close())
	}
}
