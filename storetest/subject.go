package storetest

import (
	"fmt"
	"slices"
	"testing"

	"tollbook"
	"tollbook/checktest"
)

// subject is a ledger under test, together with the model that judges it.
// Everything that is done to the one is done to the other.
type subject struct {
	t      testing.TB
	driver Driver
	ledger tollbook.Ledger
	model  *Model

	head      tollbook.Pos // of the ledger; a store may leave gaps
	modelHead tollbook.Pos
	marks     map[tollbook.Pos]tollbook.Pos // the model's, by the ledger's
	requests  uint64                        // request ids given out
}

func newSubject(t testing.TB, driver Driver) *subject {
	s := &subject{t: t, driver: driver, model: NewModel(), marks: map[tollbook.Pos]tollbook.Pos{}}
	s.ledger = driver.Open(t)
	t.Cleanup(func() {
		if s.ledger != nil {
			s.must(s.ledger.Close())
		}
	})
	return s
}

// leftOut tells whether a test that asks for many things of one kind leaves the
// i-th out.
func (s *subject) leftOut(i int) bool {
	return thin(s.driver) && i%thinness != 0
}

// some leaves out what leftOut does.
func some[T any](s *subject, all []T) []T {
	var left []T
	for i := range all {
		if !s.leftOut(i) {
			left = append(left, all[i])
		}
	}
	return left
}

// few is for tests that do the same so many times.
func (s *subject) few(n int) int {
	if thin(s.driver) {
		n = max(n/thinness, 2)
	}
	return n
}

// thinness is how much less is done with ledgers that take a while to answer.
const thinness = 20

// thin is what a driver says; of others, whether the race detector watches, under
// which everything takes several times as long.
func thin(driver Driver) bool {
	if d, ok := driver.(Thinner); ok {
		return d.Thin()
	}
	return checktest.UnderRace
}

func (s *subject) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("unexpected error: %v", err)
	}
}

// definition returns one more definition of an object, with a fresh request
// id. Requests ids are numbered so that a failure can be replayed.
func (s *subject) definition(kind tollbook.Kind, id, body string) tollbook.Definition {
	s.requests++
	d := tollbook.Definition{At: instant("2023-08-01T00:00:00Z"), Actor: "tester", Kind: kind, ID: id, Body: []byte(body)}
	copy(d.RequestID[:], fmt.Sprintf("request %08d", s.requests))
	return d
}

// define appends definitions at the head of both.
func (s *subject) define(defs ...tollbook.Definition) {
	s.t.Helper()
	own, modelOwn := slices.Clone(defs), slices.Clone(defs)
	head, err := s.ledger.Define(s.t.Context(), s.head, own)
	s.must(err)
	s.head = head
	s.modelHead, err = s.model.Define(s.t.Context(), s.modelHead, modelOwn)
	s.must(err)
	for i := range own {
		if own[i].Kind == tollbook.KindMark {
			s.marks[own[i].Pos] = modelOwn[i].Pos
		}
	}
}

// mark marks what holds now and returns the name of it in the ledger.
func (s *subject) mark() tollbook.Pos {
	s.t.Helper()
	s.define(s.definition(tollbook.KindMark, "day", `{"reason":"day","of":"2023-09-01"}`))
	return s.head
}

// post posts to both; the outcomes must agree.
func (s *subject) post(entries ...tollbook.Entry) []tollbook.Outcome {
	s.t.Helper()
	got, err := s.ledger.Post(s.t.Context(), s.head, entries)
	s.must(err)
	want, err := s.model.Post(s.t.Context(), s.modelHead, entries)
	s.must(err)
	s.sameOutcomes("Post", got, want)
	return got
}

// accept posts entries that must all be accepted.
func (s *subject) accept(entries ...tollbook.Entry) {
	s.t.Helper()
	s.wantPost(slices.Repeat([]tollbook.Outcome{tollbook.Accepted}, len(entries)), entries...)
}

// wantPost posts entries and wants these outcomes.
func (s *subject) wantPost(want []tollbook.Outcome, entries ...tollbook.Entry) {
	s.t.Helper()
	s.sameOutcomes("Post", s.post(entries...), want)
}

func (s *subject) sameOutcomes(call string, got, want []tollbook.Outcome) {
	s.t.Helper()
	if len(got) != len(want) {
		s.t.Fatalf("%s returned %d outcomes, want %d", call, len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			s.t.Fatalf("%s: outcome %d of %d is %s, want %s", call, i, len(got), outcomeName(got[i]), outcomeName(want[i]))
		}
	}
}

func outcomeName(o tollbook.Outcome) string {
	names := map[tollbook.Outcome]string{
		tollbook.Accepted: "Accepted", tollbook.Duplicate: "Duplicate", tollbook.Conflict: "Conflict",
		tollbook.TooManyRecords: "TooManyRecords", tollbook.NotFound: "NotFound",
		tollbook.Stale: "Stale",
	}
	if name, ok := names[o]; ok {
		return name
	}
	return fmt.Sprintf("Outcome(%d)", o)
}

// reopen closes the ledger and opens the same data again.
func (s *subject) reopen() {
	s.t.Helper()
	s.must(s.ledger.Close())
	s.ledger = nil
	s.ledger = s.driver.Open(s.t)
}

// crash goes on with what a power failure would leave, and tells whether the
// driver can show that.
func (s *subject) crash() bool {
	s.t.Helper()
	c, ok := s.driver.(Crasher)
	if !ok {
		return false
	}
	left := c.Crash(s.t)
	s.must(s.ledger.Close())
	s.ledger, s.driver = nil, left
	s.ledger = s.driver.Open(s.t)
	return true
}
