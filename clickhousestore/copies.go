package clickhousestore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
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

// errAway is that a replica is away from ZooKeeper. It answers nobody then, and
// when it is back it has its queue first.
var errAway = errors.New("the replica is away from ZooKeeper")

// look asks the replica what it has still to fetch.
func (w *awaiting) look(ctx context.Context, now time.Time) (done bool, _ error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	here := "database = " + quote(w.database) + " AND table IN ('" + strings.Join(w.tables, "', '") + "')"
	pointers := map[string]uint64{}
	err := w.query(ctx, "SELECT table, log_max_index, log_pointer, is_readonly OR is_session_expired OR zookeeper_exception != '' FROM system.replicas WHERE "+here, func(rows driver.Rows) error {
		var table string
		var end, pointer uint64
		var away uint8
		err := rows.Scan(&table, &end, &pointer, &away)
		if away != 0 {
			return errAway
		}
		if _, known := w.ends[table]; !known {
			w.ends[table] = end
		}
		pointers[table] = pointer
		return err
	})
	if err != nil {
		return false, err
	}
	left, old := map[string]map[string]bool{}, false
	err = w.query(ctx, fmt.Sprintf("SELECT table, new_part_name, create_time < now() - %d FROM system.replication_queue WHERE %s AND type IN ('GET_PART', 'ATTACH_PART')", lackedFor, here), func(rows driver.Rows) error {
		var table, part string
		var isOld uint8
		err := rows.Scan(&table, &part, &isOld)
		if left[table] == nil {
			left[table] = map[string]bool{}
		}
		left[table][part] = true
		old = old || isOld != 0
		return err
	})
	if err != nil {
		return false, err
	}
	if !old {
		w.behind = time.Time{}
	} else if w.behind.IsZero() {
		w.behind = now
	}
	done = true
	for table, pointer := range pointers {
		if w.passed[table] {
			w.lacks[table] = remaining(w.lacks[table], orNone(left[table]))
		}
		// The first entry of a log is 0: nothing is in one whose end is 0 and that nobody has read.
		w.passed[table] = w.passed[table] || pointer > w.ends[table] || w.ends[table] == 0
		done = done && w.lacks[table] != nil && len(w.lacks[table]) == 0
	}
	return done || old && now.Sub(w.behind) >= untilShut, nil
}

// orNone returns what is known, which may be that there is nothing.
func orNone(parts map[string]bool) map[string]bool {
	if parts == nil {
		return map[string]bool{}
	}
	return parts
}
