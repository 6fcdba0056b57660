package storetest

import (
	"context"
	"slices"

	"tollbook"
)

// correctionFaults are those of booking late, and of corrections.
func correctionFaults() []fault {
	return []fault{
		{"late events count in their home month", "Months", func(m *mutant) {
			m.before(func(e *tollbook.Entry) { e.Booked = e.Home })
		}},
		{"a booking stays in its month", "Months", func(m *mutant) {
			m.beforeBook(func(b *tollbook.Booking, last *word) { b.Booked = last.Booked })
		}},
		{"an event that is not there is stale", "Book", func(m *mutant) {
			m.book = func(under tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error) {
				outcomes, err := m.Model.Book(context.Background(), under, bookings)
				for i := range outcomes {
					if outcomes[i] == tollbook.NotFound {
						outcomes[i] = tollbook.Stale
					}
				}
				return outcomes, err
			}
		}},
		{"a void leaves the charges", "Void", func(m *mutant) {
			m.beforeBook(func(b *tollbook.Booking, _ *word) { b.Adjusts = b.Adjusts || b.Void != nil })
		}},
		{"the closed month is adjusted itself", "Void", func(m *mutant) {
			m.beforeBook(func(b *tollbook.Booking, last *word) {
				if b.Adjusts {
					b.Booked = last.Booked
				}
			})
		}},
		{"what is taken back is taken out as well", "Void", func(m *mutant) {
			m.beforeBook(func(b *tollbook.Booking, _ *word) { b.Adjusts = false })
		}},
		{"a voided name can be used again", "Void", func(m *mutant) {
			m.before(func(e *tollbook.Entry) {
				if last := m.now.latest(e.Claim); last != nil && last.Void != nil {
					delete(m.now.history, e.Claim)
				}
			})
		}},
		{"a voided event is corrected", "Void", func(m *mutant) {
			m.beforeBook(func(_ *tollbook.Booking, last *word) { last.Void = nil })
		}},
		{"the reason of a void is lost", "Void", func(m *mutant) {
			m.beforeBook(func(b *tollbook.Booking, _ *word) {
				if b.Void != nil {
					b.Void = &tollbook.Void{At: b.Void.At}
				}
			})
		}},
		{"the caller's void is kept", "Void", func(m *mutant) {
			m.book = func(under tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error) {
				outcomes, err := m.Model.Book(context.Background(), under, bookings)
				for i := range outcomes {
					if outcomes[i] == tollbook.Accepted {
						m.now.latest(bookings[i].Event.Claim).Void = bookings[i].Void
					}
				}
				return outcomes, err
			}
		}},
		{"voids are lost when it is closed", "Void", func(m *mutant) {
			m.close = func() {
				m.words = slices.DeleteFunc(m.words, func(w *word) bool { return w.Void != nil })
				m.replay()
			}
		}},
		{"a record outlives its last event", "Void", func(m *mutant) {
			were := map[tollbook.RecordID]tollbook.Record{}
			m.record = func(org string, id tollbook.RecordID) (tollbook.Record, error) {
				r, err := m.Model.Record(context.Background(), org, id)
				if were, ok := were[id]; ok && err != nil {
					return were, nil
				}
				were[id] = r
				return r, err
			}
		}},
		{"a closed record lists what was said last", "Void", func(m *mutant) {
			m.events = func(q tollbook.EventQuery) (tollbook.EventPage, error) {
				page, err := m.Model.Events(context.Background(), q)
				for i := range page.Events {
					page.Events[i] = m.now.latest(page.Events[i].Claim).BookedEvent
				}
				return page, err
			}
		}},
		{"a booking is judged with what it replaces", "Full/BookingIsJudgedByWhatIsLeft", func(m *mutant) {
			m.book = func(under tollbook.Pos, bookings []tollbook.Booking) (all []tollbook.Outcome, err error) {
				for _, b := range bookings {
					w := *m.now.latest(b.Event.Claim)
					w.Booked, w.Charges, w.Adjusts = b.Booked, b.Charges, true
					if !m.now.fits(&w) {
						all = append(all, tollbook.TooManyRecords)
						continue
					}
					outcomes, err := m.Model.Book(context.Background(), under, []tollbook.Booking{b})
					if err != nil {
						return nil, err
					}
					all = append(all, outcomes...)
				}
				return all, nil
			}
		}},
		{"late events need no room", "Full/EveryTierIsOne", func(m *mutant) {
			m.after(func(e *tollbook.Entry, o *tollbook.Outcome) {
				if *o == tollbook.TooManyRecords && e.Booked != e.Home {
					m.say(acceptance(e))
					*o = tollbook.Accepted
				}
			})
		}},
		{"what is taken back needs no room", "Full/AdjustingTakesRoom", func(m *mutant) {
			m.book = func(under tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error) {
				outcomes, err := m.Model.Book(context.Background(), under, bookings)
				for i := range outcomes {
					if bookings[i].Adjusts && outcomes[i] == tollbook.TooManyRecords {
						w, _ := m.correction(&bookings[i])
						m.say(w)
						outcomes[i] = tollbook.Accepted
					}
				}
				return outcomes, err
			}
		}},
		{"the last word is lost when the power fails", "Crash/AfterEveryStep", func(m *mutant) {
			m.crash = func(left *mutant) { left.forget(1) }
		}},
		{"a void is lost when the power fails", "Crash/AfterEveryStep", func(m *mutant) {
			m.crash = func(left *mutant) {
				left.words = slices.DeleteFunc(left.words, func(w *word) bool { return w.Void != nil })
				left.replay()
			}
		}},
		{"a restatement is left by half when the power fails", "Crash/WhileRestating", func(m *mutant) {
			m.crash = func(left *mutant) {
				if last := left.words[len(left.words)-1]; last.Ref != last.Came {
					left.forget(300)
				}
			}
		}},
		{"a mark is lost when the power fails", "Crash/AfterEveryStep", func(m *mutant) {
			m.crash = func(left *mutant) { clear(left.marks) }
		}},
	}
}

// restateFaults are those of replacing a month, and of reading it before.
func restateFaults() []fault {
	return []fault{
		{"a restatement is never stale", "Restate", func(m *mutant) {
			m.restate = func(under tollbook.Pos, r tollbook.Restatement) error {
				r.Seen = tollbook.Ref(len(m.words))
				return m.Model.Restate(context.Background(), under, r)
			}
		}},
		{"a restatement is stale after any word", "Restate", func(m *mutant) {
			m.staleAfter(func(*word, tollbook.Restatement) bool { return true })
		}},
		{"a restatement is stale after any correction of the organization", "Restate", func(m *mutant) {
			m.staleAfter(func(w *word, r tollbook.Restatement) bool {
				return w.Ref != w.Came && w.OrganizationID == r.OrganizationID
			})
		}},
		{"a restatement minds only what was in the month", "Restate", func(m *mutant) {
			m.restate = func(under tollbook.Pos, r tollbook.Restatement) error {
				for _, w := range m.words[r.Seen:] {
					history := m.now.history[w.Claim]
					if i := slices.Index(history, w); i > 0 && history[i-1].accountMonth() == (accountMonth{r.AccountID, r.Month}) {
						return tollbook.ErrStale
					}
				}
				r.Seen = tollbook.Ref(len(m.words))
				return m.Model.Restate(context.Background(), under, r)
			}
		}},
		{"a restatement minds only what is in the month", "Restate", func(m *mutant) {
			m.restate = func(under tollbook.Pos, r tollbook.Restatement) error {
				for _, w := range m.words[r.Seen:] {
					if w.Ref != w.Came && w.accountMonth() == (accountMonth{r.AccountID, r.Month}) {
						return tollbook.ErrStale
					}
				}
				r.Seen = tollbook.Ref(len(m.words))
				return m.Model.Restate(context.Background(), under, r)
			}
		}},
		{"a restatement ignores the fence", "Restate", func(m *mutant) {
			m.restate = func(_ tollbook.Pos, r tollbook.Restatement) error {
				return m.Model.Restate(context.Background(), m.head(), r)
			}
		}},
		{"a restatement leaves unrated events out", "Restate", func(m *mutant) {
			m.restate = func(under tollbook.Pos, r tollbook.Restatement) error {
				r.Bookings = slices.DeleteFunc(r.Bookings, func(b tollbook.Booking) bool { return b.Event.Unrated != 0 })
				return m.Model.Restate(context.Background(), under, r)
			}
		}},
		{"the caller's charges are kept by a restatement", "Restate", func(m *mutant) {
			m.restate = func(under tollbook.Pos, r tollbook.Restatement) error {
				err := m.Model.Restate(context.Background(), under, r)
				for i := range r.Bookings {
					if err == nil {
						m.now.latest(r.Bookings[i].Event.Claim).Charges = r.Bookings[i].Charges
					}
				}
				return err
			}
		}},
		{"a restatement is as much as fits", "Full/RestatedAllOrNone", func(m *mutant) {
			m.restate = func(under tollbook.Pos, r tollbook.Restatement) error {
				err := m.Model.Restate(context.Background(), under, r)
				if tollbook.CodeOf(err) == tollbook.CodeTooManyRecords {
					r.Bookings = r.Bookings[:len(r.Bookings)/100]
					if err := m.Model.Restate(context.Background(), under, r); err != nil {
						return err
					}
				}
				return err
			}
		}},
		{"a restatement is booked event by event", "Together/RestatedMonthsAreReadWhole", func(m *mutant) {
			m.restate = func(under tollbook.Pos, r tollbook.Restatement) error {
				_, err := m.Model.Book(context.Background(), under, r.Bookings[:1])
				for i := 1; i < len(r.Bookings) && err == nil; i++ {
					_, err = m.Model.Book(context.Background(), under, r.Bookings[i:i+1])
				}
				return err
			}
		}},
		{"a month has every word", "MonthEvents", func(m *mutant) {
			m.readMonth(func(w *word, q *tollbook.MonthQuery) bool { return w.Booked == q.Month && w.Void == nil })
		}},
		{"a month has no unrated events", "MonthEvents", func(m *mutant) {
			m.readMonth(func(w *word, q *tollbook.MonthQuery) bool {
				return m.now.counting[w] && w.Booked == q.Month && w.Unrated == 0
			})
		}},
		{"a month has what adjusts it", "MonthEvents", func(m *mutant) {
			m.readMonth(func(w *word, q *tollbook.MonthQuery) bool { return m.now.counting[w] && w.Booked == q.Month })
		}},
		{"a month has what occurred in it", "MonthEvents", func(m *mutant) {
			m.readMonth(func(w *word, q *tollbook.MonthQuery) bool {
				return m.now.counting[w] && w.Home == q.Month && !w.Adjusts
			})
		}},
		{"a month is that of the first account", "MonthEvents", func(m *mutant) {
			m.readMonth(func(w *word, q *tollbook.MonthQuery) bool {
				return m.now.counting[w] && w.Booked == q.Month && !w.Adjusts && w.AccountID == q.AccountIDs[0]
			})
		}},
	}
}
