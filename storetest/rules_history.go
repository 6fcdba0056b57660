package storetest

import (
	"fmt"

	"tollbook"
)

func historyTests() []test {
	return []test{
		{"LatestWordFirst", func(s *subject) {
			e := unrated(call("1"))
			s.accept(e, rated(call("2"), perMinute(), 1))
			s.book(booking(e, perMinute(), 2))
			s.book(booking(e, perTenth(), 15))
			s.book(unbooking(e))
			s.book(booking(e, perMinute(), 3))
			s.book(takingBack(october, e))
			for range 2 {
				s.wantSaid(e, "void in 2023-10: -3", "booked in 2023-08: 3", "unrated in 2023-08", "booked in 2023-08: 15", "booked in 2023-08: 2", "unrated in 2023-08")
				s.sameHistory(e.Claim)
				s.reopen()
			}
		}},
		{"OfOneWord", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 2), bookedIn(october, unrated(call("2"))))
			s.wantSaid(rated(call("1"), perMinute(), 2), "booked in 2023-08: 2")
			s.wantSaid(unrated(call("2")), "unrated in 2023-10")
		}},
		{"RefusedWordsAreNone", func(s *subject) {
			e := rated(call("1"), perMinute(), 2)
			s.accept(e)
			s.post(e, rated(call("1", lasting("7")), perMinute(), 9))
			s.book(booking(e, perMinute(), 3), booking(e, perMinute(), 4))
			s.wantSaid(e, "booked in 2023-08: 3", "booked in 2023-08: 2")
		}},
		{"UnknownEvent", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 2))
			for _, claim := range []tollbook.Claim{{}, {1}, unrated(call("2")).Claim, rated(call("1", ofGlobex), perMinute(), 2).Claim} {
				_, _, err := s.ledger.History(s.t.Context(), claim)
				s.wantCode(err, tollbook.CodeNotFound)
			}
		}},
		{"Replaces", replaces},
		{"ReplacedByWhatNeverCame", func(s *subject) {
			e := rated(call("1"), perMinute(), 2)
			s.accept(e)
			c := voiding(e)
			c.void.ReplacedBy = tollbook.EventName{Source: "switch-1", ID: "never"}
			s.book(c)
			_, _, err := s.ledger.History(s.t.Context(), unrated(call("never")).Claim)
			s.wantCode(err, tollbook.CodeNotFound)
			s.wantPost([]tollbook.Outcome{tollbook.Accepted}, rated(call("never"), perMinute(), 1))
			s.wantReplaces(rated(call("never"), perMinute(), 1), "1")
		}},
		{"NoMoreThanMaxWords", func(s *subject) {
			if s.leftOut(1) {
				s.t.Skip("a thousand words take a slow ledger minutes")
			}
			e := rated(call("1"), perMinute(), 1)
			s.accept(e)
			for i := range tollbook.MaxWords + 3 {
				s.sayAgain(august, perMinute(), uint64(i))
			}
			words, _, err := s.ledger.History(s.t.Context(), unrated(call("1")).Claim)
			s.must(err)
			if len(words) != tollbook.MaxWords {
				s.t.Fatalf("%d words, want %d", len(words), tollbook.MaxWords)
			}
			s.wantIn(august, perMinute(), "1002", "12.024", 1)
			s.sameHistory(unrated(call("1")).Claim)
		}},
	}
}

// sayAgain corrects the one event of a record, by its latest word as a drill-down
// gives it.
func (s *subject) sayAgain(month string, l *tollbook.Line, increments uint64) {
	s.t.Helper()
	for _, to := range []struct {
		ledger tollbook.Ledger
		head   tollbook.Pos
	}{{s.ledger, s.head}, {s.model, s.modelHead}} {
		page, err := to.ledger.Events(s.t.Context(), tollbook.EventQuery{OrganizationID: acme, Record: recordIn(month, l), Limit: 2})
		s.must(err)
		if len(page.Events) != 1 {
			s.t.Fatalf("%d events in the record, want 1", len(page.Events))
		}
		c := booking(tollbook.Entry{}, l, increments)
		got, err := to.ledger.Book(s.t.Context(), to.head, []tollbook.Booking{{Event: &page.Events[0], Booked: page.Events[0].Booked, Measured: c.measured}})
		s.must(err)
		s.sameOutcomes("Book", got, []tollbook.Outcome{tollbook.Accepted})
	}
}

// wantSaid wants this to have been said of an event, the latest word first.
func (s *subject) wantSaid(e tollbook.Entry, want ...string) {
	s.t.Helper()
	words, _, err := s.ledger.History(s.t.Context(), e.Claim)
	s.must(err)
	var got []string
	for _, w := range words {
		said := "booked in " + w.Booked.String()
		if w.Void != nil {
			said = "void in " + w.Booked.String()
		} else if len(w.Charges) == 0 {
			said = "unrated in " + w.Booked.String()
		}
		for _, c := range w.Charges {
			said += ": " + c.Increments.String()
		}
		got = append(got, said)
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		s.t.Fatalf("said of %s: %q, want %q", e.Event.ID, got, want)
	}
}

// wantReplaces wants an event to replace the one of an id, "" for none.
func (s *subject) wantReplaces(e tollbook.Entry, want string) {
	s.t.Helper()
	_, replaces, err := s.ledger.History(s.t.Context(), e.Claim)
	s.must(err)
	got := ""
	if replaces != nil {
		got = replaces.ID
		if replaces.Void == nil || replaces.Void.ReplacedBy.ID != e.Event.ID {
			s.t.Fatalf("%s replaces what was not voided in its favour:\n%s", e.Event.ID, eventText(replaces))
		}
	}
	if got != want {
		s.t.Fatalf("%s replaces %q, want %q", e.Event.ID, got, want)
	}
	s.sameHistory(e.Claim)
}

// replaces voids events in favour of others, in the same month, in a later one
// and of another source.
func replaces(s *subject) {
	other := func(e *tollbook.Event) { e.Source = "switch-2" }
	a, b, c := rated(call("a"), perMinute(), 2), withFee(call("b"), perMinute(), 2), unrated(call("c"))
	a2, b2, c2 := rated(call("a2"), perMinute(), 3), rated(call("b", other), perMinute(), 3), rated(call("c2"), perMinute(), 3)
	s.accept(a, b, c, a2, b2, c2)
	instead := func(c correction, by tollbook.Entry) correction {
		c.void.ReplacedBy = tollbook.EventName{Source: by.Event.Source, ID: by.Event.ID}
		return c
	}
	s.wantReplaces(a2, "")
	s.book(instead(voiding(a), a2), instead(takingBack(september, b), b2), instead(voiding(c), c2))
	for range 2 {
		s.wantReplaces(a2, "a")
		s.wantReplaces(b2, "b")
		s.wantReplaces(c2, "c")
		for _, e := range []tollbook.Entry{a, b, c} {
			s.wantReplaces(e, "")
		}
		s.reopen()
	}
	// The same name in another organization is another event.
	s.accept(rated(call("a2", ofGlobex), perMinute(), 1))
	s.wantReplaces(rated(call("a2", ofGlobex), perMinute(), 1), "")
	// What stands for another may be replaced itself.
	a3 := rated(call("a3"), perMinute(), 3)
	s.accept(a3)
	s.book(instead(voiding(a2), a3))
	s.wantReplaces(a3, "a2")
	s.wantReplaces(a2, "a")
	s.check(acme, globex)
}
