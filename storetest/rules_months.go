package storetest

import (
	"fmt"

	"tollbook"
)

// monthTests are about events that are booked later than they occurred.
func monthTests() []test {
	accepted := tollbook.Accepted
	type outcomes = []tollbook.Outcome
	return []test{
		{"LateEventCountsWhereItIsBooked", func(s *subject) {
			s.accept(bookedIn(october, rated(call("1"), perMinute(), 2)))
			s.wantNoneIn(august, perMinute())
			s.wantIn(october, perMinute(), "2", "0.024", 1)
			s.check(acme)
			s.reopen()
			s.wantNoneIn(august, perMinute())
			s.wantIn(october, perMinute(), "2", "0.024", 1)
			s.check(acme)
		}},
		{"HomesShareARecord", func(s *subject) {
			s.accept(bookedIn(september, rated(call("1"), perMinute(), 2)), rated(call("2", in(september)), perMinute(), 3), rated(call("3"), perMinute(), 4),
				bookedIn(september, rated(call("4", in(july)), perTenth(), 1)))
			s.wantIn(august, perMinute(), "4", "0.048", 1)
			s.wantIn(september, perMinute(), "5.1", "0.0612", 3)
			for _, r := range allRecords(s.t, s.ledger, acme) {
				s.wantAddUp(acme, r)
			}
			s.check(acme)
		}},
		{"FirstMonthWins", func(s *subject) {
			e := rated(call("1"), perMinute(), 2)
			s.accept(e)
			s.wantPost(outcomes{tollbook.Duplicate, tollbook.Conflict}, bookedIn(september, e), bookedIn(september, rated(call("1", lasting("3")), perMinute(), 1)))
			s.wantIn(august, perMinute(), "2", "0.024", 1)
			s.check(acme)
		}},
		{"LateUnratedEventIsTakenUpThere", func(s *subject) {
			e := bookedIn(october, unrated(call("1")))
			s.accept(e)
			s.wantUnrated(acme, 1)
			s.wantBook(outcomes{accepted}, booking(e, perMinute(), 2))
			s.wantIn(october, perMinute(), "2", "0.024", 1)
			s.check(acme)
		}},
		{"BookingMovesToAnotherMonth", func(s *subject) {
			e, unratedOne := rated(call("1"), perMinute(), 2), unrated(call("2"))
			s.accept(e, unratedOne, rated(call("3"), perTenth(), 1))
			for _, month := range []string{october, september, august} {
				move, rate := booking(e, perMinute(), 2), booking(unratedOne, perMinute(), 3)
				move.booked, rate.booked = mustMonth(month), mustMonth(month)
				s.wantBook(outcomes{accepted, accepted}, move, rate)
				s.check(acme)
				s.reopen()
				s.check(acme)
			}
			s.wantIn(august, perMinute(), "5.1", "0.0612", 3)
			s.wantNoneIn(september, perMinute())
			s.wantNoneIn(october, perMinute())
		}},
		{"LateListing", lateListing},
		{"LateListingByPages", func(s *subject) {
			s.fillLate()
			for _, home := range []string{july, august, september, october} {
				for i, account := range []string{"", acmeOffice, "acme-lab", globexShop, "nobody"} {
					for k, limit := range []int{1, 2, 7, tollbook.MaxBatch} {
						if s.leftOut(4*i + k) {
							continue
						}
						s.sameEvents(tollbook.EventQuery{OrganizationID: acme, AccountID: account, Late: true, Home: mustMonth(home), Limit: limit})
					}
				}
			}
		}},
		{"LateListingAfterReopen", func(s *subject) {
			s.fillLate()
			s.reopen()
			s.check(acme, globex)
		}},
		{"LateForeignAfter", func(s *subject) {
			s.fillLate()
			first := tollbook.EventQuery{OrganizationID: acme, Late: true, Home: mustMonth(august), Limit: 1}
			page, err := s.ledger.Events(s.t.Context(), first)
			s.must(err)
			others := []tollbook.EventQuery{
				{OrganizationID: acme, Late: true, Home: mustMonth(july), Limit: 1},
				{OrganizationID: globex, Late: true, Home: mustMonth(august), Limit: 1},
				{OrganizationID: acme, AccountID: acmeOffice, Late: true, Home: mustMonth(august), Limit: 1},
				{OrganizationID: acme, Unrated: true, Limit: 1},
				{OrganizationID: acme, Record: recordIn(october, perMinute()), Limit: 1},
			}
			for _, after := range []string{page.Next, "x", "AAAA", "\x00"} {
				for _, q := range others {
					q.After = after
					_, err := s.ledger.Events(s.t.Context(), q)
					s.wantCode(err, tollbook.CodeInvalidRequest)
				}
			}
		}},
	}
}

// fillLate posts events of three months to two accounts, most of them booked
// later, and corrects some.
func (s *subject) fillLate() {
	s.t.Helper()
	lab := func(e *tollbook.Event) { e.AccountID = "acme-lab" }
	var posted []tollbook.Entry
	for i := range 30 {
		home, booked := []string{july, august, september}[i%3], []string{october, "2023-11", "2023-12"}[i%4%3]
		e := call(fmt.Sprint(i), in(home))
		if i%5 == 0 {
			lab(e)
		}
		entry := bookedIn(booked, withFee(e, perMinute(), int64(i)))
		if i%7 == 0 {
			entry = bookedIn(booked, unrated(e))
		}
		posted = append(posted, entry, rated(call(fmt.Sprint("timely-", i), in(home)), perMinute(), 1), bookedIn(booked, rated(call(fmt.Sprint(i), ofGlobex, in(home)), perMinute(), 1)))
	}
	s.accept(posted...)
	s.book(takingBack("2024-01", posted[0]), voiding(posted[3]), takingBack("2024-01", posted[1]), takingBack("2024-02", posted[6]), booking(posted[21], perTenth(), 4), unbooking(posted[12]))
}

// wantLate wants these events to be listed as late in a month.
func (s *subject) wantLate(home string, want ...string) {
	s.t.Helper()
	var got []string
	for _, e := range allEvents(s.t, s.ledger, tollbook.EventQuery{OrganizationID: acme, Late: true, Home: mustMonth(home), Limit: 2}) {
		word := e.ID
		if e.Void != nil {
			word = "void of " + e.ID
		}
		got = append(got, fmt.Sprintf("%s in %s", word, e.Booked))
	}
	if diff := diffLines(linesOf(got), linesOf(want)); diff != "" {
		s.t.Fatalf("late events of %s, listed (+) and wanted (-):\n%s", home, diff)
	}
}

// lateListing follows what is listed as late through a few corrections.
func lateListing(s *subject) {
	timely, late := rated(call("timely"), perMinute(), 1), bookedIn(september, withFee(call("late"), perMinute(), 2))
	unratedOne, later := bookedIn(october, unrated(call("unrated"))), bookedIn(october, rated(call("later"), perMinute(), 3))
	s.accept(timely, late, unratedOne, later, rated(call("of september", in(september)), perMinute(), 1))
	s.wantLate(august, "late in 2023-09", "later in 2023-10")
	s.wantLate(september)
	s.wantLate(july)

	s.book(booking(unratedOne, perMinute(), 1))
	s.wantLate(august, "late in 2023-09", "later in 2023-10", "unrated in 2023-10")
	s.book(unbooking(unratedOne), voiding(later))
	s.wantLate(august, "late in 2023-09")

	// What was stated in a closed month is taken back in a later one: both are
	// adjustments of the month in which it occurred.
	s.book(takingBack(october, timely), takingBack(october, late))
	s.wantLate(august, "late in 2023-09", "void of timely in 2023-10", "void of late in 2023-10")
	s.reopen()
	s.wantLate(august, "late in 2023-09", "void of timely in 2023-10", "void of late in 2023-10")
	s.check(acme)
}
