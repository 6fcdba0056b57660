package localstore

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"tollbook"
)

// BenchmarkPost posts batches of a thousand events from several goroutines to
// a real disk. The events are made beforehand.
func BenchmarkPost(b *testing.B) {
	const batch, posters = 1000, 8
	s, err := Open(b.TempDir(), Options{Create: true})
	if err != nil {
		b.Fatal(err)
	}
	w := newWorld(1, 10, 200, 12, 40)
	batches := make([][]tollbook.Entry, (b.N+batch-1)/batch)
	for i := range batches {
		batches[i] = w.batch(batch)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range posters {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(batches) {
					return
				}
				if _, err := s.Post(context.Background(), 0, batches[i]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(len(batches)*batch)/b.Elapsed().Seconds(), "events/s")
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
