// Package report makes tables of what was measured.
package report

import (
	"slices"
	"time"
)

// Stats is what several measurements of one thing come to.
type Stats struct{ Median, Low, High float64 }

// Of returns the statistics of one or more values.
func Of(values []float64) Stats {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	return Stats{Median: (s[(n-1)/2] + s[n/2]) / 2, Low: s[0], High: s[n-1]}
}

// Quantile returns the smallest of the durations that at least q of them do
// not exceed; q is above 0 and at most 1. It sorts them.
func Quantile(all []time.Duration, q float64) time.Duration {
	slices.Sort(all)
	i := int(q*float64(len(all)) + 0.999999)
	return all[min(max(i, 1), len(all))-1]
}
