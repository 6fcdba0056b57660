package clickhousestore

import (
	"context"

	"tollbook"
)

// Learn has a server know the names of all that has been folded, and tells
// whether it does.
func (s *Store) Learn(ctx context.Context) (bool, error) {
	f, err := s.lastFold(ctx)
	if err != nil {
		return false, err
	}
	if err := s.learn(ctx, f.cut); err != nil {
		return false, err
	}
	return s.names.known() >= f.cut, nil
}

// Doubtful returns how many claims a server would look up among all that have
// been folded.
func (s *Store) Doubtful(ctx context.Context, entries []tollbook.Entry) (int, error) {
	f, err := s.lastFold(ctx)
	if err != nil {
		return 0, err
	}
	var all claimed
	for i := range entries {
		all = append(all, entries[i].Claim[:])
	}
	doubtful, _ := s.names.doubtful(all, s.names.known(), f.cut)
	return len(doubtful), nil
}

// FoldedNames reads the names of all that has been folded.
func (s *Store) FoldedNames(ctx context.Context) (all []tollbook.Claim, err error) {
	for i := range s.shards {
		err = s.eachNames(ctx, &s.shards[i], "claims", "1", func(some []tollbook.Claim, rest uint64) error {
			all = append(all, some...)
			return nil
		})
		if err != nil {
			break
		}
	}
	return all, err
}

// TakeTurn is a fold that does not end until what it returns is called.
func (s *Store) TakeTurn(ctx context.Context) (leave func()) {
	if err := s.takeTurn(ctx); err != nil {
		panic(err)
	}
	return s.folding.leave
}

// Corrections tells whether a group of corrections is in hand, and how many wait.
func (s *Store) Corrections() (inHand bool, waiting int) {
	return s.books.began.Load() != nil, len(s.books.queue)
}

// WhileStill reads what there was at a mark, again if records are replaced meanwhile.
func (s *Store) WhileStill(ctx context.Context, q *tollbook.Query, read func() error) error {
	return s.whileStill(ctx, q, read)
}
