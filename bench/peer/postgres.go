package peer

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"tollbook/bench/duty"
	"tollbook/bench/proc"
	"tollbook/load"
)

// Postgres is a PostgreSQL server and the tables of the duty.
type Postgres struct {
	w       *load.Workload
	cluster *cluster
	version string
	peak    *sampler
}

// OpenPostgres starts a server over a new cluster below dir and makes the
// tables.
func OpenPostgres(ctx context.Context, w *load.Workload, dir string) (*Postgres, error) {
	c, err := startCluster(ctx, dir)
	if err != nil {
		return nil, err
	}
	p := &Postgres{w: w, cluster: c, peak: sample(func() (int64, error) { return proc.TreeMemory(c.pid()) })}
	err = p.do(ctx, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, pgSchema()); err != nil {
			return err
		}
		return conn.QueryRow(ctx, "SELECT split_part(current_setting('server_version'), ' ', 1)").Scan(&p.version)
	})
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// do calls f with a connection of its own.
func (p *Postgres) do(ctx context.Context, f func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, p.cluster.address())
	if err != nil {
		return err
	}
	return errors.Join(f(conn), conn.Close(context.WithoutCancel(ctx)))
}

// copyFrom is from which size of a batch on COPY into a staging table is
// faster than one statement with an array a column.
const copyFrom = 1000

// Prepare makes the batches as they are sent, and the connections.
func (p *Postgres) Prepare(ctx context.Context, r duty.Run) (duty.Send, error) {
	m := newMaker(p.w)
	var batches []pgBatch
	err := r.Batches(func(from, to uint64) error {
		batches = append(batches, p.pack(m.batch(from, to), r.Batch))
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	var sessions []*pgSession
	for range pgConns(r) {
		s, err := p.session(ctx)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, s)
	}
	return func(ctx context.Context) (duty.Outcome, error) { return send(ctx, batches, sessions) }, nil
}

// pack makes a batch as it is sent where batches are of a size.
func (p *Postgres) pack(b batch, size int) pgBatch {
	pb := pgBatch{repeated: b.repeated, rows: len(b.rows)}
	switch {
	case size >= copyFrom:
		pb.copy = copyBytes(b.rows)
	case size > 1:
		pb.insert, pb.args = pgInsert(pgUnnest(), p.month()), arrays(b.rows)
	default:
		pb.insert, pb.args = pgInsert(pgSingle(), p.month()), values(&b.rows[0])
	}
	return pb
}

func (p *Postgres) month() string { return strconv.Itoa(int(p.w.Month)) }

// pgConns returns how many connections are best on two cores, as measured:
// with batches more than one for each core are in each other's way, with
// single events they are synced together.
func pgConns(r duty.Run) int {
	if r.Batch > 1 {
		return min(r.Conns, 2)
	}
	return min(r.Conns, 16)
}

// pgBatch is a batch as it is sent: by COPY, or as the arguments of a
// statement.
type pgBatch struct {
	copy     []byte
	insert   string
	args     []any
	rows     int
	repeated duty.Outcome
}

// values returns the values of a row.
func values(r *Row) []any {
	return []any{
		r.Key, r.Fingerprint, r.Occurred, r.Increments, r.Amount, r.Quantity, r.Account, r.Line,
		int16(typeCall), int16(outbound), int16(answered), int16(minutes),
		r.Source, r.ID, r.Subtype, r.Country, r.Category, r.From, r.To, r.Attributes,
	}
}

// arrays returns the values of rows, an array of each column.
func arrays(rows []Row) []any {
	var (
		keys                                       [][16]byte
		fingerprints, increments, amounts, seconds []int64
		occurred                                   []time.Time
		accounts, lines                            []int32
		texts                                      [8][]string
		same                                       []int16
	)
	for i := range rows {
		r := &rows[i]
		keys, fingerprints, occurred = append(keys, r.Key), append(fingerprints, r.Fingerprint), append(occurred, r.Occurred)
		increments, amounts, seconds = append(increments, r.Increments), append(amounts, r.Amount), append(seconds, r.Quantity)
		accounts, lines, same = append(accounts, r.Account), append(lines, r.Line), append(same, 1)
		for j, s := range [...]string{r.Source, r.ID, r.Subtype, r.Country, r.Category, r.From, r.To, r.Attributes} {
			texts[j] = append(texts[j], s)
		}
	}
	all := []any{keys, fingerprints, occurred, increments, amounts, seconds, accounts, lines, same, same, same, same}
	for _, t := range texts {
		all = append(all, t)
	}
	return all
}

// pgSession is a connection that posts batches.
type pgSession struct {
	conn    *pgx.Conn
	month   string
	outcome duty.Outcome
}

func (p *Postgres) session(ctx context.Context) (*pgSession, error) {
	conn, err := pgx.Connect(ctx, p.cluster.address())
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, pgStage()); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return &pgSession{conn: conn, month: p.month()}, nil
}

// send sends batches on all sessions, and closes them.
func send(ctx context.Context, batches []pgBatch, sessions []*pgSession) (sum duty.Outcome, err error) {
	queue := make(chan pgBatch, len(batches))
	for _, b := range batches {
		queue <- b
	}
	close(queue)
	g, each := errgroup.WithContext(ctx)
	for _, s := range sessions {
		g.Go(func() error {
			for b := range queue {
				if err := s.post(each, &b); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = g.Wait()
	for _, s := range sessions {
		sum.Add(s.outcome)
		err = errors.Join(err, s.conn.Close(context.WithoutCancel(ctx)))
	}
	return sum, err
}

// post sends a batch in one transaction. What was known is compared after it:
// an event never changes.
func (s *pgSession) post(ctx context.Context, b *pgBatch) error {
	var known map[[16]byte]int64
	var err error
	if b.copy == nil {
		known, err = s.known(ctx, b.insert, b.args...)
	} else {
		err = pgx.BeginFunc(ctx, s.conn, func(pgx.Tx) error {
			if _, err := s.conn.PgConn().CopyFrom(ctx, bytes.NewReader(b.copy), "COPY stage FROM STDIN (FORMAT binary)"); err != nil {
				return err
			}
			known, err = s.known(ctx, pgInsert("stage", s.month))
			return err
		})
	}
	if err != nil {
		return err
	}
	s.outcome.Accepted += b.rows - len(known)
	s.outcome.Add(b.repeated)
	if len(known) == 0 {
		return nil
	}
	var keys [][16]byte
	for key := range known {
		keys = append(keys, key)
	}
	first, err := s.known(ctx, pgKnown, keys)
	if err != nil {
		return err
	}
	for key, fingerprint := range known {
		again(&s.outcome, first[key], fingerprint)
	}
	return nil
}

// known returns the keys and fingerprints that a query does.
func (s *pgSession) known(ctx context.Context, query string, args ...any) (map[[16]byte]int64, error) {
	rows, err := s.conn.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	known := map[[16]byte]int64{}
	var key [16]byte
	var fingerprint int64
	_, err = pgx.ForEachRow(rows, []any{&key, &fingerprint}, func() error {
		known[key] = fingerprint
		return nil
	})
	return known, err
}
