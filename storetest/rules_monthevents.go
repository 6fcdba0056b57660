package storetest

import (
	"fmt"

	"tollbook"
)

// monthEventTests are about reading an account's month to measure it anew.
func monthEventTests() []test {
	return []test{
		{"Everything", func(s *subject) {
			s.fillMonth()
			s.wantMonth(august, "fee-0: 1 1", "fee-1: 20 1", "rated-0: 0", "rated-1: 1", "rated-2: 2", "rated-3: 3", "rated-4: 4", "rated-5: 1 10", "unrated-0: no_rate", "unrated-1: no_rate")
			s.wantMonth(september, "late: 2", "of-september: 1")
			s.wantMonth(october)
		}},
		{"ByTheLatestWord", func(s *subject) {
			s.fillMonth()
			moved := booking(rated(call("rated-4"), perMinute(), 4), perMinute(), 40)
			moved.booked = mustMonth(october)
			s.book(booking(rated(call("rated-1"), perMinute(), 1), perTenth(), 11), unbooking(rated(call("rated-2"), perMinute(), 2)), booking(unrated(call("unrated-0")), perMinute(), 5), moved)
			s.wantRestate(acmeOffice, mustMonth(august), only(atLine(fee(), 7), "rated-1", "rated-3"))
			for range 2 {
				s.wantMonth(august, "fee-0: 1 1", "fee-1: 20 1", "rated-0: 0", "rated-1: 7", "rated-2: no_rate", "rated-3: 7", "rated-5: 1 10", "unrated-0: 5", "unrated-1: no_rate")
				s.wantMonth(october, "rated-4: 40")
				s.reopen()
			}
		}},
		{"NeitherVoidedNorAdjusting", func(s *subject) {
			s.fillMonth()
			s.book(voiding(rated(call("rated-1"), perMinute(), 1)), voiding(unrated(call("unrated-0"))), takingBack(october, rated(call("rated-2"), perMinute(), 2)))
			for range 2 {
				// What is taken back elsewhere counts here as before.
				s.wantMonth(august, "fee-0: 1 1", "fee-1: 20 1", "rated-0: 0", "rated-2: 2", "rated-3: 3", "rated-4: 4", "rated-5: 1 10", "unrated-1: no_rate")
				s.wantMonth(october)
				s.reopen()
			}
		}},
		{"OfSeveralAccounts", func(s *subject) {
			s.fillMonth()
			for _, accounts := range [][]string{{acmeOffice, "acme-lab"}, {"acme-lab", "nobody", acmeOffice}, {"acme-lab"}, {"nobody"}, {globexShop}, nil} {
				for _, month := range []string{august, september, "1999-12"} {
					s.sameMonth(tollbook.MonthQuery{OrganizationID: acme, AccountIDs: accounts, Month: mustMonth(month)})
				}
			}
		}},
		{"ReaderMayStop", func(s *subject) {
			s.fillMonth()
			q := tollbook.MonthQuery{OrganizationID: acme, AccountIDs: []string{acmeOffice, "acme-lab"}, Month: mustMonth(august)}
			for n := range 11 {
				_, events := s.ledger.MonthEvents(s.t.Context(), q)
				got := 0
				for _, err := range events {
					s.must(err)
					if got == n {
						break
					}
					got++
				}
			}
			s.accept(rated(call("more"), perMinute(), 1))
			s.sameMonth(q)
		}},
		{"ReaderMayWrite", func(s *subject) {
			s.fillMonth()
			q := tollbook.MonthQuery{OrganizationID: acme, AccountIDs: []string{acmeOffice, "acme-lab"}, Month: mustMonth(august)}
			_, events := s.ledger.MonthEvents(s.t.Context(), q)
			read := 0
			for e, err := range events {
				s.must(err)
				read++
				s.accept(rated(call("while reading "+e.ID), perMinute(), 1))
				s.wantBook([]tollbook.Outcome{tollbook.Accepted}, booking(tollbook.Entry{Event: &e.Event, Claim: e.Claim}, perTenth(), 3))
			}
			if read < 11 {
				s.t.Fatalf("%d of 11 events were read", read)
			}
			s.check(acme)
		}},
		{"ManyEvents", func(s *subject) {
			for i := range 7 {
				var batch []tollbook.Entry
				for j := range 1000 {
					batch = append(batch, rated(call(fmt.Sprintf("%d-%d", i, j)), perMinute(), uint64(j)))
				}
				s.accept(batch...)
			}
			s.wantRestate(acmeOffice, mustMonth(august), only(atLine(perMinute(), 3), "3-17", "6-999", "0-0"))
			s.sameMonth(tollbook.MonthQuery{OrganizationID: acme, AccountIDs: []string{acmeOffice}, Month: mustMonth(august)})
		}},
	}
}

// wantMonth wants the office's month to be made of these events.
func (s *subject) wantMonth(month string, want ...string) {
	s.t.Helper()
	q := tollbook.MonthQuery{OrganizationID: acme, AccountIDs: []string{acmeOffice}, Month: mustMonth(month)}
	var got []string
	for _, e := range s.monthEvents(s.ledger, q) {
		said := e.ID + ":"
		if e.Unrated != 0 {
			said += " " + e.Unrated.String()
		}
		for _, c := range e.Charges {
			said += " " + c.Increments.String()
		}
		got = append(got, said)
	}
	if diff := diffLines(linesOf(got), linesOf(want)); diff != "" {
		s.t.Fatalf("events of %s, read (+) and wanted (-):\n%s", month, diff)
	}
	s.sameMonth(q)
}
