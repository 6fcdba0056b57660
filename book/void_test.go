package book_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"tollbook"
	"tollbook/book"
	"tollbook/storetest"
)

func (l *meddling) Latest(ctx context.Context, claims []tollbook.Claim) ([]*tollbook.BookedEvent, error) {
	words, err := l.Ledger.Latest(ctx, claims)
	if l.afterLook != nil {
		l.afterLook()
	}
	return words, err
}

func (l *meddling) Book(ctx context.Context, under tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error) {
	if l.beforeBook != nil {
		l.beforeBook()
	}
	return l.Ledger.Book(ctx, under, bookings)
}

func voids(ids ...string) (all []*book.VoidRequest) {
	for _, id := range ids {
		all = append(all, &book.VoidRequest{EventName: tollbook.EventName{Source: "s", ID: id}, Reason: "r"})
	}
	return all
}

// said is what became of voids: status, month, and + where they adjust.
func said(results []book.VoidResult) string {
	var all []any
	for _, r := range results {
		text := r.Status.String()
		if r.Booked != nil {
			text += ":" + r.Booked.String()
		}
		if r.Adjusts {
			text += "+"
		}
		all = append(all, text)
	}
	return fmt.Sprint(all)
}

// TestVoidMeetsOtherCorrections: what happens to an event between the look at
// it and its void is taken into account.
func TestVoidMeetsOtherCorrections(t *testing.T) {
	dialer := func() *tollbook.Event {
		e := callAt("d", "2026-08-31T00:00:00Z")
		e.Type = tollbook.Dialer
		return e
	}
	for _, tc := range []struct {
		name   string
		meddle func(f *fixture, l *meddling, once func(func()) func())
		voids  []string
		want   string
		usage  string
	}{
		{"nothing", func(*fixture, *meddling, func(func()) func()) {}, []string{"1", "d"}, "[voided:2026-08 voided]", "2026-08 1"},
		{"voided meanwhile", func(f *fixture, l *meddling, once func(func()) func()) {
			l.afterLook = once(func() {
				_, err := f.sender.Void(f.ctx, voids("1"))
				f.must(err)
			})
		}, []string{"1", "2"}, "[already_voided voided:2026-08]", ""},
		{"rated meanwhile", func(f *fixture, l *meddling, once func(func()) func()) {
			l.afterLook = once(func() {
				_, _, err := f.operator.PutRateCard(f.ctx, "std", "resource,price_per_increment,increment,currency\nCALL,1,1,USD\nDIALER,5,1,USD\n")
				f.must(err)
				_, err = f.book.TakeUp(f.ctx)
				f.must(err)
			})
		}, []string{"d"}, "[voided:2026-08]", "2026-08 2"},
		{"closed meanwhile", func(f *fixture, l *meddling, once func(func()) func()) {
			l.beforeBook = once(func() {
				_, err := f.operator.CloseMonth(f.ctx, "acme", month("2026-08"))
				f.must(err)
			})
		}, []string{"1", "d"}, "[voided:2026-09+ voided]", "2026-08 2, 2026-09 -1"},
		{"twice in a request", func(*fixture, *meddling, func(func()) func()) {}, []string{"1", "1", "1"}, "[voided:2026-08 already_voided already_voided]", "2026-08 1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ledger := &meddling{Ledger: storetest.NewModel()}
			f := newFixture(t, ledger)
			f.post(callAt("1", "2026-08-31T00:00:00Z"), callAt("2", "2026-08-31T00:00:00Z"), dialer())
			tc.meddle(f, ledger, func(do func()) func() {
				first := sync.Once{}
				busy := false
				return func() {
					if !busy {
						busy = true
						first.Do(do)
						busy = false
					}
				}
			})
			results, err := f.sender.Void(f.ctx, voids(tc.voids...))
			f.must(err)
			f.want("results", said(results), tc.want)
			f.want("records", f.usage(), tc.usage)
			again, err := f.sender.Void(f.ctx, voids(tc.voids...))
			f.must(err)
			for _, r := range again {
				if r.Status != book.AlreadyVoided {
					t.Errorf("again: %s", said(again))
				}
			}
			if differences, _ := checked(t, ledger); differences != nil {
				t.Error(differences)
			}
		})
	}
}

// TestVoidsOfOneEventAtOnce: of many who void an event at once, one does.
func TestVoidsOfOneEventAtOnce(t *testing.T) {
	f := newFixture(t, newLedger(t))
	f.post(callAt("1", "2026-08-31T00:00:00Z"), callAt("2", "2026-08-31T00:00:00Z"))
	var wg sync.WaitGroup
	results := make([]book.VoidResult, 16)
	for i := range results {
		wg.Go(func() {
			got, err := f.sender.Void(f.ctx, voids("1"))
			if err != nil {
				t.Error(err)
				return
			}
			results[i] = got[0]
		})
	}
	wg.Wait()
	voided := 0
	for _, r := range results {
		if r.Status == book.Voided {
			voided++
		}
	}
	if voided != 1 {
		t.Errorf("%d voided it: %s", voided, said(results))
	}
	f.want("records", f.usage(), "2026-08 1")
}
