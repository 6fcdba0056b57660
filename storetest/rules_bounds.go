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
	for i := range tollbook.MaxBatch {
		batch = append(batch, unrated(call(fmt.Sprint(i))))
	}
	s.accept(batch...)
	s.wantUnrated(acme, tollbook.MaxBatch)
	takeUp := func(l tollbook.Ledger, under tollbook.Pos) []tollbook.Outcome {
		page, err := l.Events(s.t.Context(), tollbook.EventQuery{OrganizationID: acme, Unrated: true, Limit: tollbook.MaxBatch})
		s.must(err)
		var bookings []tollbook.Booking
		for i := range page.Events {
			bookings = append(bookings, tollbook.Booking{Event: &page.Events[i], Booked: page.Events[i].Booked, Measured: *atLine(perMinute(), 2)(&page.Events[i])})
		}
		outcomes, err := l.Book(s.t.Context(), under, bookings)
		s.must(err)
		return outcomes
	}
	s.sameOutcomes("Book", takeUp(s.ledger, s.head), takeUp(s.model, s.modelHead))
	s.wantUnrated(acme, 0)
	s.wantRecord(acme, "P-CALL", "20000", "240", tollbook.MaxBatch)
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
