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
//
// Filters are most of what grows with the history. Their memory is taken from
// the system and given back when the run is let go of: the collector, which
// lets the heap double, need not know of it.
type filter struct {
	lines uint64
	b     []byte // lines of eight words, little-endian, as in the file
	free  func() // gives b back
}

const (
	filterLineBytes     = 64
	filterClaimsPerLine = 32 // two bytes a claim
)

// newFilter returns a filter for n claims.
func newFilter(n int) (filter, error) {
	return makeFilter(uint64(n+filterClaimsPerLine-1) / filterClaimsPerLine)
}

func makeFilter(lines uint64) (f filter, err error) {
	f.lines, f.free = lines, func() {}
	if lines > 0 {
		f.b, f.free, err = allocate(int(lines) * filterLineBytes)
	}
	return f, err
}

func (f *filter) line(c *tollbook.Claim) []byte {
	i, _ := bits.Mul64(prefix(c[:8]), f.lines)
	return f.b[i*filterLineBytes:][:filterLineBytes]
}

func (f *filter) add(c *tollbook.Claim) {
	line, h := f.line(c), binary.LittleEndian.Uint64(c[8:])
	for i := 0; i < filterLineBytes; i += 8 {
		binary.LittleEndian.PutUint64(line[i:], binary.LittleEndian.Uint64(line[i:])|1<<(h&63))
		h >>= 6
	}
}

// mayHave returns false only when c was never added. It looks at the first
// three bits together: that one of them is missing can be foreseen, so that
// the processor goes on to the next claim while it waits for the line of this
// one. They lie in one line, so looking at more than needed costs little.
func (f *filter) mayHave(c *tollbook.Claim) bool {
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
	for i := 24; i < filterLineBytes; i += 8 {
		if binary.LittleEndian.Uint64(line[i:])&(1<<(h&63)) == 0 {
			return false
		}
		h >>= 6
	}
	return true
}
