package clickhousestore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// backlogs is what replicas have still to fetch into tables, as they tell at one
// look after the other. What was there at the first one is of interest.
//
// What a replica has still to fetch is in its queue, and what it has not put there
// yet is behind its pointer into the log that ZooKeeper keeps.
type backlogs struct {
	store  *Store
	tables []string
	told   []told                // by members, at the last look; nil: before one
	ends   map[shardTable]uint64 // the last entries of the logs at the first look at which a majority told
	passed map[passed]bool
}

// told is what a member has told of its tables, by their names.
type told struct {
	tables map[string]*backlog
	err    error
}

// shardTable is a table in a shard.
type shardTable struct {
	shard int
	table string
}

// passed is that a server had put everything up to the end of a log into its queue
// at an earlier look. At the look itself that may not be in what it shows yet.
type passed struct {
	member int
	table  string
}

// backlog is what a replica has still to fetch into a table.
type backlog struct {
	by       passed
	sure     bool            // everything up to the end of the log is among parts
	end      uint64          // the last entry of the log
	pointer  uint64          // behind the last one that it has put into its queue
	replicas uint32          // that there are, itself among them
	parts    map[string]bool // whether it is known of them that a majority is to have them
	old      bool            // it has lacked one for so long that it is not asked (gate)
}

// errAway is that a replica is away from ZooKeeper. It answers nobody then, and
// when it is back it has its queue first.
var errAway = errors.New("the replica is away from ZooKeeper")

// errUnasked is that a replica is not asked, for it has not answered for so long.
var errUnasked = errors.New("the replica is silent, and not asked")

// newBacklogs returns the backlogs of tables at home, and in shards if they are
// there.
func newBacklogs(s *Store, tables ...string) *backlogs {
	return &backlogs{store: s, tables: tables, ends: map[shardTable]uint64{}, passed: map[passed]bool{}}
}

// in returns those of the tables that are in a shard, as they are named there.
func (b *backlogs) in(shard int) (here []string) {
	for _, table := range b.tables {
		if shard == 0 || sharded[table] != "" {
			here = append(here, b.store.layout.here(table))
		}
	}
	return here
}

// look asks all replicas.
func (b *backlogs) look(ctx context.Context) {
	s := b.store
	b.told = make([]told, len(s.members))
	var asking sync.WaitGroup
	for i, m := range s.members {
		if at := &b.told[i]; !m.silent.IsZero() {
			at.err = errUnasked
		} else {
			asking.Go(func() { at.tables, at.err = m.backlogs(ctx, s.name, b.in(m.shard)) })
		}
	}
	asking.Wait()
	for shard := range s.shards {
		for _, table := range b.in(shard) {
			b.settle(shardTable{shard, table}, b.of(shard, table))
		}
	}
}

// of returns what the replicas of a shard have told of a table.
func (b *backlogs) of(shard int, table string) (all []*backlog) {
	for i, m := range b.store.members {
		if of := b.told[i].tables[table]; of != nil && m.shard == shard {
			of.by = passed{i, table}
			all = append(all, of)
		}
	}
	return all
}

// replicas returns how many there are of a table, and how many of them are a
// majority.
func replicas(told []*backlog) (all, majority int) {
	for _, b := range told {
		all = max(all, int(b.replicas))
	}
	return all, all/2 + 1
}

// settle finds out who is sure of what was in a table's log at the first look.
func (b *backlogs) settle(at shardTable, told []*backlog) {
	if _, majority := replicas(told); len(told) < majority {
		return
	}
	end, known := b.ends[at]
	begun := end > 0 // the first entry of a log is 0
	for _, of := range told {
		if !known {
			end = max(end, of.end)
		}
		begun = begun || of.end > 0 || of.pointer > 0
	}
	b.ends[at] = end
	for _, of := range told {
		before := b.passed[of.by]
		b.passed[of.by] = of.pointer > end || !begun
		of.sure = before && b.passed[of.by]
	}
}

// backlogs returns the backlogs of tables, by their names.
func (m *member) backlogs(ctx context.Context, database string, tables []string) (map[string]*backlog, error) {
	sql := fmt.Sprintf(`SELECT table, log_max_index, log_pointer, total_replicas, is_readonly OR is_session_expired, zookeeper_exception, '', 0, 0
			FROM system.replicas WHERE %[1]s
		UNION ALL SELECT table, 0, 0, 0, 0, '', new_part_name, required_quorum > 0, create_time < now() - %[2]d
			FROM system.replication_queue WHERE %[1]s AND type IN ('GET_PART', 'ATTACH_PART') AND source_replica != replica_name`,
		"database = "+quote(database)+" AND table IN ('"+strings.Join(tables, "', '")+"')", lackedFor)
	all := map[string]*backlog{}
	each := func(rows driver.Rows) error {
		var table, failed, part string
		var end, pointer uint64
		var replicas uint32
		var away, flagged, old uint8
		if err := rows.Scan(&table, &end, &pointer, &replicas, &away, &failed, &part, &flagged, &old); err != nil {
			return err
		}
		b := all[table]
		if b == nil {
			b = &backlog{parts: map[string]bool{}}
			all[table] = b
		}
		switch {
		case part != "":
			b.parts[part], b.old = flagged != 0, b.old || old != 0
		case away != 0 || failed != "" || replicas == 0:
			return fmt.Errorf("%s: %w: %s", m.name, errAway, failed)
		default:
			b.end, b.pointer, b.replicas = end, pointer, replicas
		}
		return nil
	}
	err := within(ctx, answerTime, errNoAnswer, func(ctx context.Context) error { return m.query(ctx, sql, each) })
	if err != nil {
		return nil, err
	}
	for table, b := range all {
		if b.replicas == 0 { // it was dropped between
			delete(all, table)
		}
	}
	return all, nil
}
