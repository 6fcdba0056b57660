package storetest

import (
	"fmt"

	"tollbook"
)

func eventTests() []test {
	return []test{
		{"AddUpToTheRecord", func(s *subject) {
			s.fillMixed()
			for range 2 {
				for _, r := range some(s, allRecords(s.t, s.ledger, acme)) {
					s.wantAddUp(acme, r)
				}
				s.reopen()
			}
		}},
		{"PagesOfEverySize", func(s *subject) {
			id := s.fillOneRecord(23)
			for _, limit := range []int{1, 2, 7, 22, 23, 24, tollbook.MaxPage, tollbook.MaxBatch} {
				q := tollbook.EventQuery{OrganizationID: acme, Record: id, Limit: limit}
				s.same(fmt.Sprintf("events by %d", limit), func(l tollbook.Ledger) string { return eventsText(allEvents(s.t, l, q)) })
				u := tollbook.EventQuery{OrganizationID: acme, Unrated: true, Limit: limit}
				s.same(fmt.Sprintf("unrated by %d", limit), func(l tollbook.Ledger) string { return eventsText(allEvents(s.t, l, u)) })
			}
		}},
		{"OrderDoesNotChange", func(s *subject) {
			id := s.fillOneRecord(20)
			q := tollbook.EventQuery{OrganizationID: acme, Record: id, Limit: 6}
			before := allEvents(s.t, s.ledger, q)
			s.reopen()
			after := allEvents(s.t, s.ledger, q)
			if len(before) != len(after) {
				s.t.Fatalf("%d events, %d after reopening", len(before), len(after))
			}
			for i := range before {
				if before[i].Claim != after[i].Claim {
					s.t.Fatalf("event %d is another one after reopening", i)
				}
			}
		}},
		{"NextHoldsWhileEventsArrive", nextWhileArriving},
		{"NextHoldsWhileTheQueueDrains", nextWhileDraining},
		{"NextHoldsWhileEventsAreVoided", nextWhileVoiding},
		{"BookedEventIsInItsRecord", func(s *subject) {
			e := unrated(call("late"))
			s.accept(e, rated(call("1"), perMinute(), 1))
			s.wantBook([]tollbook.Outcome{tollbook.Accepted}, booking(e, perMinute(), 2))
			for _, r := range allRecords(s.t, s.ledger, acme) {
				s.wantAddUp(acme, r)
			}
			s.check(acme)
		}},
		{"UnratedOfAnAccount", func(s *subject) {
			lab := func(e *tollbook.Event) { e.AccountID = "acme-lab" }
			s.accept(unrated(call("1")), unrated(call("2", lab)), unrated(call("3")), unrated(call("4", ofGlobex)))
			for _, q := range []tollbook.EventQuery{
				{OrganizationID: acme, AccountID: acmeOffice}, {OrganizationID: acme, AccountID: "acme-lab"},
				{OrganizationID: acme, AccountID: globexShop}, {OrganizationID: acme, AccountID: "nobody"},
				{AccountID: acmeOffice}, {},
			} {
				q.Unrated, q.Limit = true, 1
				s.same(fmt.Sprintf("unrated of %q, %q", q.OrganizationID, q.AccountID), func(l tollbook.Ledger) string { return eventsText(allEvents(s.t, l, q)) })
			}
		}},
		{"CloudEventTypeIsKept", func(s *subject) {
			e := call("1", func(e *tollbook.Event) { e.CloudEventType = "com.example.call.ended" })
			s.accept(rated(e, perMinute(), 2))
			// It is no part of what the event says.
			s.wantPost([]tollbook.Outcome{tollbook.Duplicate}, rated(call("1"), perMinute(), 2))
			s.reopen()
			s.check(acme)
		}},
		{"UnknownRecord", func(s *subject) {
			s.fillOneRecord(3)
			_, err := s.ledger.Events(s.t.Context(), tollbook.EventQuery{OrganizationID: acme, Record: tollbook.RecordID{9}, Limit: 10})
			s.wantCode(err, tollbook.CodeNotFound)
		}},
		{"ForgedAfter", func(s *subject) {
			id := s.fillOneRecord(9)
			for _, after := range []string{"x", "0", "AAAA", "\x00", "../..", "9999999999999999999999", "Ünïcode", string(make([]byte, 5000))} {
				_, err := s.ledger.Events(s.t.Context(), tollbook.EventQuery{OrganizationID: acme, Record: id, Limit: 4, After: after})
				s.wantCode(err, tollbook.CodeInvalidRequest)
				_, err = s.ledger.Events(s.t.Context(), tollbook.EventQuery{OrganizationID: acme, Unrated: true, Limit: 4, After: after})
				s.wantCode(err, tollbook.CodeInvalidRequest)
			}
		}},
		{"ForeignAfter", foreignAfter},
	}
}

// fillOneRecord posts n events of one record in several batches, and 5 others
// and 11 unrated ones besides.
func (s *subject) fillOneRecord(n int) tollbook.RecordID {
	s.t.Helper()
	for i := range n {
		s.accept(rated(call(fmt.Sprintf("call-%d", i)), perMinute(), uint64(i)))
		if i%5 == 0 {
			s.accept(rated(call(fmt.Sprintf("other-%d", i), at("2023-07-31T23:59:59Z")), perMinute(), 1), unrated(call(fmt.Sprintf("odd-%d", i))))
		}
	}
	for i := range 7 {
		s.accept(unrated(call(fmt.Sprintf("more-%d", i))))
	}
	month := tollbook.MonthOf(call("").OccurredAt)
	return tollbook.RecordIDOf(acmeOffice, month, &perMinute().Grouping)
}

// nextWhileArriving posts between the pages: what was there at the start is
// listed once, and nothing is listed twice.
func nextWhileArriving(s *subject) {
	id := s.fillOneRecord(12)
	q := tollbook.EventQuery{OrganizationID: acme, Record: id, Limit: 3}
	listed := map[string]int{}
	for i := 0; ; i++ {
		page, err := s.ledger.Events(s.t.Context(), q)
		s.must(err)
		for _, e := range page.Events {
			listed[e.ID]++
		}
		if page.Next == "" {
			break
		}
		if i < 5 {
			s.accept(rated(call(fmt.Sprintf("arriving-%d", i)), perMinute(), 1))
		}
		q.After = page.Next
	}
	for i := range 12 {
		if id := fmt.Sprintf("call-%d", i); listed[id] != 1 {
			s.t.Errorf("%s is listed %d times, want once", id, listed[id])
		}
	}
	for id, n := range listed {
		if n != 1 {
			s.t.Errorf("%s is listed %d times", id, n)
		}
	}
}

// nextWhileVoiding voids events between the pages, those that were just listed
// and others that were not: what is left is listed once.
func nextWhileVoiding(s *subject) {
	id := s.fillOneRecord(20)
	q := tollbook.EventQuery{OrganizationID: acme, Record: id, Limit: 3}
	listed, voided := map[string]int{}, map[string]bool{}
	void := func(id string) {
		if !voided[id] {
			voided[id] = true
			s.wantBook([]tollbook.Outcome{tollbook.Accepted}, voiding(rated(call(id), perMinute(), 0)))
		}
	}
	for i := 0; ; i++ {
		page, err := s.ledger.Events(s.t.Context(), q)
		s.must(err)
		for _, e := range page.Events {
			listed[e.ID]++
			if voided[e.ID] {
				s.t.Errorf("%s is listed when it is void", e.ID)
			}
		}
		if page.Next == "" {
			break
		}
		void(page.Events[len(page.Events)-1].ID)
		void(fmt.Sprintf("call-%d", (7*i+11)%20))
		q.After = page.Next
	}
	for i := range 20 {
		if id := fmt.Sprintf("call-%d", i); listed[id] > 1 || listed[id] == 0 && !voided[id] {
			s.t.Errorf("%s is listed %d times, void: %t", id, listed[id], voided[id])
		}
	}
	s.check(acme)
}

// nextWhileDraining books each page of the unrated queue before it asks for
// the next, as taking up what a new card covers does.
func nextWhileDraining(s *subject) {
	s.fillOneRecord(12)
	want := len(allEvents(s.t, s.model, tollbook.EventQuery{Unrated: true, Limit: 100}))
	q := tollbook.EventQuery{OrganizationID: acme, Unrated: true, Limit: 3}
	booked := 0
	for {
		page, err := s.ledger.Events(s.t.Context(), q)
		s.must(err)
		var bookings []correction
		for _, e := range page.Events {
			bookings = append(bookings, booking(tollbook.Entry{Event: &e.Event, Claim: e.Claim}, perTenth(), 3))
		}
		if len(bookings) > 0 {
			booked += len(bookings)
			s.book(bookings...)
		}
		if page.Next == "" {
			break
		}
		q.After = page.Next
	}
	if booked != want {
		s.t.Errorf("%d unrated events were taken up, want %d", booked, want)
	}
	s.wantUnrated(acme, 0)
	s.check(acme)
}

// foreignAfter follows one query with the Next of another.
func foreignAfter(s *subject) {
	id := s.fillOneRecord(9)
	july := tollbook.RecordIDOf(acmeOffice, tollbook.MonthOf(instant("2023-07-31T00:00:00Z")), &perMinute().Grouping)
	s.accept(unrated(call("g-1", ofGlobex)), unrated(call("g-2", ofGlobex)))
	queries := []tollbook.EventQuery{
		{OrganizationID: acme, Record: id, Limit: 1},
		{OrganizationID: acme, Record: july, Limit: 1},
		{OrganizationID: acme, Unrated: true, Limit: 1},
		{OrganizationID: globex, Unrated: true, Limit: 1},
		{OrganizationID: acme, AccountID: acmeOffice, Unrated: true, Limit: 1},
		{Unrated: true, Limit: 1},
	}
	for i, from := range queries {
		page, err := s.ledger.Events(s.t.Context(), from)
		s.must(err)
		if page.Next == "" {
			s.t.Fatalf("query %d has one page only", i)
		}
		for j, q := range queries {
			q.After = page.Next
			_, err := s.ledger.Events(s.t.Context(), q)
			if i == j {
				s.must(err)
				continue
			}
			if err == nil || tollbook.CodeOf(err) != tollbook.CodeInvalidRequest {
				s.t.Errorf("query %d with the Next of query %d: %v, want an error with code %s", j, i, err, tollbook.CodeInvalidRequest)
			}
		}
	}
}
