package clickhousestore

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"tollbook"
)

// Bounds on what waits and is written together.
const (
	maxQueued = 256
	maxGroup  = 5 * tollbook.MaxBatch // events or bookings, but for a request that is larger
)

// waiting is a request that waits to be written.
type waiting struct {
	under tollbook.Pos
	size  int   // events or bookings
	err   error // why nothing of it was written
	state atomic.Int32
	done  chan struct{}
}

func newWaiting(under tollbook.Pos, size int) *waiting {
	return &waiting{under: under, size: size, done: make(chan struct{})}
}

func (w *waiting) base() *waiting { return w }

// The states of a request. Whoever moves it from queued has it.
const (
	queued int32 = iota
	taken
	abandoned
)

// intake is a queue of requests; those that were made under the same definitions
// are written together.
type intake[R interface{ base() *waiting }] struct {
	store *Store
	group func(ctx context.Context, group []R) error // writes one; an error is that of all of them
	queue chan R
	began atomic.Pointer[time.Time] // when the group in hand was begun; nil: there is none
	away  atomic.Pointer[time.Time] // when the database did not take the one before; nil: it did
}

func (in *intake[R]) init(s *Store, group func(ctx context.Context, group []R) error) {
	in.store, in.group, in.queue = s, group, make(chan R, maxQueued)
}

// errSilent is that the database has not answered for as long as a request
// waits; it is not that too much is sent.
var errSilent = tollbook.NewError(tollbook.CodeUnavailable, "The ledger's database does not answer. Send it again.")

var errBusy = tollbook.NewError(tollbook.CodeTooManyRequests, "More is sent than the ledger can write for now; nothing of this was taken. Send it again.")

// enqueue waits until a request is decided. A caller whose context ends, or
// whose turn does not come, leaves only while nothing of it has been taken.
func (in *intake[R]) enqueue(ctx context.Context, r R) error {
	s, w := in.store, r.base()
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.QueueWait, errBusy)
	defer cancel()
	select {
	case <-s.closing:
		return errClosed
	default:
	}
	select {
	case in.queue <- r:
	case <-s.closing:
		return errClosed
	case <-ctx.Done():
		return in.whyNot(ctx)
	}
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		if w.state.CompareAndSwap(queued, abandoned) {
			return in.whyNot(ctx)
		}
	}
	<-w.done
	return w.err
}

// whyNot returns why a request's turn has not come.
func (in *intake[R]) whyNot(ctx context.Context) error {
	err := context.Cause(ctx)
	if err != error(errBusy) {
		return err
	}
	if began := in.began.Load(); in.away.Load() != nil || began != nil && in.store.opts.Clock().Sub(*began) >= in.store.opts.QueueWait {
		return errSilent
	}
	return err
}

// awayOfLate tells whether the database has just not taken what was written last.
// After a while it is tried again: nobody else would find out.
func (in *intake[R]) awayOfLate() bool {
	away := in.away.Load()
	return away != nil && in.store.opts.Clock().Sub(*away) < awayTime
}

// awayTime is for how long a server is not ready after a write that failed.
const awayTime = 5 * time.Second

// run writes group after group until the store is closed.
func (in *intake[R]) run(ctx context.Context) {
	var next []R // the first of the next group, if it is there
	for {
		group, size := next, 0
		for _, r := range group {
			size += r.base().size
		}
		next = nil
		for next == nil && size < maxGroup {
			r, ok := in.take(len(group) == 0)
			if !ok && len(group) == 0 {
				in.refuseQueued()
				return
			}
			if !ok {
				break
			}
			w := r.base()
			switch {
			case !w.state.CompareAndSwap(queued, taken):
			case len(group) > 0 && (w.under != group[0].base().under || size+w.size > maxGroup):
				next = []R{r}
			default:
				group, size = append(group, r), size+w.size
			}
		}
		in.write(ctx, group)
	}
}

// take takes a request from the queue, and waits for one until the store is closed,
// or not at all.
func (in *intake[R]) take(wait bool) (r R, ok bool) {
	if wait {
		select {
		case r = <-in.queue:
			return r, true
		case <-in.store.closing:
			return r, false
		}
	}
	select {
	case r = <-in.queue:
		return r, true
	default:
		return r, false
	}
}

func (in *intake[R]) write(ctx context.Context, group []R) {
	s := in.store
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), s.opts.WriteWait, errSilent)
	defer cancel()
	began := s.opts.Clock()
	in.began.Store(&began)
	defer in.began.Store(nil)
	err := in.group(ctx, group)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	in.away.Store(nil)
	if now := s.opts.Clock(); err != nil && !errors.Is(err, tollbook.ErrMoved) {
		in.away.Store(&now)
	}
	s.metrics.write.Observe(s.opts.Clock().Sub(began).Seconds())
	s.metrics.group.Observe(float64(len(group)))
	for _, r := range group {
		w := r.base()
		if err != nil {
			w.err = unavailable(err)
		}
		close(w.done)
	}
}

// refuseQueued answers those that came too late.
func (in *intake[R]) refuseQueued() {
	for {
		r, ok := in.take(false)
		if !ok {
			return
		}
		r.base().err = errClosed
		close(r.base().done)
	}
}
