package clickhousestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
)

// posting is a Post that waits.
type posting struct {
	*waiting
	entries  []tollbook.Entry
	outcomes []tollbook.Outcome
}

// Post implements tollbook.Ledger. What waits at the same time is written
// together.
func (s *Store) Post(ctx context.Context, under tollbook.Pos, entries []tollbook.Entry) ([]tollbook.Outcome, error) {
	if err := checkBatch(len(entries)); err != nil {
		return nil, err
	}
	r := &posting{newWaiting(under, len(entries)), entries, make([]tollbook.Outcome, len(entries))}
	if err := s.posts.enqueue(ctx, r); err != nil {
		return nil, err
	}
	s.metrics.decided(r.outcomes)
	return r.outcomes, nil
}

func checkBatch(n int) error {
	if n < 1 || n > tollbook.MaxBatch {
		return tollbook.NewError(tollbook.CodeTooLarge, fmt.Sprintf("A batch has 1 to %d events, not %d.", tollbook.MaxBatch, n))
	}
	return nil
}

// known is what is there under the claims of a group.
type known struct {
	fingerprints map[tollbook.Claim]uint64
	end          end
	folded       uint64 // the claims of all epochs before it have been looked up
	age          int64  // of that fold, in microseconds
}

// postGroup writes the events of requests that were measured under the same
// definitions, and sets their outcomes. An error is that of all of them.
func (s *Store) postGroup(ctx context.Context, group []*posting) error {
	known, err := s.lookUp(ctx, group)
	if err != nil {
		return err
	}
	if tollbook.Pos(known.end.head) != group[0].under {
		return tollbook.ErrMoved
	}
	if err := s.rooms.load(ctx, s, cellsOf(group)); err != nil {
		return err
	}
	words := make([]wordColumns, len(s.shards))
	var accepted []*tollbook.Entry
	for _, r := range group {
		for i := range r.entries {
			e := &r.entries[i]
			fingerprint, there := known.fingerprints[e.Claim]
			switch {
			case there && fingerprint == e.Fingerprint && s.partly[e.Claim]:
				delete(s.partly, e.Claim)
				r.outcomes[i] = tollbook.Accepted
				continue
			case there && fingerprint == e.Fingerprint:
				r.outcomes[i] = tollbook.Duplicate
				continue
			case there:
				r.outcomes[i] = tollbook.Conflict
				continue
			}
			fits, err := s.rooms.take(ctx, s, cellOf(e), e.Charges)
			if err != nil {
				return err
			}
			if !fits {
				r.outcomes[i] = tollbook.TooManyRecords
				continue
			}
			known.fingerprints[e.Claim] = e.Fingerprint
			r.outcomes[i] = tollbook.Accepted
			accepted = append(accepted, e)
			words[s.shardOfAccount(e.Event.AccountID)].addEntry(e)
		}
	}
	if len(accepted) == 0 {
		return nil
	}
	err = s.storeLines(ctx, func(yield func(*tollbook.Line) bool) {
		for _, e := range accepted {
			for i := range e.Charges {
				if !yield(e.Charges[i].Line) {
					return
				}
			}
		}
	})
	if err != nil {
		return err
	}
	if err = s.insertAll(ctx, words, group[0].under, known.folded); err == nil {
		s.pace.wrote(s.opts.Clock())
	}
	return err
}

// insertAll writes events into their shards.
func (s *Store) insertAll(ctx context.Context, words []wordColumns, under tollbook.Pos, looked uint64) error {
	written := make([]bool, len(words))
	err := s.onShards(ctx, func(ctx context.Context, i int, d *database) (err error) {
		if len(words[i].claim) > 0 {
			err = s.insertEvents(ctx, d, &words[i], under, looked)
			written[i] = err == nil
		}
		return err
	})
	if errors.Is(err, tollbook.ErrMoved) {
		if len(s.partly) > maxGroup {
			clear(s.partly) // they are told to be duplicates then
		}
		for i := range words {
			for _, claim := range words[i].claim {
				if written[i] {
					s.partly[tollbook.Claim(claim)] = true
				}
			}
		}
	}
	return err
}

// lookUp looks up the claims of a group: among those that have been folded, each
// in its shard, and in the epochs since, everywhere.
func (s *Store) lookUp(ctx context.Context, group []*posting) (*known, error) {
	var all claimed
	for _, r := range group {
		for i := range r.entries {
			all = append(all, r.entries[i].Claim[:])
		}
	}
	k := &known{fingerprints: make(map[tollbook.Claim]uint64, len(all))}
	knownUpTo := s.names.known()
	waited, err := false, s.readState(ctx, k)
	if err == nil {
		waited, err = s.keepPace(ctx, k)
	}
	if err == nil && waited {
		err = s.readState(ctx, k)
	}
	if err != nil {
		return nil, err
	}
	s.names.folded(k.folded)
	doubtful, since := s.names.doubtful(all, knownUpTo, k.folded)
	asked := make([]claimed, len(s.shards))
	for _, c := range doubtful {
		shard := s.shardOfClaim((*tollbook.Claim)(c))
		asked[shard] = append(asked[shard], c)
	}
	var mu sync.Mutex
	first := map[tollbook.Claim]row{}
	err = s.onShards(ctx, func(ctx context.Context, i int, d *database) error {
		ctx, sql, err := s.lookUpIn(ctx, asked[i], all, since)
		if err != nil {
			return err
		}
		return d.query(ctx, sql, func(rows driver.Rows) error {
			var claim string
			var fingerprint uint64
			var r row
			if err := rows.Scan(&claim, &fingerprint, &r.epoch, &r.batch, &r.item); err != nil {
				return err
			}
			c := tollbook.Claim([]byte(claim))
			mu.Lock()
			defer mu.Unlock()
			// The first of those that came at once is the one that counts.
			if before, there := first[c]; !there || r.before(before) {
				first[c], k.fingerprints[c] = r, fingerprint
			}
			return nil
		})
	})
	return k, err
}

// readState reads where the log ends, and up to where everything has been folded.
func (s *Store) readState(ctx context.Context, k *known) error {
	return s.one(ctx, `WITH (SELECT (max(cut), toUnixTimestamp64Micro(now64(6, 'UTC')) - toUnixTimestamp64Micro(max(at))) FROM folds) AS fold
		SELECT pos, head, fold.1, fold.2 FROM log ORDER BY pos DESC LIMIT 1`,
		&k.end.pos, &k.end.head, &k.folded, &k.age)
}

// lookUpIn returns what looks up, in a shard, claims that it has among those
// folded, and claims that it was posted in the epochs since one.
func (s *Store) lookUpIn(ctx context.Context, asked, posted claimed, since uint64) (context.Context, string, error) {
	const columns = "SELECT claim, fingerprint, epoch, batch, item FROM "
	tables := []*sent{posted.table("posted")}
	sql := columns + s.layout.here("events") + fmt.Sprintf(" WHERE epoch >= %d AND claim IN (SELECT claim FROM posted)", since)
	if len(asked) > 0 {
		tables = append(tables, asked.table("asked"))
		sql += " UNION ALL " + columns + s.layout.here("claims") + " WHERE claim IN (SELECT claim FROM asked)"
	}
	ctx, err := with(ctx, tables...)
	return ctx, sql, err
}

// claimed is claims that are asked for.
type claimed [][]byte

func (c claimed) table(name string) *sent {
	return &sent{name, []sentColumn{{"claim", "FixedString(16)", [][]byte(c)}}}
}

// row names a row of events.
type row struct {
	epoch, batch uint64
	item         uint32
}

func (r row) before(other row) bool {
	return cmp.Or(cmp.Compare(r.epoch, other.epoch), cmp.Compare(r.batch, other.batch), cmp.Compare(r.item, other.item)) < 0
}

// writing begins the ids of statements that write events or bookings: a cut
// waits for those that are under way.
const writing = "tollbook-write-"

// write runs a statement that writes events or bookings. It ends on the server
// after statementTime: the driver gives it 5 seconds more than there are to the
// deadline.
func write(ctx context.Context, id uint64, statement func(ctx context.Context) error) error {
	named := clickhouse.Context(ctx, clickhouse.WithQueryID(fmt.Sprintf("%s%016x", writing, id)))
	return within(named, statementTime-5*time.Second, errSilent, statement)
}

// fence refuses a statement unless the last definition is the one at under. It
// is looked up together with the epoch; the statement can be seen to run by then.
func fence(under tollbook.Pos) string {
	return fmt.Sprintf("throwIf(ending.2 != %d, '%s') = 0", under, moved)
}

// insertEvents writes events into a shard, as one block: a statement that is tried
// again has done nothing. All that are refused are so with ErrMoved.
func (s *Store) insertEvents(ctx context.Context, shard *database, words *wordColumns, under tollbook.Pos, looked uint64) error {
	id, err := s.random()
	if err != nil {
		return err
	}
	batch := &sent{"fresh", words.eventColumns()}
	insert, err := with(clickhouse.Context(ctx, clickhouse.WithSettings(oneBlock())), batch)
	if err != nil {
		return err
	}
	sql := fmt.Sprintf(`INSERT INTO %s (%s, batch, looked, epoch) WITH %s AS ending
		SELECT * REPLACE (arrayMap(x -> toInt128(x), increments) AS increments), toUInt64(%d), toUInt64(%d), ending.1 FROM fresh WHERE %s`,
		s.layout.here("events"), batch.names(), theEnd, id, looked, fence(under))
	err = write(insert, id, func(ctx context.Context) error { return shard.exec(ctx, sql) })
	if isMoved(err) {
		return tollbook.ErrMoved
	}
	return err
}
