package peer

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/mattn/go-sqlite3"

	"tollbook"
	"tollbook/bench/duty"
)

// sqliteSettings make every commit durable, keep what is in use in memory, and
// let the log grow to some 400 MB before it is copied back.
var sqliteSettings = []string{
	"page_size = 4096", "journal_mode = WAL", "synchronous = FULL", "locking_mode = EXCLUSIVE",
	"cache_size = -2000000", "wal_autocheckpoint = 100000", "temp_store = MEMORY",
}

// sqliteStore is an SQLite database: events in the order of arrival with an
// index of their keys, and records in the order of theirs.
type sqliteStore struct {
	conn                 *sqlite3.SQLiteConn
	month                int64
	insert, find, upsert sqliteStatement
}

type sqliteStatement interface {
	driver.StmtExecContext
	driver.StmtQueryContext
}

func openSQLite(dir string, month tollbook.Month) (store, error) {
	conn, err := (&sqlite3.SQLiteDriver{}).Open(filepath.Join(dir, "bench.sqlite"))
	if err != nil {
		return nil, err
	}
	s := &sqliteStore{conn: conn.(*sqlite3.SQLiteConn), month: int64(month)}
	for _, pragma := range sqliteSettings {
		err = errors.Join(err, s.exec("PRAGMA "+pragma))
	}
	kinds := strings.NewReplacer("uuid", "BLOB", "text", "TEXT", "jsonb", "TEXT", "timestamptz", "INTEGER", "int8", "INTEGER", "int4", "INTEGER", "int2", "INTEGER")
	err = errors.Join(err,
		s.exec("CREATE TABLE event ("+columns(func(name, kind string) string { return name + " " + kinds.Replace(kind) + " NOT NULL" })+") STRICT"),
		s.exec("CREATE UNIQUE INDEX event_key ON event (key)"),
		s.exec(`CREATE TABLE usage (account INTEGER NOT NULL, month INTEGER NOT NULL, line INTEGER NOT NULL,
			units INTEGER NOT NULL, amount INTEGER NOT NULL, events INTEGER NOT NULL, PRIMARY KEY (account, month, line)) STRICT, WITHOUT ROWID`))
	marks := columns(func(string, string) string { return "?" })
	for statement, text := range map[*sqliteStatement]string{
		&s.insert: "INSERT INTO event VALUES (" + marks + ") ON CONFLICT DO NOTHING",
		&s.find:   "SELECT fingerprint FROM event WHERE key = ?",
		&s.upsert: `INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
			SET units = units + excluded.units, amount = amount + excluded.amount, events = events + excluded.events`,
	} {
		prepared, e := s.conn.Prepare(text)
		err = errors.Join(err, e)
		*statement, _ = prepared.(sqliteStatement)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *sqliteStore) exec(text string) error {
	_, err := s.conn.ExecContext(context.Background(), text, nil)
	return err
}

func (s *sqliteStore) name() (string, error) {
	version, _, _ := sqlite3.Version()
	return "SQLite " + version, nil
}

func (s *sqliteStore) post(b *batch) (o duty.Outcome, err error) {
	if err := s.exec("BEGIN IMMEDIATE"); err != nil {
		return o, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.exec("ROLLBACK"))
		}
	}()
	fresh := make([]Row, 0, len(b.rows))
	args := newArgs(len(eventColumns))
	for i := range b.rows {
		r := &b.rows[i]
		args.set(r.Key[:], r.Fingerprint, r.Occurred.UnixMicro(), r.Increments, r.Amount, r.Quantity, int64(r.Account), int64(r.Line),
			int64(typeCall), int64(outbound), int64(answered), int64(minutes),
			r.Source, r.ID, r.Subtype, r.Country, r.Category, r.From, r.To, r.Attributes)
		res, err := s.insert.ExecContext(context.Background(), args)
		if err != nil {
			return o, err
		}
		if n, err := res.RowsAffected(); err != nil {
			return o, err
		} else if n == 1 {
			fresh = append(fresh, *r)
			continue
		}
		first, err := s.fingerprint(r.Key)
		if err != nil {
			return o, err
		}
		again(&o, first, r.Fingerprint)
	}
	args = args[:6]
	for _, g := range groups(fresh) {
		args.set(int64(g.account), s.month, int64(g.line), g.units, g.amount, g.events)
		if _, err := s.upsert.ExecContext(context.Background(), args); err != nil {
			return o, err
		}
	}
	o.Accepted = len(fresh)
	return o, s.exec("COMMIT")
}

// sqliteArgs are the arguments of a statement, used again and again.
type sqliteArgs []driver.NamedValue

func newArgs(n int) sqliteArgs {
	args := make(sqliteArgs, n)
	for i := range args {
		args[i].Ordinal = i + 1
	}
	return args
}

func (a sqliteArgs) set(values ...driver.Value) {
	for i := range a {
		a[i].Value = values[i]
	}
}

func (s *sqliteStore) fingerprint(key [16]byte) (int64, error) {
	args := newArgs(1)
	args.set(key[:])
	row, err := one(s.find.QueryContext(context.Background(), args))
	if err != nil {
		return 0, err
	}
	return row[0].(int64), nil
}

// one returns the first row of an answer.
func one(rows driver.Rows, err error) ([]driver.Value, error) {
	if err != nil {
		return nil, err
	}
	row := make([]driver.Value, len(rows.Columns()))
	return row, errors.Join(rows.Next(row), rows.Close())
}

func (s *sqliteStore) records() (all []usage, err error) {
	rows, err := s.conn.QueryContext(context.Background(), "SELECT account, month, line, units, amount, events FROM usage", nil)
	if err != nil {
		return nil, err
	}
	row := make([]driver.Value, 6)
	for {
		err := rows.Next(row)
		if errors.Is(err, io.EOF) {
			return all, rows.Close()
		}
		if err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		n := func(i int) int64 { return row[i].(int64) }
		all = append(all, usage{int32(n(0)), int32(n(1)), int32(n(2)), n(3), n(4), n(5)})
	}
}

func (s *sqliteStore) events() (int64, error) {
	row, err := one(s.conn.QueryContext(context.Background(), "SELECT count(*) FROM event", nil))
	if err != nil {
		return 0, err
	}
	return row[0].(int64), nil
}

func (s *sqliteStore) settle() error {
	row, err := one(s.conn.QueryContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)", nil))
	if err != nil {
		return err
	}
	if busy := row[0].(int64); busy != 0 {
		return fmt.Errorf("the checkpoint was not completed")
	}
	return nil
}

func (s *sqliteStore) close() error { return s.conn.Close() }
