package clickhousestore_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
	"tollbook/decimal"
)

// BenchmarkRestate restates the months of many accounts, 32 at once as a re-rating
// does, all of whose events change.
func BenchmarkRestate(b *testing.B) {
	const accounts, events, atOnce = 200, 100, 32
	s := &server{Server: clickhousetest.Start(b, clickhousetest.Options{InMemory: true})}
	_, url := s.database(b)
	l := servers(b, url, 1, clickhousestore.Options{Freshness: time.Hour})[0]
	months := map[string]*tollbook.Restatement{}
	for i := range 2 {
		batch := manyEntries(i*accounts*50, accounts*50, accounts*50)
		for len(batch) > 0 {
			n := min(len(batch), tollbook.MaxBatch)
			if _, err := l.Post(b.Context(), 0, batch[:n]); err != nil {
				b.Fatal(err)
			}
			batch = batch[n:]
		}
	}
	other := tollbook.NewLine(tollbook.Grouping{ProductID: "other", Type: tollbook.Call, Currency: "USD", Unit: tollbook.Minutes}, one, one)
	q := tollbook.MonthQuery{OrganizationID: "acme", Month: tollbook.MonthOf(time.Date(2023, 8, 2, 0, 0, 0, 0, time.UTC))}
	for i := range accounts {
		q.AccountIDs = append(q.AccountIDs, fmt.Sprintf("account-%06d", i))
	}
	n := 0
	for b.Loop() {
		b.StopTimer()
		n++
		clear(months)
		seen, all := l.MonthEvents(b.Context(), q)
		for e, err := range all {
			if err != nil {
				b.Fatal(err)
			}
			r := months[e.AccountID]
			if r == nil {
				r = &tollbook.Restatement{OrganizationID: "acme", AccountID: e.AccountID, Month: q.Month, Seen: seen}
				months[e.AccountID] = r
			}
			r.Bookings = append(r.Bookings, tollbook.Booking{Event: &e, Booked: q.Month, Measured: tollbook.Measured{Charges: []tollbook.Charge{{Line: other, Increments: decimal.NewInt(int64(n + 1))}}}})
		}
		if len(months) != accounts || len(months["account-000000"].Bookings) != events {
			b.Fatal(len(months), len(months["account-000000"].Bookings))
		}
		b.StartTimer()
		turns := make(chan struct{}, atOnce)
		var restating sync.WaitGroup
		for _, r := range months {
			turns <- struct{}{}
			restating.Go(func() {
				if err := l.Restate(b.Context(), 0, *r); err != nil {
					b.Error(err)
				}
				<-turns
			})
		}
		restating.Wait()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*accounts), "ns/month")
}
