package storetest

import (
	"context"
	"iter"
	"slices"

	"tollbook"
)

func (m *mutant) Latest(ctx context.Context, claims []tollbook.Claim) ([]*tollbook.BookedEvent, error) {
	words, err := m.Model.Latest(ctx, claims)
	if m.latest != nil {
		m.latest(words)
	}
	return words, err
}

func (m *mutant) JournalEnd(ctx context.Context) (string, error) {
	if m.end != nil {
		return m.end()
	}
	return m.Model.JournalEnd(ctx)
}

func (m *mutant) Journal(ctx context.Context, after string) iter.Seq2[tollbook.Chapter, error] {
	if m.journal == nil {
		return m.Model.Journal(ctx, after)
	}
	return func(yield func(tollbook.Chapter, error) bool) {
		m.mu.Lock()
		all, err := m.chapters(after)
		m.mu.Unlock()
		for _, c := range m.journal(all) {
			if !yield(c, nil) {
				return
			}
		}
		if err != nil {
			yield(tollbook.Chapter{}, err)
		}
	}
}

// spoilChapters changes each chapter of the journal.
func (m *mutant) spoilChapters(spoil func(c *tollbook.Chapter)) {
	m.journal = func(all []tollbook.Chapter) []tollbook.Chapter {
		for i := range all {
			spoil(&all[i])
		}
		return all
	}
}

// spoilEntries changes each entry of the journal.
func (m *mutant) spoilEntries(spoil func(e *tollbook.Entry)) {
	m.spoilChapters(func(c *tollbook.Chapter) {
		for i := range c.Entries {
			spoil(&c.Entries[i])
		}
	})
}

// spoilWords changes each booking of the journal.
func (m *mutant) spoilWords(spoil func(w *tollbook.BookedEvent)) {
	m.spoilChapters(func(c *tollbook.Chapter) {
		for i := range c.Bookings {
			spoil(&c.Bookings[i])
		}
	})
}

// journalFaults are those of what a ledger says of everything that it was told.
func journalFaults() []fault {
	return []fault{
		{"the journal lacks its last chapter", "Journal/SaysEverything", func(m *mutant) {
			m.journal = func(all []tollbook.Chapter) []tollbook.Chapter { return all[:max(0, len(all)-1)] }
		}},
		{"the journal says events as they are now", "Journal/SaysEverything", func(m *mutant) {
			m.spoilEntries(func(e *tollbook.Entry) {
				if w := m.now.latest(e.Claim); w != nil {
					e.Booked, e.Measured = w.Booked, w.Measured
				}
			})
		}},
		{"the journal has each event in the month in which it occurred", "Journal/SaysEverything", func(m *mutant) {
			m.spoilEntries(func(e *tollbook.Entry) { e.Booked = e.Home })
		}},
		{"the journal leaves out how events came", "Journal/SaysEverything", func(m *mutant) {
			m.spoilEntries(func(e *tollbook.Entry) { e.Event.CloudEventType = "" })
		}},
		{"the journal has other fingerprints", "Journal/SaysEverything", func(m *mutant) {
			m.spoilEntries(func(e *tollbook.Entry) { e.Fingerprint++ })
		}},
		{"the journal forgets which rate priced a correction", "Journal/SaysEverything", func(m *mutant) {
			m.spoilWords(func(w *tollbook.BookedEvent) { w.Rate = tollbook.Rate{} })
		}},
		{"the journal forgets who voided", "Journal/SaysEverything", func(m *mutant) {
			m.spoilWords(func(w *tollbook.BookedEvent) {
				if w.Void != nil {
					v := *w.Void
					v.Actor = ""
					w.Void = &v
				}
			})
		}},
		{"the journal forgets what adjusts", "Journal/SaysEverything", func(m *mutant) {
			m.spoilWords(func(w *tollbook.BookedEvent) { w.Adjusts = false })
		}},
		{"the journal has definitions first", "Journal/SaysEverything", func(m *mutant) {
			m.journal = func(all []tollbook.Chapter) []tollbook.Chapter {
				slices.SortStableFunc(all, func(a, b tollbook.Chapter) int { return len(b.Definitions) - len(a.Definitions) })
				return all
			}
		}},
		{"the journal has bookings from the last to the first", "Journal/BookingsKeepTheirOrder", func(m *mutant) {
			m.journal = func(all []tollbook.Chapter) []tollbook.Chapter {
				slices.SortStableFunc(all, func(a, b tollbook.Chapter) int {
					if len(a.Bookings) == 0 || len(b.Bookings) == 0 {
						return len(a.Bookings) - len(b.Bookings)
					}
					return int(b.Bookings[0].Ref) - int(a.Bookings[0].Ref)
				})
				return all
			}
		}},
		{"a chapter goes on behind the next one", "Journal/GoesOnBehindEveryChapter", func(m *mutant) {
			m.journal = func(all []tollbook.Chapter) []tollbook.Chapter {
				for i := range all[:max(0, len(all)-1)] {
					all[i].Next = all[i+1].Next
				}
				return all
			}
		}},
		{"the journal ends a word early", "Journal/EndIsBehindEverything", func(m *mutant) {
			m.end = func() (string, error) { return journalPlace(len(m.defs), max(0, len(m.words)-1)), nil }
		}},
		{"chapters have no bound", "Journal/FullBatches", func(m *mutant) {
			m.journal = func(all []tollbook.Chapter) (merged []tollbook.Chapter) {
				for _, c := range all {
					last := len(merged) - 1
					if last >= 0 && len(c.Entries) > 0 && len(merged[last].Entries) > 0 {
						merged[last].Entries = append(merged[last].Entries, c.Entries...)
						continue
					}
					merged = append(merged, c)
				}
				return merged
			}
		}},
		{"the latest word is the one before", "Journal/Latest", func(m *mutant) {
			m.latest = func(words []*tollbook.BookedEvent) {
				for i, w := range words {
					if w == nil {
						continue
					}
					if said := m.now.history[w.Claim]; len(said) > 1 {
						words[i] = &said[len(said)-2].BookedEvent
					}
				}
			}
		}},
		{"the latest words come in another order", "Journal/Latest", func(m *mutant) {
			m.latest = func(words []*tollbook.BookedEvent) {
				if !slices.Contains(words, nil) {
					slices.SortFunc(words, func(a, b *tollbook.BookedEvent) int { return int(a.Came) - int(b.Came) })
				}
			}
		}},
	}
}
