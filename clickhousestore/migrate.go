package clickhousestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// migrating is a migration under way.
type migrating struct {
	address  *address
	out      io.Writer
	dryRun   bool
	layout   layout
	made     bool // the layout has been decided before
	home     database
	database string
	members  []*member
	nodes    []node // what they are in a cluster
	shards   int    // 0: it is no cluster
}

// readLayout finds out how the tables lie, or are to lie, and connects to the
// servers, of which one that is new may not have the database yet.
func (m *migrating) readLayout(ctx context.Context, wanted layout) (err error) {
	m.layout, m.made, err = readLayout(ctx, m.home.conn)
	switch {
	case err != nil:
		return err
	case !m.made:
		m.layout = wanted
	case wanted != layout{} && wanted != m.layout:
		return fmt.Errorf("the tables are there already, and lie otherwise: %s", m.layout)
	}
	if m.layout.cluster == "" && m.layout.replicated {
		return errors.New("replicas are those of a cluster: which one?")
	}
	if err := m.home.one(ctx, "SELECT currentDatabase()", &m.database); err != nil {
		return err
	}
	if m.layout.cluster == "" {
		m.members = []*member{{database: m.home}}
		return m.address.ofOne()
	}
	if err := m.address.ofCluster(); err != nil {
		return err
	}
	nodes, err := readNodes(ctx, m.home.conn, m.layout.cluster)
	if err != nil {
		return err
	}
	if m.shards = shardsOf(nodes); m.made {
		if err := checkShards(ctx, m.home.conn, m.layout.cluster, nodes); err != nil {
			return err
		}
	}
	for _, n := range nodes {
		if n.replica > 0 && !m.layout.replicated {
			return fmt.Errorf("the cluster %q has replicas, so the tables must be replicated", m.layout.cluster)
		}
	}
	if m.members, err = openMembers(m.address.in(anyDatabase), m.layout, nodes); err != nil {
		return err
	}
	m.nodes = nodes
	return checkNodes(ctx, m.layout.cluster, m.members, nodes)
}

// inDatabase connects to the servers once more, which all have the database now.
func (m *migrating) inDatabase() (err error) {
	if m.layout.cluster == "" {
		return nil
	}
	if err := closeMembers(m.members); err != nil {
		return err
	}
	m.members, err = openMembers(m.address, m.layout, m.nodes)
	return err
}

func (m *migrating) close() error {
	err := m.home.conn.Close()
	if m.layout.cluster != "" {
		err = errors.Join(err, closeMembers(m.members))
	}
	return err
}

// prepare makes the tables that say what has been done.
func (m *migrating) prepare(ctx context.Context) error {
	if m.made {
		return nil
	}
	for _, sql := range []string{migrationsTable, layoutTable} {
		if err := m.everywhere(ctx, sql); err != nil {
			return err
		}
	}
	replicated := 0
	if m.layout.replicated {
		replicated = 1
	}
	return m.first(ctx, &firstRow{"layout", "cluster, replicated, shards", fmt.Sprintf("%s, %d, %d", quote(m.layout.cluster), replicated, m.shards), "true", "layout"})
}

// run does one step.
func (m *migrating) run(ctx context.Context, step migration) error {
	for _, sql := range step.statements {
		if err := m.everywhere(ctx, sql); err != nil {
			return err
		}
	}
	version := fmt.Sprint(step.version)
	for _, r := range []*firstRow{genesis, {"migrations", "version, name", version + ", " + quote(step.name), "version = " + version, version}} {
		if err := m.first(ctx, r); err != nil {
			return err
		}
	}
	if m.dryRun {
		return nil
	}
	_, err := fmt.Fprintf(m.out, "%s\n", step.name)
	return err
}

// everywhere runs a statement that makes a table on each server where it is to be.
func (m *migrating) everywhere(ctx context.Context, sql string) error {
	for _, s := range m.members {
		rendered, err := m.layout.render(sql, s.shard == 0, m.database)
		if err != nil {
			return err
		}
		for _, sql := range rendered {
			if err := m.exec(ctx, s, sql); err != nil {
				return err
			}
		}
	}
	return nil
}

// first inserts a row at home unless it is there.
func (m *migrating) first(ctx context.Context, r *firstRow) error {
	home := m.members[0]
	count := fmt.Sprintf("SELECT count() FROM %s WHERE %s", r.table, r.where)
	return eachToken(r.token, m.layout.replicated, func(token string) (there bool, err error) {
		sql := fmt.Sprintf("INSERT INTO %s (%s) SETTINGS insert_deduplication_token = '%s', insert_deduplicate = 1, deduplicate_insert_select = 'force_enable' SELECT %s WHERE (%s) = 0 ORDER BY ALL",
			r.table, r.columns, token, r.values, count)
		if err := m.exec(ctx, home, sql); err != nil || m.dryRun {
			return m.dryRun, err
		}
		var rows uint64
		err = home.one(ctx, count, &rows)
		return rows > 0, err
	})
}

func (m *migrating) exec(ctx context.Context, s *member, sql string) error {
	if m.dryRun {
		if s.name != "" {
			sql = "-- on " + s.name + "\n" + sql
		}
		_, err := fmt.Fprintf(m.out, "%s;\n\n", sql)
		return err
	}
	if err := s.exec(ctx, sql); err != nil {
		on := ""
		if s.name != "" {
			on = " on " + s.name
		}
		return fmt.Errorf("%w%s\n%s", err, on, strings.TrimSpace(sql))
	}
	return nil
}
