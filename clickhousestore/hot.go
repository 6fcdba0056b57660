package clickhousestore

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
)

// hot is the tallies of the months that this server has folded of late, so that
// the next fold need not read them. They are those of a cut: where another server
// has folded since, they are forgotten.
//
// Months with tiers are not among them: what they show hangs together with what
// is booked of the same months elsewhere.
type hot struct {
	cut   uint64
	cells map[cell]*hotCell
	size  int // tallies in all of them
}

// maxHot is how many tallies are kept, which takes some 200 bytes each.
const maxHot = 1_000_000

// hotCell is an account's month.
type hotCell struct {
	tallies map[hotKey]tally
	records map[int][]hotKey // what makes a record, by the number of its grouping
}

// hotKey names a tally in an account's month.
type hotKey struct {
	home tollbook.Month
	line lineKey
}

func (h *hot) forget() { *h = hot{} }

// folded notes that a server has folded from one cut to the next: this one.
func (h *hot) folded(from, to uint64) {
	if h.cut == from {
		h.cut = to
	} else {
		h.forget()
	}
}

// countHot counts what was written out of tallies that are known, and tells
// whether it has: not where tiers are involved, or where somebody has begun to
// write the same.
func (f *folding) countHot(ctx context.Context, deltas tallies) (done bool, err error) {
	h, lines := &f.store.hot, &f.store.lines
	if h.cut != f.from || h.cells == nil || h.size > maxHot {
		*h = hot{cut: f.from, cells: map[cell]*hotCell{}}
	}
	defer func() {
		if !done || err != nil {
			h.forget()
		}
	}()
	missing := map[cell]bool{}
	for k := range deltas {
		if l := lines.line(k.line); l != nil && len(l.Tiers) > 0 {
			return false, nil
		}
		if h.cells[k.cell] == nil {
			missing[k.cell] = true
		}
	}
	if fits, err := f.heat(ctx, missing); !fits || err != nil {
		return false, err
	}
	touched := map[cell]map[int]bool{} // the records
	for k := range deltas {
		c := h.cells[k.cell]
		if touched[k.cell] == nil {
			touched[k.cell] = map[int]bool{}
		}
		if n := c.add(h, lines, k); n >= 0 {
			touched[k.cell][n] = true
		}
	}
	if f.marked > 0 {
		if err := f.keepPast(ctx, h.records(lines, touched)); err != nil {
			return false, err
		}
	}
	after := make(tallies, len(deltas))
	for k, d := range deltas {
		c, key := h.cells[k.cell], hotKey{k.home, k.line}
		t := c.tallies[key]
		t = tally{t.increments.Add(d.increments), t.events + d.events, f.to}
		c.tallies[key], after[k] = t, t
	}
	if err := f.putTallies(ctx, after, deltas); err != nil {
		return false, err
	}
	return true, f.putRecords(ctx, h.records(lines, touched))
}

// heat reads the tallies of cells. It tells whether they can be counted without
// more: they have no tiers, and nobody has begun to write what this fold makes.
func (f *folding) heat(ctx context.Context, cells map[cell]bool) (bool, error) {
	if len(cells) == 0 {
		return true, nil
	}
	s, h := f.store, &f.store.hot
	asked, err := with(ctx, cellTable("cells", keysOf(cells)))
	if err != nil {
		return false, err
	}
	for c := range cells {
		h.cells[c] = &hotCell{map[hotKey]tally{}, map[int][]hotKey{}}
	}
	all, keys, begun := tallies{}, map[lineKey]bool{}, false
	err = s.query(asked, `SELECT organization, account, booked, home, line, toString(increments), events, version FROM tallies FINAL
		WHERE (organization, account, booked) IN (SELECT organization, account, booked FROM cells)`, func(rows driver.Rows) error {
		k, t, err := scanTally(rows)
		if t.version > f.to {
			return errOvertaken
		}
		begun = begun || t.version == f.to
		all[k], keys[k.line] = t, true
		return err
	})
	if err != nil || begun {
		return false, err
	}
	if err := s.loadLines(ctx, keys); err != nil {
		return false, err
	}
	for k := range keys {
		if l := s.lines.line(k); l != nil && len(l.Tiers) > 0 {
			return false, nil
		}
	}
	for k, t := range all {
		c := h.cells[k.cell]
		c.add(h, &s.lines, k)
		c.tallies[hotKey{k.home, k.line}] = t
	}
	return true, nil
}

// add has a tally in the cell, and returns the number of its record's grouping,
// -1 for what is unrated.
func (c *hotCell) add(h *hot, lines *lineBook, k tallyKey) int {
	key, n := hotKey{k.home, k.line}, -1
	if k.line != (lineKey{}) {
		n = lines.number(k.line)
	}
	if _, there := c.tallies[key]; !there {
		c.tallies[key] = tally{}
		h.size++
		if n >= 0 {
			c.records[n] = append(c.records[n], key)
		}
	}
	return n
}

// records prices records out of tallies.
func (h *hot) records(lines *lineBook, wanted map[cell]map[int]bool) map[group]*priced {
	all := map[group]*priced{}
	for at, numbers := range wanted {
		c := h.cells[at]
		for n := range numbers {
			r := &priced{}
			for _, key := range c.records[n] {
				l, t := lines.line(key.line), c.tallies[key]
				if r.group == (group{}) {
					r.group = group{at, l.Grouping}
				}
				r.version = max(r.version, t.version)
				if t.increments.Sign() != 0 || t.events != 0 {
					r.units = r.units.Add(l.Units(t.increments))
					r.amount = r.amount.Add(l.Amount(t.increments))
					r.events += t.events
				}
			}
			all[r.group] = r
		}
	}
	return all
}
