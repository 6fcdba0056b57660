package localstore

import (
	"encoding/binary"

	"tollbook"
	"tollbook/decimal"
)

// head is what the views need of one accepted event or booking.
type head struct {
	claim       tollbook.Claim
	fingerprint uint64
	at          locator // of the event, or of the booking
	item        int     // its number among the items of the frame's blocks
	charges     int     // how many of the batch's charges are its own
	unrated     uint32  // the unrated tally that it enters, or as a booking leaves; else noTally
	event       locator // of a booking: the event's
}

// headCharge is a charge whose line is known by its tally.
type headCharge struct {
	tally      uint32
	increments decimal.Int
}

// batch is one frame of events or of bookings, decided. Its payload is
//
//	0  4  bytes of the blocks
//	4  …  blocks of bodies
//	   …  position of the definitions that it was measured under
//	   …  introduction: first number and count, then each, of
//	        organizations: text
//	        accounts: number of the organization, text
//	        lines: tollbook.Line binary form
//	        tallies: number of the account, month (varint), number of the line + 1, or 0 for unrated events
//	   …  heads: count, then each
//
// A head of an event is: claim; fingerprint (8 bytes); items skipped since
// the last head; number of charges; where there are none the unrated tally,
// else each charge's tally and increments. A head of a booking is: items
// skipped; the event's locator; the unrated tally that it leaves; number of
// charges, and each. Numbers are uvarints unless said.
type batch struct {
	bookings bool
	under    tollbook.Pos
	intro    introduction
	firsts   [4]int // numbers of the first organization, account, line, tally introduced
	heads    []head
	charges  []headCharge
}

func (b *batch) reset(n *numbering, bookings bool, under tollbook.Pos) {
	b.bookings, b.under = bookings, under
	b.intro.reset()
	b.firsts = [4]int{len(n.orgs), len(n.accounts), len(n.lineList), len(n.tallyKeys)}
	b.heads, b.charges = b.heads[:0], b.charges[:0]
}

// place drops the blocks that hold no head, and sets the heads' locators for a
// payload that starts at a position. Heads are in the order of items.
func (b *batch) place(all []block, payload uint64) (kept []block) {
	pos := payload + 4
	h, first, dropped := 0, 0, 0
	for _, blk := range all {
		from := h
		for h < len(b.heads) && b.heads[h].item < first+blk.items {
			b.heads[h].at = makeLocator(pos, b.heads[h].item-first)
			b.heads[h].item -= dropped
			h++
		}
		first += blk.items
		if h == from {
			dropped += blk.items
			continue
		}
		kept = append(kept, blk)
		pos += uint64(len(blk.data))
	}
	return kept
}

// appendPayload appends the batch with its blocks.
func (b *batch) appendPayload(dst []byte, blocks []block) []byte {
	n := 0
	for _, blk := range blocks {
		n += len(blk.data)
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	for _, blk := range blocks {
		dst = append(dst, blk.data...)
	}
	dst = binary.AppendUvarint(dst, uint64(b.under))
	dst = b.appendIntroduction(dst)
	dst = binary.AppendUvarint(dst, uint64(len(b.heads)))
	last, charges := -1, b.charges
	for i := range b.heads {
		h := &b.heads[i]
		if !b.bookings {
			dst = append(dst, h.claim[:]...)
			dst = binary.LittleEndian.AppendUint64(dst, h.fingerprint)
		}
		dst = binary.AppendUvarint(dst, uint64(h.item-last-1))
		last = h.item
		if b.bookings {
			dst = binary.AppendUvarint(dst, uint64(h.event))
			dst = binary.AppendUvarint(dst, uint64(h.unrated))
		}
		dst = binary.AppendUvarint(dst, uint64(h.charges))
		if h.charges == 0 {
			dst = binary.AppendUvarint(dst, uint64(h.unrated))
		}
		for _, c := range charges[:h.charges] {
			dst = binary.AppendUvarint(dst, uint64(c.tally))
			dst = c.increments.AppendBinary(dst)
		}
		charges = charges[h.charges:]
	}
	return dst
}

func (b *batch) appendIntroduction(dst []byte) []byte {
	section := func(first, n int) {
		dst = binary.AppendUvarint(dst, uint64(first))
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	section(b.firsts[0], len(b.intro.orgs))
	for _, org := range b.intro.orgs {
		dst = appendText(dst, org)
	}
	section(b.firsts[1], len(b.intro.accounts))
	for _, a := range b.intro.accounts {
		dst = binary.AppendUvarint(dst, uint64(a.org))
		dst = appendText(dst, a.id)
	}
	section(b.firsts[2], len(b.intro.lines))
	for _, l := range b.intro.lines {
		dst = l.AppendBinary(dst)
	}
	section(b.firsts[3], len(b.intro.tallies))
	for i := range b.intro.tallies {
		dst = appendTallyKey(dst, b.intro.tallies[i].tallyKey)
	}
	return dst
}

func appendTallyKey(dst []byte, k tallyKey) []byte {
	dst = binary.AppendUvarint(dst, uint64(k.account))
	dst = binary.AppendVarint(dst, int64(k.month))
	return binary.AppendUvarint(dst, uint64(k.line+1)) // noLine is 0
}

func (c *cursor) tallyKey() tallyKey {
	account, month, line := c.uvarint(), c.varint(), c.uvarint()
	if account > 1<<31 || line > 1<<31 || month != int64(int32(month)) {
		c.fail()
	}
	return tallyKey{cellKey{uint32(account), tollbook.Month(month)}, uint32(line) - 1}
}

// decode reads a frame of events or bookings. Numbers are checked against what
// n knows and the frame introduces; n is not changed.
func (b *batch) decode(f *frame, n *numbering) error {
	layout, rest, err := f.split()
	if err != nil {
		return err
	}
	bookings := f.typ == frameBookings
	b.reset(n, bookings, 0)
	c := cursor{b: rest}
	b.under = tollbook.Pos(c.uvarint())
	b.decodeIntroduction(&c)
	tallies := b.firsts[3] + len(b.intro.tallies)
	item := -1
	for i := c.count(); i > 0 && !c.bad; i-- {
		h := head{unrated: noTally}
		if !bookings {
			h.claim = c.id16()
			h.fingerprint = c.uint64()
		}
		item += 1 + int(c.number(maxPayloadBytes))
		h.item = item
		if bookings {
			h.event = locator(c.uvarint())
			h.unrated = c.number(tallies)
		}
		h.charges = c.count()
		if h.charges == 0 {
			h.unrated = c.number(tallies)
		}
		for range h.charges {
			b.charges = append(b.charges, headCharge{c.number(tallies), c.int(maxIncrementBytes)})
			if c.bad {
				return errMalformed
			}
		}
		b.heads = append(b.heads, h)
	}
	if err := c.end(); err != nil {
		return err
	}
	return b.locate(layout, f.pos+frameHeaderBytes+4)
}

// locate sets the heads' locators for blocks that start at pos.
func (b *batch) locate(layout []blockLayout, pos uint64) error {
	h, first := 0, 0
	for _, blk := range layout {
		for ; h < len(b.heads) && b.heads[h].item < first+blk.items; h++ {
			b.heads[h].at = makeLocator(pos, b.heads[h].item-first)
		}
		first += blk.items
		pos += uint64(blk.length)
	}
	if h < len(b.heads) {
		return errMalformed
	}
	return nil
}

func (b *batch) decodeIntroduction(c *cursor) {
	section := func(first int) int {
		if c.uvarint() != uint64(first) {
			c.fail()
		}
		return c.count()
	}
	for n := section(b.firsts[0]); n > 0 && !c.bad; n-- {
		b.intro.orgs = append(b.intro.orgs, c.text())
	}
	for n := section(b.firsts[1]); n > 0 && !c.bad; n-- {
		b.intro.accounts = append(b.intro.accounts, accountKey{uint32(c.number(1 << 31)), c.text()})
	}
	for n := section(b.firsts[2]); n > 0 && !c.bad; n-- {
		if l := c.line(); l != nil {
			b.intro.lines = append(b.intro.lines, l)
		}
	}
	for n := section(b.firsts[3]); n > 0 && !c.bad; n-- {
		b.intro.tallies = append(b.intro.tallies, newTally{tallyKey: c.tallyKey(), record: noRecord})
	}
}
