package storetest

import (
	"errors"

	"tollbook"
)

func bookTests() []test {
	accepted, duplicate, stale, notFound := tollbook.Accepted, tollbook.Duplicate, tollbook.Stale, tollbook.NotFound
	type outcomes = []tollbook.Outcome
	return []test{
		{"UnratedIsCountedApart", func(s *subject) {
			s.accept(unrated(call("1")), unrated(call("2")), rated(call("3"), perMinute(), 1), unrated(call("4", ofGlobex)))
			s.wantUnrated(acme, 2)
			s.wantUnrated(globex, 1)
			s.wantUnrated("", 3)
			s.wantRecord(acme, "P-CALL", "1", "0.012", 1)
			s.check(acme, globex)
		}},
		{"BookedIsDrainedAndCounted", func(s *subject) {
			e := unrated(call("1"))
			s.accept(e)
			s.wantBook(outcomes{accepted}, booking(e, perMinute(), 2))
			s.wantUnrated(acme, 0)
			s.wantUnrated("", 0)
			s.wantRecord(acme, "P-CALL", "2", "0.024", 1)
			s.check(acme)
			s.reopen()
			s.wantUnrated("", 0)
			s.check(acme)
		}},
		{"OncePerWord", func(s *subject) {
			e := unrated(call("1"))
			s.accept(e)
			s.wantBook(outcomes{accepted, stale}, booking(e, perMinute(), 2), booking(e, perMinute(), 2))
			s.wantRecord(acme, "P-CALL", "2", "0.024", 1)
			again := booking(e, perTenth(), 15)
			again.behind = 1
			s.wantBook(outcomes{stale}, again)
			s.reopen()
			s.wantBook(outcomes{stale}, again)
			s.wantRecord(acme, "P-CALL", "2", "0.024", 1)
			s.check(acme)
		}},
		{"RatedIsRatedAnew", func(s *subject) {
			e := rated(call("1"), perMinute(), 2)
			s.accept(e)
			s.wantBook(outcomes{accepted}, booking(e, perTenth(), 13))
			s.wantRecord(acme, "P-CALL", "1.3", "0.0156", 1)
			s.check(acme)
		}},
		{"UnknownEvent", func(s *subject) {
			s.wantBook(outcomes{notFound}, booking(unrated(call("never")), perMinute(), 2))
			s.check(acme)
		}},
		{"BookedStaysADuplicate", func(s *subject) {
			e := unrated(call("1"))
			s.accept(e)
			s.wantBook(outcomes{accepted}, booking(e, perMinute(), 2))
			s.wantPost(outcomes{duplicate, tollbook.Conflict}, e, unrated(call("1", lasting("5"))))
			s.check(acme)
		}},
		{"BookedInItsHomeMonth", func(s *subject) {
			e := unrated(call("1", at("2019-02-03T04:05:06Z")))
			s.accept(e, rated(call("2"), perMinute(), 1))
			s.wantBook(outcomes{accepted}, booking(e, perMinute(), 2))
			s.check(acme)
		}},
		{"MixedOutcomesInOrder", func(s *subject) {
			a, b, c := unrated(call("a")), unrated(call("b")), rated(call("c"), perMinute(), 1)
			s.accept(a, b, c)
			s.wantBook(outcomes{accepted, accepted, notFound, accepted, stale}, booking(a, perMinute(), 1), booking(c, perMinute(), 1), booking(unrated(call("never")), perMinute(), 1), booking(b, perMinute(), 1), booking(a, perMinute(), 1))
			s.check(acme)
		}},
		{"ReasonIsKept", func(s *subject) {
			reasons := []tollbook.Unrated{tollbook.NoRateCard, tollbook.NoRate, tollbook.UnitMismatch, tollbook.CurrencyMismatch, tollbook.TooManyUnits}
			for _, reason := range reasons {
				s.accept(entry(call(reason.String()), tollbook.Measured{Unrated: reason}))
			}
			s.check(acme)
			s.reopen()
			s.check(acme)
		}},
		{"Moved", bookMoved},
	}
}

func bookMoved(s *subject) {
	e := unrated(call("1"))
	s.accept(e)
	old := s.head
	s.define(s.definition(tollbook.KindRateCard, "card", `{}`))
	for _, under := range []tollbook.Pos{old, s.head + 1} {
		if _, err := s.ledger.Book(s.t.Context(), under, s.bookings(s.ledger, []correction{booking(e, perMinute(), 2)})); !errors.Is(err, tollbook.ErrMoved) {
			s.t.Fatalf("Book under %d, where %d is the head: %v, want ErrMoved", under, s.head, err)
		}
	}
	s.check(acme)
	s.wantBook([]tollbook.Outcome{tollbook.Accepted}, booking(e, perMinute(), 2))
	s.check(acme)
}

func (s *subject) wantUnrated(org string, want int) {
	s.t.Helper()
	got, err := s.ledger.CountUnrated(s.t.Context(), org)
	s.must(err)
	if got != want {
		s.t.Fatalf("CountUnrated(%q) = %d, want %d", org, got, want)
	}
}
