package localstore

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"tollbook"
)

// noLine is the line of a tally of unrated events.
const noLine = ^uint32(0)

// accountKey names an account. Its organization is part of the key because
// the store relies on nobody for keeping organizations apart.
type accountKey struct {
	org uint32
	id  string
}

// noMonth is that of no event: the cell of an account that is not known.
const noMonth tollbook.Month = -1

// cellKey names an account's month.
type cellKey struct {
	account uint32
	month   tollbook.Month
}

// tallyKey names a tally: what was counted of one line in one account's month.
// With noLine it is the events of that month that have no charges.
type tallyKey struct {
	cellKey
	line uint32
}

// recordKey names a record. A record's id does not tell the organization; the
// account's number does.
type recordKey struct {
	account uint32
	id      tollbook.RecordID
}

// newTally is a tally that a frame introduces, and the record it goes into:
// one that is there, or the next one, with the given id.
type newTally struct {
	tallyKey
	record    uint32 // noRecord for unrated events
	newRecord bool
	id        tollbook.RecordID
}

const noRecord = ^uint32(0)

// introduction is what a frame introduces; numbers are given in this order,
// each the next of its kind.
type introduction struct {
	orgs     []string
	accounts []accountKey
	lines    []*tollbook.Line
	tallies  []newTally
}

func (in *introduction) reset() {
	in.orgs, in.accounts, in.lines, in.tallies = in.orgs[:0], in.accounts[:0], in.lines[:0], in.tallies[:0]
}

// numbering gives organizations, accounts, lines, tallies and records their
// numbers, from 0 without gaps, in the order of the log. The committer alone
// changes it, under mu, and reads it without; whoever posts takes hints from
// it under mu. A hint may be ahead of what is durable: what was introduced by
// a group that is being written is in the log before whatever uses the hint.
type numbering struct {
	mu       sync.RWMutex
	orgs     map[string]uint32
	accounts map[accountKey]uint32
	lines    numbers[lineKey]
	tallies  numbers[tallyKey]
	records  numbers[recordKey]
	perCell  map[cellKey]int32 // records

	accountIDs []string // by account
	tallyKeys  []tallyKey
	lineList   []*tollbook.Line

	maxRecords int32 // per cell
}

func newNumbering() *numbering {
	return &numbering{
		orgs:       make(map[string]uint32),
		accounts:   make(map[accountKey]uint32),
		perCell:    make(map[cellKey]int32),
		maxRecords: tollbook.MaxRecordsPerMonth,
	}
}

// hint is what is known of an entry before the committer has it.
type hint struct {
	line  uint32 // the number of its one charge's line, or noLine
	tally uint32 // the number of its one charge's tally, or noTally
}

// hints appends a hint for each entry. keys is scratch, which it returns, too.
//
// Lines and tallies are looked up in loops of their own: there are thousands
// and millions, of which few are in the processor's cache, and where there is
// nothing else to do it waits for several at once.
func (n *numbering) hints(dst []hint, keys []tallyKey, entries []tollbook.Entry) ([]hint, []tallyKey) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	for i := range entries {
		key := tallyKey{cellKey{month: noMonth}, noLine}
		if charges := entries[i].Charges; len(charges) == 1 {
			if line, ok := n.lines.get(charges[0].Line.Key()); ok {
				key.line = line
			}
		}
		keys = append(keys, key)
	}
	for i := range entries {
		e := &entries[i]
		if account, ok := n.lookup(e.OrganizationID, e.Event.AccountID); ok {
			keys[i].cellKey = cellKey{account, e.Month}
		}
	}
	for i := range keys {
		h := hint{keys[i].line, noTally}
		if h.line != noLine {
			if tally, ok := n.tallies.get(keys[i]); ok {
				h.tally = tally
			}
		}
		dst = append(dst, h)
	}
	return dst, keys
}

// account returns an account's number, introducing it where it is new.
func (n *numbering) account(org, id string, in *introduction) uint32 {
	orgNo, ok := n.orgs[org]
	if !ok {
		org = strings.Clone(org)
		orgNo = n.addOrg(org)
		in.orgs = append(in.orgs, org)
	}
	key := accountKey{orgNo, id}
	no, ok := n.accounts[key]
	if !ok {
		key.id = strings.Clone(id) // it is a part of the request's body, which must not be kept for it
		no = n.addAccount(key)
		in.accounts = append(in.accounts, key)
	}
	return no
}

func (n *numbering) addOrg(org string) uint32 {
	no := uint32(len(n.orgs))
	n.orgs[org] = no
	return no
}

func (n *numbering) addAccount(key accountKey) uint32 {
	no := uint32(len(n.accounts))
	n.accounts[key] = no
	n.accountIDs = append(n.accountIDs, key.id)
	return no
}

func (n *numbering) addLine(l *tollbook.Line) uint32 {
	no := uint32(len(n.lineList))
	n.lines.set(l.Key(), no)
	n.lineList = append(n.lineList, l)
	return no
}

// unratedTally returns the tally of a cell's unrated events.
func (n *numbering) unratedTally(cell cellKey, in *introduction) uint32 {
	key := tallyKey{cell, noLine}
	if no, ok := n.tallies.get(key); ok {
		return no
	}
	in.tallies = append(in.tallies, n.addTally(key))
	return uint32(len(n.tallyKeys) - 1)
}

// known returns the tally of a line in a cell, if there is one.
func (n *numbering) known(cell cellKey, l *tollbook.Line) (uint32, bool) {
	line, ok := n.lines.get(l.Key())
	if !ok {
		return 0, false
	}
	return n.tallies.get(tallyKey{cell, line})
}

// lookup returns an account's number, if it has one.
func (n *numbering) lookup(org, id string) (uint32, bool) {
	orgNo, ok := n.orgs[org]
	if !ok {
		return 0, false
	}
	no, ok := n.accounts[accountKey{orgNo, id}]
	return no, ok
}

// fits tells whether charges can be counted without giving an account's month
// more records than it may have. An account that is not known has none.
func (n *numbering) fits(accountID string, cell cellKey, known bool, charges []tollbook.Charge) bool {
	room := int(n.maxRecords)
	if known {
		room -= int(n.perCell[cell])
	}
	if room >= len(charges) {
		return true
	}
	var fresh []tollbook.RecordID
	for i := range charges {
		id := tollbook.RecordIDOf(accountID, cell.month, &charges[i].Line.Grouping)
		_, there := n.records.get(recordKey{cell.account, id})
		if !(known && there) && !slices.Contains(fresh, id) {
			fresh = append(fresh, id)
		}
	}
	return len(fresh) <= room
}

// tally returns the tally of a line in a cell.
func (n *numbering) tally(cell cellKey, l *tollbook.Line, in *introduction) uint32 {
	line, ok := n.lines.get(l.Key())
	if !ok {
		line = n.addLine(l)
		in.lines = append(in.lines, l)
	}
	key := tallyKey{cell, line}
	no, ok := n.tallies.get(key)
	if !ok {
		no = uint32(len(n.tallyKeys))
		in.tallies = append(in.tallies, n.addTally(key))
	}
	return no
}

// addTally numbers a tally of a line and finds its record.
func (n *numbering) addTally(key tallyKey) newTally {
	t := newTally{tallyKey: key, record: noRecord}
	n.tallies.set(key, uint32(len(n.tallyKeys)))
	n.tallyKeys = append(n.tallyKeys, key)
	if key.line == noLine {
		return t
	}
	t.id = tollbook.RecordIDOf(n.accountIDs[key.account], key.month, &n.lineList[key.line].Grouping)
	rk := recordKey{key.account, t.id}
	no, ok := n.records.get(rk)
	if !ok {
		no = uint32(n.records.n)
		n.records.set(rk, no)
		n.perCell[key.cellKey]++
		t.newRecord = true
	}
	t.record = no
	return t
}

// learn takes over what a frame of the log introduces.
func (n *numbering) learn(in *introduction) error {
	for _, org := range in.orgs {
		if _, ok := n.orgs[org]; ok {
			return fmt.Errorf("organization %q is introduced again", org)
		}
		n.addOrg(org)
	}
	for _, key := range in.accounts {
		if _, ok := n.accounts[key]; ok || int(key.org) >= len(n.orgs) {
			return fmt.Errorf("account %q is introduced again, or its organization is not", key.id)
		}
		n.addAccount(key)
	}
	for _, l := range in.lines {
		if _, ok := n.lines.get(l.Key()); ok {
			return fmt.Errorf("line %x is introduced again", l.Key())
		}
		n.addLine(l)
	}
	n.tallies.reserve(len(in.tallies))
	for i := range in.tallies {
		t := &in.tallies[i]
		if _, ok := n.tallies.get(t.tallyKey); ok || int(t.account) >= len(n.accounts) || t.line != noLine && int(t.line) >= len(n.lineList) {
			return fmt.Errorf("tally %d is introduced again, or its account or line is not", len(n.tallyKeys))
		}
		*t = n.addTally(t.tallyKey)
	}
	return nil
}
