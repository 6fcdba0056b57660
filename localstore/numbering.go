package localstore

import (
	"fmt"
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

// tallyKey names a tally: what was counted of one line in one account's month,
// of events that occurred in one month. With noLine it is the events that have
// no charges.
type tallyKey struct {
	cellKey
	home tollbook.Month
	line uint32
}

// recordKey names a record. A record's id does not tell the organization; the
// account's number does.
type recordKey struct {
	account uint32
	id      tollbook.RecordID
}

// newTally is a tally that a frame introduces, and the records that its line's
// parts go into.
type newTally struct {
	tallyKey
	part        // the first; of noRecord for unrated events
	more []part // of a line with tiers
}

// part is the record that a part of a line goes into: one that is there, or
// the next one.
type part struct {
	record uint32
	fresh  bool
	id     tollbook.RecordID
}

// eachPart yields the parts of a tally with charges.
func (t *newTally) eachPart(yield func(*part) bool) {
	if t.line == noLine || !yield(&t.part) {
		return
	}
	for i := range t.more {
		if !yield(&t.more[i]) {
			return
		}
	}
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

	accountIDs []string // by account
	tallyKeys  []tallyKey
	lineList   []*tollbook.Line

	holdings
}

func newNumbering() *numbering {
	return &numbering{
		orgs:     make(map[string]uint32),
		accounts: make(map[accountKey]uint32),
		holdings: newHoldings(),
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
		key := tallyKey{cellKey{month: noMonth}, entries[i].Home, noLine}
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
			keys[i].cellKey = cellKey{account, e.Booked}
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

// linesOf returns for each booking the number of the line of its only charge,
// or noLine.
func (n *numbering) linesOf(bookings []tollbook.Booking) []uint32 {
	n.mu.RLock()
	defer n.mu.RUnlock()
	numbers := make([]uint32, len(bookings))
	for i := range bookings {
		numbers[i] = noLine
		if charges := bookings[i].Charges; len(charges) == 1 {
			if no, ok := n.lines.get(charges[0].Line.Key()); ok {
				numbers[i] = no
			}
		}
	}
	return numbers
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

// lookup returns an account's number, if it has one.
func (n *numbering) lookup(org, id string) (uint32, bool) {
	orgNo, ok := n.orgs[org]
	if !ok {
		return 0, false
	}
	no, ok := n.accounts[accountKey{orgNo, id}]
	return no, ok
}

// known returns the tally of a line in a cell, if there is one.
func (n *numbering) known(cell cellKey, home tollbook.Month, l *tollbook.Line) (uint32, bool) {
	line, ok := n.lines.get(l.Key())
	if !ok {
		return 0, false
	}
	return n.tallies.get(tallyKey{cell, home, line})
}

// tally returns the tally of a line in a cell.
func (n *numbering) tally(cell cellKey, home tollbook.Month, l *tollbook.Line, in *introduction) uint32 {
	line, ok := n.lines.get(l.Key())
	if !ok {
		line = n.addLine(l)
		in.lines = append(in.lines, l)
	}
	return n.tallyOf(tallyKey{cell, home, line}, in)
}

// unratedTally returns the tally of a cell's unrated events.
func (n *numbering) unratedTally(cell cellKey, home tollbook.Month, in *introduction) uint32 {
	return n.tallyOf(tallyKey{cell, home, noLine}, in)
}

func (n *numbering) tallyOf(key tallyKey, in *introduction) uint32 {
	no, ok := n.tallies.get(key)
	if !ok {
		no = uint32(len(n.tallyKeys))
		in.tallies = append(in.tallies, n.addTally(key))
	}
	return no
}

// addTally numbers a tally and finds its records.
func (n *numbering) addTally(key tallyKey) newTally {
	t := newTally{tallyKey: key, part: part{record: noRecord}}
	no := uint32(len(n.tallyKeys))
	n.tallies.set(key, no)
	n.tallyKeys = append(n.tallyKeys, key)
	if key.line != noLine {
		l := n.lineList[key.line]
		t.part = n.partOf(key.cellKey, l.Part(0))
		for i := 1; i < l.Parts(); i++ {
			t.more = append(t.more, n.partOf(key.cellKey, l.Part(i)))
		}
	}
	n.holdings.add(no, &t)
	return t
}

// partOf finds the record of a line without tiers, numbering it where it is
// new.
func (n *numbering) partOf(cell cellKey, l *tollbook.Line) part {
	p := part{id: tollbook.RecordIDOf(n.accountIDs[cell.account], cell.month, &l.Grouping)}
	key := recordKey{cell.account, p.id}
	no, ok := n.records.get(key)
	if !ok {
		no = uint32(n.records.n)
		n.records.set(key, no)
		p.fresh = true
	}
	p.record = no
	return p
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
