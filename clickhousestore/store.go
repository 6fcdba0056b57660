package clickhousestore

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

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
	// WriteWait is how long the database may take to write a group of requests.
	// What it has not answered for by then may have been stored. Default: a minute.
	WriteWait time.Duration
	// NamesMemory is how many bytes may be used to know which names are new
	// without a look at those that there are: two for each name, and up to twice
	// that while they grow. Default: 1 GiB. Where there are more names, each is
	// looked up.
	NamesMemory int64
	Logger      *slog.Logger // default: nothing is logged
	Clock       func() time.Time
	Rand        io.Reader // default: crypto/rand
}

func (o Options) withDefaults() Options {
	if o.QueueWait == 0 {
		o.QueueWait = 10 * time.Second
	}
	if o.WriteWait == 0 {
		o.WriteWait = time.Minute
	}
	if o.NamesMemory == 0 {
		o.NamesMemory = 1 << 30
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
	database // home, where everything is that is not in shards
	topology
	opts Options

	lines   lineBook
	rooms   rooms
	names   names
	ids     idLists
	metrics *metrics

	posts  intake[*posting]
	pace   pace                    // by posts
	partly map[tollbook.Claim]bool // by posts: what shards have of groups that others refused because the log had moved on, and that comes again
	books  intake[*correction]

	holder   [16]byte      // of leases
	folding  turn          // of this server to fold
	marks    knownMarks    // by folding
	hot      hot           // by folding
	denied   denied        // by folding
	foldTook time.Duration // by folding: the last one
	freshest atomic.Pointer[freshness]

	alive   context.Context // until the store is closed
	stop    context.CancelFunc
	closing chan struct{}
	closed  sync.Once
	running sync.WaitGroup
}

var _ tollbook.Ledger = (*Store)(nil)

// Open connects to the ClickHouse at a URL, clickhouse://user:password@host:port/database
// (native protocol; http:// and https:// for the others; several hosts with
// commas between). Migrate must have made the tables. In a cluster the hosts are
// those of the first shard; the others are found in its configuration.
func Open(ctx context.Context, url string, opts Options) (*Store, error) {
	a, err := parseAddress(url)
	if err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	home, l, err := openHome(ctx, a, &opts)
	if err != nil {
		return nil, err
	}
	servers, err := openTopology(ctx, a, home, l)
	if err != nil {
		a.gate.close()
		return nil, errors.Join(err, home.conn.Close())
	}
	alive, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Store{database: home, topology: servers, opts: opts, folding: make(turn, 1), alive: alive, stop: stop, closing: make(chan struct{})}
	if _, err := io.ReadFull(s.opts.Rand, s.holder[:]); err != nil {
		stop()
		return nil, errors.Join(err, servers.close(), home.conn.Close())
	}
	s.lines.init()
	s.rooms.init()
	s.names.init()
	s.ids.init()
	s.posts.init(s, s.postGroup)
	s.partly = map[tollbook.Claim]bool{}
	s.books.init(s, s.bookGroup)
	s.metrics = newMetrics(s)
	s.running.Go(func() { s.posts.run(alive) })
	s.running.Go(func() { s.books.run(alive) })
	s.running.Go(func() { s.namesLoop(alive) })
	if opts.Freshness > 0 {
		s.running.Go(func() { s.foldLoop(alive) })
	}
	return s, nil
}

// openHome connects to the server at an address, whose tables must be those of
// this program, with the settings that their layout takes.
func openHome(ctx context.Context, a *address, o *Options) (home database, l layout, _ error) {
	conn, err := a.open(nil)
	if err != nil {
		return home, l, err
	}
	var there bool
	if err = a.checkServer(ctx, conn); err == nil {
		l, there, err = readLayout(ctx, conn)
	}
	if err == nil {
		err = checkSchema(ctx, conn)
	}
	if err == nil && !there {
		err = errors.New("the database does not say how its tables lie: run tollbook clickhouse migrate")
	}
	if err != nil || l == (layout{}) {
		if err != nil {
			err = errors.Join(err, conn.Close())
		}
		return database{conn}, l, err
	}
	if l.replicated {
		var name string
		if err = conn.QueryRow(ctx, "SELECT currentDatabase()").Scan(&name); err == nil {
			a.gate = newGate(ctx, a, name, o)
			err = a.gate.watch(a.options.Addr)
		}
	}
	err = errors.Join(err, conn.Close())
	if err == nil {
		conn, err = a.open(l.settings())
	}
	if err != nil {
		a.gate.close()
	}
	return database{conn}, l, err
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
		s.stop()
		close(s.closing)
		s.folding <- struct{}{} // nobody folds any more
		s.running.Wait()
		err = errors.Join(s.topology.close(), s.conn.Close())
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
	if s.posts.awayOfLate() {
		return errSilent
	}
	// Each shard is asked for the names of a request.
	return unavailable(s.onShards(ctx, func(ctx context.Context, _ int, d *database) error {
		waiting, cancel := context.WithTimeout(ctx, readyTime)
		defer cancel()
		return again(waiting, func() error { return d.conn.Ping(waiting) }, nil)
	}))
}

// readyTime is how long another replica is looked for where one is not to be asked.
const readyTime = 2 * time.Second

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
