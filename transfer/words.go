package transfer

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"tollbook"
)

// buckets is how many parts the claims are cut into, each summed up by itself.
const buckets = 4096

// maxNamed is of how many buckets that differ the events are named; one holds
// a 4096th of all events.
const maxNamed = 4

// said is all that was said of events, in sums that do not depend on the order
// but for one.
type said struct {
	events, bookings int64
	of               map[string]*sum // by organization
	in               [buckets]sum
	order            sum    // of corrections, each with its number
	end              string // of the journal
}

func bucketOf(claim tollbook.Claim) int { return int(binary.BigEndian.Uint16(claim[:])) % buckets }

// spoken is a word about an event.
type spoken struct {
	org        string
	claim      tollbook.Claim
	name       tollbook.EventName
	correction bool
	sum        sum
}

// eachWord calls fn for all that was said of events, in order.
func eachWord(ctx context.Context, l tollbook.Ledger, told func(done, total int64), fn func(w spoken)) (end string, err error) {
	for ch, err := range l.Journal(ctx, "") {
		if err != nil {
			return "", err
		}
		for i := range ch.Entries {
			e := &ch.Entries[i]
			fn(spoken{e.OrganizationID, e.Claim, tollbook.EventName{Source: e.Event.Source, ID: e.Event.ID}, false, sumOfEntry(e)})
		}
		for i := range ch.Bookings {
			w := &ch.Bookings[i]
			fn(spoken{w.OrganizationID, w.Claim, tollbook.EventName{Source: w.Source, ID: w.ID}, true, sumOfBooking(w)})
		}
		end = ch.Next
		told(ch.Done, ch.Total)
	}
	return end, nil
}

// numbered is a sum that counts as the n-th.
func (s sum) numbered(n int64) sum {
	b := make([]byte, 0, 40)
	for _, v := range s {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return sumOf(binary.BigEndian.AppendUint64(b, uint64(n)))
}

func saidBy(ctx context.Context, l tollbook.Ledger, told func(done, total int64)) (*said, error) {
	s := &said{of: map[string]*sum{}}
	var err error
	s.end, err = eachWord(ctx, l, told, func(w spoken) {
		if w.correction {
			s.bookings++
			s.order.add(w.sum.numbered(s.bookings))
		} else {
			s.events++
		}
		if s.of[w.org] == nil {
			s.of[w.org] = &sum{}
		}
		s.of[w.org].add(w.sum)
		s.in[bucketOf(w.claim)].add(w.sum)
	})
	return s, err
}

// words compares all that was ever said of events: when they came, and since.
func (c *comparison) words(ctx context.Context) error {
	var a, b *said
	reading, both := errgroup.WithContext(ctx)
	reading.Go(func() (err error) {
		b, err = saidBy(both, c.b, func(int64, int64) {})
		return err
	})
	a, err := saidBy(both, c.a, func(done, total int64) { c.told("Comparing what was said of events", done, total) })
	if err = errors.Join(err, reading.Wait()); err != nil {
		return err
	}
	c.ends = [2]string{a.end, b.end}
	c.report.Events, c.report.Bookings = a.events, a.bookings
	if a.events != b.events || a.bookings != b.bookings {
		c.report.differ("%d events and %d corrections in the source, %d and %d in the destination", a.events, a.bookings, b.events, b.bookings)
	}
	for _, s := range []*said{a, b} {
		for org := range s.of {
			c.organizations[org] = true
		}
	}
	for org := range c.organizations {
		var x, y sum
		if a.of[org] != nil {
			x = *a.of[org]
		}
		if b.of[org] != nil {
			y = *b.of[org]
		}
		if x != y {
			c.report.differ("organization %s: what was said of its events differs", org)
		}
	}
	var differing []int
	for i := range a.in {
		if a.in[i] != b.in[i] && len(differing) < maxNamed {
			differing = append(differing, i)
		}
	}
	if len(differing) == 0 && a.order != b.order {
		c.report.differ("the corrections are the same, but in another order")
	}
	if len(differing) == 0 {
		return nil
	}
	return c.nameWords(ctx, differing)
}

// named is an event of a bucket that differs.
type named struct {
	org   string
	name  tollbook.EventName
	words [2]int64
	said  [2]sum
}

// nameWords names the events of some buckets of which something else was said.
func (c *comparison) nameWords(ctx context.Context, differing []int) error {
	found := map[tollbook.Claim]*named{}
	var order []tollbook.Claim
	for i, l := range [...]tollbook.Ledger{c.a, c.b} {
		_, err := eachWord(ctx, l, func(done, total int64) { c.told("Looking for what differs", done, total) }, func(w spoken) {
			if !slices.Contains(differing, bucketOf(w.claim)) {
				return
			}
			n := found[w.claim]
			if n == nil {
				n = &named{org: w.org, name: w.name}
				found[w.claim] = n
				order = append(order, w.claim)
			}
			n.words[i]++
			n.said[i].add(w.sum.numbered(n.words[i]))
		})
		if err != nil {
			return err
		}
	}
	for _, claim := range order {
		if n := found[claim]; n.said[0] != n.said[1] {
			what := "what was said of it differs"
			if n.said[1] == (sum{}) {
				what = "is missing in the destination"
			} else if n.said[0] == (sum{}) {
				what = "is not in the source"
			}
			c.report.differ("organization %s, event %q of source %q: %s", n.org, n.name.ID, n.name.Source, what)
		}
	}
	return nil
}

func decimalOf(n uint64) string { return strconv.FormatUint(n, 10) }
