package rating

import (
	"cmp"
	"encoding/binary"
	"slices"

	"tollbook"
)

// index finds the row of an event. A card's prefixes lie sorted, each with its
// parent, the longest other prefix that it starts with: the one that is last
// before an event's number, or one of its ancestors, is the longest that the
// number starts with. Each prefix knows the shapes of its rows, and a prefix,
// a shape and what it asks of the event together name a bucket, whose rows
// differ in nothing but their dates.
type index struct {
	prefixes []prefix // sorted; the first is the blank one, with rows or without
	starts   []uint32 // by the first three digits: the first prefix not before them
	digits   string   // of all prefixes, one behind the other
	shapes   [][]shape
	buckets  map[bucketKey]bucket
	order    []uint32 // places in rows, bucket by bucket, ascending by from
}

type prefix struct {
	digits
	parent uint32
	shapes uint32 // its list of them
	text   uint32 // where its text starts
	length uint8  // in digits
}

// shape says which columns a row asks about, and its resolutions.
type shape struct {
	filled      filled
	resolutions resolutionSet
}

type bucketKey struct {
	prefix uint32
	match
}

// bucket is a range of index.order.
type bucket struct{ first, count uint32 }

// cell is a row under one of its prefixes.
type cell struct {
	digits
	row uint32
}

// startDigits is how many digits index.starts goes by.
const startDigits = 3

func (d digits) start() int { return int(d.hi >> (64 - 4*startDigits)) }

// sortCells brings the cells of each bucket together, those of buckets that
// may tie one behind the other, and better ones first.
func (t *Table) sortCells(cells []cell) {
	slices.SortFunc(cells, func(x, y cell) int {
		if c := x.digits.compare(y.digits); c != 0 {
			return c
		}
		a, b := &t.rows[x.row], &t.rows[y.row]
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

// build makes the index from sorted cells.
func (t *Table) build(cells []cell) {
	t.buckets = make(map[bucketKey]bucket, len(cells))
	t.order = make([]uint32, len(cells))
	t.prefixes = []prefix{{}}
	t.shapes = [][]shape{nil}
	lists := map[string]uint32{"": 0} // encoded list of shapes → its number
	var texts []byte
	var shapes []shape
	for i := 0; i < len(cells); {
		n := 1
		for i+n < len(cells) && cells[i+n].digits == cells[i].digits {
			n++
		}
		at := t.addPrefix(cells[i].digits, uint32(len(texts)))
		texts = cells[i].digits.append(texts)
		shapes = shapes[:0]
		for j := i; j < i+n; j++ {
			shapes = t.addCell(at, uint32(j), cells[j].row, shapes)
		}
		t.prefixes[at].shapes = t.shapeList(lists, shapes)
		i += n
	}
	t.digits = string(texts)
	t.fillStarts()
}

// addPrefix appends a prefix that sorts behind all others and returns its
// place.
func (t *Table) addPrefix(d digits, text uint32) uint32 {
	if d == (digits{}) {
		return 0
	}
	last := uint32(len(t.prefixes) - 1)
	t.prefixes = append(t.prefixes, prefix{digits: d, parent: t.ancestor(last, d), text: text, length: uint8(d.len())})
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

// addCell adds the i-th cell to its bucket, and to shapes if its shape is new
// there.
func (t *Table) addCell(at, i, row uint32, shapes []shape) []shape {
	t.order[i] = row
	m := t.rows[row].match
	key := bucketKey{at, m}
	b, ok := t.buckets[key]
	if !ok {
		b.first = i
	}
	b.count++
	t.buckets[key] = b
	if s := (shape{m.filled, m.resolutions}); !ok && !slices.Contains(shapes, s) {
		shapes = append(shapes, s)
	}
	return shapes
}

// shapeList returns the number of a list of shapes; nearly all prefixes of a
// card share one.
func (t *Table) shapeList(lists map[string]uint32, shapes []shape) uint32 {
	var buf [64]byte
	key := buf[:0]
	for _, s := range shapes {
		key = binary.BigEndian.AppendUint16(key, uint16(s.filled)<<8|uint16(s.resolutions))
	}
	n, ok := lists[string(key)]
	if !ok {
		n = uint32(len(t.shapes))
		lists[string(key)] = n
		t.shapes = append(t.shapes, slices.Clone(shapes))
	}
	return n
}

func (t *Table) fillStarts() {
	t.starts = make([]uint32, 1<<(4*startDigits)+1)
	next := 0
	for i := range t.prefixes {
		for ; next <= t.prefixes[i].start(); next++ {
			t.starts[next] = uint32(i)
		}
	}
	for ; next < len(t.starts); next++ {
		t.starts[next] = uint32(len(t.prefixes))
	}
}

// longest returns the longest prefix that a number starts with.
func (x *index) longest(d digits) uint32 {
	lo, hi := x.starts[d.start()], x.starts[d.start()+1]
	for lo < hi { // find the first one behind d
		if mid := (lo + hi) / 2; x.prefixes[mid].compare(d) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return x.ancestor(lo-1, d)
}

// prefix returns the digits of a prefix.
func (x *index) prefix(at uint32) string {
	p := &x.prefixes[at]
	return x.digits[p.text:][:p.length]
}

// find returns the place of the row that prices an event and of the prefix
// that it matched by.
func (t *Table) find(e *tollbook.Event, cal *tollbook.Calendar) (row, at uint32, ok bool) {
	q := query{table: t, event: e, calendar: cal}
	if d, n, isNumber := parseDigits(e.To); isNumber && n > 0 {
		at = t.longest(d)
	}
	for {
		for _, s := range t.shapes[t.prefixes[at].shapes] {
			if row, ok := q.look(at, s); ok {
				return row, at, true
			}
		}
		if at == 0 {
			return 0, 0, false
		}
		at = t.prefixes[at].parent
	}
}

// query is one lookup. What takes work to find out about the event is found
// out when the first row asks.
type query struct {
	table    *Table
	event    *tollbook.Event
	calendar *tollbook.Calendar

	country, category, subtype uint32 // 0: not yet known
	day                        int32
	haveDay                    bool
}

// look returns the row under a prefix that has a shape and matches the event.
func (q *query) look(at uint32, s shape) (uint32, bool) {
	if !s.resolutions.matches(q.event.Resolution) {
		return 0, false
	}
	key := bucketKey{prefix: at, match: match{filled: s.filled, resolutions: s.resolutions}}
	if s.filled&filledResource != 0 {
		key.resource = q.event.Type
	}
	if s.filled&filledDirection != 0 {
		key.direction = q.event.Direction
	}
	if s.filled&filledCountry != 0 {
		key.country = q.symbol(&q.country, q.event.Country)
	}
	if s.filled&filledCategory != 0 {
		key.category = q.symbol(&q.category, q.event.Category)
	}
	if s.filled&filledSubtype != 0 {
		key.subtype = q.symbol(&q.subtype, q.event.Subtype)
	}
	b, ok := q.table.buckets[key]
	if !ok {
		return 0, false
	}
	row, ok := q.inEffect(q.table.order[b.first : b.first+b.count])
	return row, ok && q.table.tariffs[q.table.rows[row].tariff].matches(q.event)
}

func (q *query) symbol(known *uint32, text string) uint32 {
	if *known == 0 {
		*known = q.table.symbol(text)
	}
	return *known
}

// inEffect returns which of a bucket's rows is in effect when the event
// occurred. Their dates do not overlap.
func (q *query) inEffect(bucket []uint32) (uint32, bool) {
	rows := q.table.rows
	if r := &rows[bucket[0]]; len(bucket) == 1 && r.from == openFrom && r.to == openTo {
		return bucket[0], true
	}
	if !q.haveDay {
		q.day, q.haveDay = q.calendar.DayOf(q.event.OccurredAt), true
	}
	after, _ := slices.BinarySearchFunc(bucket, q.day, func(i uint32, day int32) int {
		if rows[i].from <= day {
			return -1
		}
		return 1
	})
	if after == 0 {
		return 0, false
	}
	row := bucket[after-1]
	return row, q.day < rows[row].to
}
