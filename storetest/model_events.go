package storetest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"tollbook"
)

// Events implements tollbook.Ledger. The order is that in which the words were
// said; Next is the query and the number of the last word of the page.
func (m *Model) Events(_ context.Context, q tollbook.EventQuery) (tollbook.EventPage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	words, cuts, err := m.asked(&q)
	if err != nil {
		return tollbook.EventPage{}, err
	}
	asked := fmt.Sprintf("%q %q %s %t %t %s", q.OrganizationID, q.AccountID, q.Record, q.Unrated, q.Late, q.Home)
	var last tollbook.Ref
	if q.After != "" {
		number, ok := strings.CutPrefix(q.After, asked+" ")
		if _, err := fmt.Sscan(number, &last); !ok || err != nil {
			return tollbook.EventPage{}, tollbook.NewError(tollbook.CodeInvalidRequest, "after is of another query")
		}
	}
	page := tollbook.EventPage{Cuts: slices.Clone(cuts)}
	for _, w := range words {
		if w.Ref <= last {
			continue
		}
		if len(page.Events) == q.Limit {
			page.Next = fmt.Sprintf("%s %d", asked, last)
			break
		}
		page.Events = append(page.Events, w.BookedEvent)
		last = w.Ref
	}
	return page, nil
}

// asked returns all words that a query asks for, in the order in which they
// were said.
func (m *Model) asked(q *tollbook.EventQuery) ([]*word, []tollbook.Cut, error) {
	if !q.Unrated && !q.Late {
		r, err := m.now.find(q.OrganizationID, q.Record)
		if err != nil {
			return nil, nil, err
		}
		return r.words(), r.cuts, nil
	}
	return m.counting(func(w *word) bool {
		rated := len(w.Charges) > 0
		return (q.OrganizationID == "" || w.OrganizationID == q.OrganizationID) && (q.AccountID == "" || w.AccountID == q.AccountID) &&
			(q.Unrated && !rated || q.Late && rated && w.Home == q.Home && w.Booked > w.Home)
	}), nil, nil
}

// counting returns the words that count and are wanted, in the order in which
// they were said.
func (m *Model) counting(wanted func(w *word) bool) (words []*word) {
	for _, w := range m.words {
		if m.now.counting[w] && wanted(w) {
			words = append(words, w)
		}
	}
	return words
}

// CountUnrated implements tollbook.Ledger.
func (m *Model) CountUnrated(_ context.Context, organizationID string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	words, _, err := m.asked(&tollbook.EventQuery{OrganizationID: organizationID, Unrated: true})
	return len(words), err
}

// MonthEvents implements tollbook.Ledger.
func (m *Model) MonthEvents(_ context.Context, q tollbook.MonthQuery) (tollbook.Ref, iter.Seq2[tollbook.BookedEvent, error]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	words := m.counting(func(w *word) bool {
		return w.OrganizationID == q.OrganizationID && slices.Contains(q.AccountIDs, w.AccountID) && w.Booked == q.Month && !w.Adjusts
	})
	return tollbook.Ref(len(m.words)), func(yield func(tollbook.BookedEvent, error) bool) {
		for _, w := range words {
			if !yield(w.BookedEvent, nil) {
				return
			}
		}
	}
}

// History implements tollbook.Ledger.
func (m *Model) History(_ context.Context, claim tollbook.Claim) (words []tollbook.BookedEvent, replaces *tollbook.BookedEvent, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range slices.Backward(m.now.history[claim]) {
		if len(words) < tollbook.MaxWords {
			words = append(words, w.BookedEvent)
		}
	}
	if len(words) == 0 {
		return nil, nil, tollbook.NewError(tollbook.CodeNotFound, "no such event")
	}
	for _, w := range m.words {
		if w.Void != nil && w.Void.ReplacedBy.ID != "" && tollbook.ClaimOf(w.OrganizationID, w.Void.ReplacedBy.Source, w.Void.ReplacedBy.ID) == claim {
			replaces = &w.BookedEvent
		}
	}
	return words, replaces, nil
}
