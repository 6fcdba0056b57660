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

// mayHave returns false only when c was never added.
func (f *filter) mayHave(c *tollbook.Claim) bool {
	if len(f.lines) == 0 {
		return false
	}
	line, h := f.line(c), binary.LittleEndian.Uint64(c[8:])
	for i := range line {
		if line[i]&(1<<(h&63)) == 0 {
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
