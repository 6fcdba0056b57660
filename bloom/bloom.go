// Package bloom tells which events' names cannot have been seen, in two bytes of
// memory a name.
package bloom

import (
	"encoding/binary"
	"math/bits"

	"tollbook"
)

// Filter is a blocked Bloom filter over claims: eight bits in one cache line,
// chosen by the claim's own bytes, since it is a cryptographic hash. At two bytes
// a claim it answers "maybe" for about one foreign claim in five hundred.
//
// The line is chosen by the claim's first bytes in their order, so that a
// filter over sorted claims is filled from its start to its end.
//
// Filters are most of what grows with the history. Their memory is taken from
// the system and given back by Free: the collector, which lets the heap double,
// need not know of it. The zero value is a filter of no claims.
type Filter struct {
	lines uint64
	b     []byte // lines of eight words, little-endian
	free  func() // gives b back
}

const (
	// LineBytes is the size of a line.
	LineBytes     = 64
	claimsPerLine = 32 // two bytes a claim
)

// New returns a filter for n claims.
func New(n int) (*Filter, error) {
	return OfLines(uint64(n+claimsPerLine-1) / claimsPerLine)
}

// OfLines returns a filter with nothing in it that has so many lines.
func OfLines(lines uint64) (f *Filter, err error) {
	f = &Filter{lines: lines}
	if lines > 0 {
		f.b, f.free, err = allocate(int(lines) * LineBytes)
	}
	return f, err
}

// Free gives the memory back; the filter must not be used from then on.
func (f *Filter) Free() {
	if f.free != nil {
		f.free()
	}
}

// Lines returns how many lines there are.
func (f *Filter) Lines() uint64 { return f.lines }

// Bytes returns all lines, which are the whole of what the filter knows. Whoever
// writes into them sets it.
func (f *Filter) Bytes() []byte { return f.b }

func (f *Filter) line(c *tollbook.Claim) []byte {
	i, _ := bits.Mul64(binary.BigEndian.Uint64(c[:8]), f.lines)
	return f.b[i*LineBytes:][:LineBytes]
}

// Add adds a claim.
func (f *Filter) Add(c *tollbook.Claim) {
	line, h := f.line(c), binary.LittleEndian.Uint64(c[8:])
	for i := 0; i < LineBytes; i += 8 {
		binary.LittleEndian.PutUint64(line[i:], binary.LittleEndian.Uint64(line[i:])|1<<(h&63))
		h >>= 6
	}
}

// MayHave returns false only when c was never added. It looks at the first
// three bits together: that one of them is missing can be foreseen, so that
// the processor goes on to the next claim while it waits for the line of this
// one. They lie in one line, so looking at more than needed costs little.
func (f *Filter) MayHave(c *tollbook.Claim) bool {
	if f.lines == 0 {
		return false
	}
	line, h := f.line(c), binary.LittleEndian.Uint64(c[8:])
	missing := 1<<(h&63)&^binary.LittleEndian.Uint64(line) |
		1<<(h>>6&63)&^binary.LittleEndian.Uint64(line[8:]) |
		1<<(h>>12&63)&^binary.LittleEndian.Uint64(line[16:])
	return missing == 0 && hasRest(line, h>>18)
}

// hasRest looks at the other bits; h is shifted to the fourth.
func hasRest(line []byte, h uint64) bool {
	for i := 24; i < LineBytes; i += 8 {
		if binary.LittleEndian.Uint64(line[i:])&(1<<(h&63)) == 0 {
			return false
		}
		h >>= 6
	}
	return true
}
