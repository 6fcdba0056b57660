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
	held                bool // it has not run out
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
		next := leaseRow{number: last.number + 1, term: last.number + 1, nonce: mine, holder: string(holder[:])}
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
SELECT max(number) AS last, argMax(term, number), argMax(nonce, number), argMax(holder, number), ends > now64(6, 'UTC')
FROM leases WHERE name = %s`, quote(name)), &last.number, &last.term, &last.nonce, &last.holder, &last.held)
	return last, err
}

// appendLease appends a row of a lease behind the last one, unless others did:
// what is the last one then tells. Of those who append behind one row ClickHouse
// takes the first, for the name and the number are the token of the block; rows
// that have been replaced since do not show, but those that have replaced them do.
func (s *Store) appendLease(ctx context.Context, name string, holder [16]byte, row *leaseRow, length time.Duration) error {
	var there uint64
	err := s.first(ctx, &placed{
		token: fmt.Sprintf("%x/%d", name, row.number),
		insert: fmt.Sprintf(`INSERT INTO leases (name, number, holder, term, until, nonce)
SELECT %s AS lease, toUInt64(%d) AS next, %s, toUInt64(%d), now64(6, 'UTC') + toIntervalMicrosecond(%d), toUInt64(%d)
WHERE throwIf((SELECT max(number) FROM leases WHERE name = %s) != %d, '%s') = 0 ORDER BY next`,
			quote(name), row.number, key16(holder), row.term, length.Microseconds(), row.nonce, quote(name), row.number-1, overtaken),
		look: fmt.Sprintf("SELECT number FROM leases WHERE name = %s AND number >= %d LIMIT 1", quote(name), row.number),
	}, &there)
	if isOvertaken(err) {
		return nil
	}
	return err
}
