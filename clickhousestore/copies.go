package clickhousestore

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// youngFor is for how many seconds a replica that lacks a part is waited for. From
// one second on it is not asked (gate, and Distributed tables).
const youngFor = 2

// awaitCopies waits until replicas have what others have in tables, but for those
// that have lacked it for so long that they are not asked: replicas fetch parts in
// any order, and one that has the last of them answers.
func (s *Store) awaitCopies(ctx context.Context, tables ...string) error {
	if !s.layout.replicated {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var all sync.WaitGroup
	for _, m := range s.members {
		here := make([]string, 0, len(tables))
		for _, table := range tables {
			if m.shard == 0 || sharded[table] != "" {
				here = append(here, s.layout.here(table))
			}
		}
		all.Go(func() { m.awaitCopies(waiting, s.name, here) })
	}
	all.Wait()
	return context.Cause(ctx)
}

// fetching is what a replica says of a table.
type fetching struct {
	end, pointer uint64 // of the log that ZooKeeper keeps: its last entry, and behind the last that the replica has in its queue
	lacks        map[string]bool
}

// awaitCopies waits for one replica. One that does not answer is not asked for
// anything else either: folds see to that (drain).
func (m *member) awaitCopies(ctx context.Context, database string, tables []string) {
	ends := map[string]uint64{}           // at the first look
	passed := map[string]bool{}           // whether all up to there was in the queue at a look before
	lacks := map[string]map[string]bool{} // what is waited for, once that is known
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		now, err := m.fetching(ctx, database, tables)
		if err != nil {
			return
		}
		done := true
		for table, c := range now {
			if _, known := ends[table]; !known {
				ends[table] = c.end
			}
			switch {
			case lacks[table] != nil:
				for part := range lacks[table] {
					if !c.lacks[part] {
						delete(lacks[table], part)
					}
				}
			case passed[table]:
				lacks[table] = c.lacks
			}
			// The first entry of a log is 0: nothing is in one whose end is 0 and that nobody has read.
			passed[table] = passed[table] || c.pointer > ends[table] || ends[table] == 0
			done = done && lacks[table] != nil && len(lacks[table]) == 0
		}
		if done {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// fetching asks a replica for what it has still to fetch into tables, since a short
// while.
func (m *member) fetching(ctx context.Context, database string, tables []string) (map[string]*fetching, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	here := "database = " + quote(database) + " AND table IN ('" + strings.Join(tables, "', '") + "')"
	all := map[string]*fetching{}
	err := m.query(ctx, "SELECT table, log_max_index, log_pointer FROM system.replicas WHERE "+here, func(rows driver.Rows) error {
		var table string
		c := &fetching{lacks: map[string]bool{}}
		err := rows.Scan(&table, &c.end, &c.pointer)
		all[table] = c
		return err
	})
	if err != nil {
		return nil, err
	}
	err = m.query(ctx, fmt.Sprintf("SELECT table, new_part_name FROM system.replication_queue WHERE %s AND type IN ('GET_PART', 'ATTACH_PART') AND create_time >= now() - %d", here, youngFor), func(rows driver.Rows) error {
		var table, part string
		err := rows.Scan(&table, &part)
		if c := all[table]; c != nil {
			c.lacks[part] = true
		}
		return err
	})
	return all, err
}
