package storetest

import (
	"tollbook"
	"tollbook/decimal"
)

func totalTests() []test {
	wallet := func(name, currency string, t tollbook.UsageType) *tollbook.Line {
		g := callGroup("P-" + name)
		g.WalletName, g.Currency, g.Type = name, currency, t
		return tollbook.NewLine(g, dec("0.3"), dec("1"))
	}
	return []test{
		{"NoneAtAll", func(s *subject) {
			s.wantTotals(acme, "")
			s.accept(unrated(call("1")))
			s.wantTotals(acme, "")
			s.wantTotals("nobody", "")
		}},
		{"ByAccountMonthWalletAndCurrency", func(s *subject) {
			lab := func(e *tollbook.Event) { e.AccountID = "acme-lab" }
			s.accept(rated(call("1"), wallet("voice", "USD", tollbook.Call), 2), rated(call("2"), wallet("voice", "USD", tollbook.Message), 3), rated(call("3"), wallet("voice", "EUR", tollbook.Call), 1),
				rated(call("4"), wallet("", "USD", tollbook.Call), 4), rated(call("5", in(september)), wallet("voice", "USD", tollbook.Call), 5), rated(call("6", lab), wallet("voice", "USD", tollbook.Call), 6),
				rated(call("7", ofGlobex), wallet("voice", "USD", tollbook.Call), 7), bookedIn(september, rated(call("8"), wallet("voice", "USD", tollbook.Call), 1)))
			for range 2 {
				s.wantTotals(acme, `acme-lab 2023-08 wallet="voice" USD put in=0 used=1.8
acme-office 2023-08 wallet="" USD put in=0 used=1.2
acme-office 2023-08 wallet="voice" EUR put in=0 used=0.3
acme-office 2023-08 wallet="voice" USD put in=0 used=1.5
acme-office 2023-09 wallet="voice" USD put in=0 used=1.8
`)
				s.wantTotals(globex, "globex-shop 2023-08 wallet=\"voice\" USD put in=0 used=2.1\n")
				s.reopen()
			}
		}},
		{"WhatIsPutInIsApart", func(s *subject) {
			s.accept(rated(call("1"), wallet("voice", "USD", tollbook.Recharge), 100), rated(call("2"), wallet("voice", "USD", tollbook.CreditCommit), 50), rated(call("3"), wallet("voice", "USD", tollbook.Call), 2))
			s.wantTotals(acme, "acme-office 2023-08 wallet=\"voice\" USD put in=45 used=0.6\n")
		}},
		{"FollowEveryChange", func(s *subject) {
			total := func(month, used string) string {
				return "acme-office " + month + ` wallet="contact center" USD put in=0 used=` + used + "\n"
			}
			a, b := rated(call("1"), inTiers(), 20), rated(call("2"), perMinute(), 5)
			s.accept(a)
			s.wantTotals(acme, total(august, "0.2"))
			s.accept(b)
			s.wantTotals(acme, total(august, "0.26"))
			s.accept(bookedIn(september, rated(call("3"), inTiers(), 1)))
			s.wantTotals(acme, total(august, "0.26")+total(september, "0.02"))
			s.book(voiding(b))
			s.wantTotals(acme, total(august, "0.2")+total(september, "0.02"))
			s.wantRestate(acmeOffice, mustMonth(august), atLine(inTiers(), 12))
			s.wantTotals(acme, total(august, "0.04")+total(september, "0.02"))
			s.book(takingBack(october, a))
			s.wantTotals(acme, total(august, "0.04")+total(september, "0.02")+total(october, "-0.06"))
			s.reopen()
			s.wantTotals(acme, total(august, "0.04")+total(september, "0.02")+total(october, "-0.06"))
			s.check(acme)
		}},
		{"MoveWithoutABookingOfTheirMonth", func(s *subject) {
			// What is booked later follows on what is booked before.
			s.accept(bookedIn(september, rated(call("1"), inTiers(), 5)))
			s.wantTotals(acme, "acme-office 2023-09 wallet=\"contact center\" USD put in=0 used=0\n")
			s.accept(rated(call("2"), inTiers(), 10))
			s.wantTotals(acme, `acme-office 2023-08 wallet="contact center" USD put in=0 used=0
acme-office 2023-09 wallet="contact center" USD put in=0 used=0.1
`)
			s.book(voiding(rated(call("2"), inTiers(), 10)))
			s.wantTotals(acme, "acme-office 2023-09 wallet=\"contact center\" USD put in=0 used=0\n")
			s.check(acme)
		}},
		{"Exact", func(s *subject) {
			s.fillMixed()
			s.check(acme, globex)
			s.accept(entry(call("1"), tollbook.Measured{Charges: []tollbook.Charge{{Line: tollbook.NewLine(callGroup("P"), dec("0.000000000001"), dec("1")), Increments: decimal.NewInt(1)}}}))
			s.check(acme, globex)
		}},
	}
}

func (s *subject) wantTotals(org, want string) {
	s.t.Helper()
	totals, err := s.ledger.Totals(s.t.Context(), org)
	s.must(err)
	if got := totalsText(totals); got != want {
		s.t.Fatalf("totals of %s:\n%swant:\n%s", org, got, want)
	}
}
