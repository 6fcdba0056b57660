package localstore

import (
	"tollbook"
)

// holdings counts, as far as the committer has decided, the words that each
// tally has, and the records that those could show: an account's month may not
// have more than maxRecords. It is ahead of the views by the group in hand.
type holdings struct {
	words    []int64             // by tally
	recordOf []uint32            // of the first part, by tally; noRecord for unrated events
	more     map[uint32][]uint32 // records of the other parts, by tally
	holders  []uint32            // by record: parts of tallies that have words
	perCell  map[cellKey]int32   // records that have holders

	maxRecords int32
}

func newHoldings() holdings {
	return holdings{
		more:       make(map[uint32][]uint32),
		perCell:    make(map[cellKey]int32),
		maxRecords: tollbook.MaxRecordsPerMonth,
	}
}

// add adds a tally, the next one.
func (h *holdings) add(no uint32, t *newTally) {
	h.words = append(h.words, 0)
	h.recordOf = append(h.recordOf, t.record)
	for p := range t.eachPart {
		if p.fresh {
			h.holders = append(h.holders, 0)
		}
	}
	for i := range t.more {
		h.more[no] = append(h.more[no], t.more[i].record)
	}
}

// recount takes over what a frame of the log counts.
func (n *numbering) recount(b *batch) {
	for i := range b.heads {
		if t := b.heads[i].unrated; t != noTally {
			n.put(t, 1)
		}
	}
	for i := range b.corrections {
		if t := b.corrections[i].left; t != noTally {
			n.put(t, -1)
		}
	}
	n.putAll(b.charges, 1)
	n.putAll(b.backs, -1)
}

func (n *numbering) putAll(charges []headCharge, words int64) {
	for i := range charges {
		n.put(charges[i].tally, words)
	}
}

// put adds n words to a tally of a cell, or takes them out.
func (n *numbering) put(tally uint32, words int64) {
	had := n.words[tally]
	n.words[tally] += words
	if had == 0 {
		n.hold(tally, 1)
	}
	if n.words[tally] == 0 {
		n.hold(tally, -1)
	}
}

// hold has a tally begin or cease to hold its records.
func (n *numbering) hold(tally uint32, by int32) {
	first := n.recordOf[tally]
	if first == noRecord {
		return
	}
	cell := n.tallyKeys[tally].cellKey
	n.holdRecord(cell, first, by)
	for _, record := range n.more[tally] {
		n.holdRecord(cell, record, by)
	}
}

func (n *numbering) holdRecord(cell cellKey, record uint32, by int32) {
	had := n.holders[record]
	n.holders[record] += uint32(by)
	switch {
	case had == 0:
		n.perCell[cell]++
	case n.holders[record] == 0:
		if n.perCell[cell]--; n.perCell[cell] == 0 {
			delete(n.perCell, cell)
		}
	}
}

// fits tells whether charges can be counted without giving an account's month
// more records than it may have. An account that is not known has none.
func (n *numbering) fits(accountID string, cell cellKey, known bool, charges []tollbook.Charge) bool {
	room, most := int(n.maxRecords), 0
	if known {
		room -= int(n.perCell[cell])
	}
	for i := range charges {
		most += charges[i].Line.Parts()
	}
	if room >= most {
		return true
	}
	fresh := make(map[tollbook.RecordID]struct{}, most)
	for i := range charges {
		n.notHeld(fresh, accountID, cell, known, charges[i].Line)
	}
	return len(fresh) <= room
}

// notHeld adds the records that a line could show and nothing in the cell does.
func (n *numbering) notHeld(fresh map[tollbook.RecordID]struct{}, accountID string, cell cellKey, known bool, l *tollbook.Line) {
	for i := range l.Parts() {
		id := tollbook.RecordIDOf(accountID, cell.month, &l.Part(i).Grouping)
		if no, ok := n.records.get(recordKey{cell.account, id}); !known || !ok || n.holders[no] == 0 {
			fresh[id] = struct{}{}
		}
	}
}
