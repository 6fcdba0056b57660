package clickhousestore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
	"tollbook/decimal"
)

// tallyKey names what is counted together: one line in an account's booked
// month, of what occurred in its home month. The line of the unrated is none.
type tallyKey struct {
	cell
	home tollbook.Month
	line lineKey
}

// tally is what counts, and the cut whose fold made it so.
type tally struct {
	increments decimal.Int
	events     int64
	version    uint64
}

// tallies is some accounts' tallies.
type tallies map[tallyKey]tally

// scanTally reads the columns organization, account, booked, home, line,
// increments as text, events, version.
func scanTally(rows driver.Rows) (k tallyKey, t tally, err error) {
	var booked, home int32
	var line, increments string
	if err := rows.Scan(&k.organization, &k.account, &booked, &home, &line, &increments, &t.events, &t.version); err != nil {
		return k, t, err
	}
	k.booked, k.home, k.line = tollbook.Month(booked), tollbook.Month(home), lineKey([]byte(line))
	t.increments, err = decimal.ParseInt(increments)
	return k, t, err
}

// counted reads what was written as what each charge counts, or takes back.
func (f *folding) counted() string {
	return fmt.Sprintf(`SELECT organization, account, booked, home, line, increments, toInt64(count) AS events FROM events
			ARRAY JOIN lines AS line, increments AS increments, counts AS count WHERE %[1]s AND %[2]s
		UNION ALL SELECT organization, account, booked, home, line, increments, toInt64(count) FROM bookings
			ARRAY JOIN lines AS line, increments AS increments, counts AS count WHERE %[1]s
		UNION ALL SELECT organization, account, was_booked, home, line, -increments, -toInt64(count) FROM bookings
			ARRAY JOIN was_lines AS line, was_increments AS increments, was_counts AS count WHERE %[1]s`, f.written(), notRepeated)
}

// deltas returns by how much what was written changes each tally.
func (f *folding) deltas(ctx context.Context) (tallies, error) {
	s := f.store
	sql := fmt.Sprintf(`SELECT organization, account, booked, home, line, toString(sum(toInt256(increments))), toInt64(sum(events)), toUInt64(0)
		FROM (%s) GROUP BY organization, account, booked, home, line`, f.counted())
	deltas := tallies{}
	keys := map[lineKey]bool{}
	err := s.query(ctx, sql, func(rows driver.Rows) error {
		k, t, err := scanTally(rows)
		deltas[k], keys[k.line] = t, true
		return err
	})
	if err != nil {
		return nil, err
	}
	return deltas, s.loadLines(ctx, keys)
}

// tallies returns the tallies that what was written touches, and all that make
// records with them. counted tells that what was written is in some of them
// already: somebody has begun to write them, and was done with the past.
//
// Those are all of a month in which something was touched, or in which the same
// home months are booked: tiers may cut them elsewhere now. What is booked there
// is cut by what was booked of its home month elsewhere.
func (f *folding) tallies(ctx context.Context, deltas tallies) (before tallies, counted bool, err error) {
	s := f.store
	cells, homes := map[cell]bool{}, map[cell]bool{}
	for k := range deltas {
		cells[k.cell] = true
		homes[cell{k.organization, k.account, k.home}] = true
	}
	asked, err := with(ctx, cellTable("cells", keysOf(cells)), cellTable("homes", keysOf(homes)))
	if err != nil {
		return nil, false, err
	}
	before = tallies{}
	keys := map[lineKey]bool{}
	err = s.query(asked, `WITH
		theirs AS (SELECT * FROM tallies FINAL WHERE (organization, account) IN (SELECT organization, account FROM cells)),
		months AS (SELECT organization, account, booked FROM cells
			UNION DISTINCT SELECT organization, account, booked FROM theirs WHERE (organization, account, home) IN (SELECT organization, account, booked FROM homes))
		SELECT organization, account, booked, home, line, toString(increments), events, version FROM theirs
		WHERE (organization, account, booked) GLOBAL IN months
		OR (organization, account, home) GLOBAL IN (SELECT organization, account, home FROM theirs WHERE (organization, account, booked) GLOBAL IN months)`, func(rows driver.Rows) error {
		k, t, err := scanTally(rows)
		if t.version > f.to {
			return errOvertaken
		}
		if _, touched := deltas[k]; touched && t.version == f.to {
			counted = true
		}
		before[k], keys[k.line] = t, true
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return before, counted, s.loadLines(ctx, keys)
}

func keysOf(m map[cell]bool) []cell {
	all := make([]cell, 0, len(m))
	for c := range m {
		all = append(all, c)
	}
	return all
}

// plus returns the tallies with deltas added, but for those that are of the
// version already.
func (before tallies) plus(deltas tallies, version uint64) tallies {
	after := make(tallies, len(before)+len(deltas))
	for k, t := range before {
		after[k] = t
	}
	for k, d := range deltas {
		t := after[k]
		if t.version == version {
			continue
		}
		after[k] = tally{t.increments.Add(d.increments), t.events + d.events, version}
	}
	return after
}

// putTallies writes down the tallies that were touched: all of them at once.
func (f *folding) putTallies(ctx context.Context, after, touched tallies) error {
	var cells []cell
	var home []int32
	var line [][]byte
	var increments []string
	var events []int64
	for k := range touched {
		t := after[k]
		cells, home, line = append(cells, k.cell), append(home, int32(k.home)), append(line, k.line[:])
		increments, events = append(increments, t.increments.String()), append(events, t.events)
	}
	fresh := cellTable("fresh", cells)
	fresh.columns = append(fresh.columns, sentColumn{"home", "Int32", home}, sentColumn{"line", "FixedString(16)", line},
		sentColumn{"increments", "String", increments}, sentColumn{"events", "Int64", events})
	ctx, err := with(ctx, fresh)
	if err != nil {
		return err
	}
	return f.store.exec(ctx, fmt.Sprintf(`INSERT INTO tallies (%s, version)
		SELECT * REPLACE (toInt256(increments) AS increments), toUInt64(%d) FROM fresh`, fresh.names(), f.to))
}

// group names a record of an account's month.
type group struct {
	cell
	tollbook.Grouping
}

// priced is a record as tallies make it. One without events is none.
type priced struct {
	group
	units, amount decimal.Decimal
	events        int64
	version       uint64 // of the last change
	tallies       map[tallyKey]bool
}

// usage is what an account used of a line in its home month, however it was
// booked: the tiers of a line cut it in the order of the months of booking.
type usage struct {
	organization, account string
	home                  tollbook.Month
	line                  lineKey
}

func (k *tallyKey) usage() usage { return usage{k.organization, k.account, k.home, k.line} }

// records returns the records whose tallies were touched, or that are cut
// elsewhere now.
func (all tallies) records(lines *lineBook, touched tallies) map[group]*priced {
	keys := all.inOrder()
	first := map[usage]tollbook.Month{} // of tiers: the first month that was touched
	for k := range touched {
		u := k.usage()
		if at, there := first[u]; !there || k.booked < at {
			first[u] = k.booked
		}
	}
	wanted := map[group]*priced{}
	for i := range keys {
		k := &keys[i]
		l := lines.line(k.line)
		if l == nil {
			continue // unrated
		}
		from, there := first[k.usage()]
		if _, is := touched[*k]; is || there && len(l.Tiers) > 0 && k.booked >= from {
			for part := range l.Parts() {
				g := group{k.cell, l.Part(part).Grouping}
				if wanted[g] == nil {
					wanted[g] = &priced{group: g}
				}
			}
		}
	}
	all.price(lines, keys, wanted)
	return wanted
}

// inOrder returns the keys in the order of the months of booking.
func (all tallies) inOrder() []tallyKey {
	return slices.SortedFunc(maps.Keys(all), func(a, b tallyKey) int { return cmp.Compare(a.booked, b.booked) })
}

// price adds tallies, in the order of the months of booking, to the records
// that are wanted. It returns how tiers cut what is in them.
func (all tallies) price(lines *lineBook, keys []tallyKey, wanted map[group]*priced) (cuts []tollbook.Cut) {
	type cut struct {
		increments decimal.Int
		version    uint64
	}
	earlier := map[usage]cut{}
	for i := range keys {
		k := &keys[i]
		l, t := lines.line(k.line), all[keys[i]]
		if l == nil {
			continue
		}
		before := cut{}
		if len(l.Tiers) > 0 {
			before = earlier[k.usage()]
			earlier[k.usage()] = cut{before.increments.Add(t.increments), max(before.version, t.version)}
		}
		nothing := true // in any part: then it shows in the first
		for part := l.Parts() - 1; part >= 0; part-- {
			r := wanted[group{k.cell, l.Part(part).Grouping}]
			share := l.Share(part, before.increments, t.increments)
			shown := share.Sign() != 0 || part == 0 && nothing && t.events != 0
			if share.Sign() != 0 {
				nothing = false
			}
			if r != nil && t.version > 0 { // it was there
				r.version = max(r.version, t.version, before.version)
			}
			if r != nil && shown {
				r.add(k, l.Part(part), share, &t)
				if len(l.Tiers) > 0 {
					cuts = append(cuts, tollbook.Cut{Line: l, Part: part, Before: before.increments, Increments: t.increments, Share: share})
				}
			}
		}
	}
	return cuts
}

func (r *priced) add(k *tallyKey, l *tollbook.Line, share decimal.Int, t *tally) {
	r.units = r.units.Add(l.Units(share))
	r.amount = r.amount.Add(l.Amount(share))
	if r.tallies == nil {
		r.tallies = map[tallyKey]bool{}
	}
	if !r.tallies[*k] { // two tiers may have one price
		r.tallies[*k] = true
		r.events += t.events
	}
}
