package book_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tollbook"
	"tollbook/book"
	"tollbook/decimal"
	"tollbook/storetest"
)

// watch is a clock that is set by hand.
type watch struct {
	mu  sync.Mutex
	now time.Time
}

func newWatch(now string) *watch {
	w := &watch{}
	w.set(now)
	return w
}

func (w *watch) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *watch) set(now string) {
	at, err := time.Parse(time.RFC3339, now)
	if err != nil {
		panic(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = at
}

// callAt is an event of 1 increment at an instant.
func callAt(id, at string) *tollbook.Event {
	e := call(id)
	var err error
	if e.OccurredAt, err = time.Parse(time.RFC3339, at); err != nil {
		panic(err)
	}
	return e
}

func (f *fixture) post(events ...*tollbook.Event) {
	f.Helper()
	results, err := f.sender.Post(f.ctx, events)
	f.must(err)
	for i, r := range results {
		if r.Status != book.StatusAccepted && r.Status != book.StatusUnrated {
			f.Fatalf("event %s is %s: %s", events[i].ID, r.Status, r.Message)
		}
	}
}

// usage is what is shown of each month: "2026-08 3" are 3 units.
func (f *fixture) usage() string {
	f.Helper()
	page, err := f.view.Usage(f.ctx, book.PageQuery{PerPage: 250, OrderBy: "month:asc"})
	f.must(err)
	var all []string
	for _, r := range page.Records {
		all = append(all, fmt.Sprint(r.Month, " ", r.NumberOfUnits))
	}
	return strings.Join(all, ", ")
}

// months tells the states of acme's months, the first one first.
func (f *fixture) months() string {
	f.Helper()
	rows, _, err := f.operator.Months(f.ctx, "acme", book.PageQuery{PerPage: 250, OrderBy: "id:asc"})
	f.must(err)
	var all []string
	for _, m := range rows {
		all = append(all, fmt.Sprint(m.Month, " ", m.State))
		if (m.State == book.MonthClosed) != (m.Statement != nil) {
			f.Errorf("%s is %s, its statement %+v", m.Month, m.State, m.Statement)
		}
	}
	return strings.Join(all, ", ")
}

func (f *fixture) want(what, got, want string) {
	f.Helper()
	if got != want {
		f.Errorf("%s: %s, want %s", what, got, want)
	}
}

func month(s string) tollbook.Month {
	m, err := tollbook.ParseMonth(s)
	if err != nil {
		panic(err)
	}
	return m
}

// checked are the statements that differ from the records, and how many there
// are in all.
func checked(t testing.TB, ledger tollbook.Ledger) (differences []string, n int) {
	t.Helper()
	all, err := book.CheckStatements(context.Background(), ledger)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.Difference != "" {
			differences = append(differences, fmt.Sprint(c.OrganizationID, " ", c.Month, ": ", c.Difference))
		}
	}
	return differences, len(all)
}

// TestNothingIsBookedInAClosedMonth closes a month under the hands of senders
// who post and void events of it: each event counts once, and the statement
// stays true.
func TestNothingIsBookedInAClosedMonth(t *testing.T) {
	const senders, after = 4, 20
	ledger := newLedger(t)
	f := newFixture(t, ledger)
	f.post(callAt("first", "2026-08-01T00:00:00Z"))
	closed := make(chan struct{})
	var wg sync.WaitGroup
	left := make([]int, senders) // posted and not voided
	for p := range senders {
		wg.Go(func() {
			for i, behind := 0, 0; behind < after; i++ {
				select {
				case <-closed:
					behind++
				default:
				}
				id := fmt.Sprintf("%d-%d", p, i)
				f.post(callAt(id, "2026-08-31T23:59:59Z"))
				if i%3 != 0 {
					left[p]++
					continue
				}
				got, err := f.sender.Void(f.ctx, []*book.VoidRequest{{EventName: tollbook.EventName{Source: "s", ID: id}, Reason: "r"}})
				if err != nil || got[0].Status != book.Voided {
					t.Errorf("void %s: %v, %v", id, got, err)
				}
			}
		})
	}
	_, err := f.operator.CloseMonth(f.ctx, "acme", month("2026-08"))
	f.must(err)
	close(closed)
	wg.Wait()

	page, err := f.view.Usage(f.ctx, book.PageQuery{PerPage: 250})
	f.must(err)
	units, want := decimal.Decimal{}, int64(1)
	for _, r := range page.Records {
		units = units.Add(r.NumberOfUnits)
	}
	for _, n := range left {
		want += int64(n)
	}
	if units != decimal.FromInt(want) || len(page.Records) != 2 {
		t.Errorf("%s units in %d records, want %d in 2", units, len(page.Records), want)
	}
	if differences, n := checked(t, ledger); n != 1 || differences != nil {
		t.Errorf("%d statements, %v", n, differences)
	}
}

// meddling is a ledger in which something happens just before a call.
type meddling struct {
	tollbook.Ledger
	beforeDefine func(defs []tollbook.Definition) error
	afterLook    func()
	beforeBook   func()
}

func (l *meddling) Define(ctx context.Context, head tollbook.Pos, defs []tollbook.Definition) (tollbook.Pos, error) {
	if l.beforeDefine != nil {
		if err := l.beforeDefine(defs); err != nil {
			return 0, err
		}
	}
	return l.Ledger.Define(ctx, head, defs)
}

// TestACloseIsFinished: a close that is interrupted before the statement is
// there holds, and is finished by whoever comes next.
func TestACloseIsFinished(t *testing.T) {
	for name, finish := range map[string]func(*fixture) error{
		"by the schedule":    func(f *fixture) error { return f.book.CloseDue(f.ctx) },
		"by closing again":   func(f *fixture) error { _, err := f.operator.CloseMonth(f.ctx, "acme", month("2026-07")); return err },
		"by closing another": func(f *fixture) error { _, err := f.operator.CloseMonth(f.ctx, "acme", month("2026-08")); return err },
	} {
		t.Run(name, func(t *testing.T) {
			ledger := &meddling{Ledger: storetest.NewModel()}
			f := newFixture(t, ledger)
			f.post(callAt("1", "2026-07-31T00:00:00Z"))
			ledger.beforeDefine = func(defs []tollbook.Definition) error {
				if strings.Contains(string(defs[0].Body), `"sha256"`) {
					return errDisk
				}
				return nil
			}
			if _, err := f.operator.CloseMonth(f.ctx, "acme", month("2026-07")); !errors.Is(err, errDisk) {
				t.Fatalf("closed though the disk is gone: %v", err)
			}
			f.want("interrupted", f.months(), "2026-07 closing, 2026-08 open, 2026-09 open")
			f.post(callAt("2", "2026-07-31T00:00:00Z"))
			f.want("booked", f.usage(), "2026-07 1, 2026-08 1")

			ledger.beforeDefine = nil
			again := newFixtureOn(t, open(t, ledger))
			again.must(finish(again))
			if got := again.months(); !strings.HasPrefix(got, "2026-07 closed, ") {
				t.Errorf("finished: %s", got)
			}
			if differences, _ := checked(t, ledger); differences != nil {
				t.Error(differences)
			}
		})
	}
}

// TestAnEarlierMonthIsClosedWithTheFirst: records of an earlier month that
// come while the first month is being closed are stated, too.
func TestAnEarlierMonthIsClosedWithTheFirst(t *testing.T) {
	ledger := &meddling{Ledger: storetest.NewModel()}
	f := newFixture(t, ledger)
	f.post(callAt("1", "2026-07-31T00:00:00Z"))
	once := sync.Once{}
	ledger.beforeDefine = func([]tollbook.Definition) error {
		once.Do(func() { f.post(callAt("2", "2026-05-31T00:00:00Z")) })
		return nil
	}
	_, err := f.operator.CloseMonth(f.ctx, "acme", month("2026-07"))
	f.must(err)
	want := "2026-05 closed, 2026-06 closed, 2026-07 closed, 2026-08 open, 2026-09 open"
	f.want("months", f.months(), want)
	f.post(callAt("3", "2026-05-31T00:00:00Z"))
	f.want("booked", f.usage(), "2026-05 1, 2026-07 1, 2026-08 1")
	if differences, n := checked(t, ledger); n != 3 || differences != nil {
		t.Errorf("%d statements, %v", n, differences)
	}
	f.want("loaded again", newFixtureOn(t, open(t, ledger)).months(), want)
}

// TestMarkDay: a day is marked once, and only if something was counted since
// the last time.
func TestMarkDay(t *testing.T) {
	w := newWatch("2026-09-15T12:00:00Z")
	ledger := storetest.NewModel()
	f := newFixtureOn(t, openAt(t, ledger, w.time))
	marks := func() string {
		t.Helper()
		var all []string
		for def, err := range ledger.Definitions(f.ctx, 0) {
			f.must(err)
			if def.Kind == tollbook.KindMark {
				all = append(all, def.ID)
			}
		}
		return strings.Join(all, " ")
	}
	for range 2 {
		f.must(f.book.MarkDay(f.ctx))
	}
	f.want("first", marks(), "day/2026-09-15") // what came before is not known
	f.post(callAt("1", "2026-09-15T00:00:00Z"))
	f.must(f.book.MarkDay(f.ctx))
	f.want("the same day", marks(), "day/2026-09-15")
	w.set("2026-09-16T00:00:01Z")
	f.must(f.book.MarkDay(f.ctx))
	f.want("the next day", marks(), "day/2026-09-15 day/2026-09-16")
	w.set("2026-09-17T00:00:00Z")
	f.must(f.book.MarkDay(f.ctx))
	f.want("nothing came", marks(), "day/2026-09-15 day/2026-09-16")
	_, err := f.sender.Void(f.ctx, []*book.VoidRequest{{EventName: tollbook.EventName{Source: "s", ID: "1"}, Reason: "r"}})
	f.must(err)
	f.must(f.book.MarkDay(f.ctx))
	f.want("a void", marks(), "day/2026-09-15 day/2026-09-16 day/2026-09-17")

	w.set("2026-09-17T12:00:00Z")
	page, err := f.view.UsageAsOf(f.ctx, book.PageQuery{PerPage: 10}, w.time().Add(-12*time.Hour-time.Second))
	f.must(err)
	if len(page.Records) != 1 || page.Mark.Of != "2026-09-16" {
		t.Errorf("as of the day before: %+v", page)
	}
}

// altered is a ledger that shows something else than it was told.
type altered struct {
	tollbook.Ledger
	alter func(*tollbook.Page)
}

func (l altered) Records(ctx context.Context, q tollbook.Query) (tollbook.Page, error) {
	page, err := l.Ledger.Records(ctx, q)
	l.alter(&page)
	return page, err
}

// TestCheckStatements: whatever changes in a closed month is told.
func TestCheckStatements(t *testing.T) {
	ledger := storetest.NewModel()
	f := newFixture(t, ledger)
	f.post(callAt("1", "2026-07-31T00:00:00Z"), callAt("2", "2026-08-31T00:00:00Z"))
	for _, m := range []string{"2026-07", "2026-08"} {
		_, err := f.operator.CloseMonth(f.ctx, "acme", month(m))
		f.must(err)
	}
	only := func(m string, alter func(*tollbook.Page)) tollbook.Ledger {
		return altered{ledger, func(p *tollbook.Page) {
			if len(p.Records) > 0 && p.Records[0].Month == month(m) {
				alter(p)
			}
		}}
	}
	for _, tc := range []struct {
		ledger tollbook.Ledger
		says   string
	}{
		{ledger, ""},
		{only("2026-07", func(p *tollbook.Page) { p.Records = nil }), "acme 2026-07: the statement says 1 records, there are 0"},
		{only("2026-08", func(p *tollbook.Page) { p.Records[0].WalletName = "x" }), "acme 2026-08: the statement says SHA-256 "},
		{only("2026-08", func(p *tollbook.Page) { p.Records[0].TotalAmount = decimal.FromInt(9) }), "acme 2026-08: the statement says SHA-256 "},
	} {
		differences, n := checked(t, tc.ledger)
		if got := strings.Join(differences, "; "); n != 2 || (tc.says == "") != (got == "") || !strings.HasPrefix(got, tc.says) || len(differences) > 1 {
			t.Errorf("%d statements, %q, want %q", n, got, tc.says)
		}
	}
}
