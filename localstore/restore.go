package localstore

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"tollbook"
)

// decodeCheckpoint reads what checkpoint.write wrote.
func decodeCheckpoint(b []byte) (*views, *numbering, error) {
	if len(b) < len(checkpointMagic)+4 || string(b[:len(checkpointMagic)]) != checkpointMagic {
		return nil, nil, errMalformed
	}
	body, sum := b[:len(b)-4], b[len(b)-4:]
	if binary.BigEndian.Uint32(sum) != checksum(body) {
		return nil, nil, errMalformed
	}
	c := &cursor{b: body[len(checkpointMagic):]}
	v, n := newViews(), newNumbering()
	v.end = c.uint64()
	for i := c.count(); i > 0 && !c.bad; i-- {
		v.definitions.requests = append(v.definitions.requests, c.id16())
	}
	v.definitions.head = tollbook.Pos(len(v.definitions.requests))
	for i := c.count(); i > 0 && !c.bad; i-- {
		v.definitions.frames = append(v.definitions.frames, definitionFrame{tollbook.Pos(c.uvarint()), c.uvarint()})
	}
	if !v.definitions.whole() {
		return nil, nil, errMalformed
	}
	if err := restoreTallies(c, v, n); err != nil {
		return nil, nil, err
	}
	v.events = int64(c.uvarint())
	for i := c.count(); i > 0 && !c.bad; i-- {
		key := c.id16()
		v.once[key] = int64(c.uint64())
	}
	return v, n, c.end()
}

// restoreTallies reads the part that the numbers, tallies and records follow
// from, by the road that a frame's introduction takes.
func restoreTallies(c *cursor, v *views, n *numbering) error {
	var in introduction
	for i := c.count(); i > 0 && !c.bad; i-- {
		in.orgs = append(in.orgs, c.text())
	}
	for i := c.count(); i > 0 && !c.bad; i-- {
		in.accounts = append(in.accounts, accountKey{c.number(1 << 31), c.text()})
	}
	for i := c.count(); i > 0 && !c.bad; i-- {
		if l := c.line(); l != nil {
			in.lines = append(in.lines, l)
		}
	}
	var counts []count
	for i := c.count(); i > 0 && !c.bad; i-- {
		in.tallies = append(in.tallies, newTally{tallyKey: c.tallyKey()})
		words := int64(c.uvarint())
		counts = append(counts, count{c.int(maxTallyBytes), words})
	}
	if c.bad {
		return errMalformed
	}
	if err := n.learn(&in); err != nil {
		return err
	}
	for i := c.count(); i > 0 && !c.bad; i-- {
		v.addDoubles(c.number(n.records.n), int64(c.uvarint()))
	}
	v.restore(&in, counts)
	for i := range counts {
		if counts[i].words != 0 {
			n.put(uint32(i), counts[i].words)
		}
	}
	return nil
}

// nameAll adds all names and the accounts' months of all tallies. What lists
// them is made by sorting once: to insert each of a million accounts of an
// organization would take minutes.
func (v *views) nameAll(in *introduction) {
	for _, org := range in.orgs {
		v.addOrg(org)
	}
	for _, key := range in.accounts {
		org := v.orgs[key.org]
		org.accounts = append(org.accounts, v.newAccount(key))
	}
	v.lines = append(v.lines, in.lines...)
	for i := range in.tallies {
		if no, m := v.newCell(in.tallies[i].cellKey); m != nil {
			m.cells = append(m.cells, no)
		}
	}
	for _, org := range v.orgs {
		slices.SortFunc(org.accounts, func(a, b uint32) int { return strings.Compare(v.accounts[a].id, v.accounts[b].id) })
		for _, m := range org.months {
			slices.SortFunc(m.cells, func(a, b uint32) int { return strings.Compare(v.cellAccount(a), v.cellAccount(b)) })
		}
	}
}

// restore makes empty views of tallies and what was counted in them. The page
// indexes, too, are made by sorting once.
func (v *views) restore(in *introduction, counts []count) {
	v.nameAll(in)
	for i := range in.tallies {
		v.addTally(&in.tallies[i])
		*v.counts.at(uint32(i)) = counts[i]
	}
	present := func(record uint32) { v.records.at(record).present++ }
	for no := range uint32(len(counts)) {
		switch t := v.tallies.at(no); {
		case counts[no].words == 0:
		case t.line == noLine:
			v.counts.at(no).words = 0
			v.countUnrated(no, counts[no].words)
		case !v.tiers.are.has(no):
			present(t.record)
		default:
			x := v.tiers.tallies[no]
			x.present = partsOf(v.lines[t.line], v.before(no), v.counts.at(no))
			for i, record := range x.records {
				if x.present>>i&1 != 0 {
					present(record)
				}
			}
		}
		v.touched.set(no)
	}
	var order []uint32
	for no := range uint32(v.records.len()) {
		if v.records.at(no).present > 0 {
			order = append(order, no)
		}
	}
	slices.SortFunc(order, func(a, b uint32) int { return bytes.Compare(v.recordID(a)[:], v.recordID(b)[:]) })
	for _, no := range order {
		for _, l := range v.listsOf(no) {
			l.push(no)
		}
		v.countProducts(no, 1)
	}
	v.shown = len(order)
}
