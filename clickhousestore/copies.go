package clickhousestore

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// Bounds on how long replicas are waited for: one that is seen behind, until every
// gate has seen it too, and one of which it is not known.
const (
	untilShut = 2 * lookEvery
	copyTime  = 5 * time.Second
)

// awaitViews waits until replicas have what others have of what folds count.
func (s *Store) awaitViews(ctx context.Context) error {
	if !s.layout.replicated {
		return nil
	}
	return newBacklogs(s, "lines", "claims", "repeats", "tallies", "records", "records_by_id", "past").awaitCopies(ctx)
}

// awaitCopies waits until replicas have what others have in the tables, but for
// those that have lacked it for so long that they are not asked (gate, and
// Distributed tables): replicas fetch parts in any order, and one that has the last
// of them answers.
func (b *backlogs) awaitCopies(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, copyTime)
	defer cancel()
	all := make([]awaited, len(b.store.members))
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		done, now := b.told != nil, b.store.opts.Clock()
		for i, by := range b.told {
			all[i].done = all[i].done || all[i].sees(by, now)
			done = done && all[i].done
		}
		if done {
			return nil
		}
		select {
		case <-waiting.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
		b.look(waiting)
	}
}

// awaited is what is waited for of a replica.
type awaited struct {
	done   bool
	lacks  map[string]map[string]bool // parts, by the names of tables, once it is sure of them
	behind time.Time                  // since when it is seen to lack something old; zero: it does not
}

// sees takes in what the replica has told, and returns whether it has it all, or is
// not asked by anybody.
func (a *awaited) sees(by told, now time.Time) (done bool) {
	if by.err != nil {
		return errors.Is(by.err, syscall.ECONNREFUSED) || errors.Is(by.err, errAway) || errors.Is(by.err, errUnasked)
	}
	if a.lacks == nil {
		a.lacks = map[string]map[string]bool{}
	}
	done = true
	old := false
	for table, b := range by.tables {
		old = old || b.old
		if b.sure {
			a.lacks[table] = remaining(a.lacks[table], b.parts)
		}
		done = done && a.lacks[table] != nil && len(a.lacks[table]) == 0
	}
	if !old {
		a.behind = time.Time{}
	} else if a.behind.IsZero() {
		a.behind = now
	}
	return done || old && now.Sub(a.behind) >= untilShut
}
