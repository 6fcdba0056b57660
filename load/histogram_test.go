package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestHistogram compares with the durations themselves, sorted.
func TestHistogram(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h Histogram
	var all []time.Duration
	for range 20_000 {
		d := time.Duration(math.Exp(random.Float64() * math.Log(float64(10*time.Minute))))
		all = append(all, d)
		h.Add(d)
	}
	slices.Sort(all)
	for _, p := range []float64{0, 1, 50, 90, 99, 99.9, 100} {
		want := all[max(0, int(p/100*float64(len(all)))-1)]
		if got := h.Percentile(p); math.Abs(float64(got-want)) > 0.01*float64(want) {
			t.Errorf("%v percent: %v, want %v", p, got, want)
		}
	}
	if h.Max() != all[len(all)-1] || h.Count() != uint64(len(all)) {
		t.Errorf("%d durations of at most %v, want %d of %v", h.Count(), h.Max(), len(all), all[len(all)-1])
	}
}

func TestHistogramEdges(t *testing.T) {
	var h Histogram
	if h.Percentile(50) != 0 || h.Max() != 0 {
		t.Error("an empty histogram has durations")
	}
	h.Add(-time.Second)
	h.Add(math.MaxInt64)
	if h.Percentile(50) != 0 || h.Percentile(100) != h.Max() || h.Max() != math.MaxInt64 {
		t.Errorf("half within %v, all within %v, the longest %v", h.Percentile(50), h.Percentile(100), h.Max())
	}
	for v, last := uint64(0), -1; v < 1<<20; v++ {
		step := stepOf(v)
		if step < last || step > last+1 {
			t.Fatalf("%d ns is step %d, behind step %d", v, step, last)
		}
		last = step
	}
}
