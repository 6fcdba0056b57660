package clickhousestore_test

import (
	"fmt"
	"testing"
	"time"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
	"tollbook/decimal"
	"tollbook/storetest"
)

// manyEntries returns n entries of as many accounts, lines and months as it takes
// for so many tallies; the first that comes of each makes a record.
func manyEntries(from, n, tallies int) []tollbook.Entry {
	const perAccount = 50
	lines := make([]*tollbook.Line, perAccount)
	for i := range lines {
		lines[i] = tollbook.NewLine(tollbook.Grouping{ProductID: fmt.Sprintf("P-%02d", i), Type: tollbook.Call, Currency: "USD", Unit: tollbook.Minutes}, one, one)
	}
	all := make([]tollbook.Entry, n)
	at := time.Date(2023, 8, 2, 0, 0, 0, 0, time.UTC)
	for i := range all {
		k := (from + i) % tallies
		e := &tollbook.Event{ID: fmt.Sprint(from + i), Source: "s", AccountID: fmt.Sprintf("account-%06d", k/perAccount), OccurredAt: at, Type: tollbook.Call, Quantity: one, Unit: tollbook.Minutes}
		all[i] = storetest.NewEntry("acme", e, tollbook.MonthOf(at), tollbook.Measured{Charges: []tollbook.Charge{{Line: lines[k%perAccount], Increments: decimal.NewInt(1)}}})
	}
	return all
}

// BenchmarkFold folds epochs of 100,000 events that touch more or fewer tallies.
func BenchmarkFold(b *testing.B) {
	const events = 100_000
	s := &server{Server: clickhousetest.Start(b, clickhousetest.Options{InMemory: true})}
	for _, tallies := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("tallies=%d", tallies), func(b *testing.B) {
			_, url := s.database(b)
			l, err := clickhousestore.Open(b.Context(), url, clickhousestore.Options{Freshness: time.Hour})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			from := 0
			for b.Loop() {
				b.StopTimer()
				for range events / tollbook.MaxBatch {
					if _, err := l.Post(b.Context(), 0, manyEntries(from, tollbook.MaxBatch, tallies)); err != nil {
						b.Fatal(err)
					}
					from += tollbook.MaxBatch
				}
				b.StartTimer()
				if err := l.Settle(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(tallies)*float64(b.N)/b.Elapsed().Seconds(), "tallies/s")
			b.ReportMetric(events*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkPage reads pages of 250 of an organization's 100,000 records.
func BenchmarkPage(b *testing.B) {
	const records = 100_000
	s := &server{Server: clickhousetest.Start(b, clickhousetest.Options{InMemory: true})}
	_, url := s.database(b)
	l, err := clickhousestore.Open(b.Context(), url, clickhousestore.Options{Freshness: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for from := 0; from < records; from += tollbook.MaxBatch {
		if _, err := l.Post(b.Context(), 0, manyEntries(from, tollbook.MaxBatch, records)); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Settle(b.Context()); err != nil {
		b.Fatal(err)
	}
	page := func(b *testing.B, q tollbook.Query) tollbook.Page {
		q.OrganizationID, q.Limit = "acme", tollbook.MaxPage
		p, err := l.Records(b.Context(), q)
		if err != nil || len(p.Records) == 0 || p.Total == 0 {
			b.Fatalf("%d records of %d, %v", len(p.Records), p.Total, err)
		}
		return p
	}
	for _, o := range []tollbook.OrderField{tollbook.OrderID, tollbook.OrderAccountID, tollbook.OrderTotalAmount} {
		order := tollbook.Order{Field: o}
		b.Run(fmt.Sprintf("order=%d/offset", o), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				page(b, tollbook.Query{Order: order, Offset: i * 37_000 % (records - tollbook.MaxPage)})
			}
		})
		b.Run(fmt.Sprintf("order=%d/after", o), func(b *testing.B) {
			var last *tollbook.Record
			for b.Loop() {
				p := page(b, tollbook.Query{Order: order, After: last})
				last = &p.Records[len(p.Records)-1]
				if p.Offset+2*tollbook.MaxPage >= records {
					last = nil
				}
			}
		})
	}
}
