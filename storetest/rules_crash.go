package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"

	"tollbook"
	"tollbook/decimal"
)

// crashTests are skipped where the driver is no Crasher.
func crashTests() []test {
	tests := []test{
		{"EmptyLedger", func(s *subject) {
			s.crash()
			s.accept(rated(call("1"), perMinute(), 2))
			s.check(acme)
		}},
		{"AcknowledgedSurvives", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 2), unrated(call("2")))
			s.crash()
			s.check(acme)
			s.wantPost([]tollbook.Outcome{tollbook.Duplicate, tollbook.Conflict}, rated(call("1"), perMinute(), 2), unrated(call("2", lasting("3"))))
			s.check(acme)
		}},
		{"AfterEveryStep", func(s *subject) {
			e, late := unrated(call("unrated")), bookedIn(september, withFee(call("late"), inTiers(), 20))
			steps := []func(){
				func() { s.define(s.definition(tollbook.KindOrganization, acme, `{}`)) },
				func() { s.accept(e) },
				func() { s.accept(rated(call("1"), perMinute(), 2)) },
				func() { s.define(s.definition(tollbook.KindRateCard, "card", `{}`)) },
				func() { s.book(booking(e, perTenth(), 15)) },
				func() { s.book(booking(e, perTenth(), 15)) },
				func() { s.accept(rated(call("2"), perTenth(), 1)) },
				func() { s.accept(late) },
				func() { s.mark() },
				func() { s.book(takingBack(october, late), voiding(rated(call("1"), perMinute(), 2))) },
				func() { s.wantRestate(acmeOffice, mustMonth(august), atLine(inTiers(), 12)) },
				func() { s.mark() },
				func() { s.book(unbooking(e)) },
				func() { s.wantRestate(acmeOffice, mustMonth(august), atLine(perMinute(), 3)) },
				func() { s.post(rated(call("2"), perTenth(), 1)) },
			}
			for i, step := range steps {
				step()
				if s.leftOut(i + 1) {
					continue
				}
				s.crash()
				s.check(acme)
				for mark := range s.marks {
					s.wantPast(mark, acme)
				}
			}
			s.reopen()
			s.check(acme)
		}},
		{"AgainAndAgain", func(s *subject) {
			s.accept(rated(call("1"), perMinute(), 2))
			for range 4 {
				s.crash()
			}
			s.reopen()
			s.check(acme)
		}},
		{"RequestAndFenceSurvive", func(s *subject) {
			d := s.definition(tollbook.KindProduct, "p-1", `{}`)
			s.define(d)
			s.crash()
			s.define(d)
			s.wantPostMoved(s.head + 1)
		}},
		{"OnceSurvives", func(s *subject) {
			for _, want := range []bool{true, false, false} {
				first, err := s.ledger.Once(s.t.Context(), [16]byte{1}, farAhead())
				s.must(err)
				if first != want {
					s.t.Fatalf("Once = %t, want %t", first, want)
				}
				s.crash()
			}
		}},
		{"WhilePosting", crashWhilePosting},
		{"WhileRestating", crashWhileRestating},
	}
	for i, c := range tests {
		tests[i].run = func(s *subject) {
			if _, ok := s.driver.(Crasher); !ok {
				s.t.Skip("the driver cannot show what a power failure leaves")
			}
			c.run(s)
		}
	}
	return tests
}

// crashWhilePosting looks several times at what a power failure would leave
// while batches are being posted. What was acknowledged before must be there;
// what was under way may be. Sent again, everything is counted once.
func crashWhilePosting(s *subject) {
	const size, images = 20, 5
	batches := max(s.few(60), 24)
	work, acknowledged := make([][]tollbook.Entry, batches), make([]atomic.Bool, batches)
	for b := range work {
		for i := range size {
			work[b] = append(work[b], rated(call(fmt.Sprintf("%d-%d", b, i)), perMinute(), uint64(i)))
		}
	}
	var g sync.WaitGroup
	for n := range 4 {
		g.Go(func() {
			for b := n; b < batches; b += 4 {
				if _, err := s.ledger.Post(s.t.Context(), s.head, work[b]); err != nil {
					s.t.Errorf("Post: %v", err)
					return
				}
				acknowledged[b].Store(true)
			}
		})
	}
	type image struct {
		driver       Driver
		acknowledged []bool
	}
	var taken []image
	for range s.few(images) {
		im := image{acknowledged: make([]bool, batches)}
		for b := range im.acknowledged {
			im.acknowledged[b] = acknowledged[b].Load()
		}
		im.driver = s.driver.(Crasher).Crash(s.t)
		taken = append(taken, im)
	}
	g.Wait()
	for _, im := range taken {
		left := newSubject(s.t, im.driver)
		for b, batch := range work {
			got, err := left.ledger.Post(s.t.Context(), 0, batch)
			s.must(err)
			for i, o := range got {
				if lost := im.acknowledged[b] && o != tollbook.Duplicate; lost || o != tollbook.Accepted && o != tollbook.Duplicate {
					s.t.Fatalf("event %d of batch %d, acknowledged: %t, is %s when sent again", i, b, im.acknowledged[b], outcomeName(o))
				}
			}
			_, err = left.model.Post(s.t.Context(), 0, batch)
			s.must(err)
		}
		left.check(acme)
		left.reopen()
		left.check(acme)
	}
}

// crashWhileRestating looks several times at what a power failure would leave
// while a month is restated over and over, each time with an increment more:
// it is all of one time, and that is no earlier than the last acknowledged one.
func crashWhileRestating(s *subject) {
	const images = 8
	times := int64(s.few(60))
	events := s.postEdition()
	acknowledged := make(chan int64, times)
	var g sync.WaitGroup
	g.Go(func() {
		for n := int64(2); n <= times; n++ {
			if !s.restateOnce(atLine(perMinute(), n)) {
				s.t.Error("a restatement is stale that nothing came before")
			}
			acknowledged <- n
		}
	})
	type image struct {
		driver       Driver
		acknowledged int64
	}
	var taken []image
	for range s.few(images) {
		im := image{acknowledged: <-acknowledged}
		im.driver = s.driver.(Crasher).Crash(s.t)
		taken = append(taken, im)
	}
	g.Wait()
	for _, im := range taken {
		left := newSubject(s.t, im.driver)
		words, _, err := left.ledger.History(s.t.Context(), unrated(call("7")).Claim)
		s.must(err)
		n := words[0].Charges[0].Increments
		if at, _ := n.Uint64(); int64(at) < im.acknowledged || len(words) != int(at) {
			s.t.Errorf("%d words are left, of the last %s increments; %d were acknowledged", len(words), n, im.acknowledged)
		}
		units, all := decimal.Decimal{}, allRecords(s.t, left.ledger, acme)
		for _, r := range all {
			left.wantAddUp(acme, r)
			units = units.Add(r.NumberOfUnits)
		}
		if want := decimal.New(n.Mul(decimal.NewInt(int64(events))), 0); units != want {
			s.t.Errorf("%s units are left, want %s:\n%s", units, want, recordsText(all))
		}
	}
}
