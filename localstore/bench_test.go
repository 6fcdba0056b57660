package localstore

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
)

// BenchmarkPost posts batches of a thousand events from several goroutines to
// a real disk, most of them to tallies that are there. The events are made
// beforehand.
func BenchmarkPost(b *testing.B) {
	const batch, posters = 1000, 8
	s, err := Open(b.TempDir(), Options{Create: true})
	must(b, err)
	w := newWorld(1, 10, 100, 6, 20)
	for range 400 {
		mustPost(b, s, w.batch(batch))
	}
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
	mustClose(b, s)
}

// million is an organization with a million records, in memory.
func million(b *testing.B) *vfs.MemFS {
	b.Helper()
	fs := vfs.NewMem()
	s, err := Open("data", Options{FS: fs, Create: true})
	must(b, err)
	w := newWorld(1, 1, 2000, 24, 40)
	for s.views.records.len() < 1_000_000 {
		mustPost(b, s, w.batch(10_000))
	}
	mustClose(b, s)
	return fs
}

// BenchmarkMillionRecords opens a ledger with a million records and takes
// pages of 50 from their middle.
func BenchmarkMillionRecords(b *testing.B) {
	fs := million(b)
	open := func(b *testing.B) *Store {
		s, err := Open("data", Options{FS: fs})
		must(b, err)
		return s
	}
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			mustClose(b, open(b))
		}
	})
	s := open(b)
	defer mustClose(b, s)
	for field := tollbook.OrderID; field <= tollbook.OrderTotalAmount; field++ {
		for _, text := range []string{"", "month eq '2023-03'", "account_id eq 'org-0-account-0003'", "not account_id eq 'org-0-account-0003'"} {
			q := tollbook.Query{OrganizationID: "org-0", Filter: parse(b, text), Order: tollbook.Order{Field: field}, Limit: 50}
			first, err := s.Records(b.Context(), q)
			must(b, err)
			q.Offset = first.Total / 2
			b.Run(fmt.Sprintf("order=%s/filter=%s", q.Order.Field, text), func(b *testing.B) {
				for b.Loop() {
					_, err := s.Records(b.Context(), q)
					must(b, err)
				}
			})
		}
	}
}
