package book

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"tollbook"
	"tollbook/rating"
)

// rates is all that prices an account's events.
type rates struct {
	pricer   *rating.Pricer
	card     *rating.Card // nil: the account has none
	calendar *tollbook.Calendar
}

// ratesOf returns what an account is rated by now.
func (s *state) ratesOf(a *account) rates { return rates{s.pricer, s.cardOf(a), a.calendar} }

// measure rates one event. It appends the charges to dst and returns that, too.
func (r *rates) measure(dst []tollbook.Charge, e *tollbook.Event) ([]tollbook.Charge, tollbook.Measured) {
	from := len(dst)
	var m tollbook.Measured
	if e.Priced {
		dst = r.pricer.Measure(dst, e)
	} else if r.card != nil {
		dst, m.Rate, m.Unrated = r.card.Measure(dst, e, r.calendar)
	} else {
		m.Unrated = tollbook.NoRateCard
	}
	m.Charges = dst[from:len(dst):len(dst)]
	return dst, m
}

// accountMonth names an account's month.
type accountMonth struct {
	OrganizationID string         `json:"organization_id"`
	AccountID      string         `json:"account_id"`
	Month          tollbook.Month `json:"month"`
}

// Bounds on what is read and written together.
const (
	// groupEvents is about how many events are measured together. Those whose
	// charges change take about a kilobyte of memory each, and there are two
	// groups: one is restated while the next is measured. Accounts may be much
	// larger than those before them, so a group keeps tollbook.MaxRestated at most.
	groupEvents = 500_000
	// restatesInFlight is how many months are restated at once: a ledger writes
	// them to disk together.
	restatesInFlight = 32
)

// measuredGroup is accounts' months of one organization that were measured
// together. Their events lie mixed in the log, so that to read those of one
// account takes nearly as long as to read those of many.
type measuredGroup struct {
	months   []accountMonth
	measured []*measuredMonth
	kept     int // bookings of all of them
}

// measuredMonth is what measuring an account's month again made of it.
type measuredMonth struct {
	in       rates
	seen     tollbook.Ref
	events   int64
	bookings []tollbook.Booking // of those whose charges change
	tooMany  error              // that there are more of them than can be restated at once
	later    bool               // it is to be measured again with fewer others, for the group has too many
}

// keep adds an event whose charges change, as long as there are not too many.
func (g *measuredGroup) keep(m *measuredMonth, b tollbook.Booking) {
	if m.tooMany != nil || m.later {
		return
	}
	m.bookings = append(m.bookings, b)
	g.kept++
	m.tooMany = tollbook.CheckRestated(len(m.bookings))
	m.later = m.tooMany == nil && g.kept > tollbook.MaxRestated
	if m.tooMany != nil || m.later {
		g.kept -= len(m.bookings)
		m.bookings = nil
	}
}

// measureGroups yields accounts' months measured again, group by group, and
// measures the next group meanwhile.
func (b *Book) measureGroups(ctx context.Context, months []accountMonth) iter.Seq2[*measuredGroup, error] {
	type result struct {
		group *measuredGroup
		err   error
	}
	return func(yield func(*measuredGroup, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		groups := make(chan result)
		var measuring sync.WaitGroup
		defer measuring.Wait()
		defer stop()
		measuring.Go(func() {
			defer close(groups)
			most := 1
			for left := months; len(left) > 0; {
				n := sameMonth(left, most)
				g, err := b.measureGroup(ctx, left[:n])
				if err == nil {
					most, left = nextMost(most, n, g.events()), left[n:]
				}
				select {
				case <-ctx.Done():
					return
				case groups <- result{g, err}:
				}
				if err != nil {
					return
				}
			}
		})
		for r := range groups {
			if !yield(r.group, r.err) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(nil, err) // there may be more
		}
	}
}

// sameMonth returns how many of some accounts' months are of the organization
// and the month of the first, at most some.
func sameMonth(months []accountMonth, most int) int {
	n := 1
	for n < len(months) && n < most && months[n].OrganizationID == months[0].OrganizationID && months[n].Month == months[0].Month {
		n++
	}
	return n
}

// events returns how many events the group has.
func (g *measuredGroup) events() (n int64) {
	for _, m := range g.measured {
		n += m.events
	}
	return n
}

// nextMost returns how many months to take together at most when n of them had
// so many events.
func nextMost(most, n int, events int64) int {
	switch {
	case events < groupEvents/2 && n == most:
		return most * 2
	case events > groupEvents:
		return max(1, n/2)
	}
	return most
}

// measureGroup measures the events of accounts' month, without those of closed
// months.
func (b *Book) measureGroup(ctx context.Context, months []accountMonth) (*measuredGroup, error) {
	g := &measuredGroup{months: months, measured: make([]*measuredMonth, len(months))}
	of := make(map[string]*measuredMonth, len(months))
	q := tollbook.MonthQuery{OrganizationID: months[0].OrganizationID, Month: months[0].Month}
	for i, m := range months {
		in, _, open := b.ratesNow(m)
		g.measured[i] = &measuredMonth{in: in}
		if open {
			of[m.AccountID] = g.measured[i]
			q.AccountIDs = append(q.AccountIDs, m.AccountID)
		}
	}
	seen, events := b.ledger.MonthEvents(ctx, q)
	for e, err := range events {
		if err != nil {
			return nil, err
		}
		m := of[e.AccountID]
		m.events++
		if _, now := m.in.measure(nil, &e.Event); !sameCharges(&now, &e.Measured) {
			word := e // only those that change are kept
			g.keep(m, tollbook.Booking{Event: &word, Booked: q.Month, Measured: now})
		}
	}
	for _, m := range g.measured {
		m.seen = seen
	}
	return g, nil
}

// remeasured is what came of measuring an account's month again. With an error
// of CodeTooManyRecords or CodeTooLarge it stays as it was; others are those
// that stop a ledger.
type remeasured struct {
	events, changed int64
	err             error
}

// restateGroup restates the months of a group where that changes something:
// all of a month, or nothing. It returns what came of each.
func (b *Book) restateGroup(ctx context.Context, g *measuredGroup) []remeasured {
	came := make([]remeasured, len(g.months))
	var restating sync.WaitGroup
	turns := make(chan struct{}, restatesInFlight)
	var later []accountMonth
	var of []int // what came
	for i, m := range g.measured {
		if m.later {
			later, of = append(later, g.months[i]), append(of, i)
			continue
		}
		turns <- struct{}{}
		restating.Go(func() {
			came[i] = b.restateMonth(ctx, g.months[i:i+1], m)
			m.bookings = nil // they take much memory
			<-turns
		})
	}
	restating.Wait()
	for len(later) > 0 {
		n := (len(later) + 1) / 2
		again, err := b.measureGroup(ctx, later[:n])
		if err != nil {
			for _, i := range of {
				came[i].err = err
			}
			break
		}
		for k, r := range b.restateGroup(ctx, again) {
			came[of[k]] = r
		}
		later, of = later[n:], of[n:]
	}
	return came
}

// restateMonth restates one account's month as it was measured, and measures it
// again as long as it has to. Of a month that is closed meanwhile nothing is
// left to do.
func (b *Book) restateMonth(ctx context.Context, alone []accountMonth, m *measuredMonth) remeasured {
	for len(m.bookings) > 0 {
		again, err := b.restate(ctx, alone[0], &m.in, m.seen, m.bookings)
		if !again {
			return remeasured{m.events, int64(len(m.bookings)), err}
		}
		g, err := b.measureGroup(ctx, alone)
		if err != nil {
			return remeasured{err: err}
		}
		m = g.measured[0]
	}
	return remeasured{events: m.events, err: m.tooMany}
}

// restate has what was measured hold. Where definitions have moved on that do
// not concern the account, what was measured under them is the same. again
// tells that the month is to be measured again.
func (b *Book) restate(ctx context.Context, m accountMonth, in *rates, seen tollbook.Ref, bookings []tollbook.Booking) (again bool, err error) {
	r := tollbook.Restatement{OrganizationID: m.OrganizationID, AccountID: m.AccountID, Month: m.Month, Seen: seen, Bookings: bookings}
	for {
		now, under, open := b.ratesNow(m)
		if !open || now != *in {
			return true, nil
		}
		err := b.ledger.Restate(ctx, under, r)
		switch {
		case isMoved(err):
			if err := b.reload(ctx); err != nil {
				return false, err
			}
		case errors.Is(err, tollbook.ErrStale):
			return true, nil
		case isBusy(err):
			// Senders are in front; each try waits for its turn.
		default:
			if err == nil {
				b.counted.Store(true)
			}
			return false, err
		}
	}
}

// ratesNow returns what an account's month is rated by, under which position
// of the definitions, and whether it is open.
func (b *Book) ratesNow(m accountMonth) (in rates, under tollbook.Pos, open bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	a := b.state.accounts[m.AccountID]
	if a == nil || a.organization.value.ID != m.OrganizationID || a.organization.booked(m.Month) != m.Month {
		return rates{}, 0, false
	}
	return b.state.ratesOf(a), b.state.pos, true
}

// sameCharges tells whether two measurements charge the same, whichever
// version of which row says so, or give the same reason for charging nothing.
func sameCharges(a, b *tollbook.Measured) bool {
	return a.Unrated == b.Unrated && slices.EqualFunc(a.Charges, b.Charges, func(x, y tollbook.Charge) bool {
		return x.Increments == y.Increments && (x.Line == y.Line || x.Line.Key() == y.Line.Key())
	})
}
