package book_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/book"
	"tollbook/load"
	"tollbook/localstore"
	"tollbook/wire"
)

// BenchmarkRerate re-rates the events of load.Million, each of which changes
// its price, on a real disk. Meanwhile somebody reads pages of records, each at
// a random depth; p99_ms is how long they take, and idle_p99_ms without.
func BenchmarkRerate(b *testing.B) {
	for _, n := range []uint64{1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("events=%d", n), func(b *testing.B) { benchmarkRerate(b, n) })
	}
}

func benchmarkRerate(b *testing.B, n uint64) {
	month := tollbook.NewMonth(2026, time.August)
	w := load.Million(1, month)
	w.Repeats = 0
	ledger, err := localstore.Open(b.TempDir(), localstore.Options{Create: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = ledger.Close() })
	watch := watched(ledger)
	watch.restated = nil
	sender, bk, op := workloadBook(b, w, watch)
	for from := uint64(0); from < n; from += tollbook.MaxBatch {
		items, err := wire.Decode(wire.JSON, string(w.AppendArray(nil, from, from+tollbook.MaxBatch)), wire.Options{Now: (month + 1).Start(time.UTC)})
		if err != nil {
			b.Fatal(err)
		}
		events := make([]*tollbook.Event, len(items))
		for i := range items {
			events[i] = &items[i].Event
		}
		if _, err := sender.Post(b.Context(), events); err != nil {
			b.Fatal(err)
		}
	}
	acme := "acme"
	view, err := bk.View(book.Grant{Client: tollbook.Client{ID: "c", OrganizationID: &acme}, Scopes: []string{tollbook.ScopeUsageRead}}, tollbook.ScopeUsageRead)
	if err != nil {
		b.Fatal(err)
	}
	idle := readPages(b, view, 2*time.Second, nil)
	var changed int64
	var took []time.Duration
	for version := 0; b.Loop(); version++ {
		b.StopTimer()
		card := w.Card()
		if version%2 == 0 {
			card = strings.ReplaceAll(card, ",0.", ",1.")
		}
		if _, _, err := op.PutRateCard(b.Context(), "std", card); err != nil {
			b.Fatal(err)
		}
		done, read := make(chan struct{}), make(chan []time.Duration)
		go func() { read <- readPages(b, view, time.Hour, done) }()
		b.StartTimer()
		job, err := op.Rerate(b.Context(), book.RerateScope{})
		if err != nil {
			b.Fatal(err)
		}
		<-watch.ended
		b.StopTimer()
		close(done)
		took = append(took, <-read...)
		if err := bk.Reload(b.Context()); err != nil {
			b.Fatal(err)
		}
		if job, err = op.RerateByID(job.ID); err != nil || job.EventsChanged != int64(n) || job.Refused > 0 {
			b.Fatalf("re-rated: %+v, %v", job, err)
		}
		changed += job.EventsChanged
		b.StartTimer()
	}
	b.ReportMetric(float64(changed)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(p99(took).Microseconds())/1000, "p99_ms")
	b.ReportMetric(float64(p99(idle).Microseconds())/1000, "idle_p99_ms")
}

// readPages reads pages at random depths, for some time or until done, and
// returns how long each took.
func readPages(b *testing.B, view *book.View, most time.Duration, done <-chan struct{}) (took []time.Duration) {
	rnd := rand.New(rand.NewPCG(1, 2))
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for begin := time.Now(); time.Since(begin) < most; {
		select {
		case <-done:
			return took
		case <-pace.C:
		}
		start := time.Now()
		if _, err := view.Usage(b.Context(), book.PageQuery{Page: 1 + rnd.IntN(10_000), PerPage: 50}); err != nil {
			b.Error(err)
			return took
		}
		took = append(took, time.Since(start))
	}
	return took
}

func p99(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)*99/100]
}
