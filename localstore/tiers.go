package localstore

import (
	"math/bits"
	"slices"

	"tollbook"
	"tollbook/decimal"
)

// tiers is the tallies of lines with tiers. Which of a line's records there
// are, and what is in each, depends on how far a month has come: it follows
// from the increments of the tally, behind those of the same usage that were
// booked earlier.
type tiers struct {
	are      bitset // tallies
	tallies  map[uint32]*tieredTally
	portions map[uint32][]portion  // by record, those of one tally together
	usage    map[usageKey][]uint32 // tallies by the month in which they are booked
}

type tieredTally struct {
	records []uint32 // by part
	present uint32   // parts, by bit
}

// portion is a part of a tally's line.
type portion struct {
	tally uint32
	part  int
}

// usageKey names what an account used of a line in a month.
type usageKey struct {
	account uint32
	home    tollbook.Month
	line    uint32
}

func (k tallyKey) usage() usageKey { return usageKey{k.account, k.home, k.line} }

func newTiers() tiers {
	return tiers{
		tallies:  make(map[uint32]*tieredTally),
		portions: make(map[uint32][]portion),
		usage:    make(map[usageKey][]uint32),
	}
}

// addTiers adds a tally whose line has tiers.
func (v *views) addTiers(no uint32, t *newTally) {
	x := &v.tiers
	x.are.set(no)
	tt := &tieredTally{}
	for p := range t.eachPart {
		x.portions[p.record] = append(x.portions[p.record], portion{no, len(tt.records)})
		v.unusual.set(p.record)
		tt.records = append(tt.records, p.record)
	}
	x.tallies[no] = tt
	all := x.usage[t.usage()]
	i, _ := slices.BinarySearchFunc(all, t.month, func(no uint32, m tollbook.Month) int { return int(v.tallies.at(no).month - m) })
	x.usage[t.usage()] = slices.Insert(all, i, no)
}

// cut finds out which parts of a tally are present, and of those behind it,
// which follow on its increments: their records change with it.
func (v *views) cut(no uint32) {
	t := v.tallies.at(no)
	line, before := v.lines[t.line], decimal.Int{}
	for _, other := range v.tiers.usage[t.usage()] {
		n := v.counts.at(other)
		if v.tallies.at(other).month >= t.month {
			x, parts := v.tiers.tallies[other], partsOf(line, before, n)
			if gone := x.present &^ parts; gone != 0 || other != no && bits.OnesCount32(parts) > 1 {
				v.shifted(other)
			}
			v.present(x, parts)
			v.touched.set(other)
		}
		before = before.Add(n.increments)
	}
}

// shifted notes that what had been counted in a tally is in other records, or in
// other shares, than before.
func (v *views) shifted(no uint32) {
	v.corrections++
	v.cellAt(v.tallies.at(no).cellKey).corrected = v.corrections
}

// partsOf returns which parts of a line a tally shows. Where it has words of
// nothing at all it is the first.
func partsOf(line *tollbook.Line, before decimal.Int, n *count) (present uint32) {
	if n.words == 0 {
		return 0
	}
	for i := range line.Parts() {
		if line.Share(i, before, n.increments).Sign() != 0 {
			present |= 1 << i
		}
	}
	return max(present, 1)
}

// present notes which parts of a tally are present.
func (v *views) present(t *tieredTally, parts uint32) {
	had := t.present
	t.present = parts
	for i, record := range t.records {
		v.show(record, int32(parts>>i&1)-int32(had>>i&1))
	}
}

// before returns the increments of a tally's usage that were booked earlier.
func (v *views) before(no uint32) (sum decimal.Int) {
	for _, other := range v.tiers.usage[v.tallies.at(no).usage()] {
		if other == no {
			break
		}
		sum = sum.Add(v.counts.at(other).increments)
	}
	return sum
}

// fillTiers adds to a record what lines with tiers have in it.
func (v *views) fillTiers(r *tollbook.Record, no uint32) {
	last := noTally
	for _, p := range v.tiers.portions[no] {
		if v.tiers.tallies[p.tally].present>>p.part&1 == 0 {
			continue
		}
		line, n := v.lines[v.tallies.at(p.tally).line], v.counts.at(p.tally)
		events := n.words
		if p.tally == last { // two tiers of one price
			events = 0
		}
		last = p.tally
		addTo(r, line.Part(p.part), line.Share(p.part, v.before(p.tally), n.increments), events)
	}
}

// cuts returns where the tiers of a record's rates cut the month.
func (v *views) cuts(no uint32) (cuts []tollbook.Cut) {
	for _, p := range v.tiers.portions[no] {
		if v.tiers.tallies[p.tally].present>>p.part&1 == 0 {
			continue
		}
		line, n, before := v.lines[v.tallies.at(p.tally).line], v.counts.at(p.tally).increments, v.before(p.tally)
		cuts = append(cuts, tollbook.Cut{Line: line, Part: p.part, Before: before, Increments: n, Share: line.Share(p.part, before, n)})
	}
	return cuts
}
