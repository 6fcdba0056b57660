package clickhousestore

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// table is one as a server has it.
type table struct{ name, engine, create string }

// complete makes the tables on replicas that lack some, as the others of their
// shard have them, and waits until their rows are there, too: a replica that is
// new, or that has lost its disk. Nobody may read there meanwhile.
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
		if have[i], err = s.tables(ctx); err != nil {
			return fmt.Errorf("%w on %s", err, s.name)
		}
	}
	for i, s := range m.members {
		var lacking []table
		for k, other := range m.members {
			for _, t := range have[k] {
				if other.shard != s.shard || !ours[t.name] || named(lacking, t.name) != nil {
					continue
				}
				own := named(have[i], t.name)
				if own == nil {
					lacking = append(lacking, t)
				} else if own.engine != t.engine {
					return fmt.Errorf("the table %s is a %s on %s and a %s on %s: drop the database on the one that is new, make it again, empty, and run this by the address of another", t.name, own.engine, s.name, t.engine, other.name)
				}
			}
		}
		for _, t := range lacking {
			if err := m.exec(ctx, s, t.create); err != nil {
				return err
			}
		}
		if len(lacking) > 0 && !m.dryRun {
			if err := m.awaitRows(ctx, s, len(lacking)); err != nil {
				return err
			}
		}
	}
	return nil
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

// awaitRows waits until a replica has fetched what the tables that were made there
// hold.
func (m *migrating) awaitRows(ctx context.Context, s *member, tables int) error {
	if _, err := fmt.Fprintf(m.out, "%d tables on %s\n", tables, s.name); err != nil {
		return err
	}
	for last := uint64(0); ; {
		var left uint64
		if err := s.one(ctx, "SELECT sum(queue_size) + countIf(is_readonly) FROM system.replicas WHERE database = currentDatabase()", &left); err != nil || left == 0 {
			return err
		}
		if left != last {
			if _, err := fmt.Fprintf(m.out, "%d parts to fetch\n", left); err != nil {
				return err
			}
			last = left
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Second):
		}
	}
}

// tables returns the tables of a server, in an order in which they can be made.
func (m *member) tables(ctx context.Context) (all []table, err error) {
	const order = "multiIf(engine LIKE '%MergeTree', 0, engine = 'Distributed', 1, 2), name"
	err = m.query(ctx, "SELECT name, engine, create_table_query FROM system.tables WHERE database = currentDatabase() AND NOT is_temporary ORDER BY "+order, func(rows driver.Rows) error {
		all = append(all, table{})
		t := &all[len(all)-1]
		return rows.Scan(&t.name, &t.engine, &t.create)
	})
	return all, err
}
