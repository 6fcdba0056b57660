package rating

import (
	"cmp"
	"slices"
)

// index finds the row of an event. A card's prefixes lie sorted, each with its
// parent, the longest other prefix that it starts with: the one that is last
// before an event's number, or one of its ancestors, is the longest that the
// number starts with.
//
// The rows of a prefix lie together, better ones first, and are tried in
// turn. Where they are many, each shape of row that the prefix has is looked
// up instead: prefix, shape and what the shape asks of the event name a
// bucket, whose rows differ in nothing but their dates.
type index struct {
	prefixes []prefix // sorted; the first is the blank one, with rows or without
	texts    []string // of the prefixes: their digits
	starts   []uint32 // by the first digits: the first prefix not before them
	shift    int      // what takes digits.hi to its place in starts
	entries  []row    // by prefix; a row of several prefixes is there several times
	shapes   map[uint32][]shape
	buckets  map[bucketKey]rowRange
}

// fewRows is the most rows of a prefix that are tried in turn.
const fewRows = 8

type prefix struct {
	digits
	parent uint32
	rows   rowRange
	length uint8 // in digits
}

// rowRange is a part of index.entries.
type rowRange struct{ first, count uint32 }

func (r rowRange) of(entries []row) []row { return entries[r.first:][:r.count] }

// shape says which columns a row asks about, and its resolutions.
type shape struct {
	filled      filled
	resolutions resolutionSet
}

type bucketKey struct {
	prefix uint32
	match
}

// cell is a row under one of its prefixes.
type cell struct {
	digits
	row uint32
}

// maxStartDigits is the most digits that index.starts goes by.
const maxStartDigits = 4

// sortCells brings the cells of each bucket together, those of buckets that
// may tie one behind the other, and better ones first.
func sortCells(rows []row, cells []cell) {
	slices.SortFunc(cells, func(x, y cell) int {
		if c := x.digits.compare(y.digits); c != 0 {
			return c
		}
		a, b := &rows[x.row], &rows[y.row]
		return cmp.Or(
			a.compareTied(&b.match),
			cmp.Compare(a.resource, b.resource),
			cmp.Compare(a.resolutions, b.resolutions),
			cmp.Compare(a.from, b.from),
			cmp.Compare(a.line, b.line),
		)
	})
}

// compareTied returns 0 for rows that have the same rank and ask for the same
// in the columns in which rows cannot overlap without being equal.
func (m *match) compareTied(o *match) int {
	return cmp.Or(
		cmp.Compare(o.filled.rank(), m.filled.rank()),
		cmp.Compare(m.country, o.country),
		cmp.Compare(m.category, o.category),
		cmp.Compare(m.subtype, o.subtype),
		cmp.Compare(m.direction, o.direction),
	)
}

// build makes the index of the rows from their sorted cells.
func (t *Table) build(rows []row, cells []cell) {
	t.prefixes, t.texts = []prefix{{}}, []string{""}
	t.shapes, t.buckets = map[uint32][]shape{}, map[bucketKey]rowRange{}
	t.entries = make([]row, len(cells))
	for i, c := range cells {
		t.entries[i] = rows[c.row]
	}
	for i := 0; i < len(cells); {
		n := i + 1
		for n < len(cells) && cells[n].digits == cells[i].digits {
			n++
		}
		at := t.addPrefix(cells[i].digits)
		t.prefixes[at].rows = rowRange{uint32(i), uint32(n - i)}
		if n-i > fewRows {
			t.addBuckets(at)
		}
		i = n
	}
	t.fillStarts()
}

// addPrefix appends a prefix that sorts behind all others and returns its
// place.
func (t *Table) addPrefix(d digits) uint32 {
	if d == (digits{}) {
		return 0
	}
	last := uint32(len(t.prefixes) - 1)
	text := d.String()
	t.prefixes = append(t.prefixes, prefix{digits: d, parent: t.ancestor(last, d), length: uint8(len(text))})
	t.texts = append(t.texts, text)
	return last + 1
}

// ancestor returns the first of a prefix, its parent and so on that d starts
// with; at last that is the blank one.
func (x *index) ancestor(at uint32, d digits) uint32 {
	for p := &x.prefixes[at]; !p.isPrefixOf(d, int(p.length)); p = &x.prefixes[at] {
		at = p.parent
	}
	return at
}

// addBuckets makes the buckets and shapes of a prefix.
func (t *Table) addBuckets(at uint32) {
	known := map[shape]bool{}
	rows := t.prefixes[at].rows
	for i, r := range rows.of(t.entries) {
		key := bucketKey{at, r.match}
		b, ok := t.buckets[key]
		if !ok {
			b.first = rows.first + uint32(i)
		}
		b.count++
		t.buckets[key] = b
		if s := (shape{r.filled, r.resolutions}); !known[s] {
			known[s] = true
			t.shapes[at] = append(t.shapes[at], s)
		}
	}
}

// fillStarts makes index.starts about as long as there are prefixes, so that
// few are left to search.
func (t *Table) fillStarts() {
	places := 0
	for n := len(t.prefixes); n >= 10 && places < maxStartDigits; n /= 10 {
		places++
	}
	t.shift = 64 - 4*places
	t.starts = make([]uint32, 1<<(4*places)+1)
	next := 0
	for i, p := range t.prefixes {
		for ; next <= int(p.hi>>t.shift); next++ {
			t.starts[next] = uint32(i)
		}
	}
	for ; next < len(t.starts); next++ {
		t.starts[next] = uint32(len(t.prefixes))
	}
}

// longest returns the longest prefix that a number starts with.
func (x *index) longest(d digits) uint32 {
	start := d.hi >> x.shift
	lo, hi := x.starts[start], x.starts[start+1]
	for lo < hi { // find the first one behind d
		if mid := (lo + hi) / 2; x.prefixes[mid].compare(d) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return x.ancestor(lo-1, d)
}
