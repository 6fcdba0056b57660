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

// complete makes the tables on replicas that lack some, as the others of their
// shard have them: an interrupted migration has left them so, or they are new, or
// have lost their disk.
func (m *migrating) complete(ctx context.Context) error {
	if !m.made || !m.layout.replicated {
		return nil
	}
	ours, err := m.names()
	if err != nil {
		return err
	}
	have := make([][]table, len(m.members))
	for i, s := range m.members {
		if have[i], err = s.tables(ctx, m.database); err != nil {
			return fmt.Errorf("%w on %s", err, s.name)
		}
	}
	for i, s := range m.members {
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
	var there uint64
	if err := s.one(ctx, "SELECT count() FROM system.databases WHERE name = "+quote(m.database), &there); err != nil {
		return err
	}
	if there > 0 {
		return fmt.Errorf("the database on %s has none of the ledger's tables: drop it there; it is made when it has their rows, for it is read from then on", s.name)
	}
	name := arriving(m.database)
	if err := m.exec(ctx, s, "CREATE DATABASE IF NOT EXISTS "+identifier(name)); err != nil {
		return err
	}
	if err := m.make(ctx, s, name, tables); err != nil {
		return err
	}
	return m.exec(ctx, s, fmt.Sprintf("RENAME DATABASE %s TO %s", identifier(name), identifier(m.database)))
}

// make makes tables in a database of a replica, and waits for their rows.
func (m *migrating) make(ctx context.Context, s *member, database string, tables []table) error {
	// A view names tables that are not there while others have their database's name.
	making := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"allow_materialized_view_with_bad_select": 1}))
	copied := 0
	for _, t := range tables {
		if err := m.exec(making, s, qualified.ReplaceAllString(t.create, "CREATE $1 IF NOT EXISTS "+identifier(database)+".")); err != nil {
			return err
		}
		if strings.HasPrefix(t.engine, "Replicated") {
			copied++
		}
	}
	if m.dryRun {
		return nil
	}
	if _, err := fmt.Fprintf(m.out, "%d tables on %s\n", len(tables), s.name); err != nil {
		return err
	}
	return m.awaitRows(ctx, s, database, copied)
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
// made, so many that are copied. It cannot be asked for what has come since before
// it has that.
func (m *migrating) awaitRows(ctx context.Context, s *member, database string, copied int) error {
	var first map[string]bool // of what is left
	for last := 0; ; {
		now, err := s.unfetched(ctx, database, copied)
		if err != nil {
			return err
		}
		if first == nil {
			first = now
		}
		maps.DeleteFunc(first, func(part string, _ bool) bool { return !now[part] })
		if now != nil && len(first) == 0 {
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

// unfetched returns the parts that a replica has still to fetch into the tables of
// a database, so many that are copied; nil where it does not know yet.
func (m *member) unfetched(ctx context.Context, database string, copied int) (parts map[string]bool, err error) {
	var all, ready uint64
	if err := m.one(ctx, "SELECT count(), countIf(NOT is_readonly AND NOT is_session_expired) FROM system.replicas WHERE database = "+quote(database), &all, &ready); err != nil || ready < all || all < uint64(copied) {
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
