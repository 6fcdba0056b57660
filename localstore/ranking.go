package localstore

import (
	"bytes"
	"slices"
	"strings"

	"tollbook"
)

// ranking is records in ascending order, cut into groups: within a group they
// are ordered by id. Any stretch of it is found without a scan.
type ranking []group

// group is the union of lists that share no record, but what is in some
// others: a filter that rules little out is a whole list without that.
type group struct {
	month   tollbook.Month // of all records, in an order by month
	account string         // likewise
	lists   []*idList
	without []*idList // share no record either; all in lists
	n       int
}

func (g *group) add(l *idList) {
	if l.len() > 0 {
		g.lists = append(g.lists, l)
		g.n += l.len()
	}
}

func (g *group) remove(l *idList) {
	if l.len() > 0 {
		g.without = append(g.without, l)
		g.n -= l.len()
	}
}

// rank returns how many of the group's records are before id.
func (g *group) rank(ids recordIDs, id *tollbook.RecordID) int {
	r := 0
	for _, l := range g.lists {
		r += l.rank(ids, id)
	}
	for _, l := range g.without {
		r -= l.rank(ids, id)
	}
	return r
}

// boundary returns an id before which exactly rank of the group's records
// are. It is found bit by bit; ids are hashes, so a few more bits than the
// number of records has are enough.
func (g *group) boundary(ids recordIDs, rank int) tollbook.RecordID {
	var id tollbook.RecordID
	for bit := range 8 * len(id) {
		mask := byte(0x80 >> (bit % 8))
		id[bit/8] |= mask
		switch n := g.rank(ids, &id); {
		case n == rank:
			return id
		case n > rank:
			id[bit/8] &^= mask
		}
	}
	return id
}

// slice appends n records from a rank on, in order of id.
func (g *group) slice(dst []uint32, ids recordIDs, from, n int) []uint32 {
	if len(g.lists) == 1 && len(g.without) == 0 {
		return g.lists[0].slice(dst, from, n)
	}
	low, high := g.boundary(ids, from), g.boundary(ids, from+n)
	toEnd := from+n == g.n
	stretch := func(dst []uint32, lists []*idList) []uint32 {
		for _, l := range lists {
			at, end := l.rank(ids, &low), l.len()
			if !toEnd {
				end = l.rank(ids, &high)
			}
			dst = l.slice(dst, at, end-at)
		}
		return dst
	}
	byID := func(a, b uint32) int { return bytes.Compare(ids.recordID(a)[:], ids.recordID(b)[:]) }
	found := stretch(nil, g.lists)
	if out := stretch(nil, g.without); len(out) > 0 {
		slices.Sort(out)
		found = slices.DeleteFunc(found, func(no uint32) bool {
			_, gone := slices.BinarySearch(out, no)
			return gone
		})
	}
	slices.SortFunc(found, byID)
	return append(dst, found...)
}

func (r ranking) len() int {
	n := 0
	for i := range r {
		n += r[i].n
	}
	return n
}

// rank returns how many records are before a place in an order, or with
// through at or before it.
func (r ranking) rank(ids recordIDs, field tollbook.OrderField, at *tollbook.Record, through bool) int {
	n := 0
	for i := range r {
		g := &r[i]
		c := 0
		switch field {
		case tollbook.OrderMonth:
			c = int(g.month - at.Month)
		case tollbook.OrderAccountID:
			c = strings.Compare(g.account, at.AccountID)
		}
		switch {
		case c < 0:
			n += g.n
		case c == 0:
			n += g.rankThrough(ids, at.ID, through)
		}
	}
	return n
}

func (g *group) rankThrough(ids recordIDs, id tollbook.RecordID, through bool) int {
	if !through {
		return g.rank(ids, &id)
	}
	for i := len(id) - 1; i >= 0; i-- { // the next id
		if id[i]++; id[i] != 0 {
			return g.rank(ids, &id)
		}
	}
	return g.n
}

// slice returns the records of ranks from to to.
func (r ranking) slice(ids recordIDs, from, to int) []uint32 {
	out := make([]uint32, 0, to-from)
	for i := range r {
		g := &r[i]
		if from < g.n && from < to {
			n := min(to, g.n) - from
			out = g.slice(out, ids, from, n)
			from += n
		}
		from -= g.n
		to -= g.n
		if to <= 0 {
			break
		}
	}
	return out
}

// window returns the ranks that a query's page goes from and to, ascending,
// and how many records are before the page in the query's order.
func (r ranking) window(ids recordIDs, q *tollbook.Query) (from, to, offset int) {
	n := r.len()
	field, desc := q.Order.Field, q.Order.Desc
	switch {
	case q.After != nil && !desc, q.Before != nil && desc:
		at := q.After
		if desc {
			at = q.Before
		}
		from = r.rank(ids, field, at, true)
		to = min(n, from+q.Limit)
	case q.Before != nil || q.After != nil:
		at := q.Before
		if desc {
			at = q.After
		}
		to = r.rank(ids, field, at, false)
		from = max(0, to-q.Limit)
	case desc:
		to = n - min(q.Offset, n)
		from = max(0, to-q.Limit)
	default:
		from = min(q.Offset, n)
		to = min(n, from+q.Limit)
	}
	if desc {
		return from, to, n - to
	}
	return from, to, from
}
