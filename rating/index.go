package rating

import (
	"cmp"
	"iter"
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
//
// Events go to all places of a card at random, so what an event costs is the
// cache lines that it is the first to touch. Therefore the digits, which are
// searched, lie apart from what is known of each prefix, and that is one line
// together with the prefix's row where there is but one.
type index struct {
	keys        []digits // the prefixes, sorted; the first is the blank one, with rows or without
	prefixes    []prefix // of the same places
	starts      []uint32 // by the first digits as a number: the first prefix not before them
	startDigits int      // how many these are
	entries     []row    // of prefixes with several rows; a row of several prefixes is there several times
	shapes      map[uint32][]shape
	buckets     map[bucketKey]rowRange
}

// fewRows is the most rows of a prefix that are tried in turn.
const fewRows = 8

// prefix is what is known of a prefix: a cache line of 64 bytes.
type prefix struct {
	text   string   // its digits
	only   row      // where rows.count is 1, which leaves none in entries
	rows   rowRange // 0 rows: the blank prefix alone may have none
	parent uint32
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

// startsPerPrefix is how much longer than the list of prefixes index.starts may
// be. With it a card of 50,000 prefixes goes by five digits, which leaves one
// prefix to compare where four would leave ten in three cache lines.
const startsPerPrefix = 4

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
	prefixes := 1
	for i := range cells {
		if i == 0 || cells[i].digits != cells[i-1].digits {
			prefixes++
		}
	}
	t.keys, t.prefixes = make([]digits, 1, prefixes), make([]prefix, 1, prefixes)
	t.shapes, t.buckets = map[uint32][]shape{}, map[bucketKey]rowRange{}
	for i := 0; i < len(cells); {
		n := i + 1
		for n < len(cells) && cells[n].digits == cells[i].digits {
			n++
		}
		at := t.addPrefix(cells[i].digits)
		t.addRows(at, rows, cells[i:n])
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
	last := uint32(len(t.keys) - 1)
	t.prefixes = append(t.prefixes, prefix{parent: t.ancestor(last, d), text: d.String()})
	t.keys = append(t.keys, d)
	return last + 1
}

// ancestor returns the first of a prefix, its parent and so on that d starts
// with; at last that is the blank one.
func (x *index) ancestor(at uint32, d digits) uint32 {
	for !x.keys[at].isPrefixOf(d) {
		at = x.prefixes[at].parent
	}
	return at
}

// addRows gives a prefix the rows of its cells.
func (t *Table) addRows(at uint32, rows []row, cells []cell) {
	p := &t.prefixes[at]
	p.rows = rowRange{uint32(len(t.entries)), uint32(len(cells))}
	if len(cells) == 1 {
		p.only = rows[cells[0].row]
		return
	}
	for _, c := range cells {
		t.entries = append(t.entries, rows[c.row])
	}
	if len(cells) > fewRows {
		t.addBuckets(at)
	}
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

// fillStarts makes index.starts, whose length is bounded by the number of
// prefixes, whatever their digits are.
func (t *Table) fillStarts() {
	starts := 1
	for ; starts*digitBase <= startsPerPrefix*len(t.keys); starts *= digitBase {
		t.startDigits++
	}
	t.starts = make([]uint32, starts+1)
	next := 0
	for i, key := range t.keys {
		for ; next <= key.number(t.startDigits); next++ {
			t.starts[next] = uint32(i)
		}
	}
	for ; next < len(t.starts); next++ {
		t.starts[next] = uint32(len(t.keys))
	}
}

// rowsOf yields the rows of a prefix, better ones first.
func (x *index) rowsOf(at uint32) iter.Seq[*row] {
	return func(yield func(*row) bool) {
		p := &x.prefixes[at]
		if p.rows.count == 1 {
			yield(&p.only)
			return
		}
		rows := p.rows.of(x.entries)
		for i := range rows {
			if !yield(&rows[i]) {
				return
			}
		}
	}
}

// below returns which of the prefixes from lo to before hi start with d.
func (x *index) below(d digits, lo, hi uint32) (from, to uint32) {
	keys := x.keys[lo:hi]
	first, _ := slices.BinarySearchFunc(keys, d, digits.compare)
	n, _ := slices.BinarySearchFunc(keys[first:], d, func(key, d digits) int {
		if d.isPrefixOf(key) {
			return -1
		}
		return 1
	})
	return lo + uint32(first), lo + uint32(first+n)
}

// longest returns the longest prefix that a number starts with.
func (x *index) longest(d digits) uint32 {
	start := d.number(x.startDigits)
	lo, hi := x.starts[start], x.starts[start+1]
	for lo < hi { // find the first one behind d
		if mid := (lo + hi) / 2; x.keys[mid].compare(d) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return x.ancestor(lo-1, d)
}
