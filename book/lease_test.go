package book_test

import (
	"context"
	"crypto/rand"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
	"tollbook/book"
	"tollbook/localstore"
)

// ledgerAt is a local store whose clock is one that is set by hand.
func ledgerAt(t *testing.T, now func() time.Time) tollbook.Ledger {
	t.Helper()
	ledger, err := localstore.Open("data", localstore.Options{FS: vfs.NewMem(), Create: true, Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ledger.Close(); err != nil {
			t.Error(err)
		}
	})
	return ledger
}

// another is the nth server of the same ledger, with a clock of its own.
func (w *alertWorld) another(n int) *alertWorld {
	w.Helper()
	o := &alertWorld{T: w.T, ledger: w.ledger, hooks: w.hooks, log: w.log, now: w.clock(), events: 1000 * n}
	o.start()
	return o
}

// refreshAndWork does what a server does every few seconds.
func (w *alertWorld) refreshAndWork() {
	w.Helper()
	w.must(w.book.Refresh(w.Context()))
	w.work()
}

func (w *alertWorld) leads(want bool) {
	w.Helper()
	if got := w.book.Leads(); got != want {
		w.Fatalf("that the server leads is %t, want %t", got, want)
	}
}

// TestOneServerTellsReceivers: of several servers one sends what is due, whoever
// was told of the alert and of the events; the next one does when that one has
// given it up, or is gone for as long as the lease is.
func TestOneServerTellsReceivers(t *testing.T) {
	clock := newWatch("2026-09-15T12:00:00Z")
	first := newAlertWorld(t, ledgerAt(t, clock.time))
	second := first.another(2)
	third := first.another(3)
	r := first.receiver()
	// fires has an alert fire that a server is told of, and wants the one that
	// leads to tell the receiver, and none of the others.
	fires := func(id string, s, leader *alertWorld, others ...*alertWorld) {
		t.Helper()
		s.must(s.book.Refresh(t.Context()))
		if s.events%1000 == 0 {
			s.post("a1 RECHARGE 1 main 1")
		}
		r.has(s.alert(id, r.URL, balance(t, "main", "20")))
		for _, o := range others {
			o.refreshAndWork()
			o.leads(false)
		}
		r.none()
		leader.refreshAndWork()
		leader.leads(true)
		for _, o := range append(others, s) {
			o.refreshAndWork()
		}
		if m := r.one(); m.Data["alert_id"] != id {
			t.Errorf("told of %v", m.Data["alert_id"])
		}
		if d := s.delivery(id); d.State != tollbook.DeliveryDelivered || d.Attempts != 1 {
			t.Errorf("%+v", d)
		}
	}
	fires("one", third, first, second, third)

	first.book.Close()
	first.leads(false)
	fires("two", second, second)
	fires("two-again", third, second, third)

	clock.set("2026-09-15T12:00:29Z")
	third.refreshAndWork()
	third.leads(false)
	clock.set("2026-09-15T12:00:30Z")
	fires("three", third, third)
	fires("three-again", second, third, second) // second was stopped, and goes on
}

// TestAlertOfAClockAhead: an alert that was made where the clock is ahead fires
// where it is not.
func TestAlertOfAClockAhead(t *testing.T) {
	first := newAlertWorld(t, newLedger(t))
	second := first.another(2)
	second.advance(time.Minute)
	r := first.receiver()
	second.post("a1 RECHARGE 1 main 1")
	r.has(second.lowOf("low", r.URL))
	first.refreshAndWork()
	first.advance(time.Minute)
	first.refreshAndWork()
	r.one()
	if d := first.delivery("low"); d.State != tollbook.DeliveryDelivered {
		t.Errorf("%+v", d)
	}
}

// TestEachServerMarksTheDay: that something has been counted is known to the
// server that counted it, which need not be the one that does what is due. A
// clock that is behind marks no day again.
func TestEachServerMarksTheDay(t *testing.T) {
	first := newAlertWorld(t, newLedger(t))
	second := first.another(2)
	marks := func() (days []string) {
		t.Helper()
		for def, err := range first.ledger.Definitions(t.Context(), 0) {
			first.must(err)
			if def.Kind == tollbook.KindMark {
				days = append(days, def.ID)
			}
		}
		return days
	}
	first.refreshAndWork()
	second.refreshAndWork()
	if got := marks(); len(got) != 1 {
		t.Fatalf("at the start: %q", got)
	}
	first.setClock(at(t, "2026-09-16T00:00:01Z"))
	second.setClock(at(t, "2026-09-16T00:00:02Z"))
	first.refreshAndWork() // nothing was counted there
	second.post("a1 RECHARGE 1 main 1")
	second.refreshAndWork()
	if got := marks(); len(got) != 2 || got[1] != "day/2026-09-16" {
		t.Fatalf("after a day: %q", got)
	}
	first.setClock(at(t, "2026-09-15T23:59:59Z"))
	first.post("a1 RECHARGE 1 main 1")
	first.refreshAndWork()
	second.refreshAndWork()
	if got := marks(); len(got) != 2 {
		t.Fatalf("with a clock that is behind: %q", got)
	}
}

// serverLedger is a ledger as one server sees it.
type serverLedger struct {
	tollbook.Ledger
	reads  atomic.Int32  // of months
	stall  chan struct{} // not nil: is told of a read of a month, which then waits until whoever asked goes away
	silent atomic.Bool   // it does not answer who extends a lease
	frozen sync.RWMutex  // locked: who takes or extends a lease has not got to it yet
}

func (l *serverLedger) MonthEvents(ctx context.Context, q tollbook.MonthQuery) (tollbook.Ref, iter.Seq2[tollbook.BookedEvent, error]) {
	l.reads.Add(1)
	if l.stall == nil {
		return l.Ledger.MonthEvents(ctx, q)
	}
	return 0, func(yield func(tollbook.BookedEvent, error) bool) {
		l.stall <- struct{}{}
		<-ctx.Done()
		yield(tollbook.BookedEvent{}, ctx.Err())
	}
}

func (l *serverLedger) Lease(ctx context.Context, name string, holder [16]byte, length time.Duration) (tollbook.Term, error) {
	if length > 0 && l.silent.Load() {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	l.frozen.RLock()
	defer l.frozen.RUnlock()
	return l.Ledger.Lease(ctx, name, holder, length)
}

// server is a book over a ledger that others have, too.
type server struct {
	*fixture
	ledger *serverLedger
	errors chan string // that it logs
}

func newServer(t *testing.T, ledger tollbook.Ledger, stall chan struct{}, lease time.Duration) *server {
	t.Helper()
	s := &server{ledger: &serverLedger{Ledger: ledger, stall: stall}, errors: make(chan string, 100)}
	now := func() time.Time { return at(t, "2026-09-15T12:00:00Z") }
	b, err := book.Open(t.Context(), s.ledger, book.Options{Clock: now, Rand: rand.Reader, Logger: slog.New(errorLog{errors: s.errors}), LeaseTime: lease})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	s.fixture = &fixture{T: t, ctx: t.Context(), book: b}
	s.operator, err = b.Operator(book.Grant{Client: tollbook.Client{ID: "op"}, Scopes: []string{tollbook.ScopeOperator}})
	s.must(err)
	return s
}

// asks asks for a re-rating of all that is open.
func (s *server) asks() string {
	s.Helper()
	job, err := s.operator.Rerate(s.ctx, book.RerateScope{})
	s.must(err)
	return job.ID
}

func (s *server) refreshes() {
	s.Helper()
	s.must(s.book.Refresh(s.ctx))
}

// TestOneServerRerates: a re-rating is run by the server that does what is due,
// as soon as it reads that another one was asked for it.
func TestOneServerRerates(t *testing.T) {
	r := newRerates(t, newLedger(t), 0)
	s := newServer(t, r.ledger, nil, 0)
	id := s.asks()
	r.must(r.book.Refresh(r.ctx))
	r.ended()
	r.check(id)
	s.refreshes()
	s.must(s.book.Work(s.ctx))
	s.book.Close() // it has come to an end
	if n := s.ledger.reads.Load(); n > 0 {
		t.Errorf("the other server has read %d months", n)
	}
	if job, err := s.operator.RerateByID(id); err != nil || job.State != book.RerateDone || job.EventsChanged != 6 {
		t.Errorf("the other server says %+v, %v", job, err)
	}
}

// TestOneServerTakesUp: unrated events are taken up by the server that does what
// is due, when another one was told of the card that rates them.
func TestOneServerTakesUp(t *testing.T) {
	w := &bookedLedger{newLedger(t), make(chan int, 100)}
	f := newFixture(t, w)
	text := call("text")
	text.Type, text.Unit = tollbook.Message, tollbook.Numbers
	f.post(text)
	s := newServer(t, w.Ledger, nil, 0)
	_, _, err := s.operator.PutRateCard(f.ctx, "std", "resource,price_per_increment,increment,currency\nCALL,1,1,USD\nMESSAGE,7,1,USD\n")
	f.must(err)
	f.must(f.book.Refresh(f.ctx))
	if n := <-w.booked; n != 1 {
		t.Errorf("%d events are taken up", n)
	}
	f.want("the month", f.amounts(), "2026-09 a1 7, ")
}

// bookedLedger tells how many events are corrected at once.
type bookedLedger struct {
	tollbook.Ledger
	booked chan int
}

func (l *bookedLedger) Book(ctx context.Context, under tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error) {
	outcomes, err := l.Ledger.Book(ctx, under, bookings)
	if err == nil {
		l.booked <- len(bookings)
	}
	return outcomes, err
}

// TestLeaseIsLost: a server that is in the middle of a re-rating stops when
// another has the lease, which goes on with it.
func TestLeaseIsLost(t *testing.T) {
	clock := newWatch("2026-09-15T12:00:00Z")
	l := watched(ledgerAt(t, clock.time))
	stall := make(chan struct{}, 100)
	slow := newServer(t, l, stall, 300*time.Millisecond)
	r := newRerates(t, l.Ledger, 0)
	slow.refreshes()
	id := slow.asks()
	<-stall
	slow.ledger.frozen.Lock()
	clock.set("2026-09-15T12:00:01Z")
	r.must(r.book.Refresh(r.ctx))
	r.ended()
	r.check(id)
	slow.ledger.frozen.Unlock()
	slow.lost()
	if slow.book.Leads() || !r.book.Leads() {
		t.Error("it is not led by who has taken over")
	}
}

// lost waits for a re-rating to be interrupted, which must be because the lease
// is lost. Taking up events may be, too.
func (s *server) lost() {
	s.Helper()
	for message := range s.errors {
		if why, ok := strings.CutPrefix(message, "a re-rating is interrupted; it will go on error="); ok {
			s.want("why it is interrupted", why, book.ErrLeaseLost.Error())
			return
		}
	}
}

// TestLeaseIsNotExtended: a server that is told nothing stops when its lease
// must have run out.
func TestLeaseIsNotExtended(t *testing.T) {
	l := ledgerAt(t, newWatch("2026-09-15T12:00:00Z").time)
	stall := make(chan struct{}, 100)
	s := newServer(t, l, stall, 300*time.Millisecond)
	r := newRerates(t, l, 0)
	s.refreshes()
	s.asks()
	<-stall
	s.ledger.silent.Store(true)
	s.lost()
	if s.book.Leads() {
		t.Error("it leads still")
	}
	s.ledger.silent.Store(false)
	s.book.Close()
	r.must(r.book.Refresh(r.ctx))
	r.ended()
}

// TestLeaseIsExtended: work that takes longer than the lease is not cut off.
func TestLeaseIsExtended(t *testing.T) {
	stall := make(chan struct{}, 100)
	l := &extendedLedger{ledgerAt(t, newWatch("2026-09-15T12:00:00Z").time), make(chan struct{}, 100)}
	s := newServer(t, l, stall, 1200*time.Millisecond)
	r := newRerates(t, l.Ledger, 0)
	s.refreshes()
	s.asks()
	<-stall
	for len(l.extended) > 0 { // when it was taken
		<-l.extended
	}
	for range 4 { // a third of the length passes before each
		select {
		case <-l.extended:
		case message := <-s.errors:
			t.Fatal(message)
		}
	}
	r.must(r.book.Work(r.ctx))
	if r.book.Leads() || !s.book.Leads() {
		t.Error("another has it")
	}
}

// extendedLedger tells of extensions.
type extendedLedger struct {
	tollbook.Ledger
	extended chan struct{}
}

func (l *extendedLedger) Lease(ctx context.Context, name string, holder [16]byte, length time.Duration) (tollbook.Term, error) {
	term, err := l.Ledger.Lease(ctx, name, holder, length)
	if term != 0 && length > 0 {
		select {
		case l.extended <- struct{}{}:
		default:
		}
	}
	return term, err
}

// TestTakenOverIsMarked: where all months were restated by a server that has
// noted none of them, whoever takes over finds no change left to be made, and
// marks what they come to.
func TestTakenOverIsMarked(t *testing.T) {
	r := newRerates(t, newLedger(t), 0)
	s := newServer(t, r.ledger, nil, 0)
	r.closeBeforeItsEnd()
	s.refreshes()
	r.ended()
	if n := r.marks(); n != 1 {
		t.Errorf("there are %d marks, want 1", n)
	}
}
