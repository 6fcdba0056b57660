package localstore

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"

	"tollbook"
	"tollbook/checktest"
	"tollbook/decimal"
	"tollbook/filter"
)

var sameNumbers = cmp.Options{
	cmp.Comparer(func(a, b decimal.Int) bool { return a == b }),
	cmp.Comparer(func(a, b decimal.Decimal) bool { return a == b }),
}

// naive is all records of an organization, to be filtered and sorted anew for
// each page.
type naive []tollbook.Record

// naiveTally is what events with a line come to in an account's months.
type naiveTally struct {
	account      string
	home, booked tollbook.Month
	line         *tollbook.Line
}

// allRecords adds events up, by their own charges and with maps only.
func allRecords(entries []tollbook.Entry, org string) naive {
	increments, words := make(map[naiveTally]decimal.Int), make(map[naiveTally]int64)
	byID := make(map[tollbook.RecordID]*tollbook.Record)
	record := func(t *naiveTally, g *tollbook.Grouping) *tollbook.Record {
		id := tollbook.RecordIDOf(t.account, t.booked, g)
		if byID[id] == nil {
			byID[id] = &tollbook.Record{ID: id, AccountID: t.account, Month: t.booked, Grouping: *g}
		}
		return byID[id]
	}
	for i := range entries {
		e := &entries[i]
		if e.OrganizationID != org {
			continue
		}
		in := make(map[*tollbook.Record]bool)
		own := make(map[naiveTally]bool)
		for _, c := range e.Charges {
			t := naiveTally{e.Event.AccountID, e.Home, e.Booked, c.Line}
			increments[t] = increments[t].Add(c.Increments)
			if c.Line.Parts() == 1 {
				in[record(&t, &c.Line.Grouping)] = true
			}
			own[t] = true
		}
		for t := range own {
			words[t]++
		}
		for r := range in {
			r.Events++
		}
	}
	for t, n := range increments {
		before := decimal.Int{}
		for o, m := range increments {
			if o.booked < t.booked && o.account == t.account && o.home == t.home && o.line == t.line {
				before = before.Add(m)
			}
		}
		in := make(map[*tollbook.Record]bool)
		for i := range t.line.Parts() {
			share, part := t.line.Share(i, before, n), t.line.Part(i)
			if share.Sign() == 0 && t.line.Parts() > 1 && (i > 0 || n.Sign() != 0) {
				continue
			}
			r := record(&t, &part.Grouping)
			r.NumberOfUnits = r.NumberOfUnits.Add(part.Units(share))
			r.TotalAmount = r.TotalAmount.Add(part.Amount(share))
			in[r] = true
		}
		if t.line.Parts() > 1 {
			for r := range in {
				r.Events += words[t]
			}
		}
	}
	var all naive
	for _, r := range byID {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b tollbook.Record) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return all
}

func (n naive) page(q tollbook.Query) tollbook.Page {
	var match naive
	for i := range n {
		if q.Filter == nil || q.Filter.Match(&n[i]) {
			match = append(match, n[i])
		}
	}
	slices.SortFunc(match, func(a, b tollbook.Record) int { return q.Order.Compare(&a, &b) })
	from, to := q.Offset, 0
	for i := range match {
		if q.After != nil && q.Order.Compare(&match[i], q.After) <= 0 {
			from = i + 1
		}
		if q.Before != nil && q.Order.Compare(&match[i], q.Before) < 0 {
			to = i + 1
		}
	}
	if q.Before != nil {
		from = max(0, to-q.Limit)
	} else {
		from = min(from, len(match))
		to = min(len(match), from+q.Limit)
	}
	return tollbook.Page{Records: append([]tollbook.Record{}, match[from:to]...), Total: len(match), Offset: from}
}

// manyRecords fills a store with some thousands of records.
func manyRecords(t testing.TB, events int) (*Store, []tollbook.Entry) {
	t.Helper()
	opts := tiny(vfs.NewMem())
	opts.TableEvents, opts.CheckpointEvents = 1000, 5000
	s, err := Open("data", opts)
	must(t, err)
	w := newWorld(7, 2, 30, 6, 40)
	var all []tollbook.Entry
	for len(all) < events {
		entries := w.batch(500)
		mustPost(t, s, entries)
		all = append(all, entries...)
	}
	return s, all
}

// randomFilter returns the text of a filter on account and month, and with
// more of it on other fields too.
func randomFilter(rng *rand.Rand, more bool, depth int) string {
	if depth > 0 && rng.IntN(3) > 0 {
		a, b := randomFilter(rng, more, depth-1), randomFilter(rng, more, depth-1)
		return []string{"(" + a + " and " + b + ")", "(" + a + " or " + b + ")", "not (" + a + ")"}[rng.IntN(3)]
	}
	month := fmt.Sprintf("'2023-%02d'", 1+rng.IntN(8))
	account := fmt.Sprintf("'org-%d-account-%04d'", rng.IntN(2), rng.IntN(32))
	op := []string{"eq", "ne", "gt", "ge", "lt", "le"}[rng.IntN(6)]
	choices := []string{
		"month " + op + " " + month,
		"account_id " + op + " " + account,
		"account_id in (" + account + ",'org-0-account-0003','org-1-account-0007')",
		"month in (" + month + ",'2023-02')",
		"contains(account_id,'account-001')",
		"contains(month,'-0')",
		"month ne null",
	}
	if more {
		choices = append(choices, "type eq 'CALL'", "total_amount gt '100'", "direction eq null", "product_id eq 'TD-LIC-004'", "number_of_units le '50'")
	}
	return choices[rng.IntN(len(choices))]
}

// TestPages compares pages of random filters, orders, places and sizes with
// those of a plain sort, and wants those that can be found by rank to be
// found without looking at records.
func TestPages(t *testing.T) {
	checktest.Leave(t)
	s, entries := manyRecords(t, 6000)
	defer mustClose(t, s)
	const seed = 11
	rng := rand.New(rand.NewPCG(seed, 0))
	all := allRecords(entries, "org-0")
	if len(all) < 2000 {
		t.Fatalf("%d records only", len(all))
	}
	before := scanned(s)
	for i := range 600 {
		more := i%4 == 3
		q := tollbook.Query{OrganizationID: "org-0", Limit: 1 + rng.IntN(60)}
		text := ""
		if rng.IntN(5) > 0 {
			text = randomFilter(rng, more, 3)
			q.Filter = parse(t, text)
		}
		q.Order.Desc = rng.IntN(2) == 0
		q.Order.Field = tollbook.OrderField(rng.IntN(3))
		if more {
			q.Order.Field = tollbook.OrderField(rng.IntN(7))
		}
		edge := all[rng.IntN(len(all))]
		if rng.IntN(4) == 0 {
			edge.ID[3] ^= 1 // one that does not exist
		}
		switch rng.IntN(3) {
		case 0:
			q.Offset = rng.IntN(len(all) + 50)
		case 1:
			q.After = &edge
		case 2:
			q.Before = &edge
		}
		got, err := s.Records(t.Context(), q)
		must(t, err)
		if diff := cmp.Diff(all.page(q), got, sameNumbers); diff != "" {
			t.Fatalf("seed %d, query %d: filter %q, %+v: %s", seed, i, text, q, diff)
		}
		if now := scanned(s); !more && now != before {
			t.Fatalf("query %d: filter %q, order %v looked at %v records", i, text, q.Order, now-before)
		} else {
			before = now
		}
	}
}

// parse reads a filter; "" is none.
func parse(t testing.TB, text string) *filter.Expr {
	t.Helper()
	if text == "" {
		return nil
	}
	e, err := filter.Parse(text, tollbook.RecordSchema())
	must(t, err)
	return e
}

// scanned returns how many records were looked at one by one.
func scanned(s *Store) float64 {
	var m dto.Metric
	s.metrics.scanned.Write(&m)
	return m.GetCounter().GetValue()
}

// TestPageNeedsNoScan counts the ids that are compared for a page in the
// middle of an organization's records.
func TestPageNeedsNoScan(t *testing.T) {
	checktest.Leave(t)
	s, entries := manyRecords(t, 12000)
	defer mustClose(t, s)
	total := len(allRecords(entries, "org-0"))
	for _, text := range []string{"", "month eq '2023-03'", "account_id eq 'org-0-account-0003'", "not account_id eq 'org-0-account-0003'", "month in ('2023-01','2023-02')"} {
		expr := parse(t, text)
		for field := tollbook.OrderID; field <= tollbook.OrderAccountID; field++ {
			q := tollbook.Query{OrganizationID: "org-0", Filter: expr, Order: tollbook.Order{Field: field}, Limit: 50}
			page, err := s.Records(t.Context(), q)
			must(t, err)
			q.Offset = page.Total / 2
			v := s.views
			ids := &countingIDs{v: v}
			r := v.choose(v.org("org-0"), q.Filter).groups(field)
			from, to, _ := r.window(ids, &q)
			r.slice(ids, from, to)
			// Each of the lists of a union is searched some 15 times by
			// halving; a sort of the page's 50 records comes on top.
			lists := 0
			for i := range r {
				lists = max(lists, len(r[i].lists))
			}
			if bound := 1500 + 400*lists; ids.n > bound || lists < 3 && ids.n > total {
				t.Errorf("filter %q, order %v: %d ids looked at of %d records in %d lists", text, field, ids.n, total, lists)
			}
		}
	}
}

type countingIDs struct {
	v *views
	n int
}

func (c *countingIDs) recordID(no uint32) *tollbook.RecordID {
	c.n++
	return c.v.recordID(no)
}

// TestIDList inserts ids in random order.
func TestIDList(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var l idList
	var ids idSlice
	for i := range 5000 {
		var id tollbook.RecordID
		id[0], id[1], id[2] = byte(rng.Uint32()), byte(i>>8), byte(i)
		ids = append(ids, id)
		l.insert(ids, uint32(i))
	}
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, func(a, b tollbook.RecordID) int { return bytes.Compare(a[:], b[:]) })
	for i, no := range l.slice(nil, 0, len(ids)) {
		if ids[no] != sorted[i] {
			t.Fatalf("place %d holds another id", i)
		}
		if got := l.rank(ids, &sorted[i]); got != i {
			t.Fatalf("rank %d, want %d", got, i)
		}
		if got, ok := l.find(ids, &sorted[i]); !ok || got != no {
			t.Fatalf("find: %d, %v", got, ok)
		}
	}
	for _, b := range l.blocks {
		if len(b) > maxListBlock {
			t.Fatalf("a block of %d", len(b))
		}
	}
	absent := tollbook.RecordID{7, 255, 255, 1}
	if _, ok := l.find(ids, &absent); ok {
		t.Error("found what is not there")
	}
}

type idSlice []tollbook.RecordID

func (s idSlice) recordID(no uint32) *tollbook.RecordID { return &s[no] }

// TestFarOffset asks for a page behind all that a number can say.
func TestFarOffset(t *testing.T) {
	s, _ := manyRecords(t, 500)
	defer mustClose(t, s)
	for field := tollbook.OrderID; field <= tollbook.OrderNumberOfUnits; field++ {
		for _, desc := range []bool{false, true} {
			q := tollbook.Query{OrganizationID: "org-0", Order: tollbook.Order{Field: field, Desc: desc}, Limit: 5, Offset: math.MaxInt}
			page, err := s.Records(t.Context(), q)
			if err != nil || page.Total == 0 || page.Offset != page.Total || len(page.Records) != 0 {
				t.Errorf("order %v: %d records behind %d of %d, %v", q.Order, len(page.Records), page.Offset, page.Total, err)
			}
		}
	}
}
