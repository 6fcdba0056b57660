package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"tollbook"
)

// check compares everything that the ledger holds with the model: the
// definitions, and each organization's records, totals, products, unrated
// events, late events and, of some records, events, months and histories.
func (s *subject) check(organizations ...string) {
	s.t.Helper()
	s.same("definitions", func(l tollbook.Ledger) string { return definitionsText(s.t, l) })
	s.sameJournal()
	for _, org := range organizations {
		s.same("records of "+org, func(l tollbook.Ledger) string { return recordsText(allRecords(s.t, l, org)) })
		s.same("totals of "+org, func(l tollbook.Ledger) string {
			totals, err := l.Totals(s.t.Context(), org)
			s.must(err)
			return totalsText(totals)
		})
		s.same("products of "+org, func(l tollbook.Ledger) string {
			ids, err := l.Products(s.t.Context(), org)
			s.must(err)
			return fmt.Sprintf("%q\n", ids)
		})
		s.same("unrated of "+org, func(l tollbook.Ledger) string {
			n, err := l.CountUnrated(s.t.Context(), org)
			s.must(err)
			q := tollbook.EventQuery{OrganizationID: org, Unrated: true, Limit: 397}
			return fmt.Sprintf("%d counted\n%s", n, eventsText(allEvents(s.t, l, q)))
		})
		for _, home := range s.model.homes(org) {
			s.sameEvents(tollbook.EventQuery{OrganizationID: org, Late: true, Home: home, Limit: 397})
		}
		s.checkSome(org)
	}
}

// homes returns the months in which something of an organization occurred, and
// one in which nothing did.
func (m *Model) homes(org string) []tollbook.Month {
	m.mu.Lock()
	defer m.mu.Unlock()
	homes := []tollbook.Month{mustMonth("1999-12")}
	for _, w := range m.words {
		if w.OrganizationID == org {
			homes = append(homes, w.Home)
		}
	}
	slices.Sort(homes)
	return slices.Compact(homes)
}

// checkSome compares the events of a few records, those of a month, and
// what was said of some of them.
func (s *subject) checkSome(org string) {
	s.t.Helper()
	sample := 4
	if thin(s.driver) {
		sample = 1
	}
	all := s.model.AllRecords(org)
	random := rand.New(rand.NewPCG(uint64(len(all)), 0))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i, r := range all[:min(sample, len(all))] {
		q := tollbook.EventQuery{OrganizationID: org, Record: r.ID, Limit: 97}
		s.sameEvents(q)
		s.sameCuts(q)
		if i == 0 {
			s.sameMonth(tollbook.MonthQuery{OrganizationID: org, AccountIDs: []string{r.AccountID}, Month: r.Month})
		}
		s.sameHistory(pick(random, allEvents(s.t, s.model, q)).Claim)
	}
}

func (s *subject) sameEvents(q tollbook.EventQuery) {
	s.t.Helper()
	s.same(fmt.Sprintf("events of %+v", q), func(l tollbook.Ledger) string { return eventsText(allEvents(s.t, l, q)) })
}

// sameCuts compares the cuts of a record, which each of its pages has; of thin
// ledgers two pages are looked at.
func (s *subject) sameCuts(q tollbook.EventQuery) {
	s.t.Helper()
	s.same("cuts of record "+q.Record.String(), func(l tollbook.Ledger) string {
		next := q
		page, err := l.Events(s.t.Context(), next)
		s.must(err)
		text := cutsText(page.Cuts)
		for i := 0; page.Next != "" && !s.leftOut(i); i++ {
			next.After = page.Next
			page, err = l.Events(s.t.Context(), next)
			s.must(err)
			if cuts := cutsText(page.Cuts); cuts != text {
				s.t.Fatalf("the cuts of record %s are not the same on each page:\n%s\n%s", q.Record, text, cuts)
			}
		}
		return text
	})
}

func (s *subject) sameMonth(q tollbook.MonthQuery) {
	s.t.Helper()
	s.same(fmt.Sprintf("events of the month %+v", q), func(l tollbook.Ledger) string { return eventsText(s.monthEvents(l, q)) })
}

// monthEvents returns the events of accounts' month.
func (s *subject) monthEvents(l tollbook.Ledger, q tollbook.MonthQuery) (all []tollbook.BookedEvent) {
	s.t.Helper()
	_, events := l.MonthEvents(s.t.Context(), q)
	for e, err := range events {
		s.must(err)
		all = append(all, e)
	}
	return all
}

// sameHistory compares what was said of an event, word for word.
func (s *subject) sameHistory(claim tollbook.Claim) {
	s.t.Helper()
	s.same("history of "+claim.String(), func(l tollbook.Ledger) string {
		words, replaces, err := l.History(s.t.Context(), claim)
		if err != nil {
			return fmt.Sprintln(tollbook.CodeOf(err))
		}
		var b strings.Builder
		for i := range words {
			b.WriteString(eventText(&words[i]) + "\n")
			if first := words[len(words)-1].Ref; words[i].Came != first && len(words) < tollbook.MaxWords {
				s.t.Fatalf("word %d of %d says that the event came with %d, not %d:\n%s", i, len(words), words[i].Came, first, eventText(&words[i]))
			}
		}
		if replaces != nil {
			b.WriteString("replaces " + eventText(replaces) + "\n")
		}
		return b.String()
	})
}

// same wants a question to have the same answer from both.
func (s *subject) same(what string, answer func(l tollbook.Ledger) string) {
	s.t.Helper()
	if diff := diffLines(answer(s.ledger), answer(s.model)); diff != "" {
		s.t.Fatalf("%s: the ledger (+) differs from the model (-):\n%s", what, diff)
	}
}
