package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tollbook"
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
	requests  uint64 // request ids given out
}

func newSubject(t testing.TB, driver Driver) *subject {
	s := &subject{t: t, driver: driver, model: NewModel()}
	s.ledger = driver.Open(t)
	t.Cleanup(func() {
		if s.ledger != nil {
			s.must(s.ledger.Close())
		}
	})
	return s
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
	head, err := s.ledger.Define(s.t.Context(), s.head, slices.Clone(defs))
	s.must(err)
	s.head = head
	s.modelHead, err = s.model.Define(s.t.Context(), s.modelHead, slices.Clone(defs))
	s.must(err)
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

// book corrects events in both; the outcomes must agree.
func (s *subject) book(corrections ...correction) []tollbook.Outcome {
	s.t.Helper()
	got, err := s.ledger.Book(s.t.Context(), s.head, s.bookings(s.ledger, corrections))
	s.must(err)
	want, err := s.model.Book(s.t.Context(), s.modelHead, s.bookings(s.model, corrections))
	s.must(err)
	s.sameOutcomes("Book", got, want)
	return got
}

// bookings reads the events of some corrections from a ledger.
func (s *subject) bookings(l tollbook.Ledger, corrections []correction) []tollbook.Booking {
	s.t.Helper()
	var list []tollbook.Booking
	for _, c := range corrections {
		e := c.of
		event := tollbook.BookedEvent{Event: *e.Event, OrganizationID: e.OrganizationID, Claim: e.Claim, Home: e.Home, Booked: e.Booked, Measured: e.Measured}
		if words, _, err := l.History(s.t.Context(), e.Claim); err == nil {
			event = words[c.behind]
		} else {
			s.wantCode(err, tollbook.CodeNotFound)
		}
		b := tollbook.Booking{Event: &event, Booked: cmp.Or(c.booked, event.Booked), Measured: c.measured, Void: c.void, Adjusts: c.adjusts}
		if c.adjusts {
			for _, charge := range event.Charges {
				b.Charges = append(b.Charges, tollbook.Charge{Line: charge.Line, Increments: charge.Increments.Neg()})
			}
			b.Rate = event.Rate
		}
		list = append(list, b)
	}
	return list
}

func (s *subject) wantBook(want []tollbook.Outcome, corrections ...correction) {
	s.t.Helper()
	s.sameOutcomes("Book", s.book(corrections...), want)
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

// check compares everything that the ledger holds with the model: the
// definitions, and each organization's records, products, unrated events and
// the events of some records.
func (s *subject) check(organizations ...string) {
	s.t.Helper()
	s.same("definitions", func(l tollbook.Ledger) string { return definitionsText(s.t, l) })
	for _, org := range organizations {
		s.same("records of "+org, func(l tollbook.Ledger) string { return recordsText(allRecords(s.t, l, org)) })
		s.same("products of "+org, func(l tollbook.Ledger) string {
			ids, err := l.Products(s.t.Context(), org)
			s.must(err)
			return fmt.Sprintf("%q\n", ids)
		})
		s.same("unrated of "+org, func(l tollbook.Ledger) string {
			n, err := l.CountUnrated(s.t.Context(), org)
			s.must(err)
			q := tollbook.EventQuery{OrganizationID: org, Unrated: true, Limit: 97}
			return fmt.Sprintf("%d counted\n%s", n, eventsText(allEvents(s.t, l, q)))
		})
		s.checkEvents(org)
	}
}

// checkEvents compares the events of a few records.
func (s *subject) checkEvents(org string) {
	s.t.Helper()
	const sample = 4
	all := s.model.AllRecords(org)
	pick := rand.New(rand.NewPCG(uint64(len(all)), 0))
	pick.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, r := range all[:min(sample, len(all))] {
		s.same("events of record "+r.ID.String(), func(l tollbook.Ledger) string {
			q := tollbook.EventQuery{OrganizationID: org, Record: r.ID, Limit: 97}
			return eventsText(allEvents(s.t, l, q))
		})
	}
}

// same wants a question to have the same answer from both.
func (s *subject) same(what string, answer func(l tollbook.Ledger) string) {
	s.t.Helper()
	if diff := diffLines(answer(s.ledger), answer(s.model)); diff != "" {
		s.t.Fatalf("%s: the ledger (+) differs from the model (-):\n%s", what, diff)
	}
}
