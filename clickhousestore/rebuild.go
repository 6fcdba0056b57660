package clickhousestore

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
)

// rebuiltAtOnce is about how many rows of events are folded together.
const rebuiltAtOnce = 1_000_000

var errNotAlone = tollbook.NewError(tollbook.CodeConflict, "A server folds at the same time: stop all servers of this ledger, and begin again.")

// Rebuild makes all views anew from what was written down, and tells how many of
// the rows of events are in them. No server may run meanwhile: an *Error with
// CodeConflict where one is noticed. One that was interrupted is to be done
// again; until it is done servers answer nothing.
func (s *Store) Rebuild(ctx context.Context, told func(done, total int64)) error {
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	defer s.folding.leave()
	return unavailable(s.rebuild(ctx, told))
}

func (s *Store) rebuild(ctx context.Context, told func(done, total int64)) error {
	p, err := s.endEpochs(ctx, 0)
	if err != nil {
		return err
	}
	ends := p.ends
	// How far it is goes first: who folds from the start finds later rows, and stops.
	for _, table := range []string{"folds", "repeats", "claims", "tallies", "records", "records_by_id", "past"} {
		if err := s.empty(ctx, table); err != nil {
			return err
		}
	}
	s.freshest.Store(nil)
	s.hot.forget()
	if len(ends) == 0 {
		return nil
	}
	if _, err := s.marks.load(ctx, s, ends[len(ends)-1]); err != nil {
		return err
	}
	ranges, total, err := s.ranges(ctx, ends)
	if err != nil {
		return err
	}
	done := int64(0)
	for _, r := range ranges {
		if told != nil {
			told(done, total)
		}
		last, err := s.lastFold(ctx)
		switch {
		case err != nil:
			return err
		case last.cut != r.from:
			return errNotAlone
		}
		f := &folding{store: s, from: r.from, to: r.to, marked: s.marks.last(r.from)}
		if err := f.run(ctx); err != nil {
			return err
		}
		done += r.rows
	}
	return nil
}

// empty takes all rows out of a table.
func (s *Store) empty(ctx context.Context, table string) error {
	if sharded[table] == "" {
		return s.exec(ctx, "TRUNCATE TABLE "+table)
	}
	return s.onShards(ctx, func(ctx context.Context, _ int, d *database) error {
		return d.exec(ctx, "TRUNCATE TABLE "+s.layout.here(table))
	})
}

// epochs is some epochs, from a cut to a later one.
type epochs struct {
	from, to uint64
	rows     int64 // of events
}

// ranges puts epochs together that are small; none goes past a mark.
func (s *Store) ranges(ctx context.Context, ends []uint64) (all []epochs, total int64, err error) {
	r := epochs{}
	next := 0 // of ends
	take := func(upTo uint64) {
		for ; next < len(ends) && ends[next] <= upTo; next++ {
			r.to = ends[next]
			if r.rows >= rebuiltAtOnce || s.marks.last(r.to) == r.to {
				all = append(all, r)
				r = epochs{from: r.to}
			}
		}
	}
	err = s.query(ctx, "SELECT epoch, toInt64(count()) FROM events GROUP BY epoch ORDER BY epoch", func(rows driver.Rows) error {
		var epoch uint64
		var n int64
		if err := rows.Scan(&epoch, &n); err != nil {
			return err
		}
		take(epoch) // ends in front of it
		r.rows, total = r.rows+n, total+n
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	take(ends[len(ends)-1])
	if r.to > r.from {
		all = append(all, r)
	}
	return all, total, nil
}
