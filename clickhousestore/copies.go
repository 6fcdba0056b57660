package clickhousestore

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"
)

// Bounds on how long replicas are waited for: one that is seen behind, until every
// gate has seen it too, and one of which it is not known.
const (
	untilShut = 2 * lookEvery
	copyTime  = 5 * time.Second
)

// awaitCopies waits until replicas have what others have in tables, but for those
// that have lacked it for so long that they are not asked (gate, and Distributed
// tables): replicas fetch parts in any order, and one that has the last of them
// answers.
func (s *Store) awaitCopies(ctx context.Context, tables ...string) error {
	if !s.layout.replicated {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, copyTime)
	defer cancel()
	var all sync.WaitGroup
	for _, m := range s.members {
		if !m.silent.IsZero() { // folds go on without it
			continue
		}
		w := &awaiting{member: m, database: s.name, ends: map[string]uint64{}, passed: map[string]bool{}, lacks: map[string]map[string]bool{}}
		for _, table := range tables {
			if m.shard == 0 || sharded[table] != "" {
				w.tables = append(w.tables, s.layout.here(table))
			}
		}
		all.Go(func() { w.wait(waiting, s.opts.Clock) })
	}
	all.Wait()
	return context.Cause(ctx)
}

// awaiting is what is waited for of a replica, by the names of tables.
type awaiting struct {
	*member
	database string
	tables   []string
	ends     map[string]uint64          // of their logs at the first look
	passed   map[string]bool            // whether all up to there was in the queue at a look before
	lacks    map[string]map[string]bool // once that is known
	behind   time.Time                  // since when it is seen to lack something old; zero: it does not
}

// wait ends when the replica has it all, is not asked by anybody, or time is up.
func (w *awaiting) wait(ctx context.Context, clock func() time.Time) {
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		done, err := w.look(ctx, clock())
		if done || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, errAway) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// look asks the replica what it has still to fetch.
func (w *awaiting) look(ctx context.Context, now time.Time) (done bool, _ error) {
	backlogs, err := w.backlogs(ctx, w.database, w.tables)
	if err != nil {
		return false, err
	}
	old := false
	done = true
	for table, b := range backlogs {
		old = old || b.old
		if _, known := w.ends[table]; !known {
			w.ends[table] = b.end
		}
		if w.passed[table] {
			w.lacks[table] = remaining(w.lacks[table], b.parts)
		}
		// The first entry of a log is 0: nothing is in one whose end is 0 and that nobody has read.
		w.passed[table] = w.passed[table] || b.pointer > w.ends[table] || w.ends[table] == 0
		done = done && w.lacks[table] != nil && len(w.lacks[table]) == 0
	}
	if !old {
		w.behind = time.Time{}
	} else if w.behind.IsZero() {
		w.behind = now
	}
	return done || old && now.Sub(w.behind) >= untilShut, nil
}
