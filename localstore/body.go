package localstore

import (
	"encoding/binary"
	"fmt"

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
// month in which it occurred (varint), and how many later it is booked
// (varint); normal form; CloudEvents type; what was measured. An item of a
// bookings frame is: locator of the event, and of the word before; month in
// which it is booked (varint); flags; what was measured; and where it voids
// reason, actor, Unix seconds (varint) and nanoseconds, source and id of the
// event that stands for it. What was measured is: reason for being unrated
// (byte); card, version, row, prefix; number of charges, each the number of the
// line in this block and the increments. Numbers are uvarints, texts are behind
// their length.
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
		w.item = binary.AppendVarint(w.item, int64(e.Home))
		w.item = binary.AppendVarint(w.item, int64(e.Booked-e.Home))
		w.item = append(w.item, e.Normal...)
		w.item = appendText(w.item, e.Event.CloudEventType)
		w.measured(&e.Measured, hints[i].line)
		if err := w.add(); err != nil {
			return bodies{}, err
		}
	}
	return w.finish()
}

// encodeBookings returns the bodies of bookings. lines holds the number of the
// line of each one's only charge, or noLine.
func (w *bodyWriter) encodeBookings(bookings []tollbook.Booking, lines []uint32) (bodies, error) {
	w.reset(bookingBlock)
	for i := range bookings {
		b := &bookings[i]
		w.item = binary.AppendUvarint(w.item[:0], uint64(b.Event.Came))
		w.item = binary.AppendUvarint(w.item, uint64(b.Event.Ref))
		w.item = binary.AppendVarint(w.item, int64(b.Booked))
		w.item = append(w.item, flagsOf(b.Void != nil, b.Adjusts, false))
		w.measured(&b.Measured, lines[i])
		if v := b.Void; v != nil {
			w.item = appendText(appendText(w.item, v.Reason), v.Actor)
			w.item = binary.AppendVarint(w.item, v.At.Unix())
			w.item = binary.AppendUvarint(w.item, uint64(v.At.Nanosecond()))
			w.item = appendText(appendText(w.item, v.ReplacedBy.Source), v.ReplacedBy.ID)
		}
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
