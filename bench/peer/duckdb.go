package peer

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/duckdb/duckdb-go/v2"

	"tollbook"
	"tollbook/bench/duty"
)

// duckSettings let the log grow to a size at which copying it back is rare.
const duckSettings = "SET checkpoint_threshold = '512MB'"

// duckStore is a DuckDB database. Rows go by the appender into temporary
// tables and from there, in one statement each, to where they are kept.
type duckStore struct {
	connector *duckdb.Connector
	conn      *duckdb.Conn
	month     int32
	stage     *duckdb.Appender
	delta     *duckdb.Appender
}

// The statements are not prepared: those prepared while the temporary tables
// were empty failed once they were not, with "Invalid unicode detected".
const (
	duckInsert = "INSERT INTO event SELECT * FROM stage ON CONFLICT DO NOTHING RETURNING key"
	duckUpsert = `INSERT INTO usage SELECT * FROM delta ON CONFLICT DO UPDATE
		SET units = usage.units + excluded.units, amount = usage.amount + excluded.amount, events = usage.events + excluded.events`
	duckFind = "SELECT fingerprint FROM event WHERE key = ?::UUID"
)

// duckSchema returns the tables; records have one number for account, month
// and line, since an index of one column is faster.
func duckSchema() []string {
	kinds := map[string]string{"uuid": "UUID", "text": "VARCHAR", "jsonb": "VARCHAR", "timestamptz": "TIMESTAMP", "int8": "BIGINT", "int4": "INTEGER", "int2": "SMALLINT"}
	of := columns(func(name, kind string) string { return name + " " + kinds[kind] + " NOT NULL" })
	const counts = "units BIGINT NOT NULL, amount BIGINT NOT NULL, events BIGINT NOT NULL"
	return []string{
		duckSettings,
		"CREATE TABLE event (" + of + ", PRIMARY KEY (key))",
		"CREATE TABLE usage (record BIGINT PRIMARY KEY, month INTEGER NOT NULL, " + counts + ")",
		"CREATE TEMPORARY TABLE stage (" + of + ")",
		"CREATE TEMPORARY TABLE delta (record BIGINT NOT NULL, month INTEGER NOT NULL, " + counts + ")",
	}
}

func openDuckDB(dir string, month tollbook.Month) (store, error) {
	connector, err := duckdb.NewConnector(filepath.Join(dir, "bench.duckdb"), nil)
	if err != nil {
		return nil, err
	}
	s := &duckStore{connector: connector, month: int32(month)}
	conn, err := connector.Connect(context.Background())
	if err != nil {
		return nil, errors.Join(err, connector.Close())
	}
	s.conn = conn.(*duckdb.Conn)
	for _, text := range duckSchema() {
		err = errors.Join(err, s.exec(text))
	}
	if err == nil {
		s.stage, err = duckdb.NewAppender(s.conn, "temp", "main", "stage")
	}
	if err == nil {
		s.delta, err = duckdb.NewAppender(s.conn, "temp", "main", "delta")
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *duckStore) exec(text string) error {
	_, err := s.conn.ExecContext(context.Background(), text, nil)
	return err
}

func (s *duckStore) query(text string, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(context.Background(), text, args)
}

func (s *duckStore) name() (string, error) {
	row, err := one(s.query("SELECT version()", nil))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("DuckDB %s", row[0]), nil
}

func (s *duckStore) post(b *batch) (o duty.Outcome, err error) {
	if err := s.exec("BEGIN TRANSACTION"); err != nil {
		return o, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.exec("ROLLBACK"))
		}
	}()
	fresh, err := s.keep(b.rows)
	if err != nil {
		return o, err
	}
	for _, g := range groups(fresh) {
		if err := s.delta.AppendRow(recordKey(g.account, g.line), s.month, g.units, g.amount, g.events); err != nil {
			return o, err
		}
	}
	if err := s.delta.Flush(); err != nil {
		return o, err
	}
	if err := s.exec(duckUpsert); err != nil {
		return o, err
	}
	o.Accepted = len(fresh)
	if err := s.compare(b.rows, fresh, &o); err != nil {
		return o, err
	}
	return o, errors.Join(s.exec("DELETE FROM stage"), s.exec("DELETE FROM delta"), s.exec("COMMIT"))
}

// keep inserts the rows that are new and returns them, in their order.
func (s *duckStore) keep(rows []Row) (fresh []Row, err error) {
	for i := range rows {
		r := &rows[i]
		err := s.stage.AppendRow(duckdb.UUID(r.Key), r.Fingerprint, r.Occurred, r.Increments, r.Amount, r.Quantity, r.Account, r.Line,
			int16(typeCall), int16(outbound), int16(answered), int16(minutes),
			r.Source, r.ID, r.Subtype, r.Country, r.Category, r.From, r.To, r.Attributes)
		if err != nil {
			return nil, err
		}
	}
	if err := s.stage.Flush(); err != nil {
		return nil, err
	}
	answer, err := s.query(duckInsert, nil)
	if err != nil {
		return nil, err
	}
	kept := make(map[[16]byte]bool, len(rows))
	row := make([]driver.Value, 1)
	for {
		err := answer.Next(row)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errors.Join(err, answer.Close())
		}
		kept[[16]byte(row[0].([]byte))] = true
	}
	if len(kept) == len(rows) {
		return rows, answer.Close()
	}
	fresh = slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return !kept[r.Key] })
	return fresh, answer.Close()
}

// compare looks at the content of those events that were known.
func (s *duckStore) compare(rows, fresh []Row, o *duty.Outcome) error {
	args := newArgs(1)
	for i := range rows {
		r := &rows[i]
		if len(fresh) > 0 && fresh[0].Key == r.Key {
			fresh = fresh[1:]
			continue
		}
		key := duckdb.UUID(r.Key)
		args.set(key.String())
		row, err := one(s.query(duckFind, args))
		if err != nil {
			return err
		}
		again(o, row[0].(int64), r.Fingerprint)
	}
	return nil
}

// recordKey is the one number of an account and a line.
func recordKey(account, line int32) int64 { return int64(account)<<32 | int64(line) }

func (s *duckStore) records() (all []usage, err error) {
	rows, err := s.query("SELECT record, month, units, amount, events FROM usage", nil)
	if err != nil {
		return nil, err
	}
	row := make([]driver.Value, 5)
	for {
		err := rows.Next(row)
		if errors.Is(err, io.EOF) {
			return all, rows.Close()
		}
		if err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		key := row[0].(int64)
		all = append(all, usage{int32(key >> 32), row[1].(int32), int32(key), row[2].(int64), row[3].(int64), row[4].(int64)})
	}
}

func (s *duckStore) events() (int64, error) {
	row, err := one(s.query("SELECT count(*) FROM event", nil))
	if err != nil {
		return 0, err
	}
	return row[0].(int64), nil
}

func (s *duckStore) settle() error { return s.exec("CHECKPOINT") }

func (s *duckStore) close() error {
	return errors.Join(s.conn.Close(), s.connector.Close())
}
