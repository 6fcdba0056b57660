package storetest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tollbook"
)

var seedFlag = flag.Uint64("storetest.seed", 0, "run only the random history of this seed")

// stepsOfHistory is how many operations one history has.
const stepsOfHistory = 400

// Histories runs random histories, one for each of the seeds 1 to seeds:
// definitions, posts, bookings, queries, and the data closed, crashed and
// opened again in between. After each step the ledger and the model must
// agree. A failure prints the seed and how to run it again.
func Histories(t *testing.T, newDriver func(t testing.TB) Driver, seeds int) {
	first, last := uint64(1), uint64(seeds)
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
			for range stepsOfHistory {
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
		{4, "post a large batch", func() { h.post(h.work.Batch(500)...) }},
		{4, "post under an old position", h.postMoved},
		{10, "book", func() { h.book(h.work.corrections(1 + h.random.IntN(10))...) }},
		{6, "define", h.defineSome},
		{2, "define once more", h.defineAgain},
		{2, "define behind an old position", func() { h.wantDefineMoved(h.head + 1) }},
		{20, "query", h.query},
		{8, "list events", h.listEvents},
		{3, "once", h.once},
		{3, "reopen", h.reopen},
		{3, "crash", func() { h.crash() }},
		{5, "check", func() { h.check(h.organizations...) }},
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
		kind := tollbook.Kind(1 + h.random.IntN(5))
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

// query asks for a random page.
func (h *history) query() {
	org := pick(h.random, h.organizations)
	records := h.model.AllRecords(org)
	q := tollbook.Query{OrganizationID: org, Order: pick(h.random, orders()), Limit: 1 + h.random.IntN(tollbook.MaxPage)}
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
	got, err := h.ledger.Record(h.t.Context(), org, near.ID)
	h.must(err)
	if got != near {
		h.t.Fatalf("Record differs from the model:\n%s\n%s", recordText(&got), recordText(&near))
	}
}

// listEvents lists a record's events, or the unrated ones.
func (h *history) listEvents() {
	org := pick(h.random, h.organizations)
	q := tollbook.EventQuery{OrganizationID: org, Limit: 1 + h.random.IntN(50), Unrated: true}
	if records := h.model.AllRecords(org); h.random.IntN(3) > 0 && len(records) > 0 {
		q.Record, q.Unrated = pick(h.random, records).ID, false
	}
	h.same("events", func(l tollbook.Ledger) string { return eventsText(allEvents(h.t, l, q)) })
}

func (h *history) once() {
	key := [16]byte{0: 'k', 15: byte(h.random.IntN(8))}
	h.same(fmt.Sprintf("Once(%x)", key), func(l tollbook.Ledger) string {
		first, err := l.Once(h.t.Context(), key, farAhead())
		h.must(err)
		return fmt.Sprintf("first=%t\n", first)
	})
}
