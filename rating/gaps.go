package rating

import (
	"fmt"
	"math/bits"
	"strings"
)

// endings warns of the rows of a prefix on which no version of theirs follows
// at once. The rows that match the same are neighbours, ascending by date.
func (w *warner) endings(at uint32) {
	var before *row
	for r := range w.table.rowsOf(at) {
		if before != nil && before.match != r.match {
			w.ending(at, before, nil)
		} else if before != nil && before.to < r.from {
			w.ending(at, before, r)
		}
		before = r
	}
	if before != nil {
		w.ending(at, before, nil)
	}
}

// ending warns of a row that ends before the next version begins, or for good
// where there is none.
func (w *warner) ending(at uint32, r, next *row) {
	if r.to == openTo {
		return
	}
	until, period := int32(openTo), fmt.Sprintf("from %s on no row follows on it", dayText(r.to))
	if next != nil {
		until, period = next.from, fmt.Sprintf("from %s until %s, when line %d begins, no row follows on it", dayText(r.to), dayText(next.from), next.line)
	}
	if instead := w.instead(at, r, until); instead != nil {
		w.add(r, at, "%s, and line %d prices what it priced", period, instead.line)
		return
	}
	w.add(r, at, "%s: what it priced may stay unrated", period)
}

// instead returns the best row that prices all that a row priced, from the day
// on which it ends until another.
func (w *warner) instead(at uint32, r *row, until int32) *row {
	var found *row
	for ; ; at = w.table.prefixes[at].parent {
		good := func(s *row) bool {
			found = s
			return s.from <= r.to && until <= s.to && w.covers(s, r)
		}
		if w.any(at, good) {
			return found
		}
		if at == 0 {
			return nil
		}
	}
}

// kindInCountry is a kind of rows under prefixes of one country code.
type kindInCountry struct {
	code digits
	match
}

// countryGap is that rows of a kind price some numbers of a country, and no
// row prices the others.
type countryGap struct {
	row   *row // of the lowest line
	first uint32
	count int // prefixes
}

// countries looks for rows of a prefix that price only some of the numbers of
// a country.
func (w *warner) countries(at uint32) {
	key := w.table.keys[at]
	code, ok := key.countryCode()
	if !ok || key == code {
		return
	}
	for r := range w.table.rowsOf(at) {
		kind := kindInCountry{code, r.match}
		gap, known := w.gaps[kind]
		switch {
		case !known && w.priced(code, r):
			w.gaps[kind] = nil
		case !known:
			w.gaps[kind] = &countryGap{row: r, first: at, count: 1}
		case gap != nil:
			gap.count++
			if r.line < gap.row.line {
				gap.row = r
			}
		}
	}
}

// priced tells whether rows price all numbers of a country that are of the
// kind of a row, whenever and whatever it is that is sold.
func (w *warner) priced(code digits, r *row) bool {
	asksNoMore := func(s *row) bool { return s.asksNoMoreThan(&r.match) }
	for at := w.table.longest(code); ; at = w.table.prefixes[at].parent {
		if w.any(at, asksNoMore) {
			return true
		}
		if at == 0 {
			return w.allBelow(code, 1, uint32(len(w.table.keys)), asksNoMore)
		}
	}
}

// addCountries warns of the countries that were found to have gaps.
func (w *warner) addCountries() {
	for kind, gap := range w.gaps {
		if gap == nil {
			continue
		}
		which := fmt.Sprintf("the prefix %s", w.table.prefixes[gap.first].text)
		if gap.count > 1 {
			which = fmt.Sprintf("%d prefixes, %s the first of them", gap.count, w.table.prefixes[gap.first].text)
		}
		w.add(gap.row, 0, "usage %s is priced by no row for numbers of +%s but those of %s", w.describe(gap.row), kind.code, which)
	}
}

// hidden warns of the rows of a prefix that no number reaches, or only the one
// that has no digits but the prefix. An event may come without a number, so
// there is always one that reaches a row without prefixes.
func (w *warner) hidden(at uint32) {
	d := w.table.keys[at]
	if at == 0 {
		return
	}
	lo, hi := w.table.below(d, at+1, uint32(len(w.table.keys)))
	if hi-lo < 10 {
		return // some digit behind it has no prefix
	}
	for r := range w.table.rowsOf(at) {
		if w.allBelow(d, lo, hi, func(s *row) bool { return s.from <= r.from && r.to <= s.to && w.covers(s, r) }) {
			w.add(r, at, "is never reached: longer prefixes price all numbers that start with its own")
		}
	}
}

// allBelow tells whether for every digit behind d there is a prefix with a row
// that is good, or this holds for the digits behind it. The prefixes that
// start with d are among those from lo to before hi.
func (w *warner) allBelow(d digits, lo, hi uint32, good func(*row) bool) bool {
	for digit := range 10 {
		longer, ok := d.child(digit)
		if !ok {
			return false
		}
		first, end := w.table.below(longer, lo, hi)
		if first == end {
			return false
		}
		if w.table.keys[first] == longer {
			if w.any(first, good) {
				continue
			}
			first++
		}
		if !w.allBelow(longer, first, end, good) {
			return false
		}
	}
	return true
}

// any tells whether a row of a prefix is good.
func (w *warner) any(at uint32, good func(*row) bool) bool {
	for r := range w.table.rowsOf(at) {
		if w.steps--; w.steps < 0 {
			return false
		}
		if good(r) {
			return true
		}
	}
	return false
}

// openTiers warns of rows whose tiers are not counted together for all events
// that they price: what a row leaves open, a line takes from the event, and
// each line has tiers of its own.
func (w *warner) openTiers(at uint32) {
	for r := range w.table.rowsOf(at) {
		tariff := &w.table.tariffs[r.tariff]
		if tariff.tiers == 0 {
			continue
		}
		var open []string
		for _, c := range [...]struct {
			column int
			open   bool
		}{
			{colResource, r.resource == 0},
			{colDirection, r.direction == 0},
			{colResolutions, bits.OnesCount8(uint8(r.resolutions)) != 1},
			{colUnitOfMeasure, w.table.terms[tariff.terms].unit == 0},
		} {
			if c.open {
				open = append(open, columnNames[c.column])
			}
		}
		if open != nil {
			w.add(r, 0, "free units and tiers are counted apart for each value of %s, as the row does not name one", strings.Join(open, ", "))
		}
	}
}
