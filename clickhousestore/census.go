package clickhousestore

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
)

// census counts the events by which records of an account's month are there.
type census map[tollbook.Grouping]int64

// fits tells whether the month that a booking is for has room for it, besides
// those that were accepted.
func (b *booker) fits(ctx context.Context, k *tollbook.Booking) (bool, error) {
	c := cellOfBooking(k)
	if _, fits := b.rooms[c].add(&b.store.lines, k.Charges); fits {
		return true, nil
	}
	there, err := b.census(ctx, c)
	if err != nil {
		return false, err
	}
	change := census{}
	change.add(k.Charges, 1)
	if !k.Adjusts && k.Event.Booked == k.Booked {
		change.add(k.Event.Charges, -1)
	}
	return there.with(change) <= tollbook.MaxRecordsPerMonth, nil
}

// fitsAll tells whether the month of a restatement has room for it.
func (b *booker) fitsAll(ctx context.Context, t *tollbook.Restatement) (bool, error) {
	c := cellOfRestated(t)
	change, full := census{}, false
	for i := range t.Bookings {
		k := &t.Bookings[i]
		if !full && len(k.Charges) > 0 {
			_, fits := b.rooms[c].add(&b.store.lines, k.Charges)
			full = !fits
		}
		change.add(k.Charges, 1)
		change.add(k.Event.Charges, -1)
	}
	if !full {
		return true, nil
	}
	there, err := b.census(ctx, c)
	return err == nil && there.with(change) <= tollbook.MaxRecordsPerMonth, err
}

// with returns how many records are left after a change.
func (c census) with(change census) int {
	left := 0
	for g, n := range c {
		if n+change[g] > 0 {
			left++
		}
	}
	for g, n := range change {
		if c[g] == 0 && n > 0 {
			left++
		}
	}
	return left
}

// add adds the events of charges, or with -1 takes them out.
func (c census) add(charges []tollbook.Charge, n int64) {
	for i := range charges {
		l := charges[i].Line
		for part := range l.Parts() {
			c[l.Part(part).Grouping] += n
		}
	}
}

// count counts a booking that was accepted, in the months that are counted.
func (b *booker) count(k *tollbook.Booking) {
	if there := b.exact[cellOfBooking(k)]; there != nil {
		there.add(k.Charges, 1)
	}
	if there := b.exact[cellOfWord(k.Event)]; there != nil && !k.Adjusts {
		there.add(k.Event.Charges, -1)
	}
}

// census counts a month, with the bookings that were accepted.
func (b *booker) census(ctx context.Context, c cell) (census, error) {
	if there := b.exact[c]; there != nil {
		return there, nil
	}
	s := b.store
	at, err := s.fold(ctx)
	if err != nil {
		return nil, err
	}
	of := fmt.Sprintf("organization = %s AND account = %s", quote(c.organization), quote(c.account))
	n, keys := map[lineKey]int64{}, map[lineKey]bool{}
	err = s.query(ctx, fmt.Sprintf("SELECT line, toInt64(count()) FROM (%s) ARRAY JOIN lines AS line GROUP BY line", at.counting(of, fmt.Sprintf("booked = %d", int32(c.booked)))), func(rows driver.Rows) error {
		var line string
		var events int64
		err := rows.Scan(&line, &events)
		k := lineKey([]byte(line))
		n[k], keys[k] = events, true
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.loadLines(ctx, keys); err != nil {
		return nil, err
	}
	there := census{}
	for k, events := range n {
		if l := s.lines.line(k); l != nil {
			for part := range l.Parts() {
				there[l.Part(part).Grouping] += events
			}
		}
	}
	b.exact = map[cell]census{c: there}
	for _, k := range b.accepted {
		b.count(k.Booking)
	}
	return there, nil
}
