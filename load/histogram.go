package load

import (
	"math/bits"
	"time"
)

// Histogram keeps how long things took, to within 1%, in a fixed 60 KiB. The
// zero value is empty.
//
// Each power of two of nanoseconds is cut into stepsPerPower equal steps;
// below that many nanoseconds every one is a step of its own.
type Histogram struct {
	counts [(64 - stepBits) * stepsPerPower]uint64
	count  uint64
	most   time.Duration
}

const (
	stepBits      = 7
	stepsPerPower = 1 << stepBits
)

// Add notes a duration; one below 0 counts as 0.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[stepOf(uint64(d))]++
	h.count++
	h.most = max(h.most, d)
}

// stepOf returns the number of a step: numbers grow as durations do.
func stepOf(v uint64) int {
	if v < stepsPerPower {
		return int(v)
	}
	shift := bits.Len64(v) - stepBits - 1
	return (shift+1)<<stepBits + int(v>>shift) - stepsPerPower
}

// middle returns the duration in the middle of a step.
func middle(step int) time.Duration {
	if step < stepsPerPower {
		return time.Duration(step)
	}
	shift := step>>stepBits - 1
	low := uint64(step&(stepsPerPower-1)+stepsPerPower) << shift
	return time.Duration(low + 1<<shift/2)
}

// Count returns how many durations were noted.
func (h *Histogram) Count() uint64 { return h.count }

// Max returns the longest duration, exactly; 0 where there is none.
func (h *Histogram) Max() time.Duration { return h.most }

// Percentile returns the duration that p percent of all do not exceed; 0
// where there is none.
func (h *Histogram) Percentile(p float64) time.Duration {
	if p >= 100 {
		return h.most
	}
	rank := uint64(p / 100 * float64(h.count))
	seen := uint64(0)
	for step, n := range h.counts {
		if seen += n; n > 0 && seen >= rank {
			return min(middle(step), h.most)
		}
	}
	return h.most
}
