package storetest

import (
	"errors"
	"slices"

	"tollbook"
)

func defineTests() []test {
	return []test{
		{"PositionsAscendInOrder", func(s *subject) {
			s.define(s.definition(tollbook.KindOrganization, "acme", `{"id":"acme"}`), s.definition(tollbook.KindAccount, "a-1", `{"id":"a-1"}`))
			s.define(s.definition(tollbook.KindOrganization, "acme", `{"id":"acme","name":"Acme"}`))
			s.check()
		}},
		{"SetsPositions", func(s *subject) {
			defs := []tollbook.Definition{s.definition(tollbook.KindProduct, "p-1", `{}`), s.definition(tollbook.KindProduct, "p-2", `{}`)}
			head, err := s.ledger.Define(s.t.Context(), 0, defs)
			s.must(err)
			if defs[0].Pos == 0 || defs[1].Pos <= defs[0].Pos || head != defs[1].Pos {
				s.t.Fatalf("positions %d and %d under the head %d", defs[0].Pos, defs[1].Pos, head)
			}
		}},
		{"BodyIsKeptToTheByte", func(s *subject) {
			s.define(s.definition(tollbook.KindRateCard, "card", "{\"csv\":\"resource,price\\n\",  \"x\": 1.50}\x00\xff"), s.definition(tollbook.KindClient, "empty", ""))
			s.reopen()
			s.check()
		}},
		{"LargeBody", func(s *subject) {
			s.define(s.definition(tollbook.KindRateCard, "card", string(slices.Repeat([]byte("call,GB,44,0.0120\n"), 300_000))))
			s.reopen()
			s.check()
		}},
		{"KeepsNothingOfTheCaller", func(s *subject) {
			d := s.definition(tollbook.KindProduct, "p-1", `{"id":"p-1"}`)
			s.define(d)
			d.Body[2] = 'X'
			s.model.defs[0].Body = []byte(`{"id":"p-1"}`)
			s.check()
		}},
		{"MovedWhenHeadIsOld", func(s *subject) {
			s.define(s.definition(tollbook.KindProduct, "p-1", `{}`))
			s.wantDefineMoved(0)
			s.check()
		}},
		{"MovedWhenHeadIsAhead", func(s *subject) {
			s.define(s.definition(tollbook.KindProduct, "p-1", `{}`))
			s.wantDefineMoved(s.head + 1)
			s.check()
		}},
		{"OncePerRequest", func(s *subject) {
			d := s.definition(tollbook.KindProduct, "p-1", `{}`)
			s.define(d)
			before := s.head
			again := []tollbook.Definition{d}
			head, err := s.ledger.Define(s.t.Context(), s.head, again)
			s.must(err)
			if head != before || again[0].Pos != before {
				s.t.Fatalf("the same request moved the head from %d to %d, its position to %d", before, head, again[0].Pos)
			}
			s.check()
		}},
		{"OncePerRequestAmongNewOnes", func(s *subject) {
			d := s.definition(tollbook.KindProduct, "p-1", `{}`)
			s.define(d)
			s.define(d, s.definition(tollbook.KindProduct, "p-2", `{}`))
			s.check()
		}},
		{"OncePerRequestAfterReopen", func(s *subject) {
			d := s.definition(tollbook.KindProduct, "p-1", `{}`)
			s.define(d)
			s.reopen()
			s.define(d)
			s.check()
		}},
		{"DefinitionsBehindAPosition", definitionsBehind},
	}
}

func (s *subject) wantDefineMoved(head tollbook.Pos) {
	s.t.Helper()
	d := []tollbook.Definition{s.definition(tollbook.KindProduct, "too-late", `{}`)}
	if _, err := s.ledger.Define(s.t.Context(), head, d); !errors.Is(err, tollbook.ErrMoved) {
		s.t.Fatalf("Define behind %d, where %d is the head: %v, want ErrMoved", head, s.head, err)
	}
}

func definitionsBehind(s *subject) {
	var heads []tollbook.Pos
	ids := []string{"p-0", "p-1", "p-2", "p-3", "p-4"}
	for _, id := range ids {
		s.define(s.definition(tollbook.KindProduct, id, `{}`))
		heads = append(heads, s.head)
	}
	for i, after := range heads {
		var got []string
		for d, err := range s.ledger.Definitions(s.t.Context(), after) {
			s.must(err)
			got = append(got, d.ID)
		}
		if want := ids[i+1:]; !slices.Equal(got, want) {
			s.t.Fatalf("Definitions behind %d: %q, want %q", after, got, want)
		}
	}
	for d, err := range s.ledger.Definitions(s.t.Context(), 0) {
		s.must(err)
		if d.ID != ids[0] {
			s.t.Fatalf("the first definition is %q", d.ID)
		}
		break // a caller may stop at any time
	}
}
