package localstore

import (
	"bytes"
	"encoding/binary"
	"slices"

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
		in.tallies = append(in.tallies, newTally{tallyKey: c.tallyKey(), record: noRecord})
		events := int64(c.uvarint())
		counts = append(counts, count{c.int(maxTallyBytes), events})
	}
	if c.bad {
		return errMalformed
	}
	if err := n.learn(&in); err != nil {
		return err
	}
	v.introduceAll(&in)
	for i := range counts {
		v.counts.at(uint32(i)).increments = counts[i].increments
		if in.tallies[i].line == noLine {
			v.addUnrated(uint32(i), counts[i].events)
		} else {
			v.counts.at(uint32(i)).events = counts[i].events
		}
	}
	return nil
}

// introduceAll adds what empty views begin with; the page indexes are made by
// sorting once instead of inserting each record.
func (v *views) introduceAll(in *introduction) {
	v.introduce(in)
	for i := range in.tallies {
		v.addTally(&in.tallies[i])
	}
	order := make([]uint32, v.records.len())
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int {
		return bytes.Compare(v.recordID(a)[:], v.recordID(b)[:])
	})
	for _, no := range order {
		c := v.cells[v.records.at(no).cell]
		a := &v.accounts[c.account]
		org := v.orgs[a.org]
		org.all.push(no)
		org.month(c.month).list.push(no)
		a.list.push(no)
		c.list.push(no)
	}
}
