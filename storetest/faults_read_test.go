package storetest

import (
	"context"
	"fmt"
	"slices"

	"tollbook"
	"tollbook/decimal"
)

// tierFaults are those of lines whose price depends on how far a month is.
func tierFaults() []fault {
	return []fault{
		{"late units begin tiers anew", "Tiers", func(m *mutant) {
			m.before(func(e *tollbook.Entry) { e.Home = e.Booked })
		}},
		{"each event has tiers of its own", "Tiers", func(m *mutant) {
			m.before(func(e *tollbook.Entry) {
				var parts []tollbook.Charge
				for _, c := range e.Charges {
					for i := range c.Line.Parts() {
						if share := c.Line.Share(i, decimal.Int{}, c.Increments); share.Sign() > 0 || i == 0 {
							parts = append(parts, tollbook.Charge{Line: c.Line.Part(i), Increments: share})
						}
					}
				}
				e.Charges = parts
			})
		}},
		{"tiers end an increment late", "Tiers", func(m *mutant) {
			m.before(func(e *tollbook.Entry) {
				e.Charges = slices.Clone(e.Charges)
				for i, c := range e.Charges {
					tiers := slices.Clone(c.Line.Tiers)
					for j := range tiers[:max(0, len(tiers)-1)] {
						tiers[j].UpTo = tiers[j].UpTo.Add(decimal.NewInt(1))
					}
					if len(tiers) > 0 {
						e.Charges[i].Line = tollbook.NewTieredLine(c.Line.Grouping, c.Line.Increment, tiers)
					}
				}
			})
		}},
		{"the cuts are left out", "Tiers", func(m *mutant) {
			m.spoilEvents(func(p *tollbook.EventPage) { p.Cuts = nil })
		}},
		{"the cuts are those of the first page", "Tiers", func(m *mutant) {
			m.events = func(q tollbook.EventQuery) (tollbook.EventPage, error) {
				page, err := m.Model.Events(context.Background(), q)
				if q.After != "" {
					page.Cuts = nil
				}
				return page, err
			}
		}},
		{"nothing comes before what is cut", "Tiers", func(m *mutant) {
			m.spoilEvents(func(p *tollbook.EventPage) {
				for i := range p.Cuts {
					p.Cuts[i].Before = decimal.Int{}
				}
			})
		}},
		{"an event is one in all tallies of a record", "Tiers", func(m *mutant) {
			m.spoilRecords(func(r *tollbook.Record) {
				for _, a := range m.now.accounts {
					if mr := m.now.recordsOf(a)[r.ID]; mr != nil {
						r.Events = int64(len(mr.words()))
					}
				}
			})
		}},
		{"tiers take room when they are reached", "Full/EveryTierIsOne", func(m *mutant) {
			m.after(func(e *tollbook.Entry, o *tollbook.Outcome) {
				if *o == tollbook.TooManyRecords && len(m.now.recordsOf(m.now.accounts[e.Event.AccountID])) < tollbook.MaxRecordsPerMonth {
					m.say(acceptance(e))
					*o = tollbook.Accepted
				}
			})
		}},
	}
}

// readFaults are those of histories, totals, late events and past states.
func readFaults() []fault {
	return []fault{
		{"what is taken back is not late", "Months", func(m *mutant) {
			m.events = func(q tollbook.EventQuery) (tollbook.EventPage, error) {
				page, err := m.Model.Events(context.Background(), q)
				if q.Late {
					page.Events = slices.DeleteFunc(page.Events, func(e tollbook.BookedEvent) bool { return e.Void != nil })
				}
				return page, err
			}
		}},
		{"late events are those of all accounts", "Months", func(m *mutant) {
			m.events = func(q tollbook.EventQuery) (tollbook.EventPage, error) {
				if q.Late {
					q.AccountID = ""
				}
				return m.Model.Events(context.Background(), q)
			}
		}},
		{"unrated events are late as well", "Months", func(m *mutant) {
			m.events = func(q tollbook.EventQuery) (tollbook.EventPage, error) {
				page, err := m.Model.Events(context.Background(), q)
				if q.Late && q.After == "" {
					for _, w := range m.counting(func(w *word) bool { return w.Unrated != 0 && w.Home == q.Home && w.Booked > w.Home }) {
						page.Events = append(page.Events, w.BookedEvent)
					}
				}
				return page, err
			}
		}},
		{"histories begin at the start", "History", func(m *mutant) {
			m.spoilHistory(func(words []tollbook.BookedEvent) []tollbook.BookedEvent { slices.Reverse(words); return words })
		}},
		{"histories are the latest word", "History", func(m *mutant) {
			m.spoilHistory(func(words []tollbook.BookedEvent) []tollbook.BookedEvent { return words[:1] })
		}},
		{"histories have no end", "History", func(m *mutant) {
			m.spoilHistory(func(words []tollbook.BookedEvent) []tollbook.BookedEvent {
				for _, w := range slices.Backward(m.now.history[words[0].Claim][:len(m.now.history[words[0].Claim])-len(words)]) {
					words = append(words, w.BookedEvent)
				}
				return words
			})
		}},
		{"histories are lost when it is closed", "History", func(m *mutant) {
			m.close = func() {
				for claim, words := range m.now.history {
					m.now.history[claim] = words[len(words)-1:]
				}
			}
		}},
		{"nothing replaces anything", "History", func(m *mutant) {
			m.history = func(claim tollbook.Claim) ([]tollbook.BookedEvent, *tollbook.BookedEvent, error) {
				words, _, err := m.Model.History(context.Background(), claim)
				return words, nil, err
			}
		}},
		{"whoever has the name replaces", "History", func(m *mutant) {
			m.history = func(claim tollbook.Claim) ([]tollbook.BookedEvent, *tollbook.BookedEvent, error) {
				words, replaces, err := m.Model.History(context.Background(), claim)
				for _, w := range m.words {
					if err == nil && w.Void != nil && w.Void.ReplacedBy == (tollbook.EventName{Source: words[0].Source, ID: words[0].ID}) {
						replaces = &w.BookedEvent
					}
				}
				return words, replaces, err
			}
		}},
		{"what is put in is used", "Totals", func(m *mutant) {
			m.spoilTotals(func(t tollbook.Total) tollbook.Total {
				t.Used, t.PutIn = t.Used.Add(t.PutIn), decimal.Decimal{}
				return t
			})
		}},
		{"totals have one currency", "Totals", func(m *mutant) {
			m.spoilTotals(func(t tollbook.Total) tollbook.Total {
				t.Currency = "USD"
				return t
			})
		}},
		{"totals are everyone's", "Totals", func(m *mutant) {
			m.totals = func(string) ([]tollbook.Total, error) {
				var all []tollbook.Total
				for _, org := range []string{acme, globex} {
					totals, err := m.Model.Totals(context.Background(), org)
					if err != nil {
						return nil, err
					}
					all = append(all, totals...)
				}
				return all, nil
			}
		}},
		{"totals are kept until something is booked in their month", "Totals/MoveWithoutABookingOfTheirMonth", func(m *mutant) {
			type kept struct {
				words int
				total tollbook.Total
			}
			were := map[string]kept{}
			m.spoilTotals(func(t tollbook.Total) tollbook.Total {
				name := fmt.Sprint(t.AccountID, t.Month, t.WalletName, t.Currency)
				touched := 0
				for _, w := range m.words {
					if w.accountMonth() == (accountMonth{t.AccountID, t.Month}) {
						touched++
					}
				}
				if were[name].words != touched {
					were[name] = kept{touched, t}
				}
				return were[name].total
			})
		}},
		{"the past is now", "Past", func(m *mutant) { m.ask(func(q *tollbook.Query) { q.AsOf = 0 }, nil) }},
		{"the past begins when it is asked for", "Past", func(m *mutant) {
			asked := map[tollbook.Pos]bool{}
			m.ask(func(q *tollbook.Query) {
				if q.AsOf != 0 && !asked[q.AsOf] {
					asked[q.AsOf] = true
					m.marks[q.AsOf] = len(m.words)
				}
			}, nil)
		}},
		{"the past ends at the last mark", "Past", func(m *mutant) {
			m.ask(func(q *tollbook.Query) {
				for mark := range m.marks {
					if q.AsOf != 0 && mark > q.AsOf {
						q.AsOf = mark
					}
				}
			}, nil)
		}},
		{"every definition is a mark", "Past", func(m *mutant) {
			m.ask(func(q *tollbook.Query) {
				if _, ok := m.marks[q.AsOf]; !ok {
					q.AsOf = 0
				}
			}, nil)
		}},
		{"what is not yet is now", "Past", func(m *mutant) {
			m.ask(func(q *tollbook.Query) {
				if q.AsOf > m.head() {
					q.AsOf = 0
				}
			}, nil)
		}},
		{"marks are lost when it is closed", "Past", func(m *mutant) { m.close = func() { clear(m.marks) } }},
	}
}
