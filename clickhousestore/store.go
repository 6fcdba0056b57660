package clickhousestore

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
)

// Options of a Store. The zero value is good for tests: every read sees every
// event that was acknowledged before it.
type Options struct {
	// Freshness is how old what a read answers may be; Page.AsOf tells, by the
	// clock of the database. With 0 a read folds what has come before it answers;
	// else that is done in the background, five times in that time.
	Freshness time.Duration
	// QueueWait is how long a request waits for its turn. Default: 10 s.
	QueueWait time.Duration
	Logger    *slog.Logger // default: nothing is logged
	Clock     func() time.Time
	Rand      io.Reader // default: crypto/rand
}

func (o Options) withDefaults() Options {
	if o.QueueWait == 0 {
		o.QueueWait = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return o
}

// Store is a tollbook.Ledger over a ClickHouse. Open makes one.
type Store struct {
	conn driver.Conn
	opts Options

	lines   lineBook
	rooms   rooms
	intake  intake
	metrics *metrics

	folding  sync.Mutex // held while this server folds
	freshest atomic.Pointer[freshness]

	stop    context.CancelFunc
	closing chan struct{}
	closed  sync.Once
	running sync.WaitGroup
}

var _ tollbook.Ledger = (*Store)(nil)

// Open connects to the ClickHouse at a URL, clickhouse://user:password@host:port/database
// (native protocol; http:// and https:// for the others; several hosts with
// commas between). Migrate must have made the tables.
func Open(ctx context.Context, address string, opts Options) (*Store, error) {
	conn, err := connect(address)
	if err != nil {
		return nil, err
	}
	if err := checkSchema(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Store{conn: conn, opts: opts.withDefaults(), stop: stop, closing: make(chan struct{})}
	s.lines.init()
	s.rooms.init()
	s.intake.init()
	s.metrics = newMetrics(s)
	s.running.Go(func() { s.intakeLoop(running) })
	if opts.Freshness > 0 {
		s.running.Go(func() { s.foldLoop(running) })
	}
	return s, nil
}

// maxConnections is how many statements a server runs at once.
const maxConnections = 32

// connect opens a pool of connections.
func connect(address string) (driver.Conn, error) {
	o, err := clickhouse.ParseDSN(address)
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // which does not say the password
	}
	if err != nil {
		return nil, fmt.Errorf("the address of the ClickHouse: %w", err)
	}
	o.ClientInfo.Products = append(o.ClientInfo.Products, struct{ Name, Version string }{"tollbook", "1"})
	if o.MaxOpenConns == 0 { // or what the address says
		o.MaxOpenConns, o.MaxIdleConns = maxConnections, maxConnections/2
	}
	return clickhouse.Open(o)
}

// random returns a number that nobody else has.
func (s *Store) random() (uint64, error) {
	var b [8]byte
	_, err := io.ReadFull(s.opts.Rand, b[:])
	return binary.BigEndian.Uint64(b[:]), err
}

// Close finishes what was acknowledged and lets go of all connections.
func (s *Store) Close() error {
	var err error
	s.closed.Do(func() {
		close(s.closing)
		s.stop()
		s.running.Wait()
		err = s.conn.Close()
	})
	return err
}

// Ready returns nil when a Post could be made durable now.
func (s *Store) Ready(ctx context.Context) error {
	select {
	case <-s.closing:
		return errClosed
	default:
	}
	if err := s.conn.Ping(ctx); err != nil {
		return unavailable(err)
	}
	return nil
}

var errClosed = tollbook.NewError(tollbook.CodeUnavailable, "The ledger is closed.")

// unavailable says that the ClickHouse does not answer as it should. The
// context's own error stays as it is.
func unavailable(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, ok := errors.AsType[*tollbook.Error](err); ok || errors.Is(err, tollbook.ErrMoved) {
		return err
	}
	return &tollbook.Error{Code: tollbook.CodeUnavailable, Message: "The ledger's database does not answer as it should.", Err: err}
}
