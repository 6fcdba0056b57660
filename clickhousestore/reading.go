package clickhousestore

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
)

// located is what is written at a position of the log.
type located[T any] struct {
	at    uint64
	value T
}

// reading is rows that are being read, one of them in hand.
type reading[T any] struct {
	located[T]
	err  error
	pull func() (located[T], error, bool)
	stop func()
}

// ended is the position of what comes behind the last row.
const ended = math.MaxUint64

func startReading[T any](rows iter.Seq2[located[T], error]) *reading[T] {
	r := &reading[T]{}
	r.pull, r.stop = iter.Pull2(rows)
	r.next()
	return r
}

// next takes the next row in hand.
func (r *reading[T]) next() {
	var more bool
	if r.located, r.err, more = r.pull(); !more || r.err != nil {
		r.located = located[T]{at: ended}
	}
}

// definitionsIn reads the definitions from a position to before another one.
func (s *Store) definitionsIn(ctx context.Context, from, to uint64) iter.Seq2[located[tollbook.Definition], error] {
	return func(yield func(located[tollbook.Definition], error) bool) {
		sql := fmt.Sprintf("SELECT pos, kind, request_id, at, actor, id, body FROM log WHERE pos >= %d AND pos < %d AND kind > 0 ORDER BY pos", from, to)
		err := s.query(ctx, sql, func(rows driver.Rows) error {
			d, err := scanDefinition(rows)
			if err == nil && !yield(located[tollbook.Definition]{uint64(d.Pos), d}, nil) {
				return errStopped
			}
			return err
		})
		if err != nil && err != errStopped {
			yield(located[tollbook.Definition]{}, err)
		}
	}
}

// withEpoch is rows of words that have their epoch in one column more.
type withEpoch struct {
	driver.Rows
	epoch *uint64
}

// Scan implements driver.Rows.
func (r withEpoch) Scan(values ...any) error { return r.Rows.Scan(append(values, r.epoch)...) }

// wordsIn reads the words of a statement, with their charges and behind their
// epochs. Their lines are looked up for some of them at a time.
func (s *Store) wordsIn(ctx context.Context, sql string) iter.Seq2[located[tollbook.BookedEvent], error] {
	const atOnce = 4096
	return func(yield func(located[tollbook.BookedEvent], error) bool) {
		var some []located[rawWord]
		flush := func() error {
			keys := map[lineKey]bool{}
			for i := range some {
				for _, k := range some[i].value.lines {
					keys[lineKey([]byte(k))] = true
				}
			}
			if err := s.loadLines(ctx, keys); err != nil {
				return err
			}
			for i := range some {
				if err := some[i].value.charge(&s.lines); err != nil {
					return err
				}
				if !yield(located[tollbook.BookedEvent]{some[i].at, some[i].value.event}, nil) {
					return errStopped
				}
			}
			some = some[:0]
			return nil
		}
		err := s.query(ctx, sql, func(rows driver.Rows) error {
			var epoch uint64
			w, err := readWord(withEpoch{rows, &epoch})
			if err != nil {
				return err
			}
			if some = append(some, located[rawWord]{epoch, w}); len(some) == atOnce {
				return flush()
			}
			return nil
		})
		if err == nil {
			err = flush()
		}
		if err != nil && err != errStopped {
			yield(located[tollbook.BookedEvent]{}, err)
		}
	}
}
