package localstore

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"tollbook"
)

// The packed payload of a frame of events or bookings is
//
//	0  4  blocks: how many
//	   …  each
//	        0  4  length of the packed bytes
//	        4  4  items
//	        8  4  length of the block in the log
//	       12  4  checksum of the packed bytes
//	       16  …  zstd frame of what the block holds
//	   …  zstd frame of what follows the blocks in the log, in which heads have
//	      neither claim nor fingerprint
//
// That of other frames is the payload as it is in the log.
const packedBlockHeaderBytes = 16

// packer packs frames. It is for one goroutine.
type packer struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
	raw []byte // scratch
}

func newPacker() (*packer, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, err
	}
	dec, err := newUnpacker()
	return &packer{enc: enc, dec: dec}, err
}

func (p *packer) close() {
	_ = p.enc.Close() // it has no stream
	p.dec.Close()
}

// newUnpacker returns what unpacks blocks and rests.
func newUnpacker() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxPayloadBytes), zstd.IgnoreChecksum(true))
}

// nameBytes is the length of a claim and a fingerprint.
const nameBytes = 16 + 8

// frame appends the packed payload of a frame of the log, and the places of
// its blocks: positions counted from that of the frame, offsets from the start
// of what it appends.
func (p *packer) frame(dst []byte, places []packPlace, f *frame) ([]byte, []packPlace, error) {
	if f.typ != frameEvents && f.typ != frameBookings {
		return append(dst, f.payload...), places, nil
	}
	start := len(dst)
	layout, rest, err := splitPayload(f.payload)
	if err != nil {
		return dst, places, err
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(layout)))
	position := frameHeaderBytes + 4
	for _, b := range layout {
		if p.raw, err = expandBlock(p.raw[:0], b.data); err != nil {
			return dst, places, err
		}
		places = append(places, packPlace{uint32(position), uint32(len(dst) - start)})
		head := len(dst)
		dst = p.enc.EncodeAll(p.raw, append(dst, make([]byte, packedBlockHeaderBytes)...))
		packed := dst[head+packedBlockHeaderBytes:]
		binary.LittleEndian.PutUint32(dst[head:], uint32(len(packed)))
		binary.LittleEndian.PutUint32(dst[head+4:], uint32(b.items))
		binary.LittleEndian.PutUint32(dst[head+8:], uint32(len(b.data)))
		binary.LittleEndian.PutUint32(dst[head+12:], checksum(packed))
		position += len(b.data)
	}
	if f.typ == frameEvents {
		if rest, err = withoutNames(rest); err != nil {
			return dst, places, err
		}
	}
	return p.enc.EncodeAll(rest, dst), places, nil
}

// check returns an error unless what was packed says the same as the frame.
func (p *packer) check(f *frame, packed []byte) error {
	if f.typ != frameEvents && f.typ != frameBookings {
		return nil // it is a copy
	}
	layout, rest, err := splitPayload(f.payload)
	if err != nil {
		return err
	}
	again, restAgain, err := unpackPayload(p.dec, f.typ, packed)
	if err != nil {
		return err
	}
	same := len(again) == len(layout) && bytes.Equal(rest, restAgain)
	for i := 0; same && i < len(layout); i++ {
		if p.raw, err = expandBlock(p.raw[:0], layout[i].data); err != nil {
			return err
		}
		same = again[i].items == layout[i].items && again[i].length == layout[i].length && bytes.Equal(again[i].data, p.raw)
	}
	if !same {
		return fmt.Errorf("the frame at position %d does not come back as it was", f.pos)
	}
	return nil
}

// blockLayout is a block of a payload: its bytes, how many items it has and
// how many bytes it has in the log.
type blockLayout struct {
	data          []byte
	items, length int
}

// splitPayload takes the payload of a frame of events or bookings apart.
func splitPayload(payload []byte) (layout []blockLayout, rest []byte, err error) {
	c := cursor{b: payload}
	blocks := c.take(int(c.uint32()))
	rest = c.b
	for b := (cursor{b: blocks}); len(b.b) > 0; {
		all := b.b
		size, items := int(b.uint32()), int(b.uint32())
		b.take(4 + size)
		if b.bad || items < 1 || items > blockItems {
			return nil, nil, errMalformed
		}
		length := blockHeaderBytes + size
		layout = append(layout, blockLayout{all[:length], items, length})
	}
	if c.bad {
		return nil, nil, errMalformed
	}
	return layout, rest, nil
}

// unpackPayload takes a packed payload apart: the blocks' data is what they
// hold, the rest is what it is in the log.
func unpackPayload(dec *zstd.Decoder, typ frameType, packed []byte) (layout []blockLayout, rest []byte, err error) {
	c := cursor{b: packed}
	for n := c.uint32(); n > 0 && !c.bad; n-- {
		b, size, sum := blockLayout{}, c.uint32(), uint32(0)
		b.items, b.length, sum = int(c.uint32()), int(c.uint32()), c.uint32()
		data := c.take(int(size))
		if c.bad || b.items < 1 || b.items > blockItems || checksum(data) != sum {
			return nil, nil, errMalformed
		}
		if b.data, err = dec.DecodeAll(data, nil); err != nil {
			return nil, nil, errMalformed
		}
		layout = append(layout, b)
	}
	if c.bad {
		return nil, nil, errMalformed
	}
	if rest, err = dec.DecodeAll(c.b, nil); err != nil {
		return nil, nil, errMalformed
	}
	if typ == frameEvents {
		rest, err = withNames(rest, layout)
	}
	return layout, rest, err
}

// withoutNames returns the rest of a frame of events without its claims and
// fingerprints.
func withoutNames(rest []byte) ([]byte, error) {
	c := cursor{b: rest}
	n := c.skipToHeads()
	short := append(make([]byte, 0, len(rest)), rest[:len(rest)-len(c.b)]...)
	for ; n > 0 && !c.bad; n-- {
		c.take(nameBytes)
		head := c.b
		c.skipHead()
		short = append(short, head[:len(head)-len(c.b)]...)
	}
	return short, c.end()
}

// withNames puts claims and fingerprints back, from the events in the blocks.
func withNames(short []byte, layout []blockLayout) ([]byte, error) {
	c := cursor{b: short}
	n := c.skipToHeads()
	rest := append(make([]byte, 0, len(short)+n*nameBytes), short[:len(short)-len(c.b)]...)
	item, first := -1, 0 // of all, and of the block in hand
	var block *bodyBlock
	for ; n > 0 && !c.bad; n-- {
		head := c.b
		item += 1 + int(c.skipHead())
		for len(layout) > 0 && item >= first+layout[0].items {
			first += layout[0].items
			layout, block = layout[1:], nil
		}
		if c.bad || len(layout) == 0 || item < first {
			return nil, errMalformed
		}
		if block == nil {
			var err error
			if block, err = decodeBlock(layout[0].data, nil); err != nil {
				return nil, err
			}
		}
		claim, fingerprint, err := block.name(item - first)
		if err != nil {
			return nil, err
		}
		rest = append(rest, claim[:]...)
		rest = binary.LittleEndian.AppendUint64(rest, fingerprint)
		rest = append(rest, head[:len(head)-len(c.b)]...)
	}
	return rest, c.end()
}

// skipToHeads passes over all that stands before the heads of a frame of
// events, and returns how many they are.
func (c *cursor) skipToHeads() int {
	c.uvarint()
	section := func(one func()) {
		c.uvarint()
		for n := c.count(); n > 0 && !c.bad; n-- {
			one()
		}
	}
	section(func() { c.take(c.count()) })
	section(func() { c.uvarint(); c.take(c.count()) })
	section(func() { c.line() })
	section(func() { c.tallyKey() })
	return c.count()
}

// skipHead passes over a head without claim and fingerprint, and returns how
// many items it passes over itself.
func (c *cursor) skipHead() uint32 {
	items := c.number(maxPayloadBytes)
	charges := c.count()
	if charges == 0 {
		c.uvarint()
	}
	for ; charges > 0 && !c.bad; charges-- {
		c.uvarint()
		c.int(maxIncrementBytes)
	}
	return items
}

// name returns the claim and the fingerprint of an item's event.
func (b *bodyBlock) name(item int) (claim tollbook.Claim, fingerprint uint64, err error) {
	if b.kind != eventBlock || item >= len(b.items) {
		return claim, 0, errMalformed
	}
	c := cursor{b: b.items[item]}
	org := c.number(len(b.orgs))
	c.month()
	c.month()
	if c.bad {
		return claim, 0, errMalformed
	}
	e, rest, err := tollbook.DecodeNormal(c.b)
	if err != nil {
		return claim, 0, err
	}
	return tollbook.ClaimOf(b.orgs[org], e.Source, e.ID), tollbook.Fingerprint(c.b[:len(c.b)-len(rest)]), nil
}
