package runs

import (
	"bytes"
	"math/bits"
	"slices"
)

// SortClaims returns claims in order. They are hashes, spread evenly, so their
// first bits tell about where each belongs: one pass deals them out, and one
// puts a few neighbours right.
func SortClaims(claims []Claim) []Claim {
	shift := 64 - max(bits.Len(uint(len(claims)))-2, 0) // about four in a part
	ends := make([]uint32, 1<<(64-shift))
	for i := range claims {
		ends[prefix(claims[i].Claim[:])>>shift]++
	}
	sum := uint32(0)
	for i, n := range ends {
		ends[i] = sum
		sum += n
	}
	sorted := make([]Claim, len(claims))
	for i := range claims {
		end := &ends[prefix(claims[i].Claim[:])>>shift]
		sorted[*end] = claims[i]
		*end++
	}
	start := uint32(0)
	for _, end := range ends {
		if end-start > 1 {
			slices.SortFunc(sorted[start:end], func(a, b Claim) int { return bytes.Compare(a.Claim[:], b.Claim[:]) })
		}
		start = end
	}
	return sorted
}

const (
	digitBits = 11
	digits    = 1 << digitBits
)

// SortByTally returns entries that are in the order of their places in that of
// tallies and places, by one stable pass for each digit of the tallies.
func SortByTally(entries []Entry) []Entry {
	most := uint32(0)
	for i := range entries {
		most = max(most, entries[i].Tally)
	}
	other := make([]Entry, len(entries))
	for shift := 0; shift < 32 && most>>shift > 0; shift += digitBits {
		var starts [digits]int
		for i := range entries {
			starts[entries[i].Tally>>shift%digits]++
		}
		sum := 0
		for i, n := range starts {
			starts[i] = sum
			sum += n
		}
		for i := range entries {
			at := &starts[entries[i].Tally>>shift%digits]
			other[*at] = entries[i]
			*at++
		}
		entries, other = other, entries
	}
	return entries
}
