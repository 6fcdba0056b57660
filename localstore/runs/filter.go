package runs

import (
	"encoding/binary"
	"math/bits"

	"tollbook"
)

// filter is a blocked Bloom filter over a run's claims: eight bits in one
// cache line, chosen by the claim's own bytes, since it is a cryptographic
// hash. At two bytes a claim it answers "maybe" for about one foreign claim
// in five hundred.
//
// The line is chosen by the claim's first bytes in their order, so that a
// filter over sorted claims is filled from its start to its end.
type filter struct{ lines [][8]uint64 }

const (
	filterLineBytes     = 64
	filterClaimsPerLine = 32 // two bytes a claim
)

// newFilter returns a filter for n claims.
func newFilter(n int) filter {
	return filter{make([][8]uint64, (n+filterClaimsPerLine-1)/filterClaimsPerLine)}
}

func (f *filter) line(c *tollbook.Claim) *[8]uint64 {
	i, _ := bits.Mul64(prefix(c[:8]), uint64(len(f.lines)))
	return &f.lines[i]
}

func (f *filter) add(c *tollbook.Claim) {
	line, h := f.line(c), binary.LittleEndian.Uint64(c[8:])
	for i := range line {
		line[i] |= 1 << (h & 63)
		h >>= 6
	}
}

// mayHave returns false only when c was never added. It looks at the first
// three bits together: that one of them is missing can be foreseen, so that
// the processor goes on to the next claim while it waits for the line of this
// one. They lie in one line, so looking at more than needed costs little.
func (f *filter) mayHave(c *tollbook.Claim) bool {
	if len(f.lines) == 0 {
		return false
	}
	line, h := f.line(c), binary.LittleEndian.Uint64(c[8:])
	return (1<<(h&63)&^line[0])|(1<<(h>>6&63)&^line[1])|(1<<(h>>12&63)&^line[2]) == 0 && hasRest(line, h>>18)
}

// hasRest looks at the other bits; h is shifted to the fourth.
func hasRest(line *[8]uint64, h uint64) bool {
	for _, word := range line[3:] {
		if word&(1<<(h&63)) == 0 {
			return false
		}
		h >>= 6
	}
	return true
}

// appendTo appends the filter's lines, each word in little-endian.
func (f *filter) appendTo(dst []byte, from, to int) []byte {
	for i := from; i < to; i++ {
		for _, word := range f.lines[i] {
			dst = binary.LittleEndian.AppendUint64(dst, word)
		}
	}
	return dst
}

// read takes over lines, from the given one on.
func (f *filter) read(b []byte, from int) {
	for i := range len(b) / filterLineBytes {
		line := &f.lines[from+i]
		for j := range line {
			line[j] = binary.LittleEndian.Uint64(b[i*filterLineBytes+8*j:])
		}
	}
}
