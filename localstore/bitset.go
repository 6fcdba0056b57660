package localstore

import "math/bits"

// bitset is a growing set of numbers, of which there are as many bits as the
// largest.
type bitset []uint64

func (s bitset) has(i uint32) bool {
	return int(i/64) < len(s) && s[i/64]>>(i%64)&1 != 0
}

func (s *bitset) set(i uint32) {
	for int(i/64) >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[i/64] |= 1 << (i % 64)
}

// all yields the numbers, ascending.
func (s bitset) all(yield func(uint32) bool) {
	for w, word := range s {
		for ; word != 0; word &= word - 1 {
			if !yield(uint32(64*w + bits.TrailingZeros64(word))) {
				return
			}
		}
	}
}
