package book_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"tollbook"
	"tollbook/book"
	"tollbook/checktest"
	"tollbook/storetest"
)

// manyfold is a ledger whose months have each event many times, as if they were
// so many; it is restated once.
type manyfold struct {
	tollbook.Ledger
	times map[string]int // by accounts; 0: once

	mu    sync.Mutex
	asked [][]string // accounts whose months were read together
}

func (m *manyfold) MonthEvents(ctx context.Context, q tollbook.MonthQuery) (tollbook.Ref, iter.Seq2[tollbook.BookedEvent, error]) {
	m.mu.Lock()
	m.asked = append(m.asked, q.AccountIDs)
	m.mu.Unlock()
	seen, events := m.Ledger.MonthEvents(ctx, q)
	return seen, func(yield func(tollbook.BookedEvent, error) bool) {
		for e, err := range events {
			for range max(1, m.times[e.AccountID]) {
				if !yield(e, err) {
					return
				}
			}
		}
	}
}

func (m *manyfold) Restate(ctx context.Context, under tollbook.Pos, r tollbook.Restatement) error {
	r.Bookings = slices.CompactFunc(r.Bookings, func(a, b tollbook.Booking) bool { return a.Event.Claim == b.Event.Claim })
	return m.Ledger.Restate(ctx, under, r)
}

// TestRerateTooMuch: an account's month in which more events change than can be
// restated at once stays as it was, and those that are too many together are
// measured in parts.
func TestRerateTooMuch(t *testing.T) {
	checktest.Leave(t)
	const many = tollbook.MaxRestated/2 + 1
	l := &manyfold{Ledger: storetest.NewModel(), times: map[string]int{"b3": tollbook.MaxRestated + 1, "b4": many, "b5": many}}
	r := newRerates(t, l, 0)
	job := r.rerate(r.ledger, book.RerateScope{})
	r.want("the months", sortedByAccount(r.fixture), strings.Replace(sixMonths, "b3 2", "b3 1", 1))
	if job.Refused != 1 || len(job.Refusals) != 1 || job.Refusals[0].Code != tollbook.CodeTooLarge || job.Refusals[0].AccountID != "b3" {
		t.Errorf("the re-rating came to %+v", job)
	}
	if job.EventsChanged != 3+2*many || job.Events != job.EventsChanged+tollbook.MaxRestated+1 {
		t.Errorf("%d events, of which %d changed", job.Events, job.EventsChanged)
	}
	r.want("months read together", fmt.Sprint(l.asked), "[[b0] [b1 b2] [b3 b4 b5] [b5]]")
}
