package clickhousestore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one step from an empty database to the tables of this program.
type migration struct {
	version    int
	name       string
	statements []string
}

// migrations returns all steps in order.
func migrations() ([]migration, error) {
	files, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	all := make([]migration, len(files))
	for i, file := range files {
		text, err := migrationFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(file, "migrations/"), ".sql")
		version, err := strconv.Atoi(name[:4])
		if err != nil || version != i+1 {
			return nil, fmt.Errorf("migration %s is not number %d", name, i+1)
		}
		all[i] = migration{version, name, statements(string(text))}
	}
	return all, nil
}

// statements splits a file at the semicolons that end its lines.
func statements(text string) (all []string) {
	for s := range strings.SplitSeq(text, ";\n") {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// migrationsTable and layoutTable are there before the first step.
const migrationsTable = `CREATE TABLE IF NOT EXISTS migrations (
    version UInt32,
    name    String,
    at      DateTime DEFAULT now()
) ENGINE = MergeTree ORDER BY version
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1`

const layoutTable = `CREATE TABLE IF NOT EXISTS layout (
    cluster    String,
    replicated UInt8,
    shards     UInt32
) ENGINE = MergeTree ORDER BY cluster
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1`

// firstRow is a row that is there once, however many migrate at the same time.
type firstRow struct {
	table, columns, values string
	where                  string // what it is one of
	token                  string // under which ClickHouse takes it
}

// genesis is the first entry of the log: a cut, in front of everything. The tokens of
// others are their positions, from 1 on.
var genesis = &firstRow{"log", "pos, head, kind, at", "0, 0, 0, ''", "true", "0"}

// MigrateOptions say how the tables are to be made. How they lie is decided when
// they are made first, and kept.
type MigrateOptions struct {
	Cluster    string // of the servers' configuration; "": one server
	Replicated bool   // the shards of the cluster have replicas
	DryRun     bool   // only write the SQL to Out
	Out        io.Writer
}

// Migrate makes the tables of this program in the database of a URL, from
// whatever an earlier version made, and writes what it has done to Out. In a
// cluster it does so on every server; the database must be there on each at first.
// It can be repeated at any time, and is when a replica is replaced, whose database
// it makes when that has the rows of the others.
func Migrate(ctx context.Context, url string, o MigrateOptions) (err error) {
	m := &migrating{out: o.Out, dryRun: o.DryRun}
	if m.address, err = parseAddress(url); err != nil {
		return err
	}
	if m.home.conn, err = m.address.open(nil); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	if err := m.address.checkServer(ctx, m.home.conn); err != nil {
		return err
	}
	if err := m.readLayout(ctx, layout{o.Cluster, o.Replicated}); err != nil {
		return err
	}
	steps, err := migrations()
	if err != nil {
		return err
	}
	done, err := schemaVersion(ctx, m.home.conn)
	if err != nil {
		return err
	}
	if done > len(steps) {
		return fmt.Errorf("the database has version %d of the tables, which is newer than this program's %d", done, len(steps))
	}
	if done == 0 {
		if err := m.checkNew(ctx); err != nil {
			return err
		}
	}
	if err := m.complete(ctx, done); err != nil {
		return err
	}
	if err := m.inDatabase(); err != nil {
		return err
	}
	if err := m.prepare(ctx); err != nil {
		return err
	}
	for _, step := range steps[done:] {
		if err := m.run(ctx, step); err != nil {
			return fmt.Errorf("migration %s: %w", step.name, err)
		}
	}
	if m.layout.cluster == "" || m.dryRun {
		return nil
	}
	return checkAcross(ctx, m.layout, m.database, m.members, statementTime, true)
}

// unknownSetting is the code of an error: a setting that the server does not know.
const unknownSetting = 115

// checkServer returns an error unless the server that was connected to answers, and
// knows what statements ask of it.
func (a *address) checkServer(ctx context.Context, conn driver.Conn) error {
	const needed = "deduplicate_insert_select"
	d := &database{conn}
	var version string
	var known uint64
	err := d.one(ctx, "SELECT version(), count() FROM system.settings WHERE name = '"+needed+"'", &version, &known)
	if e, ok := errors.AsType[*clickhouse.Exception](err); ok && e.Code == unknownSetting {
		return fmt.Errorf("this ClickHouse does not know a setting: it is older than this program needs, which is tested with %s, or the address has one that is none: %w", testedWith, err)
	}
	if err == nil && known == 0 {
		return fmt.Errorf("this ClickHouse has version %s, which is older than this program needs: it does not know the setting %s. Tollbook is tested with %s", version, needed, testedWith)
	}
	return a.failed(err)
}

// testedWith is the ClickHouse that the tests run.
const testedWith = "26.7"

// schemaVersion returns which migration was the last.
func schemaVersion(ctx context.Context, conn driver.Conn) (int, error) {
	var there uint64
	if err := conn.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'migrations'").Scan(&there); err != nil || there == 0 {
		return 0, err
	}
	var version uint32
	d := &database{conn}
	err := d.one(ctx, "SELECT max(version) FROM migrations", &version)
	return int(version), err
}

// checkSchema returns an error unless the database has this program's tables.
func checkSchema(ctx context.Context, conn driver.Conn) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	have, err := schemaVersion(ctx, conn)
	switch {
	case err != nil:
		return err
	case have == 0:
		return withoutVersion(ctx, &database{conn})
	case have < len(steps):
		return fmt.Errorf("the database has version %d of the tables and this program needs %d: run tollbook clickhouse migrate", have, len(steps))
	case have > len(steps):
		return fmt.Errorf("the database has version %d of the tables, which is newer than this program's %d", have, len(steps))
	}
	return nil
}
