package storetest

import (
	"fmt"
	"slices"

	"tollbook"
	"tollbook/decimal"
)

// tierTests are about lines whose price depends on how far a month has come.
// Those of inTiers end at 10 and at 100 minutes.
func tierTests() []test {
	return []test{
		{"FirstUnitsFirst", func(s *subject) {
			s.accept(rated(call("1"), inTiers(), 7))
			s.wantTiers(august, "7 0 1", "", "")
			s.accept(rated(call("2"), inTiers(), 3))
			s.wantTiers(august, "10 0 2", "", "")
			s.accept(rated(call("3"), inTiers(), 1))
			s.wantTiers(august, "10 0 3", "1 0.02 3", "")
			s.accept(rated(call("4"), inTiers(), 100))
			s.wantTiers(august, "10 0 4", "90 1.8 4", "11 0.132 4")
			s.wantTiersHold()
		}},
		{"OneEventInAllTiers", func(s *subject) {
			s.accept(rated(call("1"), inTiers(), 250))
			s.wantTiers(august, "10 0 1", "90 1.8 1", "150 1.8 1")
			s.wantTiersHold()
		}},
		{"NothingIsInTheFirst", func(s *subject) {
			s.accept(rated(call("1"), inTiers(), 0))
			s.wantTiers(august, "0 0 1", "", "")
			s.accept(bookedIn(september, rated(call("2"), inTiers(), 0)))
			s.wantTiers(september, "0 0 1", "", "")
			s.accept(rated(call("3"), inTiers(), 11))
			s.wantTiers(august, "10 0 2", "1 0.02 2", "")
			s.wantTiersHold()
		}},
		{"LateUnitsComeBehind", func(s *subject) {
			s.accept(rated(call("1"), inTiers(), 8), bookedIn(september, rated(call("2"), inTiers(), 5)))
			s.wantTiers(august, "8 0 1", "", "")
			s.wantTiers(september, "2 0 1", "3 0.06 1", "")
			// What follows on is moved by what comes before it.
			s.accept(rated(call("3"), inTiers(), 90))
			s.wantTiers(august, "10 0 2", "88 1.76 2", "")
			s.wantTiers(september, "", "2 0.04 1", "3 0.036 1")
			s.wantTiersHold()
		}},
		{"EachHomeOnItsOwn", func(s *subject) {
			s.accept(rated(call("1"), inTiers(), 8), bookedIn(september, rated(call("2"), inTiers(), 5)), rated(call("3", in(september)), inTiers(), 4))
			s.wantTiers(august, "8 0 1", "", "")
			s.wantTiers(september, "6 0 2", "3 0.06 1", "")
			s.wantTiersHold()
		}},
		{"MonthAfterMonth", func(s *subject) {
			// In whatever order they come, what is booked earlier is first.
			s.accept(bookedIn(october, rated(call("1"), inTiers(), 5)), bookedIn("2023-12", rated(call("2"), inTiers(), 100)), bookedIn(september, rated(call("3"), inTiers(), 93)), rated(call("4"), inTiers(), 4))
			s.wantTiers(august, "4 0 1", "", "")
			s.wantTiers(september, "6 0 1", "87 1.74 1", "")
			s.wantTiers(october, "", "3 0.06 1", "2 0.024 1")
			s.wantTiers("2023-12", "", "", "100 1.2 1")
			s.wantTiersHold()
		}},
		{"TakenBackFromTheEnd", takenBackFromTheEnd},
		{"VoidMovesWhatFollows", func(s *subject) {
			e := rated(call("1"), inTiers(), 10)
			s.accept(e, rated(call("2"), inTiers(), 2), bookedIn(september, rated(call("3"), inTiers(), 5)))
			s.wantTiers(august, "10 0 2", "2 0.04 2", "")
			s.wantTiers(september, "", "5 0.1 1", "")
			s.book(voiding(e))
			s.wantTiers(august, "2 0 1", "", "")
			s.wantTiers(september, "5 0 1", "", "")
			s.wantTiersHold()
		}},
		{"LinesAreKeptApart", func(s *subject) {
			// Its first tier ends elsewhere, so it is another line, and begins anew;
			// where it costs the same it shows in the same record.
			other := tollbook.NewTieredLine(callGroup("P-CALL"), dec("1"), []tollbook.Tier{{UpTo: decimal.NewInt(4)}, {PricePerIncrement: dec("0.02")}})
			s.accept(rated(call("1"), inTiers(), 12), rated(call("2"), other, 5), rated(call("3", func(e *tollbook.Event) { e.AccountID = "acme-lab" }), inTiers(), 3))
			s.wantTiers(august, "14 0 2", "3 0.06 2", "")
			s.wantTiersHold()
		}},
		{"TwoTiersOfOnePrice", func(s *subject) {
			line := tollbook.NewTieredLine(callGroup("P-HAPPY"), dec("1"), []tollbook.Tier{{UpTo: decimal.NewInt(4), PricePerIncrement: dec("0.1")}, {UpTo: decimal.NewInt(6)}, {PricePerIncrement: dec("0.1")}})
			s.accept(rated(call("1"), line, 3), rated(call("2"), line, 7))
			s.wantIn(august, line.Part(0), "8", "0.8", 2)
			s.wantIn(august, line.Part(1), "2", "0", 2)
			s.wantTiersHold()
		}},
		{"EventsBesidePlainLines", func(s *subject) {
			// An event is one in the plain lines of a record and one in each line
			// with tiers; the last tier costs what perMinute and perTenth do.
			s.accept(rated(call("1"), inTiers(), 100), charged(call("2"), tollbook.Charge{Line: perMinute(), Increments: decimal.NewInt(2)},
				tollbook.Charge{Line: inTiers(), Increments: decimal.NewInt(5)}, tollbook.Charge{Line: perTenth(), Increments: decimal.NewInt(10)}))
			s.wantTiers(august, "10 0 2", "90 1.8 2", "8 0.096 3")
			s.wantTiersHold()
		}},
		{"TwoChargesOfOneLine", func(s *subject) {
			s.accept(charged(call("1"), tollbook.Charge{Line: inTiers(), Increments: decimal.NewInt(6)}, tollbook.Charge{Line: inTiers(), Increments: decimal.NewInt(7)}))
			s.wantTiers(august, "10 0 1", "3 0.06 1", "")
			s.wantTiersHold()
		}},
		{"MostTiers", func(s *subject) {
			var tiers []tollbook.Tier
			for i := range int64(tollbook.MaxTiers) {
				tiers = append(tiers, tollbook.Tier{UpTo: decimal.NewInt(10 * (i + 1)), PricePerIncrement: decimal.New(decimal.NewInt(100-i), 2)})
			}
			tiers[len(tiers)-1].UpTo = decimal.Int{}
			line := tollbook.NewTieredLine(callGroup("P-STEPS"), dec("1"), tiers)
			var all []tollbook.Entry
			for i := range 40 {
				all = append(all, rated(call(fmt.Sprint(i)), line, 9))
			}
			for some := range slices.Chunk(all, 7) {
				s.accept(some...)
			}
			s.wantIn(august, line.Part(0), "10", "10", 40)
			s.wantIn(august, line.Part(30), "10", "7", 40)
			s.wantIn(august, line.Part(31), "50", "34.5", 40)
			s.wantTiersHold()
		}},
		{"LargestTiers", func(s *subject) {
			line := tollbook.NewTieredLine(callGroup("P-LARGE"), dec("0.000000000001"), []tollbook.Tier{{UpTo: decimal.NewUint(1e18), PricePerIncrement: dec("0.000000000001")}, {}})
			var all []tollbook.Entry
			for i := range 1200 {
				all = append(all, rated(call(fmt.Sprint(i)), line, tollbook.MaxIncrements))
			}
			for some := range slices.Chunk(all, 50) {
				s.accept(some...)
			}
			s.wantIn(august, line.Part(0), "1000000", "1000000", 1200)
			s.wantIn(august, line.Part(1), "200000", "0", 1200)
			s.check(acme)
		}},
		{"CutsTellWhere", func(s *subject) {
			s.accept(rated(call("1"), inTiers(), 8), bookedIn(september, rated(call("2"), inTiers(), 5)), rated(call("3", in(september)), inTiers(), 30), rated(call("4", in(september)), perMinute(), 2))
			s.wantCuts(august, 0, "before=0 increments=8 share=8")
			s.wantCuts(september, 0, "before=0 increments=30 share=10", "before=8 increments=5 share=2")
			s.wantCuts(september, 1, "before=0 increments=30 share=20", "before=8 increments=5 share=3")
			page, err := s.ledger.Events(s.t.Context(), tollbook.EventQuery{OrganizationID: acme, Record: recordIn(september, perMinute()), Limit: 9})
			s.must(err)
			if len(page.Cuts) > 0 {
				s.t.Fatalf("a record of a line without tiers has cuts:\n%s", cutsText(page.Cuts))
			}
		}},
	}
}

// wantTiers wants the office's records of inTiers in a month, of each tier:
// its units, its total and how many events, or "" for no record.
func (s *subject) wantTiers(month string, want ...string) {
	s.t.Helper()
	for i, text := range want {
		line := inTiers().Part(i)
		if text == "" {
			s.wantNoneIn(month, line)
			continue
		}
		var units, total string
		var events int64
		_, err := fmt.Sscan(text, &units, &total, &events)
		s.must(err)
		s.wantIn(month, line, units, total, events)
	}
}

// wantTiersHold wants all that there is of acme to add up, be as in the model
// and stay so.
func (s *subject) wantTiersHold() {
	s.t.Helper()
	for range 2 {
		for _, r := range some(s, allRecords(s.t, s.ledger, acme)) {
			s.wantAddUp(acme, r)
			s.sameCuts(tollbook.EventQuery{OrganizationID: acme, Record: r.ID, Limit: 2})
		}
		s.check(acme)
		s.reopen()
	}
}

// wantCuts wants these cuts of a tier of inTiers.
func (s *subject) wantCuts(month string, part int, want ...string) {
	s.t.Helper()
	q := tollbook.EventQuery{OrganizationID: acme, Record: recordIn(month, inTiers().Part(part)), Limit: 1}
	page, err := s.ledger.Events(s.t.Context(), q)
	s.must(err)
	var got []string
	for _, c := range page.Cuts {
		if c.Line.Key() != inTiers().Key() || c.Part != part {
			s.t.Fatalf("tier %d of %s has a cut of another: %s", part, month, cutsText([]tollbook.Cut{c}))
		}
		got = append(got, fmt.Sprintf("before=%s increments=%s share=%s", c.Before, c.Increments, c.Share))
	}
	if diff := diffLines(linesOf(got), linesOf(want)); diff != "" {
		s.t.Fatalf("cuts of tier %d of %s, given (+) and wanted (-):\n%s", part, month, diff)
	}
	s.sameCuts(q)
}

// takenBackFromTheEnd takes events back in later months: what has been stated
// last is taken back first.
func takenBackFromTheEnd(s *subject) {
	a, b, c := rated(call("a"), inTiers(), 8), rated(call("b"), inTiers(), 5), rated(call("c"), inTiers(), 100)
	s.accept(a, b, c)
	s.wantTiers(august, "10 0 3", "90 1.8 3", "13 0.156 3")
	s.book(takingBack(september, a))
	s.wantTiers(september, "", "", "-8 -0.096 1")
	s.book(takingBack(october, c))
	s.wantTiers(october, "-5 0 1", "-90 -1.8 1", "-5 -0.06 1")
	s.wantTiers(august, "10 0 3", "90 1.8 3", "13 0.156 3")
	// A late event and what is taken back come to nothing, in two events.
	s.accept(bookedIn("2023-11", rated(call("d"), inTiers(), 5)))
	s.book(takingBack("2023-11", b))
	s.wantTiers("2023-11", "0 0 2", "", "")
	s.wantTiersHold()
}
