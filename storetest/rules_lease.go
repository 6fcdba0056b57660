package storetest

import (
	"strings"
	"sync"
	"time"

	"tollbook"
)

// lease asks for a lease.
func (s *subject) lease(name string, holder byte, length time.Duration) tollbook.Term {
	s.t.Helper()
	term, err := s.ledger.Lease(s.t.Context(), name, [16]byte{15: holder}, length)
	s.must(err)
	return term
}

// has wants a holder to get a lease, and returns its term.
func (s *subject) has(name string, holder byte, length time.Duration) tollbook.Term {
	s.t.Helper()
	term := s.lease(name, holder, length)
	if term == 0 {
		s.t.Fatalf("%d does not get %q for %v", holder, name, length)
	}
	return term
}

// hasNot wants a holder not to get a lease.
func (s *subject) hasNot(name string, holder byte, length time.Duration) {
	s.t.Helper()
	if term := s.lease(name, holder, length); term != 0 {
		s.t.Fatalf("%d gets %q for %v, in term %d", holder, name, length, term)
	}
}

func leaseTests() []test {
	return []test{
		{"OneHolder", func(s *subject) {
			term := s.has("work", 1, time.Hour)
			s.hasNot("work", 2, time.Hour)
			if again := s.has("work", 1, time.Hour); again != term {
				s.t.Fatalf("extended, its term is %d, was %d", again, term)
			}
			s.hasNot("work", 2, time.Hour)
		}},
		{"GivenUp", func(s *subject) {
			first := s.has("work", 1, time.Hour)
			if ended := s.has("work", 1, 0); ended != first {
				s.t.Fatalf("the term that ended is %d, was %d", ended, first)
			}
			s.hasNot("work", 1, 0)
			second := s.has("work", 2, time.Hour)
			if second <= first {
				s.t.Fatalf("the second term is %d, the first was %d", second, first)
			}
			s.hasNot("work", 1, time.Hour)
			s.has("work", 2, 0)
			if third := s.has("work", 1, time.Hour); third <= second {
				s.t.Fatalf("the third term is %d, the second was %d", third, second)
			}
		}},
		{"GivenUpByAnother", func(s *subject) {
			s.hasNot("work", 2, 0) // which nobody has
			s.has("work", 1, time.Hour)
			s.hasNot("work", 2, 0)
			s.hasNot("work", 2, time.Hour)
			s.has("work", 1, time.Hour)
		}},
		{"NobodyInBetween", func(s *subject) {
			term := s.has("work", 1, time.Hour)
			s.has("work", 1, 0)
			if again := s.has("work", 1, time.Hour); again != term {
				s.t.Fatalf("the term is %d, was %d, and nobody had it in between", again, term)
			}
		}},
		{"EachNameItsOwn", func(s *subject) {
			names := []string{"work", "work2", "w", `it's a \ name`, strings.Repeat("n", tollbook.MaxLeaseNameBytes)}
			for i, name := range names {
				s.has(name, byte(i), time.Hour)
			}
			for i, name := range names {
				s.hasNot(name, byte(i+1), time.Hour)
				s.has(name, byte(i), 0)
				s.has(name, byte(i+1), time.Hour)
			}
		}},
		{"Bounds", func(s *subject) {
			for _, c := range []struct {
				name   string
				length time.Duration
			}{{"", time.Hour}, {strings.Repeat("n", tollbook.MaxLeaseNameBytes+1), time.Hour}, {"work", -1}, {"work", tollbook.MaxLease + 1}} {
				term, err := s.ledger.Lease(s.t.Context(), c.name, [16]byte{1}, c.length)
				s.wantCode(err, tollbook.CodeInvalidRequest)
				if term != 0 {
					s.t.Fatalf("term %d", term)
				}
			}
			s.has("work", 1, time.Second)
		}},
		{"NoDefinitionMoves", func(s *subject) {
			s.define(s.definition(tollbook.KindProduct, "p-1", `{}`))
			s.has("work", 1, time.Hour)
			s.accept(rated(call("1"), perMinute(), 1))
			s.has("work", 1, time.Hour)
			s.check(acme)
		}},
		{"OneOfMany", leaseOfMany},
	}
}

// leaseOfMany has holders ask at the same time, over and over: one of them gets
// the lease each time, and no two have the same term.
func leaseOfMany(s *subject) {
	const holders, rounds = 4, 5
	var last tollbook.Term
	lastHolder := -1
	for range rounds {
		var asking sync.WaitGroup
		var terms [holders]tollbook.Term
		for h := range holders {
			asking.Go(func() {
				var err error
				if terms[h], err = s.ledger.Lease(s.t.Context(), "work", [16]byte{byte(h)}, time.Hour); err != nil {
					s.t.Errorf("Lease: %v", err)
				}
			})
		}
		asking.Wait()
		got := -1
		for h, term := range terms {
			if term != 0 && got >= 0 {
				s.t.Fatalf("both %d and %d have it: %v", got, h, terms)
			} else if term != 0 {
				got = h
			}
		}
		if got < 0 {
			s.t.Fatal("nobody has it")
		}
		if term := terms[got]; term < last || (term == last) != (got == lastHolder) {
			s.t.Fatalf("%d has it in term %d; before, %d had it in term %d", got, term, lastHolder, last)
		}
		last, lastHolder = terms[got], got
		if _, err := s.ledger.Lease(s.t.Context(), "work", [16]byte{byte(got)}, 0); err != nil {
			s.t.Fatal(err)
		}
	}
}
