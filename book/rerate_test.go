package book_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tollbook"
	"tollbook/book"
	"tollbook/storetest"
)

// watchedLedger tells of re-ratings that have ended, and lets a test come
// between what a book does.
type watchedLedger struct {
	tollbook.Ledger
	ended         chan struct{} // re-ratings
	restated      chan struct{} // months; nil: it does not tell
	beforeRestate func() error
	beforeNote    func(body []byte) error // of a re-rating
}

func watched(l tollbook.Ledger) *watchedLedger {
	return &watchedLedger{Ledger: l, ended: make(chan struct{}, 100), restated: make(chan struct{}, 100),
		beforeRestate: func() error { return nil }, beforeNote: func([]byte) error { return nil }}
}

func (l *watchedLedger) Define(ctx context.Context, head tollbook.Pos, defs []tollbook.Definition) (tollbook.Pos, error) {
	if defs[0].Kind == tollbook.KindRerate {
		if err := l.beforeNote(defs[0].Body); err != nil {
			return 0, err
		}
	}
	pos, err := l.Ledger.Define(ctx, head, defs)
	if err == nil && defs[0].Kind == tollbook.KindRerate && bytes.Contains(defs[0].Body, []byte(`"done"`)) {
		l.ended <- struct{}{}
	}
	return pos, err
}

func (l *watchedLedger) Restate(ctx context.Context, under tollbook.Pos, r tollbook.Restatement) error {
	if err := l.beforeRestate(); err != nil {
		return err
	}
	err := l.Ledger.Restate(ctx, under, r)
	if err == nil && l.restated != nil {
		l.restated <- struct{}{}
	}
	return err
}

// rerate asks for a re-rating and waits for its end.
func (f *fixture) rerate(l *watchedLedger, scope book.RerateScope) book.Rerate {
	f.Helper()
	job, err := f.operator.Rerate(f.ctx, scope)
	f.must(err)
	<-l.ended
	return f.rerated(job.ID)
}

// rerated returns a re-rating that has ended. The book has it a moment after
// the ledger: asking for another definition waits for that.
func (f *fixture) rerated(id string) book.Rerate {
	f.Helper()
	_, err := f.operator.PutProduct(f.ctx, tollbook.Product{ID: "after-" + id, Name: "waits"})
	f.must(err)
	job, err := f.operator.RerateByID(id)
	f.must(err)
	return job
}

// amounts is what is shown of each month and account.
func (f *fixture) amounts() string {
	f.Helper()
	page, err := f.view.Usage(f.ctx, book.PageQuery{PerPage: 250, OrderBy: "month:asc"})
	f.must(err)
	text := ""
	for _, r := range page.Records {
		text += fmt.Sprintf("%s %s %s, ", r.Month, r.AccountID, r.TotalAmount)
	}
	return text
}

func ledgers(t *testing.T, run func(t *testing.T, l tollbook.Ledger)) {
	t.Run("model", func(t *testing.T) { run(t, storetest.NewModel()) })
	t.Run("localstore", func(t *testing.T) { run(t, newLedger(t)) })
}

func TestRerate(t *testing.T) {
	ledgers(t, func(t *testing.T, l tollbook.Ledger) {
		w := watched(l)
		f := newFixture(t, w)
		text := call("text")
		text.Type, text.Unit = tollbook.Message, tollbook.Numbers
		f.post(callAt("july", "2026-07-10T12:00:00Z"), callAt("august", "2026-08-10T12:00:00Z"), call("september"), text)
		_, err := f.operator.CloseMonth(f.ctx, "acme", month("2026-07"))
		f.must(err)
		f.card(2)
		f.want("before", f.amounts(), "2026-07 a1 1, 2026-08 a1 1, 2026-09 a1 1, ")

		september := month("2026-09")
		job := f.rerate(w, book.RerateScope{Month: &september})
		f.want("September again", f.amounts(), "2026-07 a1 1, 2026-08 a1 1, 2026-09 a1 2, ")
		if job.State != book.RerateDone || job.Months != 1 || job.MonthsDone != 1 || job.Events != 2 || job.EventsChanged != 1 || job.FinishedAt == nil {
			t.Errorf("the re-rating came to %+v", job)
		}
		job = f.rerate(w, book.RerateScope{})
		f.want("all again", f.amounts(), "2026-07 a1 1, 2026-08 a1 2, 2026-09 a1 2, ")
		if job.Months != 2 || job.EventsChanged != 1 {
			t.Errorf("the second re-rating came to %+v", job)
		}
		if job = f.rerate(w, book.RerateScope{}); job.EventsChanged != 0 || job.Events != 3 {
			t.Errorf("the third re-rating came to %+v", job)
		}
		july, nobody := month("2026-07"), "nobody"
		acme := "acme"
		_, err = f.operator.Rerate(f.ctx, book.RerateScope{OrganizationID: &acme, Month: &july})
		f.want("a closed month", string(tollbook.CodeOf(err)), string(tollbook.CodeConflict))
		_, err = f.operator.Rerate(f.ctx, book.RerateScope{AccountID: &nobody})
		f.want("nobody's account", string(tollbook.CodeOf(err)), string(tollbook.CodeNotFound))
		rows, info, err := f.operator.Rerates(book.PageQuery{PerPage: 2, OrderBy: "id:asc"})
		f.must(err)
		if len(rows) != 2 || info.Total != 3 {
			t.Errorf("%d of %d re-ratings", len(rows), info.Total)
		}
	})
}

// TestRerateMeetsCorrections voids an event, and defines things, just before
// what was measured of its month is to hold.
func TestRerateMeetsCorrections(t *testing.T) {
	ledgers(t, func(t *testing.T, l tollbook.Ledger) {
		w := watched(l)
		f := newFixture(t, w)
		f.post(call("one"), call("two"), call("three"))
		f.card(2)
		var calls atomic.Int32
		w.beforeRestate = func() error {
			switch calls.Add(1) {
			case 1:
				_, err := f.operator.PutProduct(f.ctx, tollbook.Product{ID: "p", Name: "P"})
				return err
			case 2: // measured under what holds still
				results, err := f.sender.Void(f.ctx, []*book.VoidRequest{{EventName: tollbook.EventName{Source: "s", ID: "two"}, Reason: "a test"}})
				if err == nil && results[0].Status != book.Voided {
					t.Errorf("the void is %v", results[0].Status)
				}
				return err
			case 3:
				f.card(3)
			}
			return nil
		}
		job := f.rerate(w, book.RerateScope{})
		f.want("the month", f.amounts(), "2026-09 a1 6, ")
		if job.EventsChanged != 2 {
			t.Errorf("the re-rating came to %+v", job)
		}
	})
}

// TestRerateGoesOn interrupts a re-rating in the middle, and has another book
// of the same ledger find it.
func TestRerateGoesOn(t *testing.T) {
	ledgers(t, func(t *testing.T, l tollbook.Ledger) {
		w := watched(l)
		clock := newWatch("2026-09-15T12:00:00Z")
		f := newFixtureOn(t, openAt(t, w, func() time.Time {
			now := clock.time()
			clock.set(now.Add(time.Hour).Format(time.RFC3339)) // each look is long after the last: it notes how far it is
			return now
		}))
		want := ""
		for i := range 6 {
			id := fmt.Sprintf("b%d", i)
			_, _, err := f.operator.PutAccount(f.ctx, tollbook.Account{ID: id, OrganizationID: "acme", Name: id})
			f.must(err)
			e := call(id)
			e.AccountID = id
			f.post(e)
			want += "2026-09 " + id + " 3, "
		}
		f.card(2)
		f.card(3)
		stopped := make(chan struct{})
		var calls atomic.Int32
		w.beforeRestate = func() error {
			switch n := calls.Add(1); {
			case n == 4:
				close(stopped)
				fallthrough
			case n > 4: // others of the same group
				return errors.New("the power is gone")
			}
			return nil
		}
		job, err := f.operator.Rerate(f.ctx, book.RerateScope{})
		f.must(err)
		<-stopped
		f.book.Close()
		w.beforeRestate = func() error { return nil }
		g := *f
		g.book = open(t, w)
		g.operator, err = g.book.Operator(book.Grant{Client: tollbook.Client{ID: "op"}, Scopes: []string{tollbook.ScopeOperator}})
		f.must(err)
		<-w.ended
		done := g.rerated(job.ID)
		f.must(f.book.Reload(f.ctx))
		if got := sortedByAccount(f); got != want {
			t.Errorf("the records are %s, want %s", got, want)
		}
		if done.MonthsDone != 6 || done.EventsChanged != 6 || done.State != book.RerateDone {
			t.Errorf("the re-rating came to %+v", done)
		}
		if n := len(w.restated); n != 6 {
			t.Errorf("months were restated %d times, want each of 6 once", n)
		}
	})
}

func sortedByAccount(f *fixture) string {
	f.Helper()
	page, err := f.view.Usage(f.ctx, book.PageQuery{PerPage: 250, OrderBy: "account_id:asc"})
	f.must(err)
	text := ""
	for _, r := range page.Records {
		text += fmt.Sprintf("%s %s %s, ", r.Month, r.AccountID, r.TotalAmount)
	}
	return text
}

// TestCancelRerate cancels one between two months.
func TestCancelRerate(t *testing.T) {
	w := watched(newLedger(t))
	f := newFixture(t, w)
	f.post(callAt("august", "2026-08-10T12:00:00Z"), call("september"))
	f.card(2)
	ids, canceled := make(chan string, 1), make(chan struct{})
	var once sync.Once
	w.beforeRestate = func() (err error) {
		once.Do(func() {
			_, err = f.operator.CancelRerate(f.ctx, <-ids)
			close(canceled)
		})
		return err
	}
	job, err := f.operator.Rerate(f.ctx, book.RerateScope{})
	f.must(err)
	ids <- job.ID
	<-canceled
	<-w.restated // the month in hand is done
	f.book.Close()
	job = f.rerated(job.ID)
	if job.State != book.RerateCanceled || job.FinishedAt == nil {
		t.Errorf("it is %+v", job)
	}
	f.want("the months", f.amounts(), "2026-08 a1 2, 2026-09 a1 1, ")
	_, err = f.operator.CancelRerate(f.ctx, job.ID)
	f.want("canceled again", string(tollbook.CodeOf(err)), string(tollbook.CodeConflict))
}
