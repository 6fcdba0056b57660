package transfer_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"

	"tollbook"
	"tollbook/decimal"
	"tollbook/transfer"
)

// spoilt is a copy with a fault.
type spoilt struct {
	tollbook.Ledger
	chapter func(c *tollbook.Chapter)
	define  func(d *tollbook.Definition)
	page    func(q tollbook.Query, p *tollbook.Page)
	totals  func(all []tollbook.Total) []tollbook.Total
	unrated int
}

func (s *spoilt) Journal(ctx context.Context, after string) iter.Seq2[tollbook.Chapter, error] {
	return func(yield func(tollbook.Chapter, error) bool) {
		for c, err := range s.Ledger.Journal(ctx, after) {
			if s.chapter != nil {
				s.chapter(&c)
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

func (s *spoilt) Definitions(ctx context.Context, after tollbook.Pos) iter.Seq2[tollbook.Definition, error] {
	return func(yield func(tollbook.Definition, error) bool) {
		for d, err := range s.Ledger.Definitions(ctx, after) {
			if s.define != nil {
				s.define(&d)
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

func (s *spoilt) Records(ctx context.Context, q tollbook.Query) (tollbook.Page, error) {
	page, err := s.Ledger.Records(ctx, q)
	if s.page != nil {
		page.Records = slices.Clone(page.Records)
		s.page(q, &page)
	}
	return page, err
}

func (s *spoilt) Totals(ctx context.Context, org string) ([]tollbook.Total, error) {
	all, err := s.Ledger.Totals(ctx, org)
	if s.totals != nil {
		all = s.totals(slices.Clone(all))
	}
	return all, err
}

func (s *spoilt) CountUnrated(ctx context.Context, org string) (int, error) {
	n, err := s.Ledger.CountUnrated(ctx, org)
	return n + s.unrated, err
}

// TestCompareFinds: each fault of a copy is found, and named.
func TestCompareFinds(t *testing.T) {
	w := newTold(t)
	l := newMemory(t).open(t)
	defer func() { must(t, l.Close()) }()
	_, err := transfer.Copy(t.Context(), w.ledger, l, transfer.Options{})
	must(t, err)
	wantSame(t, w.ledger, l)
	once := func(done *bool) bool {
		was := *done
		*done = true
		return !was
	}
	entry := func(spoil func(e *tollbook.Entry)) func(c *tollbook.Chapter) {
		return func(c *tollbook.Chapter) {
			for i := range c.Entries {
				if c.Entries[i].Claim == w.posted[9].Claim {
					spoil(&c.Entries[i])
				}
			}
		}
	}
	booking := func(spoil func(w *tollbook.BookedEvent)) func(c *tollbook.Chapter) {
		return func(c *tollbook.Chapter) {
			for i := range c.Bookings {
				if c.Bookings[i].Claim == w.posted[8].Claim && c.Bookings[i].Void != nil {
					spoil(&c.Bookings[i])
				}
			}
		}
	}
	ofEvent := func(i int) string {
		return "organization " + w.posted[i].OrganizationID + `, event "` + w.posted[i].Event.ID + `" of source "` + w.posted[i].Event.Source + `": what was said of it differs`
	}
	for _, c := range []struct {
		what, want string
		copy       func() *spoilt
	}{
		{"a definition's body", "definition 3, of account account-0: its body differs", func() *spoilt {
			return &spoilt{define: func(d *tollbook.Definition) {
				if d.ID == "account-0" {
					d.Body = []byte(`{}`)
				}
			}}
		}},
		{"a definition's actor", "of mark day: its actor differs", func() *spoilt {
			return &spoilt{define: func(d *tollbook.Definition) {
				if d.Kind == tollbook.KindMark {
					d.Actor = "else"
				}
			}}
		}},
		{"a field of a record", "total_amount is ", func() *spoilt {
			return &spoilt{page: func(q tollbook.Query, p *tollbook.Page) {
				if q.AsOf == 0 && q.After == nil && len(p.Records) > 3 {
					p.Records[3].TotalAmount = p.Records[3].TotalAmount.Add(decimal.FromInt(1))
				}
			}}
		}},
		{"the number of events of a record", " events in the source and ", func() *spoilt {
			return &spoilt{page: func(q tollbook.Query, p *tollbook.Page) {
				if q.AsOf == 0 && len(p.Records) > 3 {
					p.Records[3].Events++
				}
			}}
		}},
		{"a record that is missing", "is missing in the destination", func() *spoilt {
			return &spoilt{page: func(q tollbook.Query, p *tollbook.Page) {
				if q.AsOf == 0 && len(p.Records) > 3 {
					p.Records = p.Records[1:]
				}
			}}
		}},
		{"a record of a mark that is too much", "as it was at mark", func() *spoilt {
			return &spoilt{page: func(q tollbook.Query, p *tollbook.Page) {
				if q.AsOf != 0 && len(p.Records) > 3 {
					p.Records[3].ID[15]++
				}
			}}
		}},
		{"a total", "the totals differ", func() *spoilt {
			return &spoilt{totals: func(all []tollbook.Total) []tollbook.Total { return all[:max(0, len(all)-1)] }}
		}},
		{"unrated events", "unrated events in the source", func() *spoilt { return &spoilt{unrated: 1} }},
		{"where an event is booked", ofEvent(9), func() *spoilt {
			return &spoilt{chapter: entry(func(e *tollbook.Entry) { e.Booked++ })}
		}},
		{"how an event came", ofEvent(9), func() *spoilt {
			return &spoilt{chapter: entry(func(e *tollbook.Entry) {
				other := *e.Event
				other.CloudEventType = "com.example"
				e.Event = &other
			})}
		}},
		{"the rate of an event", ofEvent(9), func() *spoilt {
			return &spoilt{chapter: entry(func(e *tollbook.Entry) { e.Rate.Row++ })}
		}},
		{"who voided", ofEvent(8), func() *spoilt {
			return &spoilt{chapter: booking(func(w *tollbook.BookedEvent) { w.Void = &tollbook.Void{Reason: "test", Actor: "else", At: w.Void.At} })}
		}},
		{"when it was voided", ofEvent(8), func() *spoilt {
			return &spoilt{chapter: booking(func(w *tollbook.BookedEvent) {
				w.Void = &tollbook.Void{Reason: "test", Actor: "tester", At: w.Void.At.Add(1)}
			})}
		}},
		{"an event that is missing", "is missing in the destination", func() *spoilt {
			return &spoilt{chapter: func(c *tollbook.Chapter) { c.Entries = c.Entries[:max(0, len(c.Entries)-1)] }}
		}},
		{"the order of corrections", "in another order", func() *spoilt {
			return &spoilt{chapter: func(c *tollbook.Chapter) { slices.Reverse(c.Bookings) }}
		}},
	} {
		t.Run(strings.ReplaceAll(c.what, " ", "_"), func(t *testing.T) {
			s := c.copy()
			s.Ledger = l
			r, err := transfer.Compare(t.Context(), w.ledger, s, nil)
			must(t, err)
			if r.Found == 0 || !slices.ContainsFunc(r.Differences, func(d string) bool { return strings.Contains(d, c.want) }) {
				t.Errorf("found %q, want %q", r.Differences, c.want)
			}
		})
	}
	moved := false
	s := &spoilt{Ledger: l, page: func(tollbook.Query, *tollbook.Page) {
		if once(&moved) {
			w.post(3)
		}
	}}
	if _, err := transfer.Compare(t.Context(), w.ledger, s, nil); tollbook.CodeOf(err) != tollbook.CodeConflict || !strings.Contains(err.Error(), "The source was written to while it was compared") {
		t.Errorf("the source has moved on: %v", err)
	}
}
