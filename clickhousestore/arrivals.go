package clickhousestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// arrivals looks for writes that are on their way to the majority of a shard's
// replicas. A statement that has ended may leave one behind: it was refused, as
// its time was up, and yet another replica may fetch what the first one has. Until
// then it is not seen, and a fold does not count it.
//
// What a replica has still to fetch is in its queue, and what it has not put there
// yet is behind its pointer into the log that ZooKeeper keeps. A write is on its
// way as long as so many replicas lack it, or cannot be asked, that the rest is no
// majority. Where nobody who is there has it any more, ClickHouse gives it up.
type arrivals struct {
	store  *Store
	ends   map[shardTable]uint64 // the last entries of the logs at the first look at which a majority told
	passed map[passed]bool
}

// passed is that a server had put everything up to the end of a log into its queue
// at an earlier look. At the look itself that may not be in what it shows yet.
type passed struct {
	member int
	table  string
}

// shardTable is a table in a shard.
type shardTable struct {
	shard int
	table string
}

// backlog is what a replica has still to fetch into a table.
type backlog struct {
	by       passed
	end      uint64          // the last entry of the log
	pointer  uint64          // behind the last one that it has put into its queue
	replicas uint32          // that there are, itself among them
	parts    map[string]bool // whether it is known of them that a majority is to have them
	old      bool            // it has lacked one for so long that it is not asked (gate)
}

// errAway is that a replica is away from ZooKeeper. It answers nobody then, and
// when it is back it has its queue first.
var errAway = errors.New("the replica is away from ZooKeeper")

func newArrivals(s *Store) *arrivals {
	return &arrivals{store: s, ends: map[shardTable]uint64{}, passed: map[passed]bool{}}
}

// look returns the writes that are on their way, or errUnheard where too few
// replicas can tell.
func (a *arrivals) look(ctx context.Context) (map[string]bool, error) {
	s := a.store
	backlogs, failed := make([]map[string]*backlog, len(s.members)), make([]error, len(s.members))
	var asking sync.WaitGroup
	for i, m := range s.members {
		asking.Go(func() { backlogs[i], failed[i] = m.backlogs(ctx, s.name, a.tables(m.shard)) })
	}
	asking.Wait()
	late := map[string]bool{}
	for shard := range s.shards {
		for _, table := range a.tables(shard) {
			var told []*backlog
			for i, m := range s.members {
				if b := backlogs[i][table]; b != nil && m.shard == shard {
					b.by = passed{i, table}
					told = append(told, b)
				}
			}
			if err := a.onTheWay(late, shardTable{shard, table}, told); err != nil {
				return nil, errors.Join(append(failed, err)...)
			}
		}
	}
	return late, nil
}

// tables returns the tables of a shard that events and bookings are written into.
func (a *arrivals) tables(shard int) []string {
	events := a.store.layout.here("events")
	if shard == 0 {
		return []string{events, "bookings"}
	}
	return []string{events}
}

// onTheWay adds to late the writes into a table that are on their way, by what
// its replicas have told.
func (a *arrivals) onTheWay(late map[string]bool, at shardTable, told []*backlog) error {
	replicas := 0
	for _, b := range told {
		replicas = max(replicas, int(b.replicas))
	}
	majority := replicas/2 + 1
	tooFew := fmt.Errorf("%w: too few replicas of shard %d tell what they have yet to fetch into %s", errUnheard, at.shard+1, at.table)
	if len(told) < majority {
		return tooFew
	}
	end, known := a.ends[at]
	begun := end > 0 // the first entry of a log is 0
	for _, b := range told {
		if !known {
			end = max(end, b.end)
		}
		begun = begun || b.end > 0 || b.pointer > 0
	}
	a.ends[at] = end
	told = slices.DeleteFunc(told, func(b *backlog) bool {
		before := a.passed[b.by]
		a.passed[b.by] = b.pointer > end || !begun
		return !before || !a.passed[b.by]
	})
	if len(told) < majority {
		return tooFew
	}
	lacking, wanted := map[string]int{}, map[string]bool{}
	for _, b := range told {
		for part, flagged := range b.parts {
			lacking[part]++
			// A replica that copies another does not know which of its parts are.
			wanted[part] = wanted[part] || flagged || len(told) < replicas
		}
	}
	for part, n := range lacking {
		if wanted[part] && len(told)-n < majority {
			late[fmt.Sprintf("%d %s %s", at.shard, at.table, part)] = true
		}
	}
	return nil
}

// backlogs returns the backlogs of tables, by their names.
func (m *member) backlogs(ctx context.Context, database string, tables []string) (map[string]*backlog, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	here := "database = " + quote(database) + " AND table IN ('" + strings.Join(tables, "', '") + "')"
	all := map[string]*backlog{}
	err := m.query(ctx, "SELECT table, log_max_index, log_pointer, total_replicas, is_readonly OR is_session_expired, zookeeper_exception FROM system.replicas WHERE "+here, func(rows driver.Rows) error {
		var table, failed string
		var away uint8
		b := &backlog{parts: map[string]bool{}}
		if err := rows.Scan(&table, &b.end, &b.pointer, &b.replicas, &away, &failed); err != nil {
			return err
		}
		if away != 0 || failed != "" || b.replicas == 0 {
			return fmt.Errorf("%s: %w: %s", m.name, errAway, failed)
		}
		all[table] = b
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = m.query(ctx, fmt.Sprintf("SELECT table, new_part_name, required_quorum > 0, create_time < now() - %d FROM system.replication_queue WHERE %s AND type IN ('GET_PART', 'ATTACH_PART') AND source_replica != replica_name", lackedFor, here), func(rows driver.Rows) error {
		var table, part string
		var flagged, old uint8
		err := rows.Scan(&table, &part, &flagged, &old)
		if b := all[table]; b != nil {
			b.parts[part], b.old = flagged != 0, b.old || old != 0
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}
