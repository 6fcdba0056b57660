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
	unrated     uint32  // the unrated tally that it enters, or noTally
}

// correction is what a booking says of the word before it.
type correction struct {
	ref     locator         // where that is
	left    uint32          // the unrated tally that it takes the event out of, or noTally
	back    int             // how many of the batch's backs it takes back
	voids   bool            // nothing counts from now on
	adjusts bool            // the word before stays; nothing is taken out
	link    *tollbook.Claim // see linkOf; nil: it names no event that stands for this one
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
//	        tallies: number of the account, month of booking (varint), months
//	          since the events occurred (varint), number of the line + 1, or 0
//	          for unrated events
//	   …  heads: count, then each
//
// A head is: claim; fingerprint (8 bytes); items skipped since the last head;
// of a booking how it corrects; what counts: number of charges; where there are
// none the unrated tally, else each charge's tally and increments. A correction
// is: locator of the word before; flags; where they say so, the claim of a link
// (16 bytes); unless it adjusts, what counted before, in the form of what
// counts. Where a booking voids and has no charges, no unrated tally follows.
// Numbers are uvarints unless said.
type batch struct {
	bookings    bool
	under       tollbook.Pos
	intro       introduction
	firsts      [4]int // numbers of the first organization, account, line, tally introduced
	heads       []head
	charges     []headCharge
	corrections []correction // of bookings, by head
	backs       []headCharge
}

// The flags of a correction. A body has the first two.
const (
	flagVoids = 1 << iota
	flagAdjusts
	flagLinks
	knownFlags = flagVoids | flagAdjusts | flagLinks
)

func flagsOf(voids, adjusts, links bool) (flags byte) {
	for bit, is := range [...]bool{voids, adjusts, links} {
		if is {
			flags |= 1 << bit
		}
	}
	return flags
}

func (b *batch) reset(n *numbering, bookings bool, under tollbook.Pos) {
	b.bookings, b.under = bookings, under
	b.intro.reset()
	b.firsts = [4]int{len(n.orgs), len(n.accounts), len(n.lineList), len(n.tallyKeys)}
	b.heads, b.charges = b.heads[:0], b.charges[:0]
	b.corrections, b.backs = b.corrections[:0], b.backs[:0]
}

// eachBooking yields the heads of bookings with what they take back and what
// they count.
func (b *batch) eachBooking(yield func(h *head, c *correction, back, charges []headCharge)) {
	backs, charges := b.backs, b.charges
	for i := range b.heads {
		h, c := &b.heads[i], &b.corrections[i]
		yield(h, c, backs[:c.back], charges[:h.charges])
		backs, charges = backs[c.back:], charges[h.charges:]
	}
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
	last, charges, backs := -1, b.charges, b.backs
	for i := range b.heads {
		h := &b.heads[i]
		dst = append(dst, h.claim[:]...)
		dst = binary.LittleEndian.AppendUint64(dst, h.fingerprint)
		dst = binary.AppendUvarint(dst, uint64(h.item-last-1))
		last = h.item
		voids := false
		if b.bookings {
			c := &b.corrections[i]
			dst = c.append(dst, backs[:c.back])
			backs, voids = backs[c.back:], c.voids
		}
		dst = appendCounts(dst, charges[:h.charges], h.unrated, voids)
		charges = charges[h.charges:]
	}
	return dst
}

// appendCounts appends what counts. Where nothing may, there is no tally of
// unrated events either.
func appendCounts(dst []byte, charges []headCharge, unrated uint32, nothing bool) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(charges)))
	if len(charges) == 0 && !nothing {
		dst = binary.AppendUvarint(dst, uint64(unrated))
	}
	for _, c := range charges {
		dst = binary.AppendUvarint(dst, uint64(c.tally))
		dst = c.increments.AppendBinary(dst)
	}
	return dst
}

func (c *correction) append(dst []byte, back []headCharge) []byte {
	dst = binary.AppendUvarint(dst, uint64(c.ref))
	dst = append(dst, flagsOf(c.voids, c.adjusts, c.link != nil))
	if c.link != nil {
		dst = append(dst, c.link[:]...)
	}
	if c.adjusts {
		return dst
	}
	return appendCounts(dst, back, c.left, false)
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
	dst = binary.AppendVarint(dst, int64(k.month-k.home))
	return binary.AppendUvarint(dst, uint64(k.line+1)) // noLine is 0
}

func (c *cursor) tallyKey() tallyKey {
	account, month, late, line := c.uvarint(), c.month(), c.month(), c.uvarint()
	if account > 1<<31 || line > 1<<31 {
		c.fail()
	}
	return tallyKey{cellKey{uint32(account), month}, month - late, uint32(line) - 1}
}

// month returns a month, or a number of them.
func (c *cursor) month() tollbook.Month {
	m := c.varint()
	if m != int64(int32(m)) {
		c.fail()
	}
	return tollbook.Month(m)
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
	kinds := tallyKinds{n.tallyKeys, b.intro.tallies}
	item := -1
	for i := c.count(); i > 0 && !c.bad; i-- {
		h := head{claim: c.id16(), fingerprint: c.uint64()}
		item += 1 + int(c.number(maxPayloadBytes))
		h.item = item
		voids := false
		if bookings {
			b.corrections = append(b.corrections, b.correction(&c, &kinds))
			voids = b.corrections[len(b.corrections)-1].voids
		}
		b.charges, h.charges, h.unrated = c.counts(b.charges, &kinds, voids)
		b.heads = append(b.heads, h)
	}
	if err := c.end(); err != nil {
		return err
	}
	return b.locate(layout, f.pos+frameHeaderBytes+4)
}

func (b *batch) correction(c *cursor, kinds *tallyKinds) (r correction) {
	r.ref, r.left = locator(c.uvarint()), noTally
	flags := c.byte()
	if flags&^knownFlags != 0 {
		c.fail()
	}
	r.voids, r.adjusts = flags&flagVoids != 0, flags&flagAdjusts != 0
	if flags&flagLinks != 0 {
		link := tollbook.Claim(c.id16())
		r.link = &link
	}
	if !r.adjusts {
		b.backs, r.back, r.left = c.counts(b.backs, kinds, false)
	}
	return r
}

// tallyKinds tells tallies of rates from those of unrated events: what the log
// has introduced before, and what the frame in hand does.
type tallyKinds struct {
	known []tallyKey
	fresh []newTally
}

// tally reads the number of a tally of a rate, or of one of unrated events.
func (k *tallyKinds) tally(c *cursor, rated bool) uint32 {
	no := c.number(len(k.known) + len(k.fresh))
	if c.bad {
		return 0
	}
	line := noLine
	if i := int(no); i < len(k.known) {
		line = k.known[i].line
	} else {
		line = k.fresh[i-len(k.known)].line
	}
	if rated != (line != noLine) {
		c.fail()
	}
	return no
}

// counts reads what appendCounts wrote.
func (c *cursor) counts(to []headCharge, kinds *tallyKinds, nothing bool) (_ []headCharge, n int, unrated uint32) {
	n, unrated = c.count(), noTally
	if n == 0 && !nothing {
		unrated = kinds.tally(c, false)
	}
	for i := 0; i < n && !c.bad; i++ {
		to = append(to, headCharge{kinds.tally(c, true), c.int(maxIncrementBytes)})
	}
	return to, n, unrated
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
		b.intro.tallies = append(b.intro.tallies, newTally{tallyKey: c.tallyKey()})
	}
}
