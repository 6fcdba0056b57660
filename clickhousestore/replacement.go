package clickhousestore

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// table is one as a server has it.
type table struct{ name, engine, create string }

// copied tells whether replicas copy the table of each other.
func (t table) copied() bool { return strings.HasPrefix(t.engine, "Replicated") }

// complete makes the tables on replicas that lack some, as the others of their
// shard have them: an interrupted migration has left them so, or they are new, or
// have lost their disk. So many steps were done before.
func (m *migrating) complete(ctx context.Context, steps int) error {
	if !m.made || !m.layout.replicated {
		return nil
	}
	ours, err := m.names()
	if err != nil {
		return err
	}
	have := make([][]table, len(m.members))
	kept := map[int]bool{} // shards that have tables
	for i, s := range m.members {
		if have[i], err = s.tables(ctx, m.database); err != nil {
			return fmt.Errorf("%w on %s", err, s.name)
		}
		kept[s.shard] = kept[s.shard] || named(have[i], m.layout.here("events")) != nil
	}
	for i, s := range m.members {
		if steps > 0 && !kept[s.shard] {
			return fmt.Errorf("no replica of shard %d has the ledger's tables; what was in it is to be restored from a backup", s.shard+1)
		}
		var lacking []table
		there := 0
		for k, other := range m.members {
			for _, t := range have[k] {
				if other.shard != s.shard || !ours[t.name] || named(lacking, t.name) != nil {
					continue
				}
				own := named(have[i], t.name)
				if own == nil {
					lacking = append(lacking, t)
				} else if there++; own.engine != t.engine {
					return fmt.Errorf("the table %s is a %s on %s and a %s on %s: drop the database on the one that is new, and run this by the address of another", t.name, own.engine, s.name, t.engine, other.name)
				}
			}
		}
		switch {
		case len(lacking) == 0:
		case there == 0:
			err = m.replace(ctx, s, lacking)
		default:
			err = m.make(ctx, s, m.database, lacking)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// qualified matches how a server begins the statement that makes a table, up to
// the table's own name.
var qualified = regexp.MustCompile("^CREATE (TABLE|MATERIALIZED VIEW) (?:`(?:[^`\\\\]|\\\\.)*`|\\w+)\\.")

// replace makes all tables on a replica that has none, and fetches their rows. It
// does so in another database, for whoever looks for the ledger's goes to another
// replica until it is there: ClickHouse answers for a table before it has all its
// rows. Interrupted, it goes on when it is run again.
func (m *migrating) replace(ctx context.Context, s *member, tables []table) error {
	const ours = "a replica of the ledger that is on its way"
	name := arriving(m.database)
	var there, others uint64
	sql := fmt.Sprintf("SELECT countIf(name = %s), countIf(name = %s AND comment != '%s') FROM system.databases", quote(m.database), quote(name), ours)
	if err := s.one(ctx, sql, &there, &others); err != nil {
		return err
	}
	if others > 0 {
		return fmt.Errorf("the database %s on %s is in the way, and not one that was made here", name, s.name)
	}
	if there > 0 {
		return fmt.Errorf("the database on %s had none of the ledger's tables at the first look: if nobody else is making them, drop it there; it is made when it has their rows, for it is read from then on", s.name)
	}
	if err := m.exec(ctx, s, "CREATE DATABASE IF NOT EXISTS "+identifier(name)+" COMMENT '"+ours+"'"); err != nil {
		return err
	}
	if err := m.make(ctx, s, name, tables); err != nil {
		return err
	}
	// What it copied has a quorum only by this where the others' was not met: a
	// replica says of itself that it has it when it comes up.
	for _, t := range tables {
		if t.copied() {
			if err := m.exec(ctx, s, "SYSTEM RESTART REPLICA "+identifier(name)+"."+identifier(t.name)); err != nil {
				return err
			}
		}
	}
	if err := m.awaitRows(ctx, s, name, tables); err != nil {
		return err
	}
	return m.exec(ctx, s, fmt.Sprintf("RENAME DATABASE %s TO %s", identifier(name), identifier(m.database)))
}

// make makes tables in a database of a replica, and waits for their rows.
func (m *migrating) make(ctx context.Context, s *member, database string, tables []table) error {
	// A view names tables that are not there while others have their database's name.
	making := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"allow_materialized_view_with_bad_select": 1}))
	if m.dryRun {
		if _, err := fmt.Fprint(m.out, "SET allow_materialized_view_with_bad_select = 1;\n\n"); err != nil {
			return err
		}
	}
	for _, t := range tables {
		if err := m.exec(making, s, qualified.ReplaceAllString(t.create, "CREATE $1 IF NOT EXISTS "+identifier(database)+".")); err != nil {
			return err
		}
	}
	if !m.dryRun {
		if _, err := fmt.Fprintf(m.out, "%d tables on %s\n", len(tables), s.name); err != nil {
			return err
		}
	}
	return m.awaitRows(ctx, s, database, tables)
}

// named returns the table of a name, or nil if it is not among some.
func named(some []table, name string) *table {
	if i := slices.IndexFunc(some, func(t table) bool { return t.name == name }); i >= 0 {
		return &some[i]
	}
	return nil
}

// makes matches what migrations make.
var makes = regexp.MustCompile(`CREATE (?:TABLE|MATERIALIZED VIEW) IF NOT EXISTS (\w+)`)

// names returns the names of this program's tables, wherever they are.
func (m *migrating) names() (map[string]bool, error) {
	steps, err := migrations()
	if err != nil {
		return nil, err
	}
	names := map[string]bool{"migrations": true, "layout": true}
	for _, step := range steps {
		for _, sql := range step.statements {
			for _, name := range makes.FindAllStringSubmatch(sql, -1) {
				names[name[1]], names[m.layout.here(name[1])] = true, true
			}
		}
	}
	return names, nil
}

// awaitRows waits until a replica has fetched what was there when its tables were
// made. As long as it lacks what has come since it is not asked: see gate.
func (m *migrating) awaitRows(ctx context.Context, s *member, database string, tables []table) error {
	if m.dryRun {
		_, err := fmt.Fprintf(m.out, "-- on %s\n-- wait until system.replicas says that none is read-only, and system.replication_queue has no GET_PART\n\n", s.name)
		return err
	}
	copied := 0
	for _, t := range tables {
		if t.copied() {
			copied++
		}
	}
	var first map[string]bool // of what is left
	for last := 0; ; {
		now, err := s.unfetched(ctx, database, copied)
		if err != nil {
			return err
		}
		if first = remaining(first, now); now != nil && len(first) == 0 {
			return nil
		}
		if len(first) != last {
			last = len(first)
			if _, err := fmt.Fprintf(m.out, "%d parts to fetch\n", last); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Second):
		}
	}
}

// remaining returns what remains of the parts of a first look, nil before one, where
// others are there now, nil if that is not known for the moment.
func remaining(first, now map[string]bool) map[string]bool {
	switch {
	case now == nil:
	case first == nil:
		first = maps.Clone(now)
	default:
		maps.DeleteFunc(first, func(part string, _ bool) bool {
			_, there := now[part]
			return !there
		})
	}
	return first
}

// unfetched returns the parts that a replica has still to fetch into the tables of
// a database, so many that are copied; nil where it does not know yet.
func (m *member) unfetched(ctx context.Context, database string, copied int) (parts map[string]bool, err error) {
	var all, ready, there uint64
	const sql = "SELECT count(), countIf(NOT is_readonly AND NOT is_session_expired), (SELECT count() FROM system.databases WHERE name = %[1]s) FROM system.replicas WHERE database = %[1]s"
	if err := m.one(ctx, fmt.Sprintf(sql, quote(database)), &all, &ready, &there); err != nil || ready < all || all < uint64(copied) {
		if err == nil && there == 0 {
			err = fmt.Errorf("the database %s on %s is gone: another migrate has given it its name; run this again", database, m.name)
		}
		return nil, err
	}
	parts = map[string]bool{}
	err = m.query(ctx, "SELECT concat(table, ' ', new_part_name) FROM system.replication_queue WHERE database = "+quote(database)+" AND type IN ('GET_PART', 'ATTACH_PART')", func(rows driver.Rows) error {
		var part string
		err := rows.Scan(&part)
		parts[part] = true
		return err
	})
	return parts, err
}

// tables returns the tables of a database on a server, in an order in which they
// can be made.
func (m *member) tables(ctx context.Context, database string) (all []table, err error) {
	const order = "multiIf(engine LIKE '%MergeTree', 0, engine = 'Distributed', 1, 2), name"
	err = m.query(ctx, "SELECT name, engine, create_table_query FROM system.tables WHERE database = "+quote(database)+" AND NOT is_temporary ORDER BY "+order, func(rows driver.Rows) error {
		all = append(all, table{})
		t := &all[len(all)-1]
		return rows.Scan(&t.name, &t.engine, &t.create)
	})
	return all, err
}
