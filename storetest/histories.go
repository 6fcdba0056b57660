package storetest

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tollbook"
)

var (
	seedFlag  = flag.Uint64("storetest.seed", 0, "run only the random history of this seed")
	seedsFlag = flag.Int("storetest.seeds", 0, "run so many random histories, where more is asked for than a test of every day has time for")
)

// stepsOfHistory is how many operations one history has.
const stepsOfHistory = 400

// Histories runs random histories, one for each of the seeds 1 to seeds:
// definitions, posts, corrections, marks, queries, and the data closed, crashed
// and opened again in between. After each step the ledger and the model must
// agree. A failure prints the seed and how to run it again.
func Histories(t *testing.T, newDriver func(t testing.TB) Driver, seeds int) {
	first, last := uint64(1), uint64(max(seeds, *seedsFlag))
	if *seedFlag != 0 {
		first, last = *seedFlag, *seedFlag
	}
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			h := newHistory(t, newDriver(t), seed)
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("the last steps:\n%s\nrun it again with: go test -run '^%s$' -storetest.seed=%d", strings.Join(h.trace, "\n"), t.Name(), seed)
				}
			})
			for range h.few(stepsOfHistory) {
				h.step()
			}
			h.check(h.organizations...)
		})
	}
}

// history is a random history in progress.
type history struct {
	*subject
	random        *rand.Rand
	work          *Workload
	organizations []string
	trace         []string // what the last steps did
	steps         int
	lastRequest   *tollbook.Definition
}

func newHistory(t testing.TB, driver Driver, seed uint64) *history {
	orgs := []string{"acme", "globex", "initech"}
	r := rand.New(rand.NewPCG(seed, 1))
	size := WorkloadSize{Organizations: orgs, Accounts: 1 + r.IntN(4), Months: 1 + r.IntN(6), Lines: 1 + r.IntN(20)}
	return &history{subject: newSubject(t, driver), random: r, work: NewWorkload(seed, size), organizations: orgs}
}

// step takes one random step.
func (h *history) step() {
	h.t.Helper()
	steps := []struct {
		weight int
		name   string
		run    func()
	}{
		{40, "post", func() { h.post(h.work.Batch(1 + h.random.IntN(40))...) }},
		{4, "post a large batch", func() { h.post(h.work.Batch(300)...) }},
		{4, "post under an old position", h.postMoved},
		{14, "book", func() { h.book(h.work.corrections(1 + h.random.IntN(10))...) }},
		{6, "restate", h.restateSome},
		{3, "mark", func() { h.mark() }},
		{6, "define", h.defineSome},
		{2, "define once more", h.defineAgain},
		{2, "define behind an old position", func() { h.wantDefineMoved(h.head + 1) }},
		{20, "query", func() { h.query(0) }},
		{6, "query the past", h.queryPast},
		{8, "list events", h.listEvents},
		{4, "read a history", h.readHistory},
		{3, "once", h.once},
		{3, "reopen", h.reopen},
		{3, "crash", func() { h.crash() }},
		{2, "check", func() { h.check(h.organizations...) }},
	}
	total := 0
	for _, s := range steps {
		total += s.weight
	}
	n := h.random.IntN(total)
	for _, s := range steps {
		if n -= s.weight; n < 0 {
			h.note(s.name)
			s.run()
			return
		}
	}
}

// note keeps the last steps for the report of a failure.
func (h *history) note(step string) {
	const most = 12
	h.steps++
	h.trace = append(h.trace, fmt.Sprintf("%4d %s", h.steps, step))
	h.trace = h.trace[max(0, len(h.trace)-most):]
}

func (h *history) postMoved() {
	if _, err := h.ledger.Post(h.t.Context(), h.head+1, h.work.Batch(5)); err != tollbook.ErrMoved {
		h.t.Fatalf("Post under %d, where %d is the head: %v, want ErrMoved", h.head+1, h.head, err)
	}
}

func (h *history) defineSome() {
	var defs []tollbook.Definition
	for range 1 + h.random.IntN(3) {
		kind := tollbook.Kind(1 + h.random.IntN(int(tollbook.KindDelivery)))
		id := fmt.Sprintf("%s-%d", kind, h.random.IntN(5))
		defs = append(defs, h.definition(kind, id, fmt.Sprintf(`{"id":%q,"n":%d}`, id, h.random.Uint32())))
	}
	h.define(defs...)
	h.lastRequest = &defs[0]
}

func (h *history) defineAgain() {
	if h.lastRequest != nil {
		h.define(*h.lastRequest)
	}
}

// restateSome restates the month of a random record, sometimes after something
// has come between.
func (h *history) restateSome() {
	records := h.model.AllRecords(pick(h.random, h.organizations))
	if len(records) == 0 {
		return
	}
	near := pick(h.random, records)
	remeasure := h.work.remeasure()
	r := h.readMonth(h.organizationOf(near.AccountID), near.AccountID, near.Month, func(e *tollbook.BookedEvent) *tollbook.Measured {
		if h.model.now.latest(e.Claim).Void != nil { // it was taken back elsewhere
			return nil
		}
		return remeasure(e)
	})
	switch h.random.IntN(4) {
	case 0:
		h.post(h.work.Batch(5)...)
	case 1:
		h.book(h.work.corrections(1)...)
	}
	if len(r.model.Bookings) == 0 {
		return
	}
	if err := h.restate(r); err != nil {
		h.note("  " + err.Error())
	}
}

// organizationOf returns the organization that the workload gave an account.
func (h *history) organizationOf(account string) string {
	for _, a := range h.work.accounts {
		if a.id == account {
			return a.organization
		}
	}
	return ""
}

func (h *history) queryPast() {
	if len(h.marks) > 0 {
		h.query(pick(h.random, slices.Sorted(maps.Keys(h.marks))))
	}
}

// query asks for a random page of what holds, or held at a mark.
func (h *history) query(asOf tollbook.Pos) {
	org := pick(h.random, h.organizations)
	records := h.model.recordsAt(h.marks[asOf], org)
	q := tollbook.Query{OrganizationID: org, Order: pick(h.random, orders()), Limit: 1 + h.random.IntN(tollbook.MaxPage), AsOf: asOf}
	if len(records) == 0 {
		h.wantPage(q)
		return
	}
	if h.random.IntN(2) == 0 {
		q.Filter = pick(h.random, filters(records))
	}
	near := pick(h.random, records)
	switch h.random.IntN(4) {
	case 0:
		q.Offset = h.random.IntN(len(records) + 3)
	case 1:
		q.After = &near
	case 2:
		q.Before = &near
	}
	h.wantPage(q)
	h.same("record "+near.ID.String(), func(l tollbook.Ledger) string {
		r, err := l.Record(h.t.Context(), org, near.ID)
		if err != nil {
			return fmt.Sprintln(tollbook.CodeOf(err))
		}
		return recordText(&r) + "\n"
	})
}

// listEvents lists a record's events, the unrated ones or those that were
// booked late.
func (h *history) listEvents() {
	org := pick(h.random, h.organizations)
	q := tollbook.EventQuery{OrganizationID: org, Limit: 1 + h.random.IntN(50)}
	records := h.model.AllRecords(org)
	if len(records) == 0 {
		return
	}
	near := pick(h.random, records)
	switch h.random.IntN(4) {
	case 0:
		q.Unrated = true
	case 1:
		q.Late, q.Home = true, near.Month-tollbook.Month(h.random.IntN(3))
	default:
		q.Record = near.ID
		h.sameCuts(q)
		h.wantAddUp(org, near)
	}
	if q.Record == (tollbook.RecordID{}) && h.random.IntN(2) == 0 {
		q.AccountID = near.AccountID
	}
	h.sameEvents(q)
}

// readHistory reads what was said of an event, that is there or not.
func (h *history) readHistory() {
	if len(h.work.made) > 0 {
		h.sameHistory(pick(h.random, h.work.made).Claim)
	}
}

func (h *history) once() {
	key := [16]byte{0: 'k', 15: byte(h.random.IntN(8))}
	h.same(fmt.Sprintf("Once(%x)", key), func(l tollbook.Ledger) string {
		first, err := l.Once(h.t.Context(), key, farAhead())
		h.must(err)
		return fmt.Sprintf("first=%t\n", first)
	})
}
