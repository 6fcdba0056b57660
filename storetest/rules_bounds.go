package storetest

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"tollbook"
)

func boundTests() []test {
	return []test{
		{"ZeroUnitsMakeARecord", func(s *subject) {
			s.accept(rated(call("1", lasting("0")), perMinute(), 0))
			s.wantRecord(acme, "P-CALL", "0", "0", 1)
			s.reopen()
			s.check(acme)
		}},
		{"FreeUnitsMakeARecord", func(s *subject) {
			s.accept(rated(call("1"), tollbook.NewLine(callGroup("P-FREE"), dec("0"), dec("1")), 2))
			s.wantRecord(acme, "P-FREE", "2", "0", 1)
			s.check(acme)
		}},
		{"OnePriceTwoIncrementsOneRecord", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 2), rated(call("2"), perTenth(), 13))
			s.wantRecord(acme, "P-CALL", "3.3", "0.0396", 2)
			s.check(acme)
		}},
		{"PricesThatRoundAlikeShareARecordExactly", func(s *subject) {
			// Both show 0.333333333333 a minute; the total is of what was charged.
			third := tollbook.NewLine(callGroup("P-THIRD"), dec("1"), dec("3"))
			shown := tollbook.NewLine(callGroup("P-THIRD"), dec("0.333333333333"), dec("1"))
			s.accept(rated(call("1"), third, 2), rated(call("2"), shown, 3))
			s.wantRecord(acme, "P-THIRD", "9", "2.999999999999", 2)
			s.check(acme)
		}},
		{"EveryFieldOfTheGroupingTellsRecordsApart", func(s *subject) {
			for i, l := range distinctLines() {
				s.accept(rated(call(fmt.Sprint(i)), l, 1))
			}
			if got, want := len(allRecords(s.t, s.ledger, acme)), len(distinctLines()); got != want {
				s.t.Fatalf("%d records of %d groupings", got, want)
			}
			s.reopen()
			s.check(acme)
		}},
		{"SumsOfTheLargestIncrements", sumsOfLargest},
		{"QuantitiesOf30Digits", quantitiesOf30Digits},
		{"LargestEvent", largestEvent},
		{"FullBatch", fullBatch},
		{"EveryEventSentAgain", everyEventSentAgain},
		{"MonthsFarApart", func(s *subject) {
			edges := []string{"0001-01-01T00:00:00Z", "0999-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "2038-01-19T03:14:08Z", "2262-04-12T00:00:00Z", "9999-12-31T23:59:59.999999999Z"}
			for i, edge := range edges {
				s.accept(rated(call(fmt.Sprint(i), at(edge)), perMinute(), 1), unrated(call(fmt.Sprint("u", i), at(edge))))
			}
			for _, desc := range []bool{false, true} {
				s.wantPages(tollbook.Query{OrganizationID: acme, Order: tollbook.Order{Field: tollbook.OrderMonth, Desc: desc}, Limit: 2})
			}
			s.reopen()
			s.check(acme)
		}},
		{"TooManyRecords", tooManyRecords},
	}
}

// distinctLines returns lines of which each differs from the first in one
// thing that a record shows.
func distinctLines() []*tollbook.Line {
	change := []func(g *tollbook.Grouping){
		func(g *tollbook.Grouping) {},
		func(g *tollbook.Grouping) { g.ProductID = "" },
		func(g *tollbook.Grouping) { g.AggrProductID = "" },
		func(g *tollbook.Grouping) { g.ProductID, g.AggrProductID = g.AggrProductID, g.ProductID },
		func(g *tollbook.Grouping) { g.Type = tollbook.CallService },
		func(g *tollbook.Grouping) { g.Description = "outbound call" },
		func(g *tollbook.Grouping) { g.Description = "Anruf nach Österreich, 'Mobil'; \"x\"\n" },
		func(g *tollbook.Grouping) { g.Currency = "EUR" },
		func(g *tollbook.Grouping) { g.Direction = 0 },
		func(g *tollbook.Grouping) { g.Direction = tollbook.OtherDirection },
		func(g *tollbook.Grouping) { g.Resolution = 0 },
		func(g *tollbook.Grouping) { g.Resolution = tollbook.OtherResolution },
		func(g *tollbook.Grouping) { g.Unit = tollbook.Seconds },
		func(g *tollbook.Grouping) { g.WalletName = "" },
		func(g *tollbook.Grouping) { g.WalletName = "null" },
	}
	var lines []*tollbook.Line
	for _, f := range change {
		g := callGroup("P-CALL")
		f(&g)
		lines = append(lines, tollbook.NewLine(g, dec("0.012"), dec("1")))
	}
	return append(lines, tollbook.NewLine(callGroup("P-CALL"), dec("0.013"), dec("1")))
}

// sumsOfLargest adds many events of the most increments there may be, at the
// largest price, and compares the sum with one product.
func sumsOfLargest(s *subject) {
	const events = 1000
	line := tollbook.NewLine(callGroup("P-LARGE"), dec(strings.Repeat("9", 18)+"."+strings.Repeat("9", 12)), dec("0.000000000001"))
	var batch []tollbook.Entry
	for i := range events {
		batch = append(batch, rated(call(fmt.Sprint(i)), line, tollbook.MaxIncrements))
	}
	s.accept(batch...)
	want := new(big.Rat).Mul(ratOf(line.PricePerIncrement), new(big.Rat).SetInt64(tollbook.MaxIncrements))
	want.Mul(want, new(big.Rat).SetInt64(events))
	s.wantRecord(acme, "P-LARGE", "1000000", decimalOf(want).String(), events)
	s.reopen()
	s.wantRecord(acme, "P-LARGE", "1000000", decimalOf(want).String(), events)
}

// quantitiesOf30Digits posts events that carry their price, with as many
// digits as quantity and price may have.
func quantitiesOf30Digits(s *subject) {
	const most = "999999999999999999.999999999999"
	line := tollbook.PricedLine(callGroup("P-PRICED"), dec(most))
	increments, ok := dec(most).Scaled(tollbook.MaxFracDigits)
	if !ok {
		s.t.Fatal("the largest quantity has too many digits")
	}
	priced := func(e *tollbook.Event) { e.Priced, e.Price, e.Currency, e.Quantity = true, dec(most), "USD", dec(most) }
	for i := range 3 {
		m := tollbook.Measured{Charges: []tollbook.Charge{{Line: line, Increments: increments}}}
		s.accept(entry(call(fmt.Sprint(i), priced), m))
	}
	square := new(big.Rat).Mul(ratOf(dec(most)), ratOf(dec(most)))
	want := decimalOf(square.Mul(square, new(big.Rat).SetInt64(3))).String()
	s.wantRecord(acme, "P-PRICED", "2999999999999999999.999999999997", want, 3)
	s.reopen()
	s.wantRecord(acme, "P-PRICED", "2999999999999999999.999999999997", want, 3)
	s.check(acme)
}

// largestEvent posts an event with every text and attribute as long as it may
// be, with bytes that a careless encoding would trip over.
func largestEvent(s *subject) {
	text := strings.Repeat("ö\x00\"", tollbook.MaxTextBytes/4)
	e := call(strings.Repeat("i", tollbook.MaxNameBytes), func(e *tollbook.Event) {
		e.Source = strings.Repeat("s", tollbook.MaxNameBytes)
		e.Subtype, e.Description, e.ProductID, e.AggrProductID = text, text, text, text
		e.From, e.To, e.Country, e.Category, e.WalletName, e.CloudEventType = text, text, text, text, text, text
		e.Attributes = nil
		for i := range tollbook.MaxAttributes {
			key := fmt.Sprintf("%0*d", tollbook.MaxAttributeKeyBytes, i)
			e.Attributes = append(e.Attributes, tollbook.Attribute{Key: key, Value: strings.Repeat("v", tollbook.MaxAttributeValueBytes)})
		}
	})
	s.accept(rated(e, perMinute(), 2), unrated(call("plain")))
	s.check(acme)
	s.reopen()
	s.check(acme)
}

// fullBatch posts and books as many as may be posted and booked at once.
func fullBatch(s *subject) {
	var batch []tollbook.Entry
	var bookings []correction
	for i := range tollbook.MaxBatch {
		e := unrated(call(fmt.Sprint(i)))
		batch = append(batch, e)
		bookings = append(bookings, booking(e, perMinute(), 2))
	}
	s.accept(batch...)
	s.wantUnrated(acme, tollbook.MaxBatch)
	s.book(bookings...)
	s.wantUnrated(acme, 0)
	s.wantRecord(acme, "P-CALL", "20000", "240", tollbook.MaxBatch)
}

// tooManyRecords fills an account's month with the most records that it may
// hold and tries one more in every way.
func tooManyRecords(s *subject) {
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
	s.wantRecordOf(last, "5.5", "0.055", 5)
	page, err := s.ledger.Records(s.t.Context(), tollbook.Query{OrganizationID: acme, Limit: 1})
	s.must(err)
	if want := tollbook.MaxRecordsPerMonth + 1; page.Total != want {
		s.t.Fatalf("%d records, want %d", page.Total, want)
	}
}

// wantRecordOf wants a line's record of August 2023 to have these sums.
func (s *subject) wantRecordOf(l *tollbook.Line, units, total string, events int64) {
	s.t.Helper()
	id := tollbook.RecordIDOf(acmeOffice, tollbook.MonthOf(call("").OccurredAt), &l.Grouping)
	r, err := s.ledger.Record(s.t.Context(), acme, id)
	s.must(err)
	if r.NumberOfUnits != dec(units) || r.TotalAmount != dec(total) || r.Events != events {
		s.t.Fatalf("want %s units, a total of %s, %d events:\n%s", units, total, events, recordText(&r))
	}
}

// everyEventSentAgain sends many events, and once more after the data was
// opened again: each is known by its name, and by its content.
func everyEventSentAgain(s *subject) {
	const batches, size = 6, 1500
	batch := func(b int, change ...func(e *tollbook.Event)) []tollbook.Entry {
		var list []tollbook.Entry
		for i := range size {
			list = append(list, rated(call(fmt.Sprintf("%d-%d", b, i), change...), perMinute(), 2))
		}
		return list
	}
	all := func(o tollbook.Outcome) []tollbook.Outcome { return slices.Repeat([]tollbook.Outcome{o}, size) }
	for b := range batches {
		s.wantPost(all(tollbook.Accepted), batch(b)...)
	}
	for range 2 {
		for b := range batches {
			s.wantPost(all(tollbook.Duplicate), batch(b)...)
			s.wantPost(all(tollbook.Conflict), batch(b, lasting("91"))...)
		}
		s.wantRecord(acme, "P-CALL", "18000", "216", batches*size)
		s.reopen()
	}
}
