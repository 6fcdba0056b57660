package clickhousestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// database runs statements on a server, or on the first of several that
// answers.
type database struct {
	conn driver.Conn
}

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
func (d *database) query(ctx context.Context, sql string, f func(rows driver.Rows) error) error {
	told := false
	return again(ctx, func() error {
		rows, err := d.conn.Query(ctx, sql)
		if err != nil {
			return err
		}
		return each(rows, func() error {
			told = true
			return f(rows)
		})
	}, func() bool { return !told })
}

// one reads the one row of a statement.
func (d *database) one(ctx context.Context, sql string, values ...any) error {
	return again(ctx, func() error { return d.conn.QueryRow(ctx, sql).Scan(values...) }, nil)
}

// exec runs a statement.
func (d *database) exec(ctx context.Context, sql string) error {
	return again(ctx, func() error { return d.conn.Exec(ctx, sql) }, nil)
}

// Codes of errors by which replicas say that they were not asked at the right
// moment: another write is on its way to the majority, this replica does not have
// yet what the majority has, or those that could be asked lack something. Nothing
// was done.
const (
	unsatisfiedQuorum    = 286
	replicaIsNotInQuorum = 289
	allReplicasAreStale  = 369
)

// notNow tells whether an error is that a replica was not asked at the right moment.
func notNow(err error) bool {
	e, is := errors.AsType[*clickhouse.Exception](err)
	return errors.Is(err, errShut) || is && (e.Code == unsatisfiedQuorum || e.Code == replicaIsNotInQuorum || e.Code == allReplicasAreStale)
}

// within runs f, which fails with late where it takes longer than a limit: that is not
// the caller's context that has ended.
func within(ctx context.Context, limit time.Duration, late error, f func(ctx context.Context) error) error {
	running, cancel := context.WithTimeoutCause(ctx, limit, late)
	defer cancel()
	err := f(running)
	if err != nil && running.Err() != nil {
		return context.Cause(running)
	}
	return err
}

// patience is how long is waited for the right moment.
const patience = 15 * time.Second

// again runs f until replicas are ready for it, as long as may agrees.
func again(ctx context.Context, f func() error, may func() bool) error {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for wait := 4 * time.Millisecond; ; wait = min(2*wait, 250*time.Millisecond) {
		err := f()
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			return errors.New(err.Error()) // a deadline of the driver's own
		}
		if !notNow(err) || may != nil && !may() {
			return err
		}
		select {
		case <-waiting.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// scanned16 is 16 bytes that are scanned.
type scanned16 [16]byte

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (s *scanned16) UnmarshalBinary(b []byte) error {
	if copy(s[:], b) != len(b) {
		return fmt.Errorf("%d bytes where there should be 16", len(b))
	}
	return nil
}
