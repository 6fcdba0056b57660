package storetest

import (
	"fmt"

	"tollbook"
	"tollbook/filter"
)

// pastTests are about what held when a mark was made.
func pastTests() []test {
	return []test{
		{"BeforeAnything", func(s *subject) {
			first := s.mark()
			s.accept(rated(call("1"), perMinute(), 2))
			s.wantPast(first, acme)
			if page := s.wantPage(tollbook.Query{OrganizationID: acme, Limit: 5, AsOf: first}); page.Total != 0 {
				s.t.Fatalf("%d records before anything was posted", page.Total)
			}
		}},
		{"EveryPage", func(s *subject) {
			s.fillMixed()
			past := s.mark()
			s.changeMuch()
			for _, order := range some(s, orders()) {
				s.wantPages(tollbook.Query{OrganizationID: acme, Order: order, Limit: 7, AsOf: past})
			}
			s.check(acme, globex)
		}},
		{"EveryFilter", func(s *subject) {
			s.fillMixed()
			past := s.mark()
			s.changeMuch()
			for i, where := range filters(s.model.recordsAt(s.marks[past], acme)) {
				if s.leftOut(i) {
					continue
				}
				s.wantPages(tollbook.Query{OrganizationID: acme, Filter: where, Order: orders()[i%len(orders())], Limit: 5 + 9*(i%8), AsOf: past})
			}
		}},
		{"PagesNearRecordsThatChanged", func(s *subject) {
			s.fillMixed()
			past := s.mark()
			s.changeMuch()
			then, now := s.model.recordsAt(s.marks[past], acme), s.model.AllRecords(acme)
			for i, order := range some(s, orders()) {
				for _, near := range []tollbook.Record{then[i*7%len(then)], now[i*7%len(now)]} {
					s.wantPage(tollbook.Query{OrganizationID: acme, Order: order, Limit: 3, After: &near, AsOf: past})
					s.wantPage(tollbook.Query{OrganizationID: acme, Order: order, Limit: 3, Before: &near, AsOf: past})
				}
			}
		}},
		{"AfterEveryKindOfChange", pastAfterEveryChange},
		{"RecordsThatAreGone", func(s *subject) {
			e := rated(call("1"), perMinute(), 2)
			s.accept(e)
			past := s.mark()
			s.book(voiding(e))
			s.wantNoneIn(august, perMinute())
			where := oneOf(tollbook.FieldID, filter.Eq, recordIn(august, perMinute()).String())
			page := s.wantPage(tollbook.Query{OrganizationID: acme, Filter: where, Limit: 5, AsOf: past})
			if page.Total != 1 || page.Records[0].TotalAmount != dec("0.024") {
				s.t.Fatalf("a record that was there is not:\n%s", recordsText(page.Records))
			}
		}},
		{"OfEachOrganization", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 2))
			past := s.mark()
			s.accept(rated(call("1", ofGlobex), perMinute(), 3))
			s.wantPast(past, acme, globex, "nobody")
		}},
		{"AmongOtherDefinitions", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 2))
			before := s.head
			s.define(s.definition(tollbook.KindMonth, acme, `{}`), s.definition(tollbook.KindMark, "close", `{}`), s.definition(tollbook.KindProduct, "p-1", `{}`), s.definition(tollbook.KindMark, "close-2", `{}`))
			s.accept(rated(call("2"), perMinute(), 3))
			if len(s.marks) != 2 {
				s.t.Fatalf("%d marks behind %d", len(s.marks), before)
			}
			for mark := range s.marks {
				s.wantPast(mark, acme)
			}
		}},
		{"NoMark", noMark},
		{"DefinedTwice", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 2))
			d := s.definition(tollbook.KindMark, "day", `{}`)
			s.define(d)
			past := s.head
			s.accept(rated(call("2"), perMinute(), 3))
			s.define(d) // it is there already, and stays where it is
			s.wantPast(past, acme)
		}},
		{"ManyMarks", func(s *subject) {
			w := NewWorkload(11, WorkloadSize{Organizations: []string{acme}, Accounts: 2, Months: 3, Lines: 8})
			for range s.few(40) {
				s.post(w.Batch(10)...)
				s.book(w.corrections(3)...)
				s.mark()
			}
			for range 2 {
				for mark := range s.marks {
					s.wantPast(mark, acme)
				}
				s.reopen()
			}
			s.check(acme)
		}},
		{"AfterManyEvents", func(s *subject) {
			var batch []tollbook.Entry
			for i := range 3000 {
				batch = append(batch, rated(call(fmt.Sprint(i)), perMinute(), 1))
			}
			s.accept(batch...)
			past := s.mark()
			for i := range batch {
				batch[i] = rated(call(fmt.Sprint("more-", i)), perTenth(), 5)
			}
			s.accept(batch...)
			s.wantRestate(acmeOffice, mustMonth(august), atLine(fee(), 1))
			for range 2 {
				page := s.wantPage(tollbook.Query{OrganizationID: acme, Limit: 5, AsOf: past})
				if page.Total != 1 || page.Records[0].Events != 3000 || page.Records[0].TotalAmount != dec("36") {
					s.t.Fatalf("as of the mark:\n%s", recordsText(page.Records))
				}
				s.reopen()
			}
		}},
	}
}

// wantPast wants the records of a mark to be those of then, in the order of
// their ids.
func (s *subject) wantPast(mark tollbook.Pos, organizations ...string) {
	s.t.Helper()
	for _, org := range organizations {
		s.wantPages(tollbook.Query{OrganizationID: org, Limit: tollbook.MaxPage, AsOf: mark})
	}
}

// changeMuch posts and corrects behind fillMixed.
func (s *subject) changeMuch() {
	s.t.Helper()
	w := NewWorkload(20230801, WorkloadSize{Organizations: []string{acme, globex}, Accounts: 3, Months: 4, Lines: 12})
	for range s.few(8) {
		s.post(w.Batch(60)...)
		s.book(w.corrections(40)...)
	}
}

// pastAfterEveryChange marks what holds before each kind of change, and wants
// every mark to stay as it was after each.
func pastAfterEveryChange(s *subject) {
	a, b, c := rated(call("a"), inTiers(), 8), unrated(call("b")), withFee(call("c"), perMinute(), 2)
	changes := []func(){
		func() { s.accept(a, b, c) },
		func() { s.accept(bookedIn(september, rated(call("d"), inTiers(), 50))) },
		func() { s.book(booking(b, inTiers(), 7)) },
		func() { s.book(takingBack(october, a)) },
		func() { s.wantRestate(acmeOffice, mustMonth(august), only(atLine(perTenth(), 3), "c")) },
		func() { s.book(voiding(b)) },
		func() { s.book(unbooking(c)) },
		func() { s.define(s.definition(tollbook.KindRateCard, "card", `{}`)) },
		func() { s.reopen() },
	}
	for i, change := range changes {
		s.mark()
		change()
		if s.leftOut(i) {
			continue
		}
		for mark := range s.marks {
			s.wantPast(mark, acme)
		}
	}
	s.crash()
	for mark := range s.marks {
		s.wantPast(mark, acme)
	}
	s.check(acme)
}

// noMark asks for what held at definitions that are no marks, and at none.
func noMark(s *subject) {
	s.accept(rated(call("1"), perMinute(), 2))
	want := func() {
		s.t.Helper()
		for pos := tollbook.Pos(1); pos < s.head+3; pos++ {
			if _, ok := s.marks[pos]; !ok {
				_, err := s.ledger.Records(s.t.Context(), tollbook.Query{OrganizationID: acme, Limit: 5, AsOf: pos})
				s.wantCode(err, tollbook.CodeNotFound)
			}
		}
		_, err := s.ledger.Records(s.t.Context(), tollbook.Query{OrganizationID: acme, Limit: 5, AsOf: 1 << 62})
		s.wantCode(err, tollbook.CodeNotFound)
	}
	want()
	for kind := tollbook.KindOrganization; kind <= tollbook.KindDelivery; kind++ {
		s.define(s.definition(kind, "id", `{}`))
	}
	want()
	s.reopen()
	want()
	for mark := range s.marks {
		s.wantPast(mark, acme)
	}
}
