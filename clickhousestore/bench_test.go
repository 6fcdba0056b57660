package clickhousestore_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
	"tollbook/decimal"
	"tollbook/filter"
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

// costs is processor time, which does not change with what else a machine does.
type costs struct {
	of             *clickhousetest.Server
	database, self time.Duration
}

// add adds what f takes of ClickHouse and of this process.
func (c *costs) add(b *testing.B, f func() error) {
	database, self := processorTime(b, c.of.Pid()), processorTime(b, os.Getpid())
	if err := f(); err != nil {
		b.Fatal(err)
	}
	c.database += processorTime(b, c.of.Pid()) - database
	c.self += processorTime(b, os.Getpid()) - self
}

func (c *costs) report(b *testing.B, what string, n int) {
	b.ReportMetric(float64(c.database.Nanoseconds())/float64(n), "db-ns/"+what)
	b.ReportMetric(float64(c.self.Nanoseconds())/float64(n), "server-ns/"+what)
}

// processorTime returns what a process has used so far, to 10 ms.
func processorTime(b *testing.B, pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skip(err) // not Linux
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] { // of the user, and of the kernel for it
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// BenchmarkLedger posts 100,000 events by 10,000 and folds them, which touch more or
// fewer tallies. The times are those of a processor, for an event; those of a fold of
// few tallies are what an event costs, the rest of one of many what a tally does.
func BenchmarkLedger(b *testing.B) {
	const events = 100_000
	s := &server{Server: clickhousetest.Start(b, clickhousetest.Options{InMemory: true})}
	for _, tallies := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("tallies=%d", tallies), func(b *testing.B) {
			_, url := s.database(b)
			l := servers(b, url, 1, clickhousestore.Options{Freshness: time.Hour})[0]
			posting, folding := &costs{of: s.Server}, &costs{of: s.Server}
			round := func(from int, posting, folding *costs) {
				for n := 0; n < events; n += tollbook.MaxBatch {
					batch := manyEntries(from+n, tollbook.MaxBatch, tallies)
					posting.add(b, func() error {
						_, err := l.Post(b.Context(), 0, batch)
						return err
					})
				}
				folding.add(b, func() error { return l.Settle(b.Context()) })
			}
			round(0, &costs{of: s.Server}, &costs{of: s.Server}) // the tallies are there
			n := 0
			for b.Loop() {
				n += events
				round(n, posting, folding)
			}
			posting.report(b, "posted", n)
			folding.report(b, "folded", n)
		})
	}
}

// BenchmarkPostOne posts single events one after the other: what a group costs
// however small it is.
func BenchmarkPostOne(b *testing.B) {
	s := &server{Server: clickhousetest.Start(b, clickhousetest.Options{InMemory: true})}
	_, url := s.database(b)
	l := servers(b, url, 1, clickhousestore.Options{Freshness: time.Hour})[0]
	posting, n := &costs{of: s.Server}, 0
	for b.Loop() {
		batch := manyEntries(n, 1, 1)
		n++
		posting.add(b, func() error {
			_, err := l.Post(b.Context(), 0, batch)
			return err
		})
	}
	posting.report(b, "group", n)
}

// BenchmarkPage reads pages of 250 of an organization's 100,000 records, and the
// records of one account.
func BenchmarkPage(b *testing.B) {
	const records = 100_000
	s := &server{Server: clickhousetest.Start(b, clickhousetest.Options{InMemory: true})}
	_, url := s.database(b)
	l := servers(b, url, 1, clickhousestore.Options{Freshness: time.Hour})[0]
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
	b.Run("account", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			one := filter.Value{Text: fmt.Sprintf("account-%06d", i%(records/50))}
			page(b, tollbook.Query{Filter: &filter.Expr{Op: filter.Eq, Field: tollbook.FieldAccountID, Values: []filter.Value{one}}})
		}
	})
}

// BenchmarkLearn has a server that starts learn the names of ten million events.
func BenchmarkLearn(b *testing.B) {
	const names = 10_000_000
	s := &server{Server: clickhousetest.Start(b, clickhousetest.Options{InMemory: true})}
	name, url := s.database(b)
	l := servers(b, url, 1, clickhousestore.Options{Freshness: time.Hour})[0]
	if _, err := l.Post(b.Context(), 0, manyEntries(0, 1, 1)); err != nil {
		b.Fatal(err)
	}
	if err := l.Settle(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := s.Exec(b.Context(), fmt.Sprintf("INSERT INTO %s.claims (claim) SELECT reinterpretAsFixedString(sipHash128(number)) FROM numbers(%d)", name, names)); err != nil {
		b.Fatal(err)
	}
	learning, n := &costs{of: s.Server}, 0
	for b.Loop() {
		l := servers(b, url, 1, clickhousestore.Options{Freshness: time.Hour})[0]
		n += names
		learning.add(b, func() error {
			if known, err := l.Learn(b.Context()); err != nil || !known {
				return fmt.Errorf("known: %t, %w", known, err)
			}
			return nil
		})
	}
	learning.report(b, "name", n)
}
