package localstore

import (
	"slices"
	"strings"
	"sync"

	"tollbook"
	"tollbook/decimal"
)

// views is what readers see: a function of the log up to end. The committer
// alone changes it, under mu.
type views struct {
	mu sync.RWMutex

	end uint64 // position of the log that the views stand for

	definitions definitionIndex

	orgs     []*organization
	orgByID  map[string]uint32
	accounts []account
	lines    []*tollbook.Line
	cells    []*cell
	tallies  slab[tally]
	counts   slab[count]
	records  slab[record]
	events   int64 // all accepted
	unrated  int64 // of them without charges

	// tables are the recent tables, oldest first; the last one is being
	// filled.
	tables []*table

	// once holds the keys of Once and the Unix second until which each is
	// remembered. It is the committer's.
	once map[[16]byte]int64
}

type organization struct {
	id       string
	accounts []uint32 // by id
	all      idList
	months   []*monthView // ascending
	unrated  int64
	products map[string]struct{}
}

// monthView is one month of an organization.
type monthView struct {
	month tollbook.Month
	list  idList
	cells []uint32 // the accounts' months that have records, by account
}

type account struct {
	org     uint32
	id      string
	list    idList
	cells   []uint32 // by month
	unrated []uint32 // tallies
}

// cell is one account's month that has records.
type cell struct {
	cellKey
	list idList
}

// tally is which line was counted where; it never changes once it is there.
type tally struct {
	tallyKey
	record uint32
	next   uint32 // the record's next tally, or noTally
}

// count is what was counted in a tally: an event with charges in several
// tallies of one record is in Events of the first only.
type count struct {
	increments decimal.Int
	events     int64
}

type record struct {
	id    tollbook.RecordID
	cell  uint32
	first uint32 // tally
}

func newViews() *views {
	return &views{orgByID: make(map[string]uint32), once: make(map[[16]byte]int64)}
}

func (v *views) recordID(no uint32) *tollbook.RecordID { return &v.records.at(no).id }

// introduce adds the names that a frame introduces, but not its tallies.
func (v *views) introduce(in *introduction) {
	for _, org := range in.orgs {
		v.addOrg(org)
	}
	for _, a := range in.accounts {
		v.addAccount(a)
	}
	v.lines = append(v.lines, in.lines...)
}

// reach adds tallies that a frame introduces, and their records, until there
// are n.
func (v *views) reach(in *introduction, first, n int) {
	for no := v.tallies.len(); no < n; no++ {
		t := &in.tallies[no-first]
		c := v.addTally(t)
		if t.newRecord {
			v.index(c, t.record)
		}
	}
}

// lineOf returns a line by its number, or nil.
func (v *views) lineOf(no uint32) *tollbook.Line {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.line(no)
}

func (v *views) line(no uint32) *tollbook.Line {
	if int(no) >= len(v.lines) {
		return nil
	}
	return v.lines[no]
}

func (v *views) addOrg(id string) {
	v.orgByID[id] = uint32(len(v.orgs))
	v.orgs = append(v.orgs, &organization{id: id, products: make(map[string]struct{})})
}

func (v *views) addAccount(key accountKey) {
	no := uint32(len(v.accounts))
	v.accounts = append(v.accounts, account{org: key.org, id: key.id})
	org := v.orgs[key.org]
	i, _ := slices.BinarySearchFunc(org.accounts, key.id, func(no uint32, id string) int {
		return strings.Compare(v.accounts[no].id, id)
	})
	org.accounts = slices.Insert(org.accounts, i, no)
}

// addTally adds a tally, and its record where that is new, and returns the
// record's cell. It leaves the page indexes alone.
func (v *views) addTally(t *newTally) *cell {
	no := uint32(v.tallies.len())
	v.counts.add(count{})
	if t.line == noLine {
		v.tallies.add(tally{tallyKey: t.tallyKey, record: noRecord, next: noTally})
		v.accounts[t.account].unrated = append(v.accounts[t.account].unrated, no)
		return nil
	}
	if t.newRecord {
		v.records.add(record{id: t.id, cell: v.cellOf(t.cellKey), first: noTally})
	}
	r := v.records.at(t.record)
	v.tallies.add(tally{tallyKey: t.tallyKey, record: t.record, next: r.first})
	r.first = no
	products := v.orgs[v.accounts[t.account].org].products
	for _, id := range [...]string{v.lines[t.line].ProductID, v.lines[t.line].AggrProductID} {
		if id != "" {
			products[id] = struct{}{}
		}
	}
	return v.cells[r.cell]
}

// cellOf returns an account's month, adding it where it is new.
func (v *views) cellOf(key cellKey) uint32 {
	a := &v.accounts[key.account]
	i, ok := slices.BinarySearchFunc(a.cells, key.month, func(no uint32, m tollbook.Month) int {
		return int(v.cells[no].month - m)
	})
	if ok {
		return a.cells[i]
	}
	no := uint32(len(v.cells))
	v.cells = append(v.cells, &cell{cellKey: key})
	a.cells = slices.Insert(a.cells, i, no)
	m := v.orgs[a.org].month(key.month)
	i, _ = slices.BinarySearchFunc(m.cells, a.id, func(no uint32, id string) int {
		return strings.Compare(v.accounts[v.cells[no].account].id, id)
	})
	m.cells = slices.Insert(m.cells, i, no)
	return no
}

// month returns a month of the organization, adding it where it is new.
func (o *organization) month(m tollbook.Month) *monthView {
	i, ok := slices.BinarySearchFunc(o.months, m, func(v *monthView, m tollbook.Month) int { return int(v.month - m) })
	if !ok {
		o.months = slices.Insert(o.months, i, &monthView{month: m})
	}
	return o.months[i]
}

// index adds a new record to the page indexes.
func (v *views) index(c *cell, no uint32) {
	a := &v.accounts[c.account]
	org := v.orgs[a.org]
	org.all.insert(v, no)
	org.month(c.month).list.insert(v, no)
	a.list.insert(v, no)
	c.list.insert(v, no)
}

// readersEvery is how many events are counted between two chances for readers:
// a large batch must not keep a page waiting.
const readersEvery = 256

// letReadersIn gives those who wait for mu a turn.
func (v *views) letReadersIn() {
	v.mu.Unlock()
	v.mu.Lock()
}

// warm looks at the counts that a batch will change; see table.warm. Only the
// committer changes them, so it may look without mu.
func (v *views) warm(b *batch) (sum uint64) {
	n := uint32(v.counts.len())
	for i := range b.charges {
		if t := b.charges[i].tally; t < n {
			sum += uint64(v.counts.at(t).events)
		}
	}
	return sum
}

// apply counts a batch. The log says that it happened. Now and then it calls
// pause, where there is one; what readers see then is a part of the batch, of
// which each event is counted whole or not at all.
func (v *views) apply(b *batch, sink indexSink, pause func()) {
	v.introduce(&b.intro)
	first := v.tallies.len()
	charges := b.charges
	for i := range b.heads {
		if i%readersEvery == readersEvery-1 && pause != nil {
			pause()
		}
		h := &b.heads[i]
		own := charges[:h.charges]
		charges = charges[h.charges:]
		for j := range own {
			v.reach(&b.intro, first, int(own[j].tally)+1)
			t := v.counts.at(own[j].tally)
			t.increments = t.increments.Add(own[j].increments)
			if !v.sameRecord(own[:j], own[j].tally) {
				t.events++
			}
			sink.addCharged(h.at, own[j].tally)
		}
		switch {
		case b.bookings:
			v.addUnrated(h.unrated, -1)
			sink.addTaken(h.event, h.unrated)
		default:
			v.events++
			if h.charges == 0 {
				v.reach(&b.intro, first, int(h.unrated)+1)
				v.addUnrated(h.unrated, 1)
				sink.addUnrated(h.at, h.unrated)
			}
		}
	}
	v.reach(&b.intro, first, first+len(b.intro.tallies))
}

// sameRecord tells whether one of an event's earlier charges is in the same
// record as a tally.
func (v *views) sameRecord(earlier []headCharge, tally uint32) bool {
	for i := range earlier {
		if v.tallies.at(earlier[i].tally).record == v.tallies.at(tally).record {
			return true
		}
	}
	return false
}

func (v *views) addUnrated(tally uint32, n int64) {
	v.counts.at(tally).events += n
	v.unrated += n
	v.orgs[v.accounts[v.tallies.at(tally).account].org].unrated += n
}

// indexSink takes what a batch adds to the drill-down index.
type indexSink interface {
	addCharged(at locator, tally uint32)
	addUnrated(at locator, tally uint32)
	addTaken(event locator, tally uint32) // an unrated event has got charges
}

// fill fills in a record.
func (v *views) fill(r *tollbook.Record, no uint32) {
	rec := v.records.at(no)
	c := v.cells[rec.cell]
	*r = tollbook.Record{ID: rec.id, AccountID: v.accounts[c.account].id, Month: c.month}
	for t := rec.first; t != noTally; t = v.tallies.at(t).next {
		line, n := v.lines[v.tallies.at(t).line], v.counts.at(t)
		r.Grouping = line.Grouping
		r.NumberOfUnits = r.NumberOfUnits.Add(line.Units(n.increments))
		r.TotalAmount = r.TotalAmount.Add(line.Amount(n.increments))
		r.Events += n.events
	}
}

// org returns an organization, or nil where it has no events.
func (v *views) org(id string) *organization {
	if no, ok := v.orgByID[id]; ok {
		return v.orgs[no]
	}
	return nil
}
