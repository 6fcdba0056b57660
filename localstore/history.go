package localstore

import (
	"context"

	"tollbook"
)

var errNoEvent = tollbook.NewError(tollbook.CodeNotFound, "There is no such event.")

// History implements tollbook.Ledger. Each word says where the one before it
// is.
func (s *Store) History(ctx context.Context, claim tollbook.Claim) (words []tollbook.BookedEvent, replaces *tollbook.BookedEvent, err error) {
	places, err := s.where(ctx, claim, *linkOf(&claim))
	if err != nil {
		return nil, nil, err
	}
	at, voided := places[0], places[1]
	if at == 0 {
		return nil, nil, errNoEvent
	}
	if err := s.enter(); err != nil {
		return nil, nil, err
	}
	defer s.leave()
	r := s.wordReader()
	for at != 0 && len(words) < tollbook.MaxWords {
		e, before, err := r.read(at)
		if err != nil {
			return nil, nil, err
		}
		words, at = append(words, e), before
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
	}
	if voided == 0 {
		return words, nil, nil
	}
	e, _, err := r.read(voided)
	return words, &e, err
}

// where returns where the latest words about claims are, 0 where there is none.
// The newest claims are the committer's: it is asked.
func (s *Store) where(ctx context.Context, claims ...tollbook.Claim) (at []locator, err error) {
	r := &request{kind: noFrame, claims: claims, at: make([]locator, len(claims))}
	w := s.bodyWriter()
	defer s.writers.Put(w)
	w.claims = append(w.claims[:0], claims...)
	if r.probes, err = s.probe(w); err != nil {
		return nil, err
	}
	return r.at, s.do(ctx, r)
}

func (s *Store) decideWhere(r *request) error {
	for i := range r.claims {
		there, found, err := s.latest(&r.claims[i], &r.probes, i)
		if err != nil {
			return err
		}
		if found {
			r.at[i] = there.at
		}
	}
	return nil
}
