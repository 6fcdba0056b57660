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
	maxGroup  = 5 * tollbook.MaxBatch
)

// posting is a Post that waits.
type posting struct {
	under    tollbook.Pos
	entries  []tollbook.Entry
	outcomes []tollbook.Outcome
	err      error
	state    atomic.Int32
	done     chan struct{}
}

// The states of a posting. Whoever moves it from queued has it.
const (
	queued int32 = iota
	taken
	abandoned
)

// intake is the queue of postings.
type intake struct {
	queue chan *posting
	began atomic.Pointer[time.Time] // when the group in hand was begun; nil: there is none
	away  atomic.Bool               // the database did not take the one before

	// partly is what shards have of groups that others refused because the log
	// had moved on: it comes again, and has not been told to be there yet.
	partly map[tollbook.Claim]bool
}

func (in *intake) init() {
	in.queue, in.partly = make(chan *posting, maxQueued), map[tollbook.Claim]bool{}
}

// errSilent is that the database has not answered for as long as a request
// waits; it is not that too much is sent.
var errSilent = tollbook.NewError(tollbook.CodeUnavailable, "The ledger's database does not answer. Send it again.")

var errBusy = tollbook.NewError(tollbook.CodeTooManyRequests, "More is sent than the ledger can write for now; nothing of this was taken. Send it again.")

// enqueue waits until a posting is decided. A caller whose context ends, or
// whose turn does not come, leaves only while nothing of it has been taken.
func (s *Store) enqueue(ctx context.Context, r *posting) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.QueueWait, errBusy)
	defer cancel()
	select {
	case <-s.closing:
		return errClosed
	default:
	}
	select {
	case s.intake.queue <- r:
	case <-s.closing:
		return errClosed
	case <-ctx.Done():
		return s.whyNot(ctx)
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		if r.state.CompareAndSwap(queued, abandoned) {
			return s.whyNot(ctx)
		}
	}
	<-r.done
	return nil
}

// whyNot returns why a posting's turn has not come.
func (s *Store) whyNot(ctx context.Context) error {
	err := context.Cause(ctx)
	if err != error(errBusy) {
		return err
	}
	if began := s.intake.began.Load(); s.intake.away.Load() || began != nil && s.opts.Clock().Sub(*began) >= s.opts.QueueWait {
		return errSilent
	}
	return err
}

// intakeLoop writes group after group until the store is closed.
func (s *Store) intakeLoop(ctx context.Context) {
	var next *posting // the first of the next group
	for {
		group, entries := []*posting(nil), 0
		if next != nil {
			group, entries, next = append(group, next), len(next.entries), nil
		}
		for next == nil && entries < maxGroup {
			var r *posting
			if len(group) == 0 {
				select {
				case r = <-s.intake.queue:
				case <-s.closing:
					s.refuseQueued()
					return
				}
			} else {
				select {
				case r = <-s.intake.queue:
				default:
				}
				if r == nil {
					break
				}
			}
			if !r.state.CompareAndSwap(queued, taken) {
				continue
			}
			if len(group) > 0 && r.under != group[0].under {
				next = r
				break
			}
			group, entries = append(group, r), entries+len(r.entries)
		}
		s.write(ctx, group)
	}
}

func (s *Store) write(ctx context.Context, group []*posting) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), s.opts.WriteWait, errSilent)
	defer cancel()
	began := s.opts.Clock()
	s.intake.began.Store(&began)
	defer s.intake.began.Store(nil)
	err := s.postGroup(ctx, group)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	s.intake.away.Store(err != nil && !errors.Is(err, tollbook.ErrMoved))
	s.metrics.write.Observe(s.opts.Clock().Sub(began).Seconds())
	s.metrics.group.Observe(float64(len(group)))
	for _, r := range group {
		if r.err = err; err == nil {
			s.metrics.decided(r.outcomes)
		}
		close(r.done)
	}
}

// refuseQueued answers those that came too late.
func (s *Store) refuseQueued() {
	for {
		select {
		case r := <-s.intake.queue:
			r.err = errClosed
			close(r.done)
		default:
			return
		}
	}
}
