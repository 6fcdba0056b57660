package storetest

import (
	"context"
	"math/big"
	"slices"

	"tollbook"
	"tollbook/decimal"
	"tollbook/filter"
)

// faults are those of taking definitions and events.
func faults() []fault {
	return []fault{
		{"define ignores the head", "Define", func(m *mutant) {
			m.define = func(_ tollbook.Pos, defs []tollbook.Definition) (tollbook.Pos, error) {
				return m.Model.Define(context.Background(), m.head(), defs)
			}
		}},
		{"define forgets requests when it is closed", "Define", func(m *mutant) { m.close = func() { clear(m.requests) } }},
		{"definitions are lost when it is closed", "Define", func(m *mutant) { m.close = func() { m.defs = nil } }},
		{"a repeated definition has no position", "Define", func(m *mutant) {
			m.define = func(head tollbook.Pos, defs []tollbook.Definition) (tollbook.Pos, error) {
				before := m.head()
				head, err := m.Model.Define(context.Background(), head, defs)
				for i := range defs {
					if defs[i].Pos <= before {
						defs[i].Pos = 0
					}
				}
				return head, err
			}
		}},
		{"post ignores the fence", "Post", func(m *mutant) {
			m.post = func(_ tollbook.Pos, entries []tollbook.Entry) ([]tollbook.Outcome, error) {
				return m.Model.Post(context.Background(), m.head(), entries)
			}
		}},
		{"a repeat is counted", "Post", func(m *mutant) {
			m.after(func(e *tollbook.Entry, o *tollbook.Outcome) {
				if *o == tollbook.Duplicate {
					last := m.now.latest(e.Claim)
					a := m.now.accounts[last.AccountID]
					a.words, a.records = append(a.words, last), nil
				}
			})
		}},
		{"a conflict is called a duplicate", "Post", func(m *mutant) {
			m.after(func(_ *tollbook.Entry, o *tollbook.Outcome) {
				if *o == tollbook.Conflict {
					*o = tollbook.Duplicate
				}
			})
		}},
		{"the last content wins", "Post", func(m *mutant) {
			m.after(func(e *tollbook.Entry, o *tollbook.Outcome) {
				if *o == tollbook.Conflict {
					m.now.latest(e.Claim).Event = *e.Event
				}
			})
		}},
		{"claims are lost when it is closed", "Post", func(m *mutant) { m.close = func() { clear(m.now.history) } }},
		{"the last event is lost when it is closed", "Post", func(m *mutant) { m.close = func() { m.forget(1) } }},
		{"the caller's charges are kept", "Post", func(m *mutant) {
			m.after(func(e *tollbook.Entry, o *tollbook.Outcome) {
				if *o == tollbook.Accepted {
					m.now.latest(e.Claim).Charges = e.Charges
				}
			})
		}},
		{"events without units make no record", "Bounds", func(m *mutant) {
			m.ask(nil, func(p *tollbook.Page) {
				p.Records = slices.DeleteFunc(slices.Clone(p.Records), func(r tollbook.Record) bool { return r.NumberOfUnits.Sign() == 0 })
			})
		}},
		{"totals are sums of floats", "Bounds", func(m *mutant) {
			m.spoilRecords(func(r *tollbook.Record) {
				f, _ := ratOf(r.TotalAmount).Float64()
				r.TotalAmount = decimalOf(new(big.Rat).SetFloat64(f))
			})
		}},
		{"totals are price times units", "Bounds", func(m *mutant) {
			m.spoilRecords(func(r *tollbook.Record) { r.TotalAmount = r.NumberOfUnits.Mul(r.Price) })
		}},
		{"an event over the bound keeps its name", "Full/TooManyRecords", func(m *mutant) {
			m.after(func(e *tollbook.Entry, o *tollbook.Outcome) {
				if *o == tollbook.TooManyRecords {
					m.now.history[e.Claim] = []*word{{normal: slices.Clone(e.Normal)}}
				}
			})
		}},
		{"a booked event is booked again", "Book", func(m *mutant) {
			m.book = func(under tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error) {
				var all []tollbook.Outcome
				for _, b := range bookings {
					if last := m.now.latest(b.Event.Claim); last != nil {
						b.Event = &last.BookedEvent
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
		{"book ignores the fence", "Book", func(m *mutant) {
			m.book = func(_ tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error) {
				return m.Model.Book(context.Background(), m.head(), bookings)
			}
		}},
		{"the unrated are never fewer", "Book", func(m *mutant) {
			most := map[string]int{}
			m.unrated = func(org string) (int, error) {
				n, err := m.Model.CountUnrated(context.Background(), org)
				most[org] = max(most[org], n)
				return most[org], err
			}
		}},
	}
}

// answerFaults are those of answering what is asked.
func answerFaults() []fault {
	return []fault{
		{"after includes the record", "Records", func(m *mutant) {
			m.ask(func(q *tollbook.Query) {
				if q.After != nil {
					before := *q.After
					before.ID[15]--
					q.After = &before
				}
			}, nil)
		}},
		{"before is the first page", "Records", func(m *mutant) {
			m.ask(func(q *tollbook.Query) { q.Before = nil }, nil)
		}},
		{"not is left out", "Records", func(m *mutant) {
			m.ask(func(q *tollbook.Query) {
				if q.Filter != nil && q.Filter.Op == filter.Not {
					q.Filter = q.Filter.Args[0]
				}
			}, nil)
		}},
		{"descending is ascending for totals", "Records", func(m *mutant) {
			m.ask(func(q *tollbook.Query) { q.Order.Desc = q.Order.Desc && q.Order.Field != tollbook.OrderTotalAmount }, nil)
		}},
		{"the total is that of the page", "Records", func(m *mutant) {
			m.ask(nil, func(p *tollbook.Page) { p.Total = len(p.Records) })
		}},
		{"the offset is always 0", "Records", func(m *mutant) {
			m.ask(nil, func(p *tollbook.Page) { p.Offset = 0 })
		}},
		{"the wallet is lost", "Records", func(m *mutant) {
			m.spoilRecords(func(r *tollbook.Record) { r.WalletName = "" })
		}},
		{"an event is on two pages", "Events", func(m *mutant) {
			m.events = func(q tollbook.EventQuery) (tollbook.EventPage, error) {
				page, err := m.Model.Events(context.Background(), q)
				if page.Next != "" && len(page.Events) > 3 {
					smaller := q
					smaller.Limit = q.Limit - 1
					cut, err := m.Model.Events(context.Background(), smaller)
					page.Next = cut.Next
					return page, err
				}
				return page, err
			}
		}},
		{"next is of any query", "Events", func(m *mutant) {
			m.events = func(q tollbook.EventQuery) (tollbook.EventPage, error) {
				page, err := m.Model.Events(context.Background(), q)
				if q.After != "" && err != nil {
					q.After = ""
					return m.Model.Events(context.Background(), q)
				}
				return page, err
			}
		}},
		{"an amount is an increment too high", "Events", func(m *mutant) {
			m.events = func(q tollbook.EventQuery) (tollbook.EventPage, error) {
				page, err := m.Model.Events(context.Background(), q)
				for i := range page.Events {
					page.Events[i].Charges = slices.Clone(page.Events[i].Charges)
					for j := range page.Events[i].Charges[:min(1, len(page.Events[i].Charges))] {
						c := &page.Events[i].Charges[j]
						c.Increments = c.Increments.Add(decimal.NewInt(1))
					}
				}
				return page, err
			}
		}},
		{"a record is anyone's", "Isolation", func(m *mutant) {
			m.record = func(_ string, id tollbook.RecordID) (tollbook.Record, error) {
				for _, r := range m.AllRecords("") {
					if r.ID == id {
						return r, nil
					}
				}
				return tollbook.Record{}, tollbook.NewError(tollbook.CodeNotFound, "no such record")
			}
		}},
		{"records are everyone's", "Isolation", func(m *mutant) {
			m.ask(func(q *tollbook.Query) { q.OrganizationID = "" }, nil)
		}},
		{"once is always the first time", "Once", func(m *mutant) {
			m.once = func([16]byte) (bool, error) { return true, nil }
		}},
		{"once forgets when it is closed", "Once", func(m *mutant) { m.close = func() { clear(m.seen) } }},
	}
}
