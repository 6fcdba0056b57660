package clickhousestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tollbook"
)

// leaseTries is how often a lease is asked for while others write the same one.
const leaseTries = 4

var errLeaseContended = errors.New("the lease could not be written")

// leaseRow is the last row of a lease.
type leaseRow struct {
	number, term, nonce uint64
	holder              string
	held                bool   // it has not run out
	minutes             uint32 // since it has
}

// Lease implements tollbook.Ledger. All times are those of ClickHouse's clock.
func (s *Store) Lease(ctx context.Context, name string, holder [16]byte, length time.Duration) (tollbook.Term, error) {
	if err := tollbook.CheckLease(name, length); err != nil {
		return 0, err
	}
	mine, err := s.random()
	if err != nil {
		return 0, err
	}
	ended := tollbook.Term(0) // that is given up: once it is, others may be in front
	for try := 0; ; try++ {
		last, err := s.lastLease(ctx, name)
		if err != nil {
			return 0, unavailable(err)
		}
		own := last.number > 0 && last.holder == string(holder[:])
		switch {
		case last.number > 0 && last.nonce == mine:
			return tollbook.Term(last.term), nil
		case last.held && !own, !last.held && length == 0:
			return ended, nil
		case try == leaseTries:
			return 0, unavailable(errLeaseContended)
		}
		next := leaseRow{number: last.number + 1, term: last.number + 1, nonce: mine, holder: string(holder[:]), minutes: last.minutes}
		if own {
			next.term = last.term
		}
		if length == 0 {
			ended = tollbook.Term(last.term)
		}
		if err := s.appendLease(ctx, name, holder, &next, length); err != nil {
			return 0, unavailable(err)
		}
	}
}

// lastLease returns the last row of a lease. Where there is none it has number 0
// and ran out in 1970.
func (s *Store) lastLease(ctx context.Context, name string) (last leaseRow, err error) {
	err = s.one(ctx, fmt.Sprintf(`WITH argMax(until, number) AS ends
SELECT max(number) AS last, argMax(term, number), argMax(nonce, number), argMax(holder, number), ends > now64(6, 'UTC'), toUInt32(greatest(dateDiff('second', ends, now64(6, 'UTC')), 0) DIV 60)
FROM leases WHERE name = %s`, quote(name)), &last.number, &last.term, &last.nonce, &last.holder, &last.held, &last.minutes)
	return last, err
}

// appendLease appends a row of a lease behind the last one, unless others did:
// what is the last one then tells. Of those who append behind one row ClickHouse
// takes the first, for the name and the number are in the token of the block.
//
// A ClickHouse that is killed between noting a token and keeping its block takes
// no other block with that token, and the lease would be nobody's for ever. So
// the token has the minutes for which the lease has been free as well, which is
// 0 until nobody has been able to take it for a minute. Two who take one that has
// been free for longer, at the turn of a minute, may both be told that they have
// it; one of them loses it when it is extended.
func (s *Store) appendLease(ctx context.Context, name string, holder [16]byte, row *leaseRow, length time.Duration) error {
	insert, err := s.once(ctx, fmt.Sprintf("%x/%d/%d", name, row.number, row.minutes))
	if err != nil {
		return err
	}
	err = s.exec(insert, fmt.Sprintf(`INSERT INTO leases (name, number, holder, term, until, nonce)
SELECT %s AS lease, toUInt64(%d) AS next, %s, toUInt64(%d), now64(6, 'UTC') + toIntervalMicrosecond(%d), toUInt64(%d)
WHERE throwIf((SELECT max(number) FROM leases WHERE name = %s) != %d, '%s') = 0 ORDER BY next`,
		quote(name), row.number, key16(holder), row.term, length.Microseconds(), row.nonce, quote(name), row.number-1, overtaken))
	if isOvertaken(err) {
		return nil
	}
	return err
}
