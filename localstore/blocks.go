package localstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/klauspost/compress/s2"

	"tollbook"
)

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
	e.Home = c.month()
	e.Booked = e.Home + c.month()
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

// bookingBody is what the body of a booking says.
type bookingBody struct {
	came, ref locator // the event, and the word before
	booked    tollbook.Month
	measured  tollbook.Measured
	void      *tollbook.Void
	adjusts   bool
}

// booking reads the i-th item of a bookings frame's block.
func (b *bodyBlock) booking(i int) (body bookingBody, err error) {
	if b.kind != bookingBlock || i >= len(b.items) {
		return body, errMalformed
	}
	c := cursor{b: b.items[i]}
	body.came, body.ref = locator(c.uvarint()), locator(c.uvarint())
	body.booked = c.month()
	flags := c.byte()
	if flags&^(flagVoids|flagAdjusts) != 0 {
		c.fail()
	}
	body.adjusts = flags&flagAdjusts != 0
	body.measured = c.measured(b)
	if flags&flagVoids != 0 {
		body.void = c.void()
	}
	return body, c.end()
}

func (c *cursor) void() *tollbook.Void {
	v := &tollbook.Void{Reason: c.text(), Actor: c.text()}
	sec := c.varint()
	v.At = time.Unix(sec, int64(c.number(1e9))).UTC()
	v.ReplacedBy = tollbook.EventName{Source: c.text(), ID: c.text()}
	return v
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

// blockReader reads bodies and keeps the block that it read last: events that
// were posted together mostly lie together.
type blockReader struct {
	s     *Store
	lines lineNumbers
	pos   uint64
	block *bodyBlock
	buf   []byte
}

func (r *blockReader) read(pos uint64) (*bodyBlock, error) {
	if r.block != nil && r.pos == pos {
		return r.block, nil
	}
	raw, err := r.s.journal.block(pos, &r.buf)
	if err != nil {
		return nil, fmt.Errorf("block at position %d of the log: %w", pos, err)
	}
	b, err := decodeBlock(raw, r.lines)
	if err != nil {
		return nil, fmt.Errorf("block at position %d of the log: %w", pos, err)
	}
	r.pos, r.block = pos, b
	return b, nil
}

// wordReader reads words about events: where one corrects, what it says is put
// together with the event. Most events lie as close together as the words do.
type wordReader struct {
	words, events blockReader
}

func (s *Store) wordReader() *wordReader {
	return &wordReader{blockReader{s: s, lines: s.views.lineOf}, blockReader{s: s, lines: s.views.lineOf}}
}

// read returns the event as the word at a place says, and where the word before
// is; 0 where there is none.
func (r *wordReader) read(at locator) (e tollbook.BookedEvent, before locator, err error) {
	e, body, err := r.word(at)
	if err != nil || body == nil {
		return e, 0, err
	}
	if e, err = r.eventOf(at, body); err != nil {
		return e, 0, atPosition(at, err)
	}
	return e, body.ref, nil
}

// word returns the word at a place: the event that came, or the body of a
// booking.
func (r *wordReader) word(at locator) (e tollbook.BookedEvent, body *bookingBody, err error) {
	b, err := r.words.read(at.block())
	if err != nil {
		return e, nil, atPosition(at, err)
	}
	if b.kind == eventBlock {
		if e, err = b.event(at.item()); err != nil {
			return e, nil, atPosition(at, err)
		}
		e.Ref, e.Came = tollbook.Ref(at), tollbook.Ref(at)
		return e, nil, nil
	}
	booked, err := b.booking(at.item())
	if err != nil {
		return e, nil, atPosition(at, err)
	}
	return e, &booked, nil
}

// eventOf returns the event of a booking, as it says.
func (r *wordReader) eventOf(at locator, body *bookingBody) (e tollbook.BookedEvent, err error) {
	b, err := r.events.read(body.came.block())
	if err != nil {
		return e, err
	}
	if e, err = b.event(body.came.item()); err != nil {
		return e, err
	}
	e.Booked, e.Measured, e.Void, e.Adjusts = body.booked, body.measured, body.void, body.adjusts
	e.Ref, e.Came = tollbook.Ref(at), tollbook.Ref(body.came)
	return e, nil
}

// atPosition says where in the log a word is that cannot be read.
func atPosition(at locator, err error) error {
	return fmt.Errorf("event at position %d of the log: %w", at.block(), err)
}

// bodiesOf reads the words at places of the drill-down index.
func (s *Store) bodiesOf(ctx context.Context, at []indexed) ([]tollbook.BookedEvent, error) {
	r := s.wordReader()
	events := make([]tollbook.BookedEvent, 0, len(at))
	for i := range at {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e, _, err := r.read(at[i].at)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}
