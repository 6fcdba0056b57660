package book_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"tollbook"
	"tollbook/storetest"
)

// TestSchedule: an organization that says so has its months closed some days
// after their end, in order, by nobody's call.
func TestSchedule(t *testing.T) {
	w := newWatch("2026-09-15T12:00:00Z")
	ledger := storetest.NewModel()
	f := newFixtureOn(t, openAt(t, ledger, w.time))
	f.must(f.book.CloseDue(f.ctx))
	f.post(callAt("1", "2026-07-31T00:00:00Z"))
	f.must(f.book.CloseDue(f.ctx))
	f.want("without a schedule", f.months(), "2026-07 open, 2026-08 open, 2026-09 open")

	days := 5
	card := "std"
	_, err := f.operator.PutOrganization(f.ctx, tollbook.Organization{ID: "acme", Name: "Acme", RateCardID: &card, CloseAfterDays: &days})
	f.must(err)
	m, err := f.operator.Month(f.ctx, "acme", month("2026-09"))
	f.must(err)
	f.want("closes at", m.ClosesAt.Format(time.RFC3339), "2026-10-06T00:00:00Z")
	f.must(f.book.CloseDue(f.ctx))
	f.want("due", f.months(), "2026-07 closed, 2026-08 closed, 2026-09 open")
	w.set("2026-10-05T23:59:59Z")
	f.must(f.book.CloseDue(f.ctx))
	f.want("a second before", f.months(), "2026-07 closed, 2026-08 closed, 2026-09 open, 2026-10 open")
	w.set("2026-10-06T00:00:00Z")
	f.must(f.book.CloseDue(f.ctx))
	f.want("in time", f.months(), "2026-07 closed, 2026-08 closed, 2026-09 closed, 2026-10 open")
	m, err = f.operator.Month(f.ctx, "acme", month("2026-09"))
	f.must(err)
	f.want("closed by", *m.ClosedBy, "schedule")

	days = -1
	_, err = f.operator.PutOrganization(f.ctx, tollbook.Organization{ID: "acme", Name: "Acme", CloseAfterDays: &days})
	if tollbook.CodeOf(err) != tollbook.CodeInvalidContent {
		t.Errorf("a negative grace period: %v", err)
	}
}

// unsettled is a ledger that counts how often it has to settle.
type unsettled struct {
	tollbook.Ledger
	settles atomic.Int64
}

func (l *unsettled) Settle(ctx context.Context) error {
	l.settles.Add(1)
	return l.Ledger.Settle(ctx)
}

// TestScheduleSettlesWhatIsDue: a ledger over a database takes a while to settle, and
// has not to for each organization every few seconds.
func TestScheduleSettlesWhatIsDue(t *testing.T) {
	w := newWatch("2026-09-15T12:00:00Z")
	l := &unsettled{Ledger: storetest.NewModel()}
	f := newFixtureOn(t, openAt(t, l, w.time))
	card := "std"
	_, err := f.operator.PutOrganization(f.ctx, tollbook.Organization{ID: "acme", Name: "Acme", RateCardID: &card, CloseAfterDays: new(int)})
	f.must(err)
	f.post(call("1"))
	l.settles.Store(0)
	f.must(f.book.CloseDue(f.ctx))
	if n := l.settles.Load(); n > 0 {
		t.Errorf("settled %d times while nothing is due", n)
	}
	w.set("2026-10-01T00:00:00Z")
	f.must(f.book.CloseDue(f.ctx))
	f.want("closed", f.months(), "2026-09 closed, 2026-10 open")
	if l.settles.Load() == 0 {
		t.Error("closed without a look at what has come")
	}
}

// TestScheduleTakesTurns: a schedule that has much to close leaves the other
// work its turn.
func TestScheduleTakesTurns(t *testing.T) {
	var read atomic.Int64 // how often the clock was
	f := newFixtureOn(t, openAt(t, storetest.NewModel(), func() time.Time {
		return time.Date(2026, 9, 15, 12, int(read.Add(1)), 0, 0, time.UTC)
	}))
	f.post(callAt("1", "2026-07-31T00:00:00Z"))
	_, err := f.operator.PutOrganization(f.ctx, tollbook.Organization{ID: "acme", Name: "Acme", CloseAfterDays: new(int)})
	f.must(err)
	f.must(f.book.CloseDue(f.ctx))
	f.want("the first turn", f.months(), "2026-07 closed, 2026-08 open, 2026-09 open")
	f.must(f.book.CloseDue(f.ctx))
	f.want("the second turn", f.months(), "2026-07 closed, 2026-08 closed, 2026-09 open")
}
