package clickhousestore_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/decimal"
)

// TestBookTogether: corrections that wait at the same time are decided one after
// the other, and written as one block in which each has its seq.
func TestBookTogether(t *testing.T) {
	t.Parallel()
	s := sharedServer(t)
	name, url := s.database(t)
	l := servers(t, url, 1, clickhousestore.Options{Freshness: time.Hour})[0]
	postLoop(t, l, manyEntries(0, 150, 150)) // 50 of each of three accounts
	if err := l.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	restated := func(account int, increments int64) tollbook.Restatement {
		r := tollbook.Restatement{OrganizationID: "acme", AccountID: fmt.Sprintf("account-%06d", account), Month: tollbook.MonthOf(time.Date(2023, 8, 2, 0, 0, 0, 0, time.UTC))}
		seen, events := l.MonthEvents(t.Context(), tollbook.MonthQuery{OrganizationID: "acme", AccountIDs: []string{r.AccountID}, Month: r.Month})
		r.Seen = seen
		for e, err := range events {
			if err != nil {
				t.Fatal(err)
			}
			now := tollbook.Measured{Charges: []tollbook.Charge{{Line: e.Charges[0].Line, Increments: decimal.NewInt(increments)}}}
			r.Bookings = append(r.Bookings, tollbook.Booking{Event: &e, Booked: r.Month, Measured: now})
		}
		return r
	}
	a, b, c := restated(0, 7), restated(1, 8), restated(2, 9)
	void := []tollbook.Booking{{Event: b.Bookings[3].Event, Booked: b.Month, Void: &tollbook.Void{Reason: "test", Actor: "test"}}}
	nobodys := *b.Bookings[0].Event
	nobodys.Claim = tollbook.ClaimOf("acme", "nobody's", "1")

	book := func(k []tollbook.Booking, want tollbook.Outcome) func() error {
		return func() error {
			got, err := l.Book(t.Context(), 0, k)
			if err == nil && got[0] != want {
				err = fmt.Errorf("the outcome is %v, want %v", got[0], want)
			}
			return err
		}
	}
	restate := func(r tollbook.Restatement, want error) func() error {
		return func() error {
			if err := l.Restate(t.Context(), 0, r); !errors.Is(err, want) {
				return fmt.Errorf("restated with %v, want %v", err, want)
			}
			return nil
		}
	}
	leave := l.TakeTurn(t.Context())
	var all sync.WaitGroup
	for i, call := range []func() error{
		book([]tollbook.Booking{{Event: &nobodys, Booked: b.Month, Void: void[0].Void}}, tollbook.NotFound), // after a fold
		restate(a, nil),
		restate(a, tollbook.ErrStale),
		book(void, tollbook.Accepted),
		restate(b, tollbook.ErrStale),
		book(void, tollbook.Stale),
		restate(c, nil),
	} {
		all.Go(func() {
			if err := call(); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		})
		for inHand, waiting := l.Corrections(); !inHand || waiting != i; inHand, waiting = l.Corrections() {
			runtime.Gosched()
		}
	}
	leave()
	all.Wait()
	if got, err := s.Query(t.Context(), "SELECT count(), uniqExact(writer), arraySort(groupUniqArray(seq)) FROM "+name+".bookings"); err != nil || got != "101\t1\t[1,2,3]" {
		t.Errorf("bookings, blocks, seqs: %q, %v", got, err)
	}
	if err := l.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantVerified(t, l)
	for account, want := range []string{"50 of 7", "49 of 1", "50 of 9"} {
		r := restated(account, 0)
		for _, k := range r.Bookings {
			if got := fmt.Sprintf("%d of %s", len(r.Bookings), k.Event.Charges[0].Increments); got != want {
				t.Fatalf("account %d has events %s, want %s", account, got, want)
			}
		}
	}
}
