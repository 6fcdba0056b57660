package storetest

import (
	"fmt"
	"slices"

	"tollbook"
	"tollbook/decimal"
)

// fullTests fill an account's month to MaxRecordsPerMonth. The lines of most
// have as many tiers as may be: each could show that many records, whether it
// does or not.
func fullTests() []test {
	const tiers, lines = tollbook.MaxTiers, tollbook.MaxRecordsPerMonth / tollbook.MaxTiers
	accepted, tooMany := tollbook.Accepted, tollbook.TooManyRecords
	type outcomes = []tollbook.Outcome
	stepped := func(product string) *tollbook.Line {
		var list []tollbook.Tier
		for i := range int64(tiers) {
			list = append(list, tollbook.Tier{UpTo: decimal.NewInt(10 * (i + 1)), PricePerIncrement: decimal.New(decimal.NewInt(i+1), 2)})
		}
		list[tiers-1].UpTo = decimal.Int{}
		return tollbook.NewTieredLine(callGroup(product), dec("1"), list)
	}
	fill := func(s *subject) []tollbook.Entry {
		s.t.Helper()
		var batch []tollbook.Entry
		for i := range lines {
			batch = append(batch, rated(call(fmt.Sprint(i)), stepped(fmt.Sprintf("P-%04d", i)), 1))
		}
		s.accept(batch...)
		return batch
	}
	return []test{
		{"TooManyRecords", tooManyRecords},
		{"EveryTierIsOne", func(s *subject) {
			posted, w := fill(s), unrated(call("w"))
			s.wantPost(outcomes{tooMany, accepted, accepted}, rated(call("over"), fee(), 1), rated(call("again"), stepped("P-0007"), 1000), w)
			s.wantPost(outcomes{tooMany}, rated(call("over"), stepped("P-OVER"), 1))
			s.wantPost(outcomes{tooMany, accepted}, bookedIn(august, rated(call("late", in(july)), fee(), 1)), bookedIn(september, rated(call("later"), fee(), 1)))
			// The price of one tier, of a product that is there.
			s.accept(rated(call("plain"), stepped("P-0008").Part(5), 3))
			s.wantBook(outcomes{tooMany, accepted}, booking(w, fee(), 1), booking(w, stepped("P-0009"), 1))
			s.reopen()
			s.wantPost(outcomes{tooMany}, rated(call("over"), fee(), 1))
			// What nothing counts in any more makes room.
			s.wantBook(outcomes{accepted}, voiding(posted[20]))
			var fees []tollbook.Entry
			for i := range tiers + 1 {
				fees = append(fees, rated(call(fmt.Sprint("fee-", i)), tollbook.NewLine(callGroup(fmt.Sprint("F-", i)), dec("1"), dec("1")), 1))
			}
			s.wantPost(append(slices.Repeat(outcomes{accepted}, tiers), tooMany), fees...)
			s.checkFull()
		}},
		{"BookingIsJudgedByWhatIsLeft", func(s *subject) {
			posted, w, second := fill(s), unrated(call("w")), rated(call("second"), stepped("P-0002"), 1)
			s.accept(w, second)
			s.wantBook(outcomes{accepted, tooMany, tooMany}, booking(posted[0], stepped("P-NEW"), 1), booking(w, fee(), 1), booking(posted[2], stepped("P-NEWER"), 1))
			s.wantBook(outcomes{accepted, accepted, accepted}, booking(posted[1], fee(), 1), booking(w, perMinute(), 1), booking(second, perTenth(), 1))
			s.wantBook(outcomes{accepted}, booking(posted[2], stepped("P-NEWER"), 1))
			s.checkFull()
		}},
		{"AdjustingTakesRoom", func(s *subject) {
			before := rated(call("of july", in(july)), fee(), 1)
			s.accept(before)
			fill(s)
			s.wantBook(outcomes{tooMany}, takingBack(august, before))
			s.wantNoneIn(august, fee())
			s.wantBook(outcomes{accepted}, takingBack(september, before))
			s.checkFull()
		}},
		{"RestatedAllOrNone", func(s *subject) {
			fill(s)
			renamed := func(e *tollbook.BookedEvent) *tollbook.Measured { return atLine(stepped("N-"+e.ID), 1)(e) }
			s.wantRestate(acmeOffice, mustMonth(august), renamed)
			s.checkFull()
			again := s.readMonth(acme, acmeOffice, mustMonth(august), renamed)
			over := s.readMonth(acme, acmeOffice, mustMonth(august), func(e *tollbook.BookedEvent) *tollbook.Measured {
				m := atLine(stepped("M-"+e.ID), 1)(e)
				if e.ID == "77" {
					m.Charges = append(m.Charges, tollbook.Charge{Line: fee(), Increments: decimal.NewInt(1)})
				}
				return m
			})
			s.wantCode(s.restate(over), tollbook.CodeTooManyRecords)
			s.checkFull()
			s.must(s.restate(again)) // nothing was corrected meanwhile
			s.reopen()
			s.checkFull()
		}},
	}
}

// checkFull compares the records of the office's full month with the model.
func (s *subject) checkFull() {
	s.t.Helper()
	s.same("records of a full month", func(l tollbook.Ledger) string { return recordsText(allRecords(s.t, l, acme)) })
	s.wantUnrated(acme, 0)
}

// tooManyRecords fills an account's month with the most records that it may
// hold and tries one more in every way.
func tooManyRecords(s *subject) {
	if thin(s.driver) {
		s.t.Skip("a hundred thousand records take a while: the tests beside it have as many in tiers")
	}
	line := func(i int) *tollbook.Line {
		return tollbook.NewLine(callGroup(fmt.Sprintf("P-%06d", i)), dec("0.01"), dec("1"))
	}
	var waiting []tollbook.Entry
	for _, id := range []string{"w-old", "w-new", "w-last"} {
		waiting = append(waiting, unrated(call(id)))
	}
	s.accept(waiting...)
	for from := 0; from < tollbook.MaxRecordsPerMonth; from += tollbook.MaxBatch {
		var batch []tollbook.Entry
		for i := from; i < min(from+tollbook.MaxBatch, tollbook.MaxRecordsPerMonth-1); i++ {
			batch = append(batch, rated(call(fmt.Sprint(i)), line(i), 1))
		}
		s.accept(batch...)
	}
	accepted, tooMany := tollbook.Accepted, tollbook.TooManyRecords
	last, over := line(tollbook.MaxRecordsPerMonth-1), line(tollbook.MaxRecordsPerMonth)
	s.wantPost([]tollbook.Outcome{accepted, tooMany, accepted, tooMany}, rated(call("last"), last, 1), rated(call("over"), over, 1), rated(call("last-again"), last, 1), rated(call("over"), over, 1))

	// Another month has room, and so has an unrated event.
	s.accept(rated(call("next-month", at("2023-09-01T00:00:00Z")), over, 1), unrated(call("w-later")))
	// Two increments of one price are one record, and it is there already.
	s.accept(rated(call("tenth"), tollbook.NewLine(last.Grouping, dec("0.001"), dec("0.1")), 5))
	s.wantBook([]tollbook.Outcome{accepted, tooMany}, booking(waiting[0], line(0), 1), booking(waiting[1], over, 1))
	s.wantUnrated(acme, 3)

	s.reopen()
	s.wantPost([]tollbook.Outcome{tooMany}, rated(call("over"), over, 1))
	// What was refused claims nothing: it can be sent again as something else.
	s.accept(rated(call("over", lasting("61")), last, 2))
	s.wantBook([]tollbook.Outcome{tooMany, accepted}, booking(waiting[1], over, 1), booking(waiting[1], last, 1))
	s.wantIn(august, last, "5.5", "0.055", 5)
	page, err := s.ledger.Records(s.t.Context(), tollbook.Query{OrganizationID: acme, Limit: 1})
	s.must(err)
	if want := tollbook.MaxRecordsPerMonth + 1; page.Total != want {
		s.t.Fatalf("%d records, want %d", page.Total, want)
	}
}
