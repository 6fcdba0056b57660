package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"tollbook"
	"tollbook/decimal"
)

const writers = 8

func concurrencyTests() []test {
	return []test{
		{"OverlappingPosts", overlappingPosts},
		{"OverlappingBookings", overlappingBookings},
		{"DefineIsCompareAndSwap", func(s *subject) {
			var g sync.WaitGroup
			each := s.few(10)
			for n := range writers {
				g.Go(func() {
					for i := range each {
						s.defineLoop(tollbook.Definition{RequestID: [16]byte{1: byte(n), 2: byte(i)}, Kind: tollbook.KindProduct, ID: fmt.Sprintf("%d-%d", n, i)})
					}
				})
			}
			g.Wait()
			s.wantDefined(writers * each)
			s.reopen()
			s.wantDefined(writers * each)
		}},
		{"SameRequestFromMany", func(s *subject) {
			var g sync.WaitGroup
			for range writers {
				g.Go(func() {
					for i := range 5 {
						s.defineLoop(tollbook.Definition{RequestID: [16]byte{3: byte(i)}, Kind: tollbook.KindProduct, ID: fmt.Sprint(i)})
					}
				})
			}
			g.Wait()
			s.wantDefined(5)
		}},
		{"DefineAgainstPost", defineAgainstPost},
		{"ReadsAreWhole", readsAreWhole},
		{"OnceFromMany", func(s *subject) {
			const keys = 20
			var firsts [keys]atomic.Int32
			var g sync.WaitGroup
			for range writers {
				g.Go(func() {
					for k := range keys {
						first, err := s.ledger.Once(s.t.Context(), [16]byte{byte(k)}, farAhead())
						if err != nil {
							s.t.Errorf("Once: %v", err)
						}
						if first {
							firsts[k].Add(1)
						}
					}
				})
			}
			g.Wait()
			for k := range firsts {
				if n := firsts[k].Load(); n != 1 {
					s.t.Errorf("key %d was seen for the first time %d times", k, n)
				}
			}
		}},
	}
}

// overlappingPosts lets every writer post the same events, in batches of its
// own: each event is accepted by exactly one of them.
func overlappingPosts(s *subject) {
	w := NewWorkload(8, WorkloadSize{Organizations: []string{acme, globex}, Accounts: 4, Months: 3, Lines: 10})
	var entries []tollbook.Entry
	for range max(s.few(1500), 500) {
		e := w.fresh()
		w.made = append(w.made, e)
		entries = append(entries, e)
	}
	var mu sync.Mutex
	accepted := map[tollbook.Claim]int{}
	var g sync.WaitGroup
	for n := range writers {
		g.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 3))
			mine := slices.Clone(entries)
			r.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
			for len(mine) > 0 {
				batch := mine[:min(1+r.IntN(100), len(mine))]
				mine = mine[len(batch):]
				outcomes, err := s.ledger.Post(s.t.Context(), s.head, batch)
				if err != nil {
					s.t.Errorf("Post: %v", err)
					return
				}
				mu.Lock()
				for i, o := range outcomes {
					if o == tollbook.Accepted {
						accepted[batch[i].Claim]++
					} else if o != tollbook.Duplicate {
						s.t.Errorf("an event that all send alike is %s", outcomeName(o))
					}
				}
				mu.Unlock()
			}
		})
	}
	g.Wait()
	for _, e := range entries {
		if n := accepted[e.Claim]; n != 1 {
			s.t.Errorf("event %s was accepted %d times", e.Event.ID, n)
		}
	}
	_, err := s.model.Post(s.t.Context(), s.modelHead, entries)
	s.must(err)
	s.check(acme, globex)
	s.reopen()
	s.check(acme, globex)
}

// overlappingBookings lets every writer take up the same unrated events.
func overlappingBookings(s *subject) {
	var corrections []correction
	for i := range s.few(200) {
		e := unrated(call(fmt.Sprint(i)))
		s.accept(e)
		corrections = append(corrections, booking(e, perMinute(), 2))
	}
	bookings := s.bookings(s.ledger, corrections)
	var accepted atomic.Int32
	var g sync.WaitGroup
	for n := range writers {
		g.Go(func() {
			mine := slices.Clone(bookings)
			rand.New(rand.NewPCG(uint64(n), 4)).Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
			for batch := range slices.Chunk(mine, 13) {
				outcomes, err := s.ledger.Book(s.t.Context(), s.head, batch)
				if err != nil {
					s.t.Errorf("Book: %v", err)
					return
				}
				for _, o := range outcomes {
					if o == tollbook.Accepted {
						accepted.Add(1)
					}
				}
			}
		})
	}
	g.Wait()
	if n := int(accepted.Load()); n != len(bookings) {
		s.t.Errorf("%d bookings were accepted, want %d", n, len(bookings))
	}
	_, err := s.model.Book(s.t.Context(), s.modelHead, s.bookings(s.model, corrections))
	s.must(err)
	s.check(acme)
	s.wantUnrated("", 0)
}

// lastPos returns the position of the last definition.
func lastPos(ctx context.Context, l tollbook.Ledger) (tollbook.Pos, error) {
	last := tollbook.Pos(0)
	for d, err := range l.Definitions(ctx, 0) {
		if err != nil {
			return 0, err
		}
		last = d.Pos
	}
	return last, nil
}

// defineLoop defines d as a server does: reload and retry until no one was
// faster.
func (s *subject) defineLoop(d tollbook.Definition) {
	for {
		head, err := lastPos(s.t.Context(), s.ledger)
		if err == nil {
			_, err = s.ledger.Define(s.t.Context(), head, []tollbook.Definition{d})
		}
		if err == nil {
			return
		}
		if !errors.Is(err, tollbook.ErrMoved) {
			s.t.Errorf("Define: %v", err)
			return
		}
	}
}

func (s *subject) wantDefined(want int) {
	s.t.Helper()
	requests := map[[16]byte]bool{}
	n := 0
	last := tollbook.Pos(0)
	for d, err := range s.ledger.Definitions(s.t.Context(), 0) {
		s.must(err)
		if d.Pos <= last {
			s.t.Fatalf("position %d comes after %d", d.Pos, last)
		}
		last = d.Pos
		requests[d.RequestID] = true
		n++
	}
	if n != want || len(requests) != want {
		s.t.Fatalf("%d definitions of %d requests, want %d", n, len(requests), want)
	}
}

// defineAgainstPost lets definitions move on under the writers: each batch
// gets through in the end, once.
func defineAgainstPost(s *subject) {
	var g sync.WaitGroup
	for n := range 2 {
		g.Go(func() {
			for i := range 15 {
				s.defineLoop(tollbook.Definition{RequestID: [16]byte{4: byte(n), 5: byte(i)}, Kind: tollbook.KindRateCard, ID: "card"})
			}
		})
	}
	var batches [4][]tollbook.Entry
	for n := range batches {
		for i := range 200 {
			batches[n] = append(batches[n], rated(call(fmt.Sprintf("%d-%d", n, i)), perMinute(), 1))
		}
		g.Go(func() {
			for batch := range slices.Chunk(batches[n], 10) {
				s.postLoop(batch)
			}
		})
	}
	g.Wait()
	s.wantDefined(30)
	s.wantRecord(acme, "P-CALL", "800", "9.6", 800)
}

// postLoop posts as a server does: where the definitions have moved on, under
// the new ones.
func (s *subject) postLoop(batch []tollbook.Entry) {
	for {
		under, err := lastPos(s.t.Context(), s.ledger)
		if err == nil {
			var outcomes []tollbook.Outcome
			if outcomes, err = s.ledger.Post(s.t.Context(), under, batch); err == nil {
				for _, o := range outcomes {
					if o != tollbook.Accepted {
						s.t.Errorf("a fresh event is %s", outcomeName(o))
					}
				}
				return
			}
		}
		if !errors.Is(err, tollbook.ErrMoved) {
			s.t.Errorf("Post: %v", err)
			return
		}
	}
}

// readsAreWhole reads while others post: what was acknowledged before the
// reading began is in it, and no event is there by half.
func readsAreWhole(s *subject) {
	events := 4 * s.few(100)
	line := perMinute()
	id := tollbook.RecordIDOf(acmeOffice, tollbook.MonthOf(call("").OccurredAt), &line.Grouping)
	s.accept(rated(call("first"), line, 2))
	var acknowledged atomic.Int64
	acknowledged.Store(1)
	var posting, reading sync.WaitGroup
	for n := range 4 {
		posting.Go(func() {
			for i := range events / 4 {
				if _, err := s.ledger.Post(s.t.Context(), s.head, []tollbook.Entry{rated(call(fmt.Sprintf("%d-%d", n, i)), line, 2)}); err != nil {
					s.t.Errorf("Post: %v", err)
					return
				}
				acknowledged.Add(1)
			}
		})
	}
	var done atomic.Bool
	for range 2 {
		reading.Go(func() {
			for !done.Load() {
				atLeast := acknowledged.Load()
				r, err := s.ledger.Record(s.t.Context(), acme, id)
				if err != nil {
					s.t.Errorf("Record: %v", err)
					return
				}
				if r.Events < atLeast || r.NumberOfUnits != decimal.FromInt(2*r.Events) {
					s.t.Errorf("%d events were acknowledged; read:\n%s", atLeast, recordText(&r))
					return
				}
			}
		})
	}
	posting.Wait()
	done.Store(true)
	reading.Wait()
	s.wantRecord(acme, "P-CALL", fmt.Sprint(2*(events+1)), decimal.New(decimal.NewInt(int64(24*(events+1))), 3).String(), int64(events+1))
}
