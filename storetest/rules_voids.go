package storetest

import (
	"tollbook"
	"tollbook/decimal"
)

// voidTests are about events that count no more.
func voidTests() []test {
	accepted, stale := tollbook.Accepted, tollbook.Stale
	type outcomes = []tollbook.Outcome
	return []test{
		{"TakesTheEventOut", func(s *subject) {
			e := withFee(call("1"), perMinute(), 2)
			s.accept(e, rated(call("2"), perMinute(), 3))
			s.wantBook(outcomes{accepted}, voiding(e))
			s.wantIn(august, perMinute(), "3", "0.036", 1)
			s.wantNoneIn(august, fee())
			s.check(acme)
			s.reopen()
			s.wantIn(august, perMinute(), "3", "0.036", 1)
			s.wantNoneIn(august, fee())
			s.check(acme)
		}},
		{"RecordGoesWithItsLastEvent", func(s *subject) {
			a, b := rated(call("1"), perMinute(), 2), rated(call("2"), perTenth(), 20)
			s.accept(a, b)
			s.book(voiding(a))
			s.wantIn(august, perMinute(), "2", "0.024", 1)
			s.book(voiding(b))
			s.wantNoneIn(august, perMinute())
			s.check(acme)
			s.accept(rated(call("3"), perMinute(), 1))
			s.wantIn(august, perMinute(), "1", "0.012", 1)
			s.check(acme)
		}},
		{"OfSeveralChargesOfOneRecord", func(s *subject) {
			one := func(id string) tollbook.Entry {
				return charged(call(id), tollbook.Charge{Line: perMinute(), Increments: decimal.NewInt(2)}, tollbook.Charge{Line: perTenth(), Increments: decimal.NewInt(5)}, tollbook.Charge{Line: perMinute(), Increments: decimal.NewInt(1)})
			}
			s.accept(one("1"), one("2"))
			s.wantIn(august, perMinute(), "7", "0.084", 2)
			s.book(voiding(one("1")))
			s.wantIn(august, perMinute(), "3.5", "0.042", 1)
			s.book(takingBack(september, one("2")))
			s.wantIn(september, perMinute(), "-3.5", "-0.042", 1)
			s.check(acme)
		}},
		{"OfAnUnratedEvent", func(s *subject) {
			e := unrated(call("1"))
			s.accept(e, unrated(call("2")))
			s.wantBook(outcomes{accepted}, voiding(e))
			s.wantUnrated(acme, 1)
			s.reopen()
			s.wantUnrated(acme, 1)
			s.wantUnrated("", 1)
			s.check(acme)
		}},
		{"OfABookedLateEvent", func(s *subject) {
			e := bookedIn(october, rated(call("1"), perMinute(), 2))
			s.accept(e, rated(call("2"), perMinute(), 2))
			s.wantBook(outcomes{accepted}, voiding(e))
			s.wantNoneIn(october, perMinute())
			s.wantIn(august, perMinute(), "2", "0.024", 1)
			s.check(acme)
		}},
		{"NameIsForEver", func(s *subject) {
			a, b := rated(call("1"), perMinute(), 2), unrated(call("2"))
			s.accept(a, b)
			s.book(voiding(a), voiding(b))
			for range 2 {
				s.wantPost(outcomes{tollbook.Duplicate, tollbook.Duplicate}, a, b)
				s.wantPost(outcomes{tollbook.Conflict, tollbook.Conflict}, rated(call("1", lasting("3")), perMinute(), 1), rated(call("2", lasting("3")), perMinute(), 1))
				s.check(acme)
				s.reopen()
			}
		}},
		{"IsTheLastWord", func(s *subject) {
			a, b, c := rated(call("1"), perMinute(), 2), unrated(call("2")), rated(call("3"), perMinute(), 3)
			s.accept(a, b, c)
			s.wantBook(outcomes{accepted, accepted, accepted}, voiding(a), voiding(b), takingBack(september, c))
			for range 2 {
				s.wantBook(outcomes{stale, stale, stale}, booking(a, perMinute(), 2), voiding(a), unbooking(a))
				s.wantBook(outcomes{stale, stale}, booking(b, perMinute(), 2), voiding(b))
				s.wantBook(outcomes{stale, stale, stale}, booking(c, perMinute(), 2), voiding(c), unbooking(c))
				s.check(acme)
				s.reopen()
			}
		}},
		{"IsKept", func(s *subject) {
			a, b := rated(call("1"), perMinute(), 2), rated(call("2"), perMinute(), 2)
			s.accept(a, b)
			plain, full := voiding(a), takingBack(september, b)
			plain.void = &tollbook.Void{}
			full.void.Reason, full.void.Actor = "Zeile \"1\"\n", "client-ö"
			full.void.ReplacedBy = tollbook.EventName{Source: "switch-2", ID: "2b"}
			s.book(plain, full)
			for range 2 {
				s.sameHistory(a.Claim)
				s.sameHistory(b.Claim)
				s.reopen()
			}
			s.check(acme)
		}},
		{"KeepsNothingOfTheCaller", func(s *subject) {
			e := rated(call("1"), perMinute(), 2)
			s.accept(e)
			c := takingBack(september, e)
			bookings := s.bookings(s.ledger, []correction{c})
			if _, err := s.ledger.Book(s.t.Context(), s.head, bookings); err != nil {
				s.t.Fatal(err)
			}
			if _, err := s.model.Book(s.t.Context(), s.modelHead, s.bookings(s.model, []correction{c})); err != nil {
				s.t.Fatal(err)
			}
			*bookings[0].Void = tollbook.Void{Reason: "overwritten"}
			clear(bookings[0].Charges)
			*bookings[0].Event = tollbook.BookedEvent{}
			s.check(acme)
			s.reopen()
			s.check(acme)
		}},
		{"AdjustsALaterMonth", adjustsALaterMonth},
		{"AdjustsBesideOthers", func(s *subject) {
			// What is taken back and what came late come to nothing together.
			e := rated(call("1"), perMinute(), 2)
			s.accept(e, bookedIn(september, rated(call("2"), perMinute(), 2)))
			s.book(takingBack(september, e))
			s.wantIn(august, perMinute(), "2", "0.024", 1)
			s.wantIn(september, perMinute(), "0", "0", 2)
			for _, r := range allRecords(s.t, s.ledger, acme) {
				s.wantAddUp(acme, r)
			}
			s.check(acme)
		}},
		{"LateEventIsTakenBackLaterStill", func(s *subject) {
			e := bookedIn(september, rated(call("1"), perMinute(), 2))
			s.accept(e)
			s.book(takingBack(october, e))
			s.wantIn(september, perMinute(), "2", "0.024", 1)
			s.wantIn(october, perMinute(), "-2", "-0.024", 1)
			s.check(acme)
		}},
	}
}

// adjustsALaterMonth takes back what a closed month has stated: its record
// stays and lists the event, the later one is negative and lists the void.
func adjustsALaterMonth(s *subject) {
	e := withFee(call("1"), perMinute(), 2)
	s.accept(e, rated(call("2"), perMinute(), 3), rated(call("3", in(september)), perMinute(), 1))
	s.wantBook([]tollbook.Outcome{tollbook.Accepted}, takingBack(september, e))
	for range 2 {
		s.wantIn(august, perMinute(), "5", "0.06", 2)
		s.wantIn(august, fee(), "1", "0.5", 1)
		s.wantIn(september, perMinute(), "-1", "-0.012", 2)
		s.wantIn(september, fee(), "-1", "-0.5", 1)
		for _, r := range allRecords(s.t, s.ledger, acme) {
			s.wantAddUp(acme, r)
			for _, got := range allEvents(s.t, s.ledger, tollbook.EventQuery{OrganizationID: acme, Record: r.ID, Limit: 1}) {
				void := got.ID == "1" && r.Month == mustMonth(september)
				if got.Booked != r.Month || (got.Void != nil) != void || got.Adjusts != void {
					s.t.Fatalf("in the record of %s:\n%s", r.Month, eventText(&got))
				}
			}
		}
		s.check(acme)
		s.reopen()
	}
}
