package book_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"tollbook"
	"tollbook/book"
	"tollbook/storetest"
)

// errorLog is a log that passes on errors alone.
type errorLog struct {
	slog.Handler
	errors chan string
}

func (l errorLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }

func (l errorLog) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		r.Message += " " + a.String()
		return true
	})
	l.errors <- r.Message
	return nil
}

// rerates is a fixture with an event in the month of each of six accounts, all
// of which a re-rating changes.
type rerates struct {
	*fixture
	ledger *watchedLedger
	errors chan string // that the book logs
}

const sixMonths = "2026-09 b0 2, 2026-09 b1 2, 2026-09 b2 2, 2026-09 b3 2, 2026-09 b4 2, 2026-09 b5 2, "

// newRerates is one whose clock goes on by so much whenever it is looked at.
func newRerates(t *testing.T, l tollbook.Ledger, step time.Duration) *rerates {
	t.Helper()
	clock := newWatch("2026-09-15T12:00:00Z")
	now := func() time.Time {
		now := clock.time()
		clock.set(now.Add(step).Format(time.RFC3339))
		return now
	}
	r := &rerates{ledger: watched(l), errors: make(chan string, 100)}
	b, err := book.Open(t.Context(), r.ledger, book.Options{Clock: now, Rand: rand.Reader, Logger: slog.New(errorLog{errors: r.errors})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	r.fixture = newFixtureOn(t, b)
	for i := range 6 {
		id := fmt.Sprintf("b%d", i)
		_, _, err := r.operator.PutAccount(r.ctx, tollbook.Account{ID: id, OrganizationID: "acme", Name: id})
		r.must(err)
		e := call(id)
		e.AccountID = id
		r.post(e)
	}
	r.card(2)
	return r
}

// ended waits for the end of the re-rating, which must not be interrupted.
func (r *rerates) ended() {
	r.Helper()
	select {
	case <-r.ledger.ended:
	case message := <-r.errors:
		r.Fatal(message)
	}
}

// check holds a re-rating that has ended against what it must have come to,
// each month having been restated once.
func (r *rerates) check(id string) {
	r.Helper()
	job := r.rerated(id)
	r.want("the months", sortedByAccount(r.fixture), sixMonths)
	if job.State != book.RerateDone || job.MonthsDone != 6 || job.Events != 6 || job.EventsChanged != 6 {
		r.Errorf("the re-rating came to %+v", job)
	}
	if n := len(r.ledger.restated); n != 6 {
		r.Errorf("months were restated %d times, want each of 6 once", n)
	}
	if n := r.marks(); n != 1 {
		r.Errorf("there are %d marks, want 1", n)
	}
}

func (r *rerates) marks() (n int) {
	r.Helper()
	for def, err := range r.ledger.Definitions(r.ctx, 0) {
		r.must(err)
		if def.Kind == tollbook.KindMark {
			n++
		}
	}
	return n
}

var (
	errComeAgain = tollbook.NewError(tollbook.CodeTooManyRequests, "Come again.")
	errPower     = errors.New("the power is gone")
)

func isNote(body []byte) bool { return bytes.Contains(body, []byte(`"through":{`)) }
func isEnd(body []byte) bool  { return bytes.Contains(body, []byte(`"state":"done"`)) }

// TestRerateComesAgain: a ledger that says that it is too busy to take down how
// far a re-rating is, or that it is done, interrupts nothing, and nothing is done
// again.
func TestRerateComesAgain(t *testing.T) {
	for name, is := range map[string]func([]byte) bool{"note": isNote, "end": isEnd} {
		t.Run(name, func(t *testing.T) {
			ledgers(t, func(t *testing.T, l tollbook.Ledger) {
				r := newRerates(t, l, time.Hour) // each look is long after the last: it notes how far it is
				busy := 3
				r.ledger.beforeNote = func(body []byte) error {
					if busy > 0 && is(body) {
						busy--
						return errComeAgain
					}
					return nil
				}
				job, err := r.operator.Rerate(r.ctx, book.RerateScope{})
				r.must(err)
				r.ended()
				r.check(job.ID)
				if busy > 0 {
					t.Errorf("it would have been busy %d times more", busy)
				}
			})
		})
	}
}

// TestRerateIsInterrupted: one that an error has interrupted goes on when the
// server looks for what is due, and has forgotten nothing.
func TestRerateIsInterrupted(t *testing.T) {
	for _, c := range []struct {
		name string
		step time.Duration
		what func([]byte) bool // nil: the fourth Restate, which is one of a group of three
	}{
		{"restate", 40 * time.Second, nil}, // it notes how far it is now and then
		{"note", 40 * time.Second, isNote},
		{"end", 0, isEnd},
	} {
		t.Run(c.name, func(t *testing.T) {
			ledgers(t, func(t *testing.T, l tollbook.Ledger) {
				r := newRerates(t, l, c.step)
				var restates, notes atomic.Int32
				r.ledger.beforeRestate = func() error {
					if restates.Add(1) == 4 && c.what == nil {
						return errPower
					}
					return nil
				}
				r.ledger.beforeNote = func(body []byte) error {
					if c.what != nil && c.what(body) && notes.Add(1) == 1 {
						return errPower
					}
					return nil
				}
				job, err := r.operator.Rerate(r.ctx, book.RerateScope{})
				r.must(err)
				select {
				case <-r.errors:
				case <-r.ledger.ended:
					t.Fatal("nobody was told that it was interrupted")
				}
				r.must(r.book.ResumeRerates(r.ctx))
				r.ended()
				r.check(job.ID)
			})
		})
	}
}

// TestRerateIsMarkedAfterRestart: where all months were restated before a
// restart, and there is no change left to be made, what they come to is marked.
func TestRerateIsMarkedAfterRestart(t *testing.T) {
	ledgers(t, func(t *testing.T, l tollbook.Ledger) {
		r := newRerates(t, l, 0)
		r.closeBeforeItsEnd()
		open(t, r.ledger)
		r.ended()
		if n := r.marks(); n != 1 {
			t.Errorf("there are %d marks, want 1", n)
		}
	})
}

// stalledLedger gives no event until whoever asks goes away.
type stalledLedger struct {
	*watchedLedger
	asked chan struct{}
}

func (l *stalledLedger) MonthEvents(ctx context.Context, _ tollbook.MonthQuery) (tollbook.Ref, iter.Seq2[tollbook.BookedEvent, error]) {
	return 0, func(yield func(tollbook.BookedEvent, error) bool) {
		l.asked <- struct{}{}
		<-ctx.Done()
		yield(tollbook.BookedEvent{}, ctx.Err())
	}
}

// TestClosedBookEndsNoRerate: a re-rating that is under way when the book is
// closed is not done, though a ledger may take down what it is sent last.
func TestClosedBookEndsNoRerate(t *testing.T) {
	r := newRerates(t, storetest.NewModel(), 0)
	r.book.Close()
	job, err := r.operator.Rerate(r.ctx, book.RerateScope{})
	r.must(err)
	stalled := &stalledLedger{r.ledger, make(chan struct{})}
	for range 20 { // what is told first, that it was stopped or that there is no more, is left to chance
		b := open(t, stalled)
		select {
		case <-stalled.asked:
			b.Close()
		case <-r.ledger.ended:
			t.Fatal("it is done")
		}
	}
	r.must(r.book.Reload(r.ctx))
	if job, err = r.operator.RerateByID(job.ID); err != nil || job.State != book.RerateRunning {
		t.Errorf("the re-rating is %+v, %v", job, err)
	}
}

// closeBeforeItsEnd re-rates everything and closes the book when only the end is
// left to be noted.
func (r *rerates) closeBeforeItsEnd() {
	r.ledger.beforeNote = func(body []byte) error {
		if isEnd(body) {
			return errPower
		}
		return nil
	}
	_, err := r.operator.Rerate(r.ctx, book.RerateScope{})
	r.must(err)
	<-r.errors
	r.book.Close()
	r.ledger.beforeNote = func([]byte) error { return nil }
}
