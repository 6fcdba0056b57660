package clickhousestore

import (
	"context"

	"tollbook"
)

// Latest implements tollbook.Ledger. An event whose epoch has not been folded
// may turn out to have come twice, so that is done first.
func (s *Store) Latest(ctx context.Context, claims []tollbook.Claim) ([]*tollbook.BookedEvent, error) {
	if err := checkBatch(len(claims)); err != nil {
		return nil, err
	}
	words, err := s.latestWords(ctx, claims)
	var unknown claimed
	for i, w := range words {
		if w == nil {
			unknown = append(unknown, claims[i][:])
		}
	}
	came := false
	if err == nil && len(unknown) > 0 {
		came, err = s.anyCame(ctx, unknown)
	}
	if err == nil && came {
		if _, err = s.fold(ctx); err == nil {
			words, err = s.latestWords(ctx, claims)
		}
	}
	return words, unavailable(err)
}

// anyCame tells whether one of some events has come since everything was folded, or
// has been folded.
func (s *Store) anyCame(ctx context.Context, claims claimed) (came bool, _ error) {
	asked, err := with(ctx, claims.table("asked"))
	if err != nil {
		return false, err
	}
	// The claims last: what is folded meanwhile is not behind the last fold any more.
	const statement = `SELECT count() > 0 FROM (
		SELECT claim FROM events WHERE epoch >= (SELECT max(cut) FROM folds) AND claim IN (SELECT claim FROM asked)
		UNION ALL SELECT claim FROM claims WHERE claim IN (SELECT claim FROM asked))`
	return came, s.one(asked, statement, &came)
}

// latestWords returns the latest words about events, nil for one that is not among
// those that are folded.
func (s *Store) latestWords(ctx context.Context, claims []tollbook.Claim) ([]*tollbook.BookedEvent, error) {
	found := make(map[tollbook.Claim]*tollbook.BookedEvent, len(claims))
	look := func(claims []tollbook.Claim, sql string) error {
		asked := make(claimed, len(claims))
		for i := range claims {
			asked[i] = claims[i][:]
		}
		sending, err := with(ctx, asked.table("asked"))
		if err != nil {
			return err
		}
		return s.words(sending, sql, func(some []tollbook.BookedEvent) error {
			for i := range some {
				found[some[i].Claim] = &some[i]
			}
			return nil
		})
	}
	const lastSaid = "SELECT argMax(organization, seq), argMax(account, seq), argMax(booked, seq), claim, max(seq) FROM bookings WHERE claim IN (SELECT claim FROM asked) GROUP BY claim"
	if err := look(claims, "SELECT "+bookingWord+" FROM bookings WHERE (organization, account, booked, claim, seq) GLOBAL IN ("+lastSaid+")"); err != nil {
		return nil, err
	}
	var others []tollbook.Claim
	for _, claim := range claims {
		if found[claim] == nil {
			others = append(others, claim)
		}
	}
	if len(others) > 0 {
		const rows = "SELECT organization, account, booked, claim, epoch, batch, item FROM claims WHERE claim IN (SELECT claim FROM asked)"
		if err := look(others, "SELECT "+eventWord+" FROM events WHERE (organization, account, booked, claim, epoch, batch, item) GLOBAL IN ("+rows+")"); err != nil {
			return nil, err
		}
	}
	words := make([]*tollbook.BookedEvent, len(claims))
	for i, claim := range claims {
		words[i] = found[claim]
	}
	return words, nil
}
