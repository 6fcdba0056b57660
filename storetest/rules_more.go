package storetest

import (
	"fmt"
	"time"

	"tollbook"
	"tollbook/filter"
)

func isolationTests() []test {
	return []test{
		{"SameNameInTwoOrganizations", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 2), rated(call("1", ofGlobex), perMinute(), 5))
			s.wantRecord(acme, "P-CALL", "2", "0.024", 1)
			s.wantRecord(globex, "P-CALL", "5", "0.06", 1)
			s.check(acme, globex)
		}},
		{"RecordsOfAnotherAreNotFound", func(s *subject) {
			s.fillMixed()
			for _, r := range some(s, s.model.AllRecords(globex)) {
				_, err := s.ledger.Record(s.t.Context(), acme, r.ID)
				s.wantCode(err, tollbook.CodeNotFound)
				_, err = s.ledger.Events(s.t.Context(), tollbook.EventQuery{OrganizationID: acme, Record: r.ID, Limit: 10})
				s.wantCode(err, tollbook.CodeNotFound)
			}
		}},
		{"RecordsOfAnotherAreNotListed", func(s *subject) {
			s.fillMixed()
			for _, r := range some(s, s.model.AllRecords(globex)) {
				where := oneOf(tollbook.FieldID, filter.Eq, r.ID.String())
				s.wantPage(tollbook.Query{OrganizationID: acme, Filter: where, Limit: 10})
				s.wantPage(tollbook.Query{OrganizationID: acme, After: &r, Limit: 10})
				s.wantPage(tollbook.Query{OrganizationID: acme, Before: &r, Limit: 10})
			}
			s.check(acme, globex)
		}},
		{"PrefixOfAnothersName", func(s *subject) {
			// Ids that a careless key would run into one another.
			for i, org := range []string{"a", "ab", "a-", "a.b", "A", "b"} {
				e := call("1", func(e *tollbook.Event) { e.AccountID = fmt.Sprintf("account-%d", i) })
				m := rated(call("1"), tollbook.NewLine(callGroup("P-"+org), dec("1"), dec("1")), 1).Measured
				s.accept(NewEntry(org, e, tollbook.MonthOf(e.OccurredAt), m))
				s.accept(NewEntry(org, call("2", func(e *tollbook.Event) { e.AccountID = fmt.Sprintf("account-%d", i) }), tollbook.MonthOf(e.OccurredAt), tollbook.Measured{Unrated: tollbook.NoRate}))
			}
			s.reopen()
			s.check("a", "ab", "a-", "a.b", "A", "b")
		}},
		{"UnknownOrganization", func(s *subject) {
			s.fillMixed()
			s.check("nobody")
			s.wantPage(tollbook.Query{OrganizationID: "nobody", Limit: 10})
			s.wantUnrated("nobody", 0)
		}},
		{"Products", func(s *subject) {
			none := callGroup("")
			none.AggrProductID = ""
			s.accept(rated(call("1"), tollbook.NewLine(callGroup("P-2"), dec("1"), dec("1")), 1), rated(call("2"), tollbook.NewLine(callGroup("P-1"), dec("1"), dec("1")), 1),
				rated(call("3"), tollbook.NewLine(none, dec("1"), dec("1")), 1), unrated(call("4", func(e *tollbook.Event) { e.ProductID = "P-OF-AN-UNRATED-EVENT" })),
				rated(call("5", ofGlobex), tollbook.NewLine(callGroup("P-OF-GLOBEX"), dec("1"), dec("1")), 1))
			got, err := s.ledger.Products(s.t.Context(), acme)
			s.must(err)
			if want := `["P-1" "P-2" "TD-USG-TEL-UG-102213"]`; fmt.Sprintf("%q", got) != want {
				s.t.Fatalf("Products: %q, want %s", got, want)
			}
			s.check(acme, globex)
		}},
	}
}

// Keys are remembered until a time that every clock of the tests is before.
func farAhead() time.Time { return instant("2200-01-01T00:00:00Z") }

func onceTests() []test {
	once := func(s *subject, key byte, want bool) {
		s.t.Helper()
		first, err := s.ledger.Once(s.t.Context(), [16]byte{15: key}, farAhead())
		s.must(err)
		if first != want {
			s.t.Fatalf("Once(%d) = %t, want %t", key, first, want)
		}
	}
	return []test{
		{"FirstTimeOnly", func(s *subject) {
			once(s, 1, true)
			once(s, 1, false)
			once(s, 2, true)
			once(s, 1, false)
		}},
		{"AfterReopen", func(s *subject) {
			once(s, 1, true)
			s.reopen()
			once(s, 1, false)
			once(s, 2, true)
		}},
		{"AmongOtherWrites", func(s *subject) {
			once(s, 1, true)
			s.define(s.definition(tollbook.KindProduct, "p-1", `{}`))
			s.accept(rated(call("1"), perMinute(), 1))
			once(s, 1, false)
			s.reopen()
			once(s, 1, false)
			s.check(acme)
		}},
		{"NoDefinitionMoves", func(s *subject) {
			// A token that is issued must not make a batch be measured again.
			s.define(s.definition(tollbook.KindProduct, "p-1", `{}`))
			once(s, 1, true)
			s.accept(rated(call("1"), perMinute(), 1))
		}},
		{"ReadyAndCloseable", func(s *subject) {
			s.must(s.ledger.Ready(s.t.Context()))
			s.reopen()
			s.must(s.ledger.Ready(s.t.Context()))
		}},
	}
}
