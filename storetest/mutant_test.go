package storetest

import (
	"context"
	"flag"
	"iter"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/checktest"
)

var mutantFlag = flag.String("mutant", "", "run the suite on the model with this fault; it must fail")

// mutant is a model with one fault.
type mutant struct {
	*Model
	define  func(head tollbook.Pos, defs []tollbook.Definition) (tollbook.Pos, error)
	post    func(under tollbook.Pos, entries []tollbook.Entry) ([]tollbook.Outcome, error)
	book    func(under tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error)
	restate func(under tollbook.Pos, r tollbook.Restatement) error
	month   func(q tollbook.MonthQuery) (tollbook.Ref, []tollbook.BookedEvent)
	history func(claim tollbook.Claim) ([]tollbook.BookedEvent, *tollbook.BookedEvent, error)
	latest  func(words []*tollbook.BookedEvent)
	journal func(all []tollbook.Chapter) []tollbook.Chapter
	end     func() (string, error)
	totals  func(org string) ([]tollbook.Total, error)
	records func(q tollbook.Query) (tollbook.Page, error)
	record  func(org string, id tollbook.RecordID) (tollbook.Record, error)
	events  func(q tollbook.EventQuery) (tollbook.EventPage, error)
	unrated func(org string) (int, error)
	once    func(key [16]byte) (bool, error)
	lease   func(name string, holder [16]byte, length time.Duration) (tollbook.Term, error)
	close   func()
	crash   func(left *mutant) // what is left of it when the power fails
}

// fault is one that the suite must find, with the tests that must find it: a
// group of them, or GROUP/TEST.
type fault struct {
	name, found string
	spoil       func(m *mutant)
}

func allFaults() []fault {
	return slices.Concat(faults(), answerFaults(), correctionFaults(), restateFaults(), tierFaults(), readFaults(), leaseFaults(), journalFaults())
}

func (m *mutant) Open(testing.TB) tollbook.Ledger { return m }

func (m *mutant) Define(ctx context.Context, head tollbook.Pos, defs []tollbook.Definition) (tollbook.Pos, error) {
	if m.define != nil {
		return m.define(head, defs)
	}
	return m.Model.Define(ctx, head, defs)
}

func (m *mutant) Post(ctx context.Context, under tollbook.Pos, entries []tollbook.Entry) ([]tollbook.Outcome, error) {
	if m.post != nil {
		return m.post(under, entries)
	}
	return m.Model.Post(ctx, under, entries)
}

func (m *mutant) Book(ctx context.Context, under tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error) {
	if m.book != nil {
		return m.book(under, bookings)
	}
	return m.Model.Book(ctx, under, bookings)
}

func (m *mutant) Restate(ctx context.Context, under tollbook.Pos, r tollbook.Restatement) error {
	if m.restate != nil {
		return m.restate(under, r)
	}
	return m.Model.Restate(ctx, under, r)
}

func (m *mutant) MonthEvents(ctx context.Context, q tollbook.MonthQuery) (tollbook.Ref, iter.Seq2[tollbook.BookedEvent, error]) {
	if m.month == nil {
		return m.Model.MonthEvents(ctx, q)
	}
	seen, events := m.month(q)
	return seen, func(yield func(tollbook.BookedEvent, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (m *mutant) History(ctx context.Context, claim tollbook.Claim) ([]tollbook.BookedEvent, *tollbook.BookedEvent, error) {
	if m.history != nil {
		return m.history(claim)
	}
	return m.Model.History(ctx, claim)
}

func (m *mutant) Totals(ctx context.Context, org string) ([]tollbook.Total, error) {
	if m.totals != nil {
		return m.totals(org)
	}
	return m.Model.Totals(ctx, org)
}

func (m *mutant) Records(ctx context.Context, q tollbook.Query) (tollbook.Page, error) {
	if m.records != nil {
		return m.records(q)
	}
	return m.Model.Records(ctx, q)
}

func (m *mutant) Record(ctx context.Context, org string, id tollbook.RecordID) (tollbook.Record, error) {
	if m.record != nil {
		return m.record(org, id)
	}
	return m.Model.Record(ctx, org, id)
}

func (m *mutant) Events(ctx context.Context, q tollbook.EventQuery) (tollbook.EventPage, error) {
	if m.events != nil {
		return m.events(q)
	}
	return m.Model.Events(ctx, q)
}

func (m *mutant) CountUnrated(ctx context.Context, org string) (int, error) {
	if m.unrated != nil {
		return m.unrated(org)
	}
	return m.Model.CountUnrated(ctx, org)
}

func (m *mutant) Once(ctx context.Context, key [16]byte, until time.Time) (bool, error) {
	if m.once != nil {
		return m.once(key)
	}
	return m.Model.Once(ctx, key, until)
}

func (m *mutant) Close() error {
	if m.close != nil {
		m.close()
	}
	return nil
}

// Thin implements Thinner: who looks for a fault looks everywhere.
func (m *mutant) Thin() bool { return false }

// Crash implements Crasher.
func (m *mutant) Crash(testing.TB) Driver {
	left := &mutant{Model: m.clone(), crash: m.crash}
	if m.crash != nil {
		m.crash(left)
	}
	return left
}

// after does something to each entry once it was posted.
func (m *mutant) after(f func(e *tollbook.Entry, o *tollbook.Outcome)) {
	m.post = func(under tollbook.Pos, entries []tollbook.Entry) ([]tollbook.Outcome, error) {
		outcomes, err := m.Model.Post(context.Background(), under, entries)
		m.mu.Lock()
		defer m.mu.Unlock()
		for i := range outcomes {
			f(&entries[i], &outcomes[i])
		}
		return outcomes, err
	}
}

// before changes each entry before it is posted.
func (m *mutant) before(f func(e *tollbook.Entry)) {
	m.post = func(under tollbook.Pos, entries []tollbook.Entry) ([]tollbook.Outcome, error) {
		entries = slices.Clone(entries)
		for i := range entries {
			f(&entries[i])
		}
		return m.Model.Post(context.Background(), under, entries)
	}
}

// beforeBook changes each booking of an event that is there before it is
// booked, or what was said last.
func (m *mutant) beforeBook(f func(b *tollbook.Booking, last *word)) {
	m.book = func(under tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error) {
		bookings = slices.Clone(bookings)
		for i := range bookings {
			if last := m.now.latest(bookings[i].Event.Claim); last != nil {
				f(&bookings[i], last)
			}
		}
		return m.Model.Book(context.Background(), under, bookings)
	}
}

// staleAfter has a restatement be stale after other words.
func (m *mutant) staleAfter(f func(w *word, r tollbook.Restatement) bool) {
	m.restate = func(under tollbook.Pos, r tollbook.Restatement) error {
		for _, w := range m.words[r.Seen:] {
			if f(w, r) {
				return tollbook.ErrStale
			}
		}
		return m.Model.Restate(context.Background(), under, r)
	}
}

// readMonth has a month be made of other words.
func (m *mutant) readMonth(wanted func(w *word, q *tollbook.MonthQuery) bool) {
	m.month = func(q tollbook.MonthQuery) (tollbook.Ref, []tollbook.BookedEvent) {
		m.mu.Lock()
		defer m.mu.Unlock()
		var events []tollbook.BookedEvent
		for _, w := range m.words {
			if w.OrganizationID == q.OrganizationID && slices.Contains(q.AccountIDs, w.AccountID) && wanted(w, &q) {
				events = append(events, w.BookedEvent)
			}
		}
		return tollbook.Ref(len(m.words)), events
	}
}

// spoilEvents changes each page of events.
func (m *mutant) spoilEvents(spoil func(p *tollbook.EventPage)) {
	m.events = func(q tollbook.EventQuery) (tollbook.EventPage, error) {
		page, err := m.Model.Events(context.Background(), q)
		spoil(&page)
		return page, err
	}
}

// spoilHistory changes what was said of events that are there.
func (m *mutant) spoilHistory(spoil func(words []tollbook.BookedEvent) []tollbook.BookedEvent) {
	m.history = func(claim tollbook.Claim) ([]tollbook.BookedEvent, *tollbook.BookedEvent, error) {
		words, replaces, err := m.Model.History(context.Background(), claim)
		if err == nil {
			words = spoil(words)
		}
		return words, replaces, err
	}
}

// spoilTotals changes each total.
func (m *mutant) spoilTotals(spoil func(t tollbook.Total) tollbook.Total) {
	m.totals = func(org string) ([]tollbook.Total, error) {
		totals, err := m.Model.Totals(context.Background(), org)
		for i := range totals {
			totals[i] = spoil(totals[i])
		}
		return totals, err
	}
}

// forget loses the last words.
func (m *mutant) forget(n int) {
	m.words = m.words[:max(0, len(m.words)-n)]
	m.replay()
}

// spoilRecords changes each record of a page.
func (m *mutant) spoilRecords(spoil func(r *tollbook.Record)) {
	m.ask(nil, func(p *tollbook.Page) {
		p.Records = slices.Clone(p.Records)
		for i := range p.Records {
			spoil(&p.Records[i])
		}
	})
}

// ask changes the question, or the answer, of Records.
func (m *mutant) ask(question func(q *tollbook.Query), answer func(p *tollbook.Page)) {
	m.records = func(q tollbook.Query) (tollbook.Page, error) {
		if question != nil {
			question(&q)
		}
		page, err := m.Model.Records(context.Background(), q)
		if answer != nil {
			answer(&page)
		}
		return page, err
	}
}

// TestMutant is what TestSuiteFindsFaults runs in a process of its own.
func TestMutant(t *testing.T) {
	for _, c := range allFaults() {
		if c.name == *mutantFlag {
			Run(t, func(testing.TB) Driver {
				m := &mutant{Model: NewModel()}
				c.spoil(m)
				return m
			})
		}
	}
}

// The suite can be failed: each fault is found, by the tests that say so.
func TestSuiteFindsFaults(t *testing.T) {
	checktest.Leave(t)
	if testing.Short() {
		t.Skip("starts a process for each fault")
	}
	for _, c := range allFaults() {
		t.Run(c.name, func(t *testing.T) {
			tests := "^TestMutant$/^" + strings.ReplaceAll(c.found, "/", "$/^") + "$"
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+tests, "-test.failfast", "-mutant="+c.name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestMutant/"+c.found) {
				t.Errorf("the tests of %s find nothing: %v\n%s", c.found, err, out)
			}
		})
	}
}
