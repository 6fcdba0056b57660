package clickhousestore

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// each calls f for each row, which scans it, and closes rows.
func each(rows driver.Rows, f func() error) (err error) {
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	for rows.Next() {
		if err := f(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// query reads all rows of a statement.
func (s *Store) query(ctx context.Context, sql string, f func(rows driver.Rows) error) error {
	rows, err := s.conn.Query(ctx, sql)
	if err != nil {
		return err
	}
	return each(rows, func() error { return f(rows) })
}

// one reads the one row of a statement.
func (s *Store) one(ctx context.Context, sql string, values ...any) error {
	return s.conn.QueryRow(ctx, sql).Scan(values...)
}
