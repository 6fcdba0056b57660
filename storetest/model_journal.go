package storetest

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"tollbook"
)

// Latest implements tollbook.Ledger.
func (m *Model) Latest(_ context.Context, claims []tollbook.Claim) (words []*tollbook.BookedEvent, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(claims) < 1 || len(claims) > tollbook.MaxBatch {
		return nil, tollbook.NewError(tollbook.CodeTooLarge, "not 1 to MaxBatch events")
	}
	for _, claim := range claims {
		var word *tollbook.BookedEvent
		if w := m.now.latest(claim); w != nil {
			latest := w.BookedEvent
			word = &latest
		}
		words = append(words, word)
	}
	return words, nil
}

// Journal implements tollbook.Ledger. Next says how many definitions and how
// many words come before.
func (m *Model) Journal(_ context.Context, after string) iter.Seq2[tollbook.Chapter, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	chapters, err := m.chapters(after)
	return func(yield func(tollbook.Chapter, error) bool) {
		for _, c := range chapters {
			if !yield(c, nil) {
				return
			}
		}
		if err != nil {
			yield(tollbook.Chapter{}, err)
		}
	}
}

// chapters makes a chapter of each definition, of each event that came and of
// what was booked in one call.
func (m *Model) chapters(after string) (all []tollbook.Chapter, err error) {
	defs, words := 0, 0
	if after != "" {
		if n, err := fmt.Sscanf(after, "model %d %d", &defs, &words); n < 2 || err != nil || defs > len(m.defs) || words > len(m.words) || after != journalPlace(defs, words) {
			return nil, tollbook.NewError(tollbook.CodeInvalidRequest, "after is of another ledger")
		}
	}
	for defs < len(m.defs) || words < len(m.words) {
		c := tollbook.Chapter{Total: int64(len(m.defs) + len(m.words))}
		if defs < len(m.defs) && (m.behind[defs] <= words || words == len(m.words)) {
			c.Definitions = m.defs[defs : defs+1]
			defs++
		} else if w := m.words[words]; w.Ref == w.Came {
			c.Entries = []tollbook.Entry{w.entry()}
			words++
		} else {
			for call := w.call; words < len(m.words) && m.words[words].call == call; words++ {
				c.Bookings = append(c.Bookings, m.words[words].BookedEvent)
			}
			c.Together = w.together
		}
		c.Next, c.Done = journalPlace(defs, words), int64(defs+words)
		all = append(all, c)
	}
	return all, nil
}

func journalPlace(defs, words int) string { return fmt.Sprintf("model %d %d", defs, words) }

// entry returns the entry that the word was made of.
func (w *word) entry() tollbook.Entry {
	e := w.Event
	return tollbook.Entry{
		Event: &e, OrganizationID: w.OrganizationID, Claim: w.Claim, Fingerprint: tollbook.Fingerprint(w.normal), Normal: slices.Clone(w.normal),
		Home: w.Home, Booked: w.Booked, Measured: w.Measured,
	}
}

// JournalEnd implements tollbook.Ledger.
func (m *Model) JournalEnd(context.Context) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return journalPlace(len(m.defs), len(m.words)), nil
}
