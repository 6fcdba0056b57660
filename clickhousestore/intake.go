package clickhousestore

import (
	"context"
	"sync/atomic"
	"time"

	"tollbook"
)

// Bounds on what waits and is written together.
const (
	maxQueued = 256
	maxGroup  = 5 * tollbook.MaxBatch
	// groupTime bounds how long a group takes. ClickHouse may have stored what
	// it has not answered for by then.
	groupTime = time.Minute
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
}

func (in *intake) init() { in.queue = make(chan *posting, maxQueued) }

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
		return context.Cause(ctx)
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		if r.state.CompareAndSwap(queued, abandoned) {
			return context.Cause(ctx)
		}
	}
	<-r.done
	return nil
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), groupTime)
	defer cancel()
	began := s.opts.Clock()
	err := s.postGroup(ctx, group)
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
