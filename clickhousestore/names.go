package clickhousestore

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/bits"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
	"tollbook/bloom"
)

// names knows which claims are not among those that have been folded, so that
// most of those that come need not be looked up there: in a large ledger each is
// in a place of its own.
type names struct {
	mu    sync.Mutex
	chain bloom.Chain
	upTo  uint64 // the claims of all epochs before it are in; 0: nothing is known
	full  bool   // they were more than fit, and are not learnt any more
	wake  chan uint64

	learning sync.Mutex
	learnt   time.Time // by namesLoop: when that was done last
}

const (
	// maxLearnEvery is the most that lies between two looks at what has been folded.
	maxLearnEvery = time.Second
	// learntAtOnce is about how many names are read at once.
	learntAtOnce = 1 << 20
)

func (n *names) init() { n.wake = make(chan uint64, 1) }

// folded has it learnt, in the background, what is in the epochs before a cut.
func (n *names) folded(cut uint64) {
	select {
	case n.wake <- cut:
	default: // somebody else has said so
	}
}

// doubtful returns those of claims that may be among those folded before a cut,
// and the epoch since which all of them must be looked up where they were written.
func (n *names) doubtful(claims claimed, folded uint64) (claimed, uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.upTo > folded { // the database is not the one it was: it was restored, or is being rebuilt
		n.forget()
	}
	if n.upTo == 0 {
		return claims, folded
	}
	var doubtful claimed
	for _, c := range claims {
		if n.chain.MayHave((*tollbook.Claim)(c)) {
			doubtful = append(doubtful, c)
		}
	}
	return doubtful, n.upTo
}

func (n *names) forget() {
	n.chain.Free()
	n.upTo = 0
}

func (n *names) size() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.chain.Size()
}

// namesLoop learns the names of what has been folded until the store is closed.
func (s *Store) namesLoop(ctx context.Context) {
	for failed := false; ; {
		var cut uint64
		select {
		case <-ctx.Done():
			return
		case cut = <-s.names.wake:
		}
		now := s.opts.Clock()
		if s.names.full || !s.names.learnt.IsZero() && now.Sub(s.names.learnt) < min(s.opts.Freshness/foldsInFreshness, maxLearnEvery) {
			continue
		}
		err := s.learn(ctx, cut)
		if err != nil && !failed && ctx.Err() == nil {
			s.opts.Logger.Warn("what names there are could not be learnt; it is tried again, and each is looked up until then", slog.Any("error", err))
		}
		failed, s.names.learnt = err != nil, now
	}
}

// learn learns the names in the epochs before a cut, up to which everything has
// been folded.
func (s *Store) learn(ctx context.Context, cut uint64) error {
	n := &s.names
	n.learning.Lock()
	defer n.learning.Unlock()
	n.mu.Lock()
	from := n.upTo
	n.mu.Unlock()
	if cut <= from {
		return nil
	}
	table, where := "claims", "1"
	if from > 0 {
		table, where = "events", fmt.Sprintf("epoch >= %d AND epoch < %d", from, cut)
	}
	var fresh bloom.Chain // of all that there are
	for i := range s.shards {
		err := s.eachNames(ctx, &s.shards[i], table, where, learntAtOnce, func(all []byte) error {
			n.mu.Lock()
			defer n.mu.Unlock()
			chain := &n.chain
			if from == 0 {
				chain = &fresh
			}
			return n.add(chain, all, s.opts.NamesMemory)
		})
		if err != nil {
			fresh.Free()
			return err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.full {
		s.opts.Logger.Warn("there are more names than may be kept in memory; each is looked up from now on", slog.Int64("bytes", s.opts.NamesMemory))
		fresh.Free()
		n.forget()
		return nil
	}
	switch {
	case from == 0:
		n.chain.Free()
		n.chain, n.upTo = fresh, cut
	case n.upTo == from: // else all has been forgotten meanwhile
		n.upTo = cut
	}
	return nil
}

// add adds claims, one behind the other, to a chain.
func (n *names) add(chain *bloom.Chain, all []byte, most int64) error {
	const size = len(tollbook.Claim{})
	if chain.Size()+chain.Needs(len(all)/size) > most {
		n.full = true
	}
	if n.full {
		return nil
	}
	if err := chain.Reserve(len(all) / size); err != nil {
		return err
	}
	for ; len(all) >= size; all = all[size:] {
		chain.Add((*tollbook.Claim)(all))
	}
	return nil
}

// eachNames reads the claims in rows of a table of a shard, slice by slice of
// what claims there could be.
func (s *Store) eachNames(ctx context.Context, shard *database, table, where string, atOnce uint64, f func(all []byte) error) error {
	var rows uint64
	from := fmt.Sprintf("FROM %s WHERE %s", s.layout.here(table), where)
	if err := shard.one(ctx, "SELECT count() "+from, &rows); err != nil {
		return err
	}
	slices := rows/atOnce + 1
	for i := range slices {
		var bounds string
		if i > 0 {
			bounds = " AND claim >= " + key16(sliceStart(i, slices))
		}
		if i+1 < slices {
			bounds += " AND claim < " + key16(sliceStart(i+1, slices))
		}
		err := shard.query(ctx, "SELECT groupConcat(claim) "+from+bounds, func(rows driver.Rows) error {
			var all string
			if err := rows.Scan(&all); err != nil {
				return err
			}
			return f([]byte(all))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sliceStart returns where the slice i of n begins.
func sliceStart(i, n uint64) (first tollbook.Claim) {
	quotient, _ := bits.Div64(i, 0, n) // i/n of all that there are
	binary.BigEndian.PutUint64(first[:], quotient)
	return first
}
