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
	shown    int // records
	tiers    tiers
	// doubles holds, by record, how many words are in more than one of its
	// tallies, once for each further one.
	doubles map[uint32]int64
	unusual bitset // records that have doubles or tiers, or had
	touched bitset // tallies that were counted in since Totals looked
	// corrections counts batches of bookings since the start, and shifts of what
	// had been counted between tiers.
	corrections uint64
	events      int64 // all accepted
	unrated     int64 // of them without charges

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
	products map[string]int // by product or aggregated product: records
	// late holds the tallies of events that were booked later than they occurred,
	// by the month in which they did.
	late map[tollbook.Month][]uint32
}

// monthView is one month of an organization.
type monthView struct {
	month tollbook.Month
	list  idList
	cells []uint32 // the accounts' months that have or had records, by account
}

type account struct {
	org     uint32
	id      string
	list    idList
	cells   []uint32 // by month
	unrated []uint32 // tallies
}

// cell is one account's month that has or had records or unrated events.
type cell struct {
	cellKey
	list    idList
	tallies []uint32
	// corrected is the last of views.corrections that changed what counts in
	// the month.
	corrected uint64
}

// tally is which line was counted where; it never changes once it is there.
type tally struct {
	tallyKey
	record uint32 // of a line without tiers; noRecord of one with, and of unrated events
	next   uint32 // the record's next tally, or noTally
}

// count is what was counted in a tally: how many increments, by how many words
// about events.
type count struct {
	increments decimal.Int
	words      int64
}

// record is one that is shown while something in it is present.
type record struct {
	id      tollbook.RecordID
	cell    uint32
	first   uint32 // tally of a line without tiers, or noTally
	present uint32 // parts of tallies that have something in the record
}

func newViews() *views {
	return &views{
		orgByID: make(map[string]uint32),
		tiers:   newTiers(),
		doubles: make(map[uint32]int64),
		once:    make(map[[16]byte]int64),
	}
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

// reach adds tallies that a frame introduces, until there are n.
func (v *views) reach(in *introduction, first, n int) {
	for no := v.tallies.len(); no < n; no++ {
		v.addTally(&in.tallies[no-first])
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
	v.orgs = append(v.orgs, &organization{id: id, products: make(map[string]int), late: make(map[tollbook.Month][]uint32)})
}

func (v *views) addAccount(key accountKey) {
	no := v.newAccount(key)
	org := v.orgs[key.org]
	i, _ := v.findAccount(org, key.id)
	org.accounts = slices.Insert(org.accounts, i, no)
}

// newAccount adds an account, but not to its organization's.
func (v *views) newAccount(key accountKey) uint32 {
	v.accounts = append(v.accounts, account{org: key.org, id: key.id})
	return uint32(len(v.accounts) - 1)
}

// findAccount returns where an account is in its organization's, or would be.
func (v *views) findAccount(org *organization, id string) (int, bool) {
	return slices.BinarySearchFunc(org.accounts, id, func(no uint32, id string) int {
		return strings.Compare(v.accounts[no].id, id)
	})
}

// addTally adds a tally of which nothing has been counted yet.
func (v *views) addTally(t *newTally) {
	no := v.counts.add(count{})
	cellNo := v.cellOf(t.cellKey)
	v.cells[cellNo].tallies = append(v.cells[cellNo].tallies, no)
	for p := range t.eachPart {
		if p.fresh {
			v.records.add(record{id: p.id, cell: cellNo, first: noTally})
		}
	}
	a := &v.accounts[t.account]
	if t.line != noLine && t.home != t.month {
		late := v.orgs[a.org].late
		late[t.home] = append(late[t.home], no)
	}
	switch {
	case t.line == noLine:
		a.unrated = append(a.unrated, no)
		v.tallies.add(tally{tallyKey: t.tallyKey, record: noRecord, next: noTally})
	case len(t.more) > 0:
		v.tallies.add(tally{tallyKey: t.tallyKey, record: noRecord, next: noTally})
		v.addTiers(no, t)
	default:
		r := v.records.at(t.record)
		v.tallies.add(tally{tallyKey: t.tallyKey, record: t.record, next: r.first})
		r.first = no
	}
}

// cellOf returns an account's month, adding it where it is new.
func (v *views) cellOf(key cellKey) uint32 {
	no, m := v.newCell(key)
	if m != nil {
		i, _ := slices.BinarySearchFunc(m.cells, v.accounts[key.account].id, func(no uint32, id string) int {
			return strings.Compare(v.cellAccount(no), id)
		})
		m.cells = slices.Insert(m.cells, i, no)
	}
	return no
}

// newCell returns an account's month. Where it is new it adds it, but not to the
// organization's month, which it returns.
func (v *views) newCell(key cellKey) (no uint32, m *monthView) {
	a := &v.accounts[key.account]
	i, ok := v.findMonth(a, key.month)
	if ok {
		return a.cells[i], nil
	}
	no = uint32(len(v.cells))
	v.cells = append(v.cells, &cell{cellKey: key})
	a.cells = slices.Insert(a.cells, i, no)
	return no, v.orgs[a.org].month(key.month)
}

// cellAccount returns the id of a cell's account.
func (v *views) cellAccount(no uint32) string { return v.accounts[v.cells[no].account].id }

// findMonth returns where a month is in an account's cells, or would be.
func (v *views) findMonth(a *account, m tollbook.Month) (int, bool) {
	return slices.BinarySearchFunc(a.cells, m, func(no uint32, m tollbook.Month) int {
		return int(v.cells[no].month - m)
	})
}

// cellAt returns an account's month, or nil.
func (v *views) cellAt(key cellKey) *cell {
	a := &v.accounts[key.account]
	if i, ok := v.findMonth(a, key.month); ok {
		return v.cells[a.cells[i]]
	}
	return nil
}

// month returns a month of the organization, adding it where it is new.
func (o *organization) month(m tollbook.Month) *monthView {
	i, ok := slices.BinarySearchFunc(o.months, m, func(v *monthView, m tollbook.Month) int { return int(v.month - m) })
	if !ok {
		o.months = slices.Insert(o.months, i, &monthView{month: m})
	}
	return o.months[i]
}

// show says how many more parts of tallies are present in a record, which is
// in the page indexes while there are any.
func (v *views) show(no uint32, by int32) {
	r := v.records.at(no)
	had := r.present
	r.present += uint32(by)
	switch {
	case by == 0:
	case had == 0:
		v.index(no)
	case r.present == 0:
		v.unindex(no)
	}
}

// index adds a record to the page indexes, and unindex takes it out.
func (v *views) index(no uint32) {
	v.shown++
	for _, l := range v.listsOf(no) {
		l.insert(v, no)
	}
	v.countProducts(no, 1)
}

func (v *views) unindex(no uint32) {
	v.shown--
	for _, l := range v.listsOf(no) {
		l.remove(v, no)
	}
	v.countProducts(no, -1)
}

// listsOf returns the page indexes that a record belongs in.
func (v *views) listsOf(no uint32) [4]*idList {
	c := v.cells[v.records.at(no).cell]
	a := &v.accounts[c.account]
	org := v.orgs[a.org]
	return [...]*idList{&org.all, &org.month(c.month).list, &a.list, &c.list}
}

func (v *views) countProducts(no uint32, by int) {
	products := v.orgs[v.accounts[v.cells[v.records.at(no).cell].account].org].products
	g := v.grouping(no)
	for _, id := range [...]string{g.ProductID, g.AggrProductID} {
		if id == "" {
			continue
		}
		if products[id] += by; products[id] == 0 {
			delete(products, id)
		}
	}
}

// grouping returns what the events of a record agree in.
func (v *views) grouping(no uint32) *tollbook.Grouping {
	if t := v.records.at(no).first; t != noTally {
		return &v.lines[v.tallies.at(t).line].Grouping
	}
	p := v.tiers.portions[no][0]
	return &v.lines[v.tallies.at(p.tally).line].Part(p.part).Grouping
}

// fill fills in a record.
func (v *views) fill(r *tollbook.Record, no uint32) {
	rec := v.records.at(no)
	c := v.cells[rec.cell]
	*r = tollbook.Record{ID: rec.id, AccountID: v.accounts[c.account].id, Month: c.month, Grouping: *v.grouping(no)}
	for t := rec.first; t != noTally; t = v.tallies.at(t).next {
		n := v.counts.at(t)
		addTo(r, v.lines[v.tallies.at(t).line], n.increments, n.words)
	}
	if v.unusual.has(no) {
		r.Events -= v.doubles[no]
		v.fillTiers(r, no)
	}
}

func addTo(r *tollbook.Record, l *tollbook.Line, increments decimal.Int, events int64) {
	r.NumberOfUnits = r.NumberOfUnits.Add(l.Units(increments))
	r.TotalAmount = r.TotalAmount.Add(l.Amount(increments))
	r.Events += events
}

// org returns an organization, or nil where it has no events.
func (v *views) org(id string) *organization {
	if no, ok := v.orgByID[id]; ok {
		return v.orgs[no]
	}
	return nil
}
