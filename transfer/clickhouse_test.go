package transfer_test

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"tollbook"
	"tollbook/checktest"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
	"tollbook/storetest"
	"tollbook/transfer"
)

// database is a database of a ClickHouse.
type database string

func (d database) open(t testing.TB) tollbook.Ledger {
	t.Helper()
	s, err := clickhousestore.Open(t.Context(), string(d), clickhousestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestHistoriesOverClickHouse copies from a directory to a ClickHouse and back,
// over and over in the middle of a history, and on to another ClickHouse.
func TestHistoriesOverClickHouse(t *testing.T) {
	t.Parallel()
	checktest.Leave(t)
	server := clickhousetest.Start(t, clickhousetest.Options{InMemory: true})
	databases := newDatabase(server)
	storetest.Histories(t, func(testing.TB) storetest.Driver { return newCopying(newMemory, databases, databases) }, 1)
}

// newDatabase returns how a database is made, in a server.
func newDatabase(server *clickhousetest.Server) func(t testing.TB) place {
	made := 0
	return func(t testing.TB) place {
		made++
		name := fmt.Sprint("copy_", made)
		must(t, server.Exec(t.Context(), "CREATE DATABASE "+name))
		url := "clickhouse://" + server.Addr() + "/" + name
		must(t, clickhousestore.Migrate(t.Context(), url, clickhousestore.MigrateOptions{Out: io.Discard}))
		return database(url)
	}
}

// TestLargeOverClickHouse copies a month that was restated whole to a ClickHouse
// and back, both killed on the way.
func TestLargeOverClickHouse(t *testing.T) {
	t.Parallel()
	checktest.Leave(t)
	server := clickhousetest.Start(t, clickhousetest.Options{InMemory: true})
	source := newLarge(t)
	c := newCopying()
	for _, to := range []func(t testing.TB) place{newDatabase(server), newMemory} {
		c.now = to(t)
		c.copy(t, source)
		copied := c.now.open(t)
		t.Cleanup(func() { must(t, copied.Close()) })
		wantSame(t, source, copied)
		source = copied
	}
}

// TestServedMeanwhile copies a ClickHouse while two servers take events, correct
// and define, and goes on until it has everything.
func TestServedMeanwhile(t *testing.T) {
	t.Parallel()
	server := clickhousetest.Start(t, clickhousetest.Options{InMemory: true})
	from := newDatabase(server)(t)
	var serving sync.WaitGroup
	for n := range 2 {
		l := from.open(t)
		t.Cleanup(func() { must(t, l.Close()) })
		s := &serverOf{t: t, ledger: l, work: storetest.NewWorkload(uint64(n), storetest.WorkloadSize{Organizations: []string{"acme", "globex"}, Accounts: 3, Months: 2, Lines: 5})}
		serving.Go(func() {
			for i := range 25 {
				s.serve(n, i)
			}
		})
	}
	source, to := from.open(t), newMemory(t).open(t)
	t.Cleanup(func() { must(t, errors.Join(source.Close(), to.Close())) })
	o := transfer.Options{SaveEvery: 100, Wait: noWait}
	o.Save = func(s transfer.State) error { o.State = s; return nil }
	done := make(chan struct{})
	go func() {
		serving.Wait()
		close(done)
	}()
	copies := 0
	for served := false; !served; copies++ {
		select {
		case <-done:
			served = true // what is copied now is the rest
		default:
		}
		_, err := transfer.Copy(t.Context(), source, to, o)
		must(t, err)
	}
	if r := wantSame(t, source, to); copies < 3 || r.Bookings < 50 || r.Marks < 4 {
		t.Errorf("%d copies of %+v", copies, r)
	}
}

// serverOf is a server that takes what comes.
type serverOf struct {
	t      *testing.T
	ledger tollbook.Ledger
	head   tollbook.Pos
	work   *storetest.Workload
	posted []tollbook.Entry
}

// again does something until the definitions have not moved on meanwhile.
func (s *serverOf) again(do func() error) {
	for {
		err := do()
		if err == nil || !errors.Is(err, tollbook.ErrMoved) {
			if err != nil {
				s.t.Error(err)
			}
			return
		}
		for d, err := range s.ledger.Definitions(s.t.Context(), s.head) {
			if err != nil {
				s.t.Error(err)
				return
			}
			s.head = d.Pos
		}
	}
}

func (s *serverOf) serve(n, i int) {
	ctx := s.t.Context()
	batch := s.work.Batch(40)
	s.again(func() error {
		_, err := s.ledger.Post(ctx, s.head, batch)
		return err
	})
	s.posted = append(s.posted, batch...)
	s.again(func() error {
		words, err := s.ledger.Latest(ctx, []tollbook.Claim{s.posted[i*7%len(s.posted)].Claim, s.posted[i*11%len(s.posted)].Claim})
		if err != nil {
			return err
		}
		var bookings []tollbook.Booking
		for _, w := range words {
			if w == nil {
				continue // it was rejected
			}
			bookings = append(bookings, tollbook.Booking{Event: w, Booked: w.Home + tollbook.Month(i%3), Measured: tollbook.Measured{Unrated: tollbook.NoRate}})
		}
		if len(bookings) > 0 {
			_, err = s.ledger.Book(ctx, s.head, bookings)
		}
		return err
	})
	if i%5 == 4 {
		d := tollbook.Definition{At: time.Date(2026, 11, 1, 0, 0, i, 0, time.UTC), Actor: "tester", Kind: tollbook.KindMark, ID: "day", Body: []byte(`{}`)}
		copy(d.RequestID[:], fmt.Sprintf("server %d step %03d", n, i))
		s.again(func() error {
			_, err := s.ledger.Define(ctx, s.head, []tollbook.Definition{d})
			return err
		})
	}
}
