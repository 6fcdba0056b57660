package localstore

import (
	"cmp"
	"context"
	"slices"

	"tollbook"
)

// Latest implements tollbook.Ledger. The words are read in the order in which
// they lie in the log.
func (s *Store) Latest(ctx context.Context, claims []tollbook.Claim) ([]*tollbook.BookedEvent, error) {
	if err := checkBatch(len(claims)); err != nil {
		return nil, err
	}
	places, err := s.where(ctx, claims...)
	if err != nil {
		return nil, err
	}
	order := make([]int, 0, len(places))
	for i, at := range places {
		if at != 0 {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(places[a], places[b]) })
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	r := s.wordReader()
	words := make([]*tollbook.BookedEvent, len(places))
	for _, i := range order {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		w, _, err := r.read(places[i])
		if err != nil {
			return nil, err
		}
		words[i] = &w
	}
	return words, nil
}
