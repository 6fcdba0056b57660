package localstore

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/klauspost/compress/s2"

	"tollbook"
)

// Bodies are what only a drill-down reads. They are kept in blocks of a few
// events, each compressed on its own, so that reading one event decompresses
// little:
//
//	0  4  length of the compressed bytes
//	4  4  number of items
//	8  4  CRC-32C of the compressed bytes
//	12 …  S2 block
//
// which holds
//
//	'e' for events or 'b' for bookings
//	organizations: count, then texts
//	lines: count, then of each 0 and its tollbook.Line binary form, or its number + 1
//	items: count, then each behind its length
//
// An item of an events frame is: number of the organization in this block;
// month (varint); normal form; CloudEvents type; what was measured. An item
// of a bookings frame is: locator of the event; what was measured. What was
// measured is: reason for being unrated (byte); card, version, row, prefix;
// number of charges, each the number of the line in this block and the
// increments. Numbers are uvarints, texts are behind their length.
const (
	blockHeaderBytes = 12
	blockBits        = 7
	blockItems       = 1 << blockBits
	blockSplitBytes  = 128 << 10 // a block that has grown to this takes no more
	eventBlock       = 'e'
	bookingBlock     = 'b'
	maxBlockBytes    = 64 << 20 // uncompressed
)

// locator is where an event's body is: the position of its block in the log
// and, in the low bits, its number in the block. Locators grow as events are
// accepted.
type locator uint64

func makeLocator(block uint64, item int) locator {
	return locator(block<<blockBits | uint64(item))
}

func (l locator) block() uint64 { return uint64(l) >> blockBits }
func (l locator) item() int     { return int(l & (blockItems - 1)) }

// bodies is the compressed blocks of one request.
type bodies struct {
	blocks []block
	bytes  int
}

// block is one compressed block and how many items it has.
type block struct {
	data  []byte // with its header
	items int
}

// bodyWriter builds blocks. Reuse it.
type bodyWriter struct {
	kind  byte
	orgs  []string
	lines []blockLine
	// placed holds the places in lines of those with numbers.
	placed     [256]uint16
	items      []byte
	item       []byte // scratch
	raw        []byte // scratch
	hints      []hint // scratch, as what follows
	keys       []tallyKey
	claims     []tollbook.Claim
	candidates []int
	count      int
	out        bodies
}

// blockLine is a line of the block in hand. A line that the log has introduced
// is written as its number, or noLine.
type blockLine struct {
	line   *tollbook.Line
	number uint32
}

func (s *Store) bodyWriter() *bodyWriter {
	if w, ok := s.writers.Get().(*bodyWriter); ok {
		return w
	}
	return new(bodyWriter)
}

func (w *bodyWriter) reset(kind byte) {
	w.kind = kind
	w.orgs, w.lines, w.items, w.count = w.orgs[:0], w.lines[:0], w.items[:0], 0
	w.out = bodies{}
}

// encodeEvents returns the bodies of a Post.
func (w *bodyWriter) encodeEvents(entries []tollbook.Entry, hints []hint) (bodies, error) {
	w.reset(eventBlock)
	for i := range entries {
		e := &entries[i]
		w.item = binary.AppendUvarint(w.item[:0], uint64(w.orgNumber(e.OrganizationID)))
		w.item = binary.AppendVarint(w.item, int64(e.Month))
		w.item = append(w.item, e.Normal...)
		w.item = appendText(w.item, e.Event.CloudEventType)
		w.measured(&e.Measured, hints[i].line)
		if err := w.add(); err != nil {
			return bodies{}, err
		}
	}
	return w.finish()
}

// encodeBookings returns the bodies of bookings of the events at locators.
func (w *bodyWriter) encodeBookings(at []locator, measured []*tollbook.Measured) (bodies, error) {
	w.reset(bookingBlock)
	for i, loc := range at {
		w.item = binary.AppendUvarint(w.item[:0], uint64(loc))
		w.measured(measured[i], noLine)
		if err := w.add(); err != nil {
			return bodies{}, err
		}
	}
	return w.finish()
}

func (w *bodyWriter) orgNumber(org string) int {
	for i := len(w.orgs) - 1; i >= 0; i-- {
		if w.orgs[i] == org {
			return i
		}
	}
	w.orgs = append(w.orgs, org)
	return len(w.orgs) - 1
}

// place returns which line of the block a line is. Of lines with numbers it
// remembers where each was put last, by the number's low bits; a line that is
// forgotten is in the block twice.
func (w *bodyWriter) place(l *tollbook.Line, number uint32) int {
	if number != noLine {
		at := &w.placed[number%uint32(len(w.placed))]
		if i := int(*at); i >= len(w.lines) || w.lines[i].number != number {
			*at = uint16(len(w.lines))
			w.lines = append(w.lines, blockLine{l, number})
		}
		return int(*at)
	}
	for i := range w.lines {
		if w.lines[i].line == l {
			return i
		}
	}
	w.lines = append(w.lines, blockLine{l, number})
	return len(w.lines) - 1
}

// measured appends what was measured. The number is that of the line of its
// one charge, or noLine.
func (w *bodyWriter) measured(m *tollbook.Measured, number uint32) {
	b := append(w.item, byte(m.Unrated))
	b = appendText(b, m.Rate.CardID)
	b = binary.AppendUvarint(b, uint64(m.Rate.Version))
	b = binary.AppendUvarint(b, uint64(m.Rate.Row))
	b = appendText(b, m.Rate.Prefix)
	b = binary.AppendUvarint(b, uint64(len(m.Charges)))
	for i := range m.Charges {
		b = binary.AppendUvarint(b, uint64(w.place(m.Charges[i].Line, number)))
		b = m.Charges[i].Increments.AppendBinary(b)
	}
	w.item = b
}

// add ends the item in hand.
func (w *bodyWriter) add() error {
	w.items = binary.AppendUvarint(w.items, uint64(len(w.item)))
	w.items = append(w.items, w.item...)
	w.count++
	if w.count == blockItems || len(w.items) >= blockSplitBytes {
		return w.flush()
	}
	return nil
}

func (w *bodyWriter) finish() (bodies, error) {
	err := w.flush()
	out := w.out
	w.out = bodies{}
	if err == nil && out.bytes > maxPayloadBytes/2 {
		err = errTooLarge(out.bytes)
	}
	return out, err
}

func errTooLarge(n int) error {
	return tollbook.NewError(tollbook.CodeTooLarge, fmt.Sprintf("The request is too large to be kept: %d bytes.", n))
}

// flush compresses the block in hand.
func (w *bodyWriter) flush() error {
	if w.count == 0 {
		return nil
	}
	raw := binary.AppendUvarint(append(w.raw[:0], w.kind), uint64(len(w.orgs)))
	for _, org := range w.orgs {
		raw = appendText(raw, org)
	}
	raw = binary.AppendUvarint(raw, uint64(len(w.lines)))
	for _, l := range w.lines {
		raw = binary.AppendUvarint(raw, uint64(l.number+1)) // noLine is 0
		if l.number == noLine {
			raw = l.line.AppendBinary(raw)
		}
	}
	raw = binary.AppendUvarint(raw, uint64(w.count))
	raw = append(raw, w.items...)
	n := w.count
	w.raw, w.orgs, w.lines, w.items, w.count = raw, w.orgs[:0], w.lines[:0], w.items[:0], 0
	if len(raw) > maxBlockBytes {
		return errTooLarge(len(raw))
	}
	data := make([]byte, blockHeaderBytes+s2.MaxEncodedLen(len(raw)))
	packed := s2.Encode(data[blockHeaderBytes:], raw)
	data = data[:blockHeaderBytes+len(packed)]
	binary.LittleEndian.PutUint32(data, uint32(len(packed)))
	binary.LittleEndian.PutUint32(data[4:], uint32(n))
	binary.LittleEndian.PutUint32(data[8:], checksum(packed))
	w.out.blocks = append(w.out.blocks, block{data, n})
	w.out.bytes += len(data)
	return nil
}

// bodyBlock is a block that has been read. Lines that the log has introduced
// are looked up when they are asked for.
type bodyBlock struct {
	kind     byte
	orgs     []string
	lines    []blockLine
	numbered lineNumbers
	items    [][]byte
}

// lineNumbers gives the lines that the log has introduced, nil for others.
type lineNumbers func(no uint32) *tollbook.Line

// expandBlock returns what a block with its header holds, in dst's memory where
// that is enough.
func expandBlock(dst, block []byte) ([]byte, error) {
	packed := block[blockHeaderBytes:]
	n, err := s2.DecodedLen(packed)
	if err != nil || n > maxBlockBytes {
		return nil, errMalformed
	}
	dst = slices.Grow(dst[:0], n)[:n]
	if dst, err = s2.Decode(dst, packed); err != nil {
		return nil, errMalformed
	}
	return dst, nil
}

// decodeBlock reads what a block holds, which must not be changed any more.
func decodeBlock(raw []byte, numbered lineNumbers) (*bodyBlock, error) {
	c := cursor{b: raw}
	b := bodyBlock{kind: c.byte(), numbered: numbered}
	for n := c.count(); n > 0 && !c.bad; n-- {
		b.orgs = append(b.orgs, c.text())
	}
	for n := c.count(); n > 0 && !c.bad; n-- {
		b.lines = append(b.lines, c.blockLine())
	}
	n := c.count()
	if n > blockItems {
		return nil, errMalformed
	}
	for ; n > 0 && !c.bad; n-- {
		b.items = append(b.items, c.take(c.count()))
	}
	return &b, c.end()
}

func (c *cursor) blockLine() blockLine {
	no := c.uvarint()
	switch {
	case no == 0:
		return blockLine{c.line(), noLine}
	case no > 1<<32-1:
		c.fail()
	}
	return blockLine{nil, uint32(no - 1)}
}

// line returns a line of the block, nil where there is none such.
func (b *bodyBlock) line(i int) *tollbook.Line {
	if l := &b.lines[i]; l.line == nil && b.numbered != nil {
		l.line = b.numbered(l.number)
	}
	return b.lines[i].line
}

func (c *cursor) line() *tollbook.Line {
	l, rest, err := tollbook.DecodeLine(c.b)
	if err != nil {
		c.fail()
		return nil
	}
	c.b = rest
	return l
}

// event reads the i-th item of an events frame's block.
func (b *bodyBlock) event(i int) (e tollbook.BookedEvent, err error) {
	if b.kind != eventBlock || i >= len(b.items) {
		return e, errMalformed
	}
	c := cursor{b: b.items[i]}
	org := c.number(len(b.orgs))
	e.Month = tollbook.Month(c.varint())
	if c.bad {
		return e, errMalformed
	}
	e.OrganizationID = b.orgs[org]
	e.Event, c.b, err = tollbook.DecodeNormal(c.b)
	if err != nil {
		return e, err
	}
	e.CloudEventType = c.text()
	e.Measured = c.measured(b)
	e.Claim = tollbook.ClaimOf(e.OrganizationID, e.Source, e.ID)
	return e, c.end()
}

// booking reads the i-th item of a bookings frame's block.
func (b *bodyBlock) booking(i int) (at locator, m tollbook.Measured, err error) {
	if b.kind != bookingBlock || i >= len(b.items) {
		return 0, m, errMalformed
	}
	c := cursor{b: b.items[i]}
	at = locator(c.uvarint())
	m = c.measured(b)
	return at, m, c.end()
}

func (c *cursor) measured(b *bodyBlock) (m tollbook.Measured) {
	m.Unrated = tollbook.Unrated(c.byte())
	m.Rate = tollbook.Rate{CardID: c.text(), Version: int(c.uvarint()), Row: int(c.uvarint()), Prefix: c.text()}
	for n := c.count(); n > 0 && !c.bad; n-- {
		line := c.number(len(b.lines))
		charge := tollbook.Charge{Increments: c.int(maxIncrementBytes)}
		if c.bad {
			return m
		}
		if charge.Line = b.line(int(line)); charge.Line == nil {
			c.fail()
			return m
		}
		m.Charges = append(m.Charges, charge)
	}
	return m
}
