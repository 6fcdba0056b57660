package clickhousestore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	// learnEvery is between two looks at what has been folded.
	learnEvery = time.Second
	// learntAtOnce is how many names are learnt together.
	learntAtOnce = 1 << 14
)

func (n *names) init() { n.wake = make(chan uint64, 1) }

// folded has it learnt, in the background, what is in the epochs before a cut.
func (n *names) folded(cut uint64) {
	select {
	case n.wake <- cut:
	default: // somebody else has said so
	}
}

// known returns the cut before which all names are known.
func (n *names) known() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.upTo
}

// doubtful returns those of claims that may be among those folded before a cut,
// and the epoch since which all of them must be looked up where they were written.
// They were known up to before when it was read how far that is.
func (n *names) doubtful(claims claimed, before, folded uint64) (claimed, uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if before > folded { // the database is not the one it was: it was restored, or is being rebuilt
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

func (n *names) isFull() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.full
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
		if s.names.isFull() || !s.names.learnt.IsZero() && now.Sub(s.names.learnt) < learnEvery {
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
	from := n.known()
	if cut <= from {
		return nil
	}
	table, where := "claims", "1"
	if from > 0 {
		table, where = "events", fmt.Sprintf("epoch >= %d AND epoch < %d", from, cut)
	}
	var fresh bloom.Chain // of all that there are
	for i := range s.shards {
		err := s.eachNames(ctx, &s.shards[i], table, where, func(some []tollbook.Claim, rest uint64) error {
			n.mu.Lock()
			defer n.mu.Unlock()
			chain := &n.chain
			if from == 0 {
				chain = &fresh
			}
			return n.add(chain, some, int(rest), s.opts.NamesMemory)
		})
		if err != nil && !errors.Is(err, errStopped) {
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

// add adds some claims to a chain, of so many that are to come.
func (n *names) add(chain *bloom.Chain, some []tollbook.Claim, rest int, most int64) error {
	if chain.Size()+chain.Needs(rest) > most {
		n.full = true
	}
	if n.full {
		return errStopped
	}
	if err := chain.Reserve(rest); err != nil {
		return err
	}
	for i := range some {
		chain.Add(&some[i])
	}
	return nil
}

// eachNames reads the claims in rows of a table of a shard, and gives them to f
// with how many there are still, these among them.
func (s *Store) eachNames(ctx context.Context, shard *database, table, where string, f func(some []tollbook.Claim, rest uint64) error) error {
	from := fmt.Sprintf("FROM %s WHERE %s", s.layout.here(table), where)
	var rest uint64
	if err := shard.one(ctx, "SELECT count() "+from, &rest); err != nil {
		return err
	}
	some := make([]tollbook.Claim, 0, min(rest, learntAtOnce))
	give := func() error {
		rest = max(rest, uint64(len(some))) // more may have come
		err := f(some, rest)
		some, rest = some[:0], rest-uint64(len(some))
		return err
	}
	err := shard.query(ctx, "SELECT claim "+from, func(rows driver.Rows) error {
		some = append(some, tollbook.Claim{})
		if err := rows.Scan((*scanned16)(&some[len(some)-1])); err != nil {
			return err
		}
		if len(some) < learntAtOnce {
			return nil
		}
		return give()
	})
	if err == nil && len(some) > 0 {
		err = give()
	}
	return err
}
