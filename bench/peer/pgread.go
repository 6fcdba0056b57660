package peer

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tollbook/bench/duty"
	"tollbook/bench/proc"
)

// Name returns the name and version.
func (p *Postgres) Name() string { return "PostgreSQL " + p.version }

// Records returns every record.
func (p *Postgres) Records(ctx context.Context) (all []duty.Record, err error) {
	err = p.do(ctx, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, "SELECT account, month, line, units, amount, events FROM usage")
		if err != nil {
			return err
		}
		var u usage
		_, err = pgx.ForEachRow(rows, []any{&u.account, &u.month, &u.line, &u.units, &u.amount, &u.events}, func() error {
			r, err := u.record(p.w)
			all = append(all, r)
			return err
		})
		return err
	})
	return all, err
}

// Events counts the events.
func (p *Postgres) Events(ctx context.Context) (n int64, err error) {
	err = p.do(ctx, func(conn *pgx.Conn) error { return conn.QueryRow(ctx, "SELECT count(*) FROM event").Scan(&n) })
	return n, err
}

// CPU returns the seconds of processor time that all processes of the server
// have used.
func (p *Postgres) CPU() (float64, error) { return proc.TreeCPU(p.cluster.pid()) }

// PeakMemory returns the most bytes that all processes of the server had,
// sampled, what they share counted once.
func (p *Postgres) PeakMemory() (int64, error) { return p.peak.highest() }

// Disk returns the bytes of the cluster after a checkpoint, without the
// write-ahead log, which is not kept for ever.
func (p *Postgres) Disk(ctx context.Context) (int64, error) {
	err := p.do(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "CHECKPOINT")
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("checkpoint: %w", err)
	}
	return proc.Disk(p.cluster.dir, "pg_wal")
}

// Close ends the server.
func (p *Postgres) Close() error {
	p.peak.stop()
	return p.cluster.stop()
}
