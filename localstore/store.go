package localstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"tollbook"
	"tollbook/localstore/runs"
)

// Store is a Ledger in one directory.
type Store struct {
	opts Options
	dir  string
	lock io.Closer

	journal *journal
	runs    *runs.Set
	views   *views
	metrics *metrics

	queue     chan *request
	flushes   chan flush
	closing   chan struct{} // closed by Close
	stop      context.CancelFunc
	committed chan struct{} // closed when the committer has ended
	flushed   chan struct{} // closed when the flusher has ended
	merged    chan struct{} // closed when no runs are merged any more
	packed    chan struct{} // closed when no file of the log is packed any more
	packable  chan struct{} // there may be a file of the log to pack
	closeOnce sync.Once
	closeErr  error

	// failed is why nothing can be written any more; nil while it can.
	failed atomic.Pointer[error]
	// busySince is when the committer took the group in hand, in Unix
	// nanoseconds; 0 while it waits.
	busySince atomic.Int64

	// checkpointed is the position of the newest checkpoint.
	checkpointed atomic.Uint64
	// settled is the position of the older of the newest two checkpoints: what
	// is before it need not be replayed.
	settled atomic.Uint64
	// taken is how many events and bookings were made durable since the start.
	taken atomic.Int64

	// readers is held for reading by whoever reads files outside the
	// committer, so that Close does not take them away.
	readers sync.RWMutex

	writers sync.Pool     // of *bodyWriter
	scans   chan struct{} // a place for each scan under way

	totals totals
	past   pasts
	leases leases

	committer committer
}

var _ tollbook.Ledger = (*Store)(nil)

// Open opens the ledger in dir, alone: a second process is refused. It brings
// the views up to the log's end, which after a crash replays what was written
// since the last checkpoint. A log that is damaged is refused with the place.
func Open(dir string, opts Options) (*Store, error) {
	s, _, err := open(dir, opts)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.mergeLoop(ctx)
	go s.packLoop(ctx)
	go s.commitLoop()
	return s, nil
}

// open opens a store that takes nothing yet. It also returns what had to be
// put right.
func open(dir string, opts Options) (_ *Store, repairs []string, err error) {
	opts = opts.withDefaults()
	fs := opts.FS
	if opts.Create {
		err = Init(fs, dir)
	} else if missing, formatErr := checkFormat(fs, dir); formatErr != nil {
		err = formatErr
	} else if missing {
		err = fmt.Errorf("%s is not a Tollbook data directory: it has no file %s", dir, formatName)
	}
	if err != nil {
		return nil, nil, err
	}
	s := &Store{
		opts:      opts,
		dir:       dir,
		queue:     make(chan *request, opts.QueueRequests),
		flushes:   make(chan flush, maxFrozenTables),
		scans:     make(chan struct{}, maxScans),
		closing:   make(chan struct{}),
		committed: make(chan struct{}),
		flushed:   make(chan struct{}),
		merged:    make(chan struct{}),
		packed:    make(chan struct{}),
		packable:  make(chan struct{}, 1),
		totals:    totals{cells: make(map[uint32][]tollbook.Total)},
		past:      newPasts(),
	}
	if s.lock, err = lockDir(fs, dir); err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release())
		}
	}()
	for _, name := range []string{logName, runsName} {
		if err := fs.MkdirAll(fs.PathJoin(dir, name), 0o755); err != nil {
			return nil, nil, err
		}
	}
	if s.journal, err = openJournal(fs, fs.PathJoin(dir, logName), opts.SegmentBytes); err != nil {
		return nil, nil, err
	}
	if s.runs, err = runs.Open(fs, fs.PathJoin(dir, runsName), opts.TableEvents); err != nil {
		if errors.Is(err, runs.ErrDamaged) {
			err = s.rebuildable(err)
		}
		return nil, nil, err
	}
	s.runs.LeaveFree(opts.backgroundReserve())
	s.metrics = newMetrics(s)
	go s.flushLoop()
	if repairs, err = s.recover(); err != nil {
		close(s.flushes)
		<-s.flushed
		return nil, nil, err
	}
	return s, repairs, nil
}

// abandon lets go of a store that takes nothing yet.
func (s *Store) abandon() error {
	close(s.flushes)
	<-s.flushed
	return s.release()
}

// release lets go of the files.
func (s *Store) release() error {
	var err error
	if s.journal != nil {
		err = errors.Join(err, s.journal.close())
	}
	if s.runs != nil {
		err = errors.Join(err, s.runs.Close())
	}
	return errors.Join(err, s.lock.Close())
}

// Close commits what is queued, writes a checkpoint and lets go of the
// directory.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		close(s.closing)
		<-s.committed
		s.stop()
		<-s.merged
		<-s.packed
		s.readers.Lock() // waits for them
		defer s.readers.Unlock()
		s.closeErr = s.abandon()
		if failed := s.failed.Load(); failed != nil {
			s.closeErr = errors.Join(*failed, s.closeErr)
		}
	})
	return s.closeErr
}

// fail stops the store for good: what is on disk is unknown until the log is
// read again, and a sync that failed must not be tried again.
func (s *Store) fail(err error) {
	err = fmt.Errorf("the store has stopped and must be restarted: %w", err)
	if s.failed.CompareAndSwap(nil, &err) {
		s.opts.Logger.Error("the store has stopped", slog.Any("error", err))
	}
}

// unavailable returns why nothing can be written now, or nil.
func (s *Store) unavailable() error {
	if failed := s.failed.Load(); failed != nil {
		return &tollbook.Error{Code: tollbook.CodeUnavailable, Message: "The ledger cannot be written to until it is restarted.", Err: *failed}
	}
	if s.freeBytes() < s.opts.DiskReserve {
		return tollbook.NewError(tollbook.CodeUnavailable, "The disk is full: nothing can be taken until there is room.")
	}
	return nil
}

// freeBytes returns how much of the disk is free. A file system that cannot
// tell has no bound.
func (s *Store) freeBytes() uint64 {
	usage, err := s.opts.FS.GetDiskUsage(s.dir)
	if err != nil {
		return math.MaxUint64
	}
	return usage.AvailBytes
}

// Settle implements tollbook.Ledger: everything is in the views before it is
// acknowledged.
func (s *Store) Settle(context.Context) error { return nil }

// Ready returns nil when a Post could be made durable now.
func (s *Store) Ready(context.Context) error {
	select {
	case <-s.closing:
		return errClosed
	default:
	}
	if err := s.unavailable(); err != nil {
		return err
	}
	if since := s.busySince.Load(); since != 0 {
		if took := s.opts.Clock().Sub(time.Unix(0, since)); took > stuckAfter {
			return tollbook.NewError(tollbook.CodeUnavailable, fmt.Sprintf("The disk has not answered for %v.", took.Round(time.Second)))
		}
	}
	return nil
}

// enter returns an error once the store is closing; else the caller may read
// files until it calls leave.
func (s *Store) enter() error {
	s.readers.RLock()
	select {
	case <-s.closing:
		s.readers.RUnlock()
		return errClosed
	default:
		return nil
	}
}

func (s *Store) leave() { s.readers.RUnlock() }

var errClosed = tollbook.NewError(tollbook.CodeUnavailable, "The ledger is closed.")
