package localstore

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"math"
	"slices"
	"strings"

	"tollbook"
	"tollbook/decimal"
)

// scanChunk is how many records a scan looks at before it lets commits go
// ahead.
const scanChunk = 2048

// scanAttempts is how often a scan is tried that commits may interrupt.
const scanAttempts = 3

// place is where a record is in some order.
type place struct {
	id     tollbook.RecordID
	no     uint32
	month  tollbook.Month
	text   string
	number decimal.Decimal
}

func placeOf(field tollbook.OrderField, r *tollbook.Record, no uint32) place {
	p := place{id: r.ID, no: no}
	switch field {
	case tollbook.OrderMonth:
		p.month = r.Month
	case tollbook.OrderAccountID:
		p.text = r.AccountID
	case tollbook.OrderProductID:
		p.text = r.ProductID
	case tollbook.OrderType:
		p.text = r.Type.String()
	case tollbook.OrderTotalAmount:
		p.number = r.TotalAmount
	case tollbook.OrderNumberOfUnits:
		p.number = r.NumberOfUnits
	}
	return p
}

// compare compares by the order's field, then by id.
func (p *place) compare(o *place) int {
	return cmp.Or(cmp.Compare(p.month, o.month), strings.Compare(p.text, o.text), p.number.Cmp(o.number), bytes.Compare(p.id[:], o.id[:]))
}

// best keeps the first k places of those that it is given.
type best struct {
	places []place // a heap, the last one at its root
	k      int
	sign   int // -1: keeps the last k, as if the order were reversed
}

func (b *best) Len() int           { return len(b.places) }
func (b *best) Less(i, j int) bool { return b.sign*b.places[i].compare(&b.places[j]) > 0 }
func (b *best) Swap(i, j int)      { b.places[i], b.places[j] = b.places[j], b.places[i] }
func (b *best) Push(p any)         { b.places = append(b.places, p.(place)) }
func (b *best) Pop() any           { panic("localstore: nothing is popped") }

func (b *best) offer(p *place) {
	switch {
	case len(b.places) < b.k:
		heap.Push(b, *p)
	case b.sign*p.compare(&b.places[0]) < 0:
		b.places[0] = *p
		heap.Fix(b, 0)
	}
}

// sorted returns what was kept, the first first.
func (b *best) sorted() []place {
	slices.SortFunc(b.places, func(p, o place) int { return b.sign * p.compare(&o) })
	return b.places
}

// scanner looks at an organization's records one by one for a query.
type scanner struct {
	q       *tollbook.Query
	kept    best
	edge    *place // of After or Before
	total   int    // records that match
	outside int    // of them, those on the far side of the edge
}

func newScanner(q *tollbook.Query) *scanner {
	sc := &scanner{q: q, kept: best{k: q.Limit, sign: 1}}
	if q.Order.Desc {
		sc.kept.sign = -1
	}
	switch {
	case q.After != nil:
		p := placeOf(q.Order.Field, q.After, 0)
		sc.edge = &p
	case q.Before != nil:
		p := placeOf(q.Order.Field, q.Before, 0)
		sc.edge = &p
		sc.kept.sign = -sc.kept.sign // the nearest ones, backwards
	default:
		sc.kept.k = min(q.Offset, math.MaxInt-q.Limit) + q.Limit
	}
	return sc
}

// look takes a record in where it matches; sure says that it does.
func (sc *scanner) look(r *tollbook.Record, no uint32, sure bool) {
	if !sure && !sc.q.Filter.Match(r) {
		return
	}
	sc.total++
	p := placeOf(sc.q.Order.Field, r, no)
	if sc.edge != nil && sc.kept.sign*p.compare(sc.edge) <= 0 {
		sc.outside++
		return
	}
	sc.kept.offer(&p)
}

// page returns the numbers of the page's records and the page's offset.
func (sc *scanner) page() (numbers []uint32, offset int) {
	places := sc.kept.sorted()
	switch {
	case sc.q.After != nil:
		offset = sc.outside
	case sc.q.Before != nil:
		offset = sc.total - sc.outside - len(places)
		slices.Reverse(places)
	default:
		offset = min(sc.q.Offset, sc.total)
		places = places[min(offset, len(places)):]
	}
	for i := range places {
		numbers = append(numbers, places[i].no)
	}
	return numbers, offset
}

// candidates is a cell that a scan goes through.
type candidates struct {
	cell *cell
	sure bool // all its records match
}

// scan finds a page by looking at all records that the filter's account and
// month leave. Scans beyond maxScans wait for their turn.
func (s *Store) scan(ctx context.Context, v *views, q *tollbook.Query) (tollbook.Page, error) {
	select {
	case s.scans <- struct{}{}:
		defer func() { <-s.scans }()
	case <-ctx.Done():
		return tollbook.Page{}, ctx.Err()
	}
	for range scanAttempts {
		if page, ok, err := s.scanOnce(ctx, v, q, scanChunk); ok || err != nil {
			return page, err
		}
	}
	page, _, err := s.scanOnce(ctx, v, q, math.MaxInt)
	return page, err
}

// scanOnce looks at all records, so many between two turns for commits. It is
// not ok where events were corrected in one of the accounts' months meanwhile,
// of which some was seen as it was before, and some as it is.
func (s *Store) scanOnce(ctx context.Context, v *views, q *tollbook.Query, chunk int) (page tollbook.Page, ok bool, err error) {
	var all []candidates
	v.mu.RLock()
	defer v.mu.RUnlock()
	corrections := v.corrections
	if org := v.org(q.OrganizationID); org != nil {
		v.choose(org, q.Filter).eachCell(func(cl *cell, what verdict) {
			all = append(all, candidates{cl, what == yes})
		})
	}
	cells := all
	sc := newScanner(q)
	var after *tollbook.RecordID // in the first of cells
	for len(cells) > 0 {
		cells, after = s.scanSome(sc, v, cells, after, chunk)
		if len(cells) > 0 {
			v.mu.RUnlock()
			err = ctx.Err()
			v.mu.RLock()
		}
		if err != nil {
			break
		}
	}
	if err != nil || slices.ContainsFunc(all, func(c candidates) bool { return c.cell.corrected > corrections }) {
		return tollbook.Page{}, false, err
	}
	numbers, offset := sc.page()
	return tollbook.Page{Records: v.fillAll(numbers), Total: sc.total, Offset: offset}, true, nil
}

// scanSome looks at so many records and returns what is left.
func (s *Store) scanSome(sc *scanner, v *views, cells []candidates, after *tollbook.RecordID, chunk int) ([]candidates, *tollbook.RecordID) {
	var r tollbook.Record
	var numbers []uint32
	for room := chunk; len(cells) > 0 && room > 0; {
		list := &cells[0].cell.list
		from := 0
		if after != nil {
			g := group{lists: []*idList{list}, n: list.len()}
			from = g.rankThrough(v, *after, true)
		}
		numbers = list.slice(numbers[:0], from, room)
		for _, no := range numbers {
			v.fill(&r, no)
			sc.look(&r, no, cells[0].sure)
		}
		s.metrics.scanned.Add(float64(len(numbers)))
		if room -= len(numbers); room == 0 {
			return cells, &v.records.at(numbers[len(numbers)-1]).id
		}
		cells, after = cells[1:], nil
	}
	return cells, nil
}
