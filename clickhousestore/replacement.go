package clickhousestore

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// table is one as a server has it.
type table struct{ name, create string }

// complete makes the tables on replicas that lack them, as the others of their
// shard have them: one that is new, or that has lost its disk. What is in them
// they fetch by themselves.
func (m *migrating) complete(ctx context.Context) error {
	if !m.made || !m.layout.replicated {
		return nil
	}
	have := make([][]table, len(m.members))
	most := make([][]table, m.shards)
	for i, s := range m.members {
		var err error
		if have[i], err = s.tables(ctx); err != nil {
			return fmt.Errorf("%w on %s", err, s.name)
		}
		if len(have[i]) > len(most[s.shard]) {
			most[s.shard] = have[i]
		}
	}
	for i, s := range m.members {
		there := map[string]bool{}
		for _, t := range have[i] {
			there[t.name] = true
		}
		for _, t := range most[s.shard] {
			if there[t.name] {
				continue
			}
			if err := m.exec(ctx, s, t.create); err != nil {
				return err
			}
		}
		if made := len(most[s.shard]) - len(have[i]); made > 0 && !m.dryRun {
			if _, err := fmt.Fprintf(m.out, "%d tables on %s\n", made, s.name); err != nil {
				return err
			}
		}
	}
	return nil
}

// tables returns the tables of a server, in an order in which they can be made.
func (m *member) tables(ctx context.Context) (all []table, err error) {
	const order = "multiIf(engine LIKE '%MergeTree', 0, engine = 'Distributed', 1, 2), name"
	err = m.query(ctx, "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase() AND NOT is_temporary ORDER BY "+order, func(rows driver.Rows) error {
		all = append(all, table{})
		return rows.Scan(&all[len(all)-1].name, &all[len(all)-1].create)
	})
	return all, err
}
