package storetest

import (
	"fmt"
	"slices"
	"strings"

	"tollbook"
)

func journalTests() []test {
	return []test{
		{"SaysEverything", func(s *subject) {
			s.tell()
			for range 2 {
				s.sameJournal()
				s.reopen()
			}
		}},
		{"Empty", func(s *subject) {
			s.sameJournal()
			if rest := s.chapters(s.ledger, s.journalEnd()); len(rest) > 0 {
				s.t.Fatalf("an empty ledger's journal has %d chapters", len(rest))
			}
		}},
		{"GoesOnBehindEveryChapter", func(s *subject) {
			s.tell()
			all := s.chapters(s.ledger, "")
			for i := range all {
				want, got := journalText(all[i+1:]), journalText(s.chapters(s.ledger, all[i].Next))
				if diff := diffLines(got, want); diff != "" {
					s.t.Fatalf("the journal behind chapter %d of %d (+) is not what follows on it (-):\n%s", i, len(all), diff)
				}
			}
			s.reopen()
			i := len(all) / 2
			if diff := diffLines(journalText(s.chapters(s.ledger, all[i].Next)), journalText(all[i+1:])); diff != "" {
				s.t.Fatalf("opened again, the journal behind chapter %d (+) is not what follows on it (-):\n%s", i, diff)
			}
		}},
		{"EndIsBehindEverything", func(s *subject) {
			s.tell()
			end := s.journalEnd()
			if rest := s.chapters(s.ledger, end); len(rest) > 0 {
				s.t.Fatalf("behind the end there is\n%s", journalText(rest))
			}
			s.accept(rated(call("later"), perMinute(), 2))
			s.define(s.definition(tollbook.KindProduct, "later", `{}`))
			s.book(booking(rated(call("later"), perMinute(), 2), perTenth(), 3))
			rest := journalText(s.chapters(s.ledger, end))
			if strings.Count(rest, "\n") != 3 || !strings.Contains(rest, `id="later"`) || strings.Count(rest, `event="later"`) != 2 {
				s.t.Fatalf("behind the end comes\n%s", rest)
			}
			s.sameJournal()
		}},
		{"FullBatches", func(s *subject) {
			s.organizations(acme)
			var entries []tollbook.Entry
			for i := range tollbook.MaxBatch {
				entries = append(entries, rated(call(fmt.Sprintf("full-%d", i)), perMinute(), 1))
			}
			s.accept(entries...)
			s.accept(rated(call("one more"), perMinute(), 1))
			if !s.leftOut(1) {
				s.sameJournal()
			}
			s.wantRestate(acmeOffice, mustMonth(august), atLine(perTenth(), 4))
			s.sameJournal()
			s.book(voiding(entries[7]))
			s.sameJournal()
		}},
		{"OfAnotherLedger", func(s *subject) {
			s.tell()
			for _, after := range []string{"x", "model 0", "local-zz", "local-00000000000000001", "local-7fffffffffffffff", "clickhouse-", "clickhouse-1-2", "clickhouse-1-2-3-4", s.journalEnd() + " "} {
				err := error(nil)
				for _, err = range s.ledger.Journal(s.t.Context(), after) {
					break
				}
				s.wantCode(err, tollbook.CodeInvalidRequest)
			}
		}},
		{"BookingsKeepTheirOrder", func(s *subject) {
			var want, got []string
			var entries []tollbook.Entry
			for i := range 30 {
				entries = append(entries, rated(call(fmt.Sprint(i)), perMinute(), 1))
			}
			s.accept(entries...)
			for i := range 20 {
				e := entries[i*7%30]
				want = append(want, e.Event.ID)
				s.book(booking(e, perMinute(), uint64(i)))
			}
			s.book(voiding(entries[5]), voiding(entries[4]), voiding(entries[17]))
			want = append(want, "5", "4", "17")
			for _, c := range s.chapters(s.ledger, "") {
				for _, w := range c.Bookings {
					got = append(got, w.ID)
				}
			}
			if !slices.Equal(got, want) {
				s.t.Fatalf("bookings of events %q, want %q", got, want)
			}
		}},
		{"StopsWhereItIsTold", func(s *subject) {
			s.tell()
			for range 2 {
				for _, err := range s.ledger.Journal(s.t.Context(), "") {
					s.must(err)
					break
				}
			}
			s.sameJournal()
		}},
		{"Latest", latestWords},
	}
}

// tell has everything said that a journal can hold, in several orders.
func (s *subject) tell() {
	s.organizations(acme, globex)
	a, b, c := rated(call("a"), perMinute(), 2), withFee(call("b"), inTiers(), 12), unrated(call("c"))
	cloud := func(e *tollbook.Event) { e.CloudEventType = "com.example.call" }
	d, e := rated(call("d", cloud), perMinute(), 3), bookedIn(september, rated(call("e", in(july)), perMinute(), 4))
	s.accept(a, b)
	s.accept(c)
	s.post(a, rated(call("b"), perMinute(), 77), d) // a duplicate, a conflict, and one that is taken
	s.mark()
	s.book(booking(c, perMinute(), 5))
	s.book(booking(c, perTenth(), 6), voiding(a), takingBack(october, d))
	s.accept(e, rated(call("g", ofGlobex), perMinute(), 1))
	s.define(s.definition(tollbook.KindProduct, "P-CALL", `{"id":"P-CALL"}`), s.definition(tollbook.KindProduct, "P-FEE", `{"id":"P-FEE"}`))
	s.mark()
	s.book(unbooking(e))
	s.wantRestate(acmeOffice, mustMonth(august), only(atLine(perTenth(), 9), "b", "c"))
	s.book(booking(c, perMinute(), 7))
	by := voiding(b)
	by.void.ReplacedBy = tollbook.EventName{Source: "switch-1", ID: "f"}
	s.book(by)
	s.accept(rated(call("f"), perMinute(), 1))
}

// organizations defines organizations.
func (s *subject) organizations(ids ...string) {
	for _, id := range ids {
		s.define(s.definition(tollbook.KindOrganization, id, fmt.Sprintf(`{"id":%q}`, id)))
	}
}

func latestWords(s *subject) {
	a, b, c := rated(call("a"), perMinute(), 2), withFee(call("b"), perMinute(), 3), unrated(call("c"))
	s.accept(a, b, c)
	s.wantLatest(c, a, b)
	s.book(booking(c, perMinute(), 5), takingBack(october, b))
	s.wantLatest(b, c, a)
	s.book(booking(c, perTenth(), 6))
	s.reopen()
	s.wantLatest(c, b, a, c)
	words, err := s.ledger.Latest(s.t.Context(), []tollbook.Claim{{1}, a.Claim, unrated(call("never")).Claim})
	s.must(err)
	if words[0] != nil || words[1] == nil || words[1].Claim != a.Claim || words[2] != nil {
		s.t.Fatalf("the latest words about nobody's event, one and nobody's are %v", words)
	}
	_, err = s.ledger.Latest(s.t.Context(), nil)
	s.wantCode(err, tollbook.CodeTooLarge)
	_, err = s.ledger.Latest(s.t.Context(), make([]tollbook.Claim, tollbook.MaxBatch+1))
	s.wantCode(err, tollbook.CodeTooLarge)
	// What it gives may be corrected.
	words, err = s.ledger.Latest(s.t.Context(), []tollbook.Claim{a.Claim})
	s.must(err)
	outcomes, err := s.ledger.Book(s.t.Context(), s.head, []tollbook.Booking{{Event: words[0], Booked: words[0].Booked, Measured: tollbook.Measured{Unrated: tollbook.NoRate}}})
	s.must(err)
	s.sameOutcomes("Book", outcomes, []tollbook.Outcome{tollbook.Accepted})
}

// wantLatest wants the first words of histories, in order.
func (s *subject) wantLatest(entries ...tollbook.Entry) {
	s.t.Helper()
	var claims []tollbook.Claim
	var want []string
	for _, e := range entries {
		claims = append(claims, e.Claim)
		words, _, err := s.ledger.History(s.t.Context(), e.Claim)
		s.must(err)
		want = append(want, fmt.Sprintf("%s ref %d came %d", eventText(&words[0]), words[0].Ref, words[0].Came))
	}
	words, err := s.ledger.Latest(s.t.Context(), claims)
	s.must(err)
	var got []string
	for i := range words {
		got = append(got, fmt.Sprintf("%s ref %d came %d", eventText(words[i]), words[i].Ref, words[i].Came))
	}
	if diff := diffLines(strings.Join(got, "\n")+"\n", strings.Join(want, "\n")+"\n"); diff != "" {
		s.t.Fatalf("the latest words (+) are not the first of histories (-):\n%s", diff)
	}
}

func (s *subject) journalEnd() string {
	s.t.Helper()
	end, err := s.ledger.JournalEnd(s.t.Context())
	s.must(err)
	return end
}

// chapters reads a journal to its end, and wants its chapters to be bounded and
// of one kind each.
func (s *subject) chapters(l tollbook.Ledger, after string) (all []tollbook.Chapter) {
	s.t.Helper()
	for c, err := range l.Journal(s.t.Context(), after) {
		s.must(err)
		kinds := 0
		for _, n := range []int{len(c.Definitions), len(c.Entries), len(c.Bookings)} {
			kinds += min(n, 1)
		}
		switch {
		case kinds != 1:
			s.t.Fatalf("a chapter has %d definitions, %d events and %d bookings", len(c.Definitions), len(c.Entries), len(c.Bookings))
		case c.Len() > tollbook.MaxBatch && !c.Together:
			s.t.Fatalf("a chapter has %d definitions, events or bookings", c.Len())
		case c.Together && !tollbook.OfOneMonth(c.Bookings):
			s.t.Fatalf("what was booked together is not of one month:\n%s", eventsText(c.Bookings))
		case c.Done < 0 || c.Done > c.Total:
			s.t.Fatalf("a chapter is at %d of %d", c.Done, c.Total)
		}
		all = append(all, c)
	}
	return all
}

// sameJournal compares the journals.
func (s *subject) sameJournal() {
	s.t.Helper()
	s.same("journal", func(l tollbook.Ledger) string { return journalText(s.chapters(l, "")) })
}

// journalText returns what chapters say. Events that came between the same
// definitions are in the order of their claims, and bookings behind them
// likewise, those of one event in order. How a stretch of events and bookings
// was mixed is left out: an event may come sooner, but not behind a booking of
// it; and each ledger restates a month in an order of its own.
func journalText(chapters []tollbook.Chapter) string {
	var all, events, bookings []string
	flush := func() {
		slices.Sort(events)
		slices.SortStableFunc(bookings, func(a, b string) int { return strings.Compare(a[:37], b[:37]) }) // by the claim
		all = append(append(all, events...), bookings...)
		events, bookings = nil, nil
	}
	booked := map[tollbook.Claim]bool{}
	for _, c := range chapters {
		for i := range c.Definitions {
			flush()
			d := &c.Definitions[i]
			all = append(all, fmt.Sprintf("define request=%x at=%s actor=%q kind=%s id=%q body=%q", d.RequestID, d.At.UTC().Format("2006-01-02T15:04:05.999999999Z07:00"), d.Actor, d.Kind, d.ID, d.Body))
		}
		for i := range c.Entries {
			e := &c.Entries[i]
			w := acceptance(e).BookedEvent
			text := fmt.Sprintf("post fingerprint=%x same=%t %s", e.Fingerprint, string(e.Normal) == string(w.AppendNormal(nil)), eventText(&w))
			if booked[e.Claim] {
				text = "too late: " + text
			}
			events = append(events, text)
		}
		for i := range c.Bookings {
			booked[c.Bookings[i].Claim] = true
			bookings = append(bookings, "book "+eventText(&c.Bookings[i]))
		}
	}
	flush()
	return strings.Join(append(all, ""), "\n")
}
