package localstore

import (
	"context"

	"tollbook"
)

var errNoEvent = tollbook.NewError(tollbook.CodeNotFound, "There is no such event.")

// History implements tollbook.Ledger. Each word says where the one before it
// is.
func (s *Store) History(ctx context.Context, claim tollbook.Claim) (words []tollbook.BookedEvent, replaces *tollbook.BookedEvent, err error) {
	at, err := s.where(ctx, &claim)
	if err != nil {
		return nil, nil, err
	}
	if at == 0 {
		return nil, nil, errNoEvent
	}
	voided, err := s.where(ctx, linkOf(&claim))
	if err != nil {
		return nil, nil, err
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

// where returns where the latest word about a claim is, 0 where there is none.
// The newest claims are the committer's: it is asked.
func (s *Store) where(ctx context.Context, claim *tollbook.Claim) (locator, error) {
	r := &request{kind: noFrame, claim: claim}
	err := s.do(ctx, r)
	return r.at, err
}

func (s *Store) decideWhere(r *request) error {
	there, found, err := s.find(r.claim, &probes{}, 0)
	if found {
		r.at = there.at
	}
	return err
}
