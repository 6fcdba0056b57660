package clickhousestore_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tollbook"
	"tollbook/clickhousestore"
)

func lease(t *testing.T, l tollbook.Ledger, holder byte, length time.Duration) tollbook.Term {
	t.Helper()
	term, err := l.Lease(t.Context(), "work", [16]byte{holder}, length)
	if err != nil {
		t.Fatal(err)
	}
	return term
}

// TestLeaseRunsOut: a lease that is not extended is free when its length has
// passed by ClickHouse's clock, whatever the clocks of servers say, and its last
// row is all that is kept.
func TestLeaseRunsOut(t *testing.T) {
	t.Parallel()
	server := sharedServer(t)
	name, url := server.database(t)
	ahead := func() time.Time { return time.Now().Add(24 * time.Hour) }
	first := servers(t, url, 1, clickhousestore.Options{})[0]
	second := servers(t, server.HTTPURL()+"/"+name, 1, clickhousestore.Options{Clock: ahead})[0] // by the other protocol, too
	if term := lease(t, first, 1, time.Hour); term == 0 {
		t.Fatal("the first does not get it")
	}
	if term := lease(t, second, 2, time.Hour); term != 0 {
		t.Fatal("a clock that is ahead takes it away")
	}
	began := time.Now()
	const length = 200 * time.Millisecond
	before := lease(t, first, 1, length)
	after := tollbook.Term(0)
	for after == 0 {
		after = lease(t, second, 2, time.Hour)
	}
	if took := time.Since(began); took < length || after <= before {
		t.Errorf("taken over after %v, in term %d behind %d", took, after, before)
	}
	if term := lease(t, first, 1, length); term != 0 {
		t.Error("both have it")
	}
	if err := server.Exec(t.Context(), "OPTIMIZE TABLE "+name+".leases FINAL"); err != nil {
		t.Fatal(err)
	}
	if err := server.Exec(t.Context(), "SELECT throwIf(count() != 1) FROM "+name+".leases"); err != nil {
		t.Errorf("rows are kept: %v", err)
	}
	if term := lease(t, second, 2, time.Hour); term != after {
		t.Errorf("the term is %d, was %d", term, after)
	}
}

// TestLeaseOfManyServers has servers take a lease and give it up over and over:
// while one has it, no other does.
func TestLeaseOfManyServers(t *testing.T) {
	t.Parallel()
	server := sharedServer(t)
	_, url := server.database(t)
	var having, had atomic.Int32
	var asking sync.WaitGroup
	for n, s := range servers(t, url, 3, clickhousestore.Options{}) {
		asking.Go(func() {
			for had.Load() < 30 && t.Context().Err() == nil {
				if term, err := s.Lease(t.Context(), "work", [16]byte{byte(n)}, time.Hour); err != nil {
					t.Error(err)
					return
				} else if term == 0 {
					continue
				}
				if others := having.Add(1) - 1; others > 0 {
					t.Errorf("%d others have it", others)
				}
				had.Add(1)
				having.Add(-1)
				if term, err := s.Lease(t.Context(), "work", [16]byte{byte(n)}, 0); err != nil || term == 0 {
					t.Errorf("given up: %d, %v", term, err)
				}
			}
		})
	}
	asking.Wait()
}
