package storetest

import (
	"fmt"

	"tollbook"
	"tollbook/decimal"
)

func restateTests() []test {
	return []test{
		{"ReplacesWhatCounts", func(s *subject) {
			s.fillMonth()
			s.wantRestate(acmeOffice, mustMonth(august), atLine(perTenth(), 4))
			s.wantIn(august, perTenth(), "4", "0.048", 10)
			s.wantNoneIn(august, fee())
			s.wantIn(september, perMinute(), "3", "0.036", 2)
			for range 2 {
				for _, r := range allRecords(s.t, s.ledger, acme) {
					s.wantAddUp(acme, r)
				}
				s.check(acme)
				s.reopen()
			}
		}},
		{"OnlySomeEvents", func(s *subject) {
			s.fillMonth()
			s.wantRestate(acmeOffice, mustMonth(august), only(atLine(fee(), 2), "rated-1", "rated-3"))
			s.wantIn(august, perMinute(), "11", "0.132", 6)
			s.wantIn(august, fee(), "6", "3", 4)
			s.wantUnrated(acme, 2)
			s.check(acme)
		}},
		{"RecordGoesWithItsLastEvent", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 1), rated(call("2"), perMinute(), 2), rated(call("3"), fee(), 1))
			s.wantRestate(acmeOffice, mustMonth(august), only(atLine(fee(), 1), "1"))
			s.wantIn(august, perMinute(), "2", "0.024", 1)
			s.wantRestate(acmeOffice, mustMonth(august), only(atLine(fee(), 1), "2"))
			s.wantNoneIn(august, perMinute())
			s.wantIn(august, fee(), "3", "1.5", 3)
			s.check(acme)
			s.wantRestate(acmeOffice, mustMonth(august), only(atLine(perMinute(), 5), "3"))
			s.wantIn(august, perMinute(), "5", "0.06", 1)
			s.check(acme)
		}},
		{"TakesUnratedEventsUp", func(s *subject) {
			s.fillMonth()
			s.wantRestate(acmeOffice, mustMonth(august), func(e *tollbook.BookedEvent) *tollbook.Measured {
				if e.Unrated == 0 {
					return nil
				}
				return atLine(perMinute(), 7)(e)
			})
			s.wantUnrated(acme, 0)
			s.wantIn(august, perMinute(), "29", "0.348", 10)
			s.check(acme)
		}},
		{"LeavesEventsUnrated", func(s *subject) {
			s.fillMonth()
			s.wantRestate(acmeOffice, mustMonth(august), func(*tollbook.BookedEvent) *tollbook.Measured {
				return &tollbook.Measured{Unrated: tollbook.UnitMismatch}
			})
			s.wantNoneIn(august, perMinute())
			s.wantUnrated(acme, 10)
			s.reopen()
			s.wantUnrated(acme, 10)
			s.check(acme)
		}},
		{"CutsTiersAnew", func(s *subject) {
			s.accept(rated(call("1"), inTiers(), 60), rated(call("2"), inTiers(), 60), bookedIn(september, rated(call("3"), inTiers(), 30)))
			s.wantRestate(acmeOffice, mustMonth(august), only(atLine(inTiers(), 5), "2"))
			s.check(acme)
			s.wantRestate(acmeOffice, mustMonth(august), only(atLine(inTiers(), 500), "1", "2"))
			s.check(acme)
			s.wantRestate(acmeOffice, mustMonth(august), only(atLine(perMinute(), 5), "1", "2"))
			s.check(acme)
		}},
		{"LateEventsAreOfTheMonthTheyAreBookedIn", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 1), bookedIn(september, rated(call("2"), perMinute(), 2)), bookedIn(september, unrated(call("3"))))
			s.wantRestate(acmeOffice, mustMonth(september), atLine(perMinute(), 9))
			s.wantIn(august, perMinute(), "1", "0.012", 1)
			s.wantIn(september, perMinute(), "18", "0.216", 2)
			s.wantLate(august, "2 in 2023-09", "3 in 2023-09")
			s.check(acme)
		}},
		{"WhatAdjustsStays", func(s *subject) {
			e := rated(call("1"), perMinute(), 1)
			s.accept(e, rated(call("2", in(september)), perMinute(), 5))
			s.book(takingBack(september, e))
			s.wantRestate(acmeOffice, mustMonth(september), atLine(perMinute(), 9))
			s.wantIn(september, perMinute(), "8", "0.096", 2)
			s.check(acme)
		}},
		{"WhatIsTakenBackElsewhereIsNotRestated", func(s *subject) {
			e := rated(call("1"), perMinute(), 1)
			s.accept(e, rated(call("2"), perMinute(), 5))
			s.book(takingBack(september, e))
			for range 2 {
				s.wantErr(s.restate(s.readMonth(acme, acmeOffice, mustMonth(august), atLine(perMinute(), 9))), tollbook.ErrStale)
				s.check(acme)
				s.reopen()
			}
			s.wantRestate(acmeOffice, mustMonth(august), only(atLine(perMinute(), 9), "2"))
			s.wantIn(august, perMinute(), "10", "0.12", 2)
			s.check(acme)
		}},
		{"VoidedEventsStayVoided", func(s *subject) {
			e := rated(call("1"), perMinute(), 1)
			s.accept(e, rated(call("2"), perMinute(), 5))
			s.book(voiding(e))
			s.wantRestate(acmeOffice, mustMonth(august), atLine(perMinute(), 9))
			s.wantIn(august, perMinute(), "9", "0.108", 1)
			s.check(acme)
		}},
		{"ManyEvents", func(s *subject) {
			const events = tollbook.MaxBatch + 50
			var batch []tollbook.Entry
			for i := range events {
				batch = append(batch, rated(call(fmt.Sprint(i)), perMinute(), 1))
			}
			s.accept(batch[:tollbook.MaxBatch]...)
			s.accept(batch[tollbook.MaxBatch:]...)
			s.wantRestate(acmeOffice, mustMonth(august), atLine(perTenth(), 20))
			s.wantIn(august, perMinute(), "20100", "241.2", events)
		}},
		{"TooManyEvents", func(s *subject) {
			s.fillMonth()
			r := tollbook.Restatement{OrganizationID: acme, AccountID: acmeOffice, Month: mustMonth(august), Bookings: make([]tollbook.Booking, tollbook.MaxRestated+1)}
			s.wantCode(s.restate(restatement{r, r}), tollbook.CodeTooLarge)
			s.check(acme)
		}},
		{"KeepsNothingOfTheCaller", func(s *subject) {
			s.fillMonth()
			r := s.readMonth(acme, acmeOffice, mustMonth(august), atLine(perTenth(), 4))
			s.must(s.restate(r))
			for i := range r.ledger.Bookings {
				b := &r.ledger.Bookings[i]
				*b.Event = tollbook.BookedEvent{}
				clear(b.Charges)
				*b = tollbook.Booking{}
			}
			s.check(acme)
			s.reopen()
			s.check(acme)
		}},
		{"Moved", func(s *subject) {
			s.fillMonth()
			r := s.readMonth(acme, acmeOffice, mustMonth(august), atLine(fee(), 1))
			s.define(s.definition(tollbook.KindRateCard, "card", `{}`))
			for _, under := range []tollbook.Pos{0, s.head + 1} {
				s.wantErr(s.ledger.Restate(s.t.Context(), under, r.ledger), tollbook.ErrMoved)
			}
			s.check(acme)
			s.must(s.restate(r))
			s.check(acme)
		}},
		{"Stale", restateStale},
	}
}

// fillMonth posts ten events of the office's August, of which two are unrated
// and two have a fee, and some others.
func (s *subject) fillMonth() {
	s.t.Helper()
	lab := func(e *tollbook.Event) { e.AccountID = "acme-lab" }
	s.accept(rated(call("of-september", in(september)), perMinute(), 1), bookedIn(september, rated(call("late"), perMinute(), 2)), rated(call("of-lab", lab), perMinute(), 1),
		rated(call("of-globex", ofGlobex), perMinute(), 1), withFee(call("fee-0"), perMinute(), 1), withFee(call("fee-1"), perTenth(), 20), unrated(call("unrated-0")), unrated(call("unrated-1")))
	for i := range 6 {
		entry := rated(call(fmt.Sprint("rated-", i)), perMinute(), uint64(i))
		if i == 5 {
			entry = charged(call("rated-5"), tollbook.Charge{Line: perMinute(), Increments: decimal.NewInt(1)}, tollbook.Charge{Line: perTenth(), Increments: decimal.NewInt(10)})
		}
		s.accept(entry)
	}
}

// restateStale wants a restatement to be refused, whole, if a correction came
// between that touched the month, and only then.
func restateStale(s *subject) {
	e, moves, comes := rated(call("rated-1"), perMinute(), 1), rated(call("rated-2"), perMinute(), 2), rated(call("comes", in(july)), perMinute(), 1)
	away, here := booking(moves, perMinute(), 2), booking(comes, perMinute(), 1)
	away.booked, here.booked = mustMonth(october), mustMonth(august)
	void := voiding(rated(call("fee-0"), perMinute(), 1))
	unratedVoid := voiding(unrated(call("unrated-1")))
	adjusting := takingBack(october, rated(call("rated-3"), perMinute(), 3))
	intoAugust := takingBack(august, rated(call("of-july", in(july)), perMinute(), 4))
	late := booking(unrated(call("unrated-0")), perMinute(), 1)
	s.fillMonth()
	s.accept(rated(call("of-july", in(july)), perMinute(), 4), comes)
	between := []struct {
		name  string
		do    func()
		stale bool
	}{
		{"nothing", func() {}, false},
		{"an event comes", func() { s.accept(rated(call("new"), perMinute(), 1)) }, false},
		{"an event comes again", func() { s.post(e) }, false},
		{"another month is corrected", func() { s.book(booking(comes, perMinute(), 3)) }, false},
		{"another account is corrected", func() {
			s.book(booking(rated(call("of-lab", func(e *tollbook.Event) { e.AccountID = "acme-lab" }), perMinute(), 1), perTenth(), 1))
		}, false},
		{"another organization is corrected", func() { s.book(booking(rated(call("of-globex", ofGlobex), perMinute(), 1), perTenth(), 1)) }, false},
		{"a correction is refused", func() { c := booking(e, perMinute(), 3); c.of = unrated(call("never")); s.book(c) }, false},
		{"an event is booked", func() { s.book(booking(e, perTenth(), 3)) }, true},
		{"an unrated event is taken up", func() { s.book(late) }, true},
		{"an event is moved away", func() { s.book(away) }, true},
		{"an event is moved here", func() { s.book(here) }, true},
		{"an event is voided", func() { s.book(void) }, true},
		{"an unrated event is voided", func() { s.book(unratedVoid) }, true},
		{"an event is taken back elsewhere", func() { s.book(adjusting) }, true},
		{"an event of before is taken back here", func() { s.book(intoAugust) }, true},
		{"the month is restated", func() { s.wantRestate(acmeOffice, mustMonth(august), only(atLine(fee(), 1), "rated-4")) }, true},
	}
	for i, c := range between {
		r := s.readMonth(acme, acmeOffice, mustMonth(august), only(atLine(perTenth(), int64(100+i)), "fee-1", "rated-0"))
		c.do()
		if err := s.restate(r); (err != nil) != c.stale {
			s.t.Fatalf("%s: %v, want ErrStale: %t", c.name, err, c.stale)
		}
		if !s.leftOut(i) {
			s.check(acme)
		}
		s.wantRestate(acmeOffice, mustMonth(august), only(atLine(perTenth(), int64(200+i)), "fee-1", "rated-0"))
	}
	s.check(acme)
}
