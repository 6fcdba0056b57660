package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"tollbook/bench/duty"
	"tollbook/client"
)

// Stream sends a run that is too large to be made before: each connection
// makes its next request while the server is at work for the others.
func (s *Server) Stream(ctx context.Context, r duty.Run) (duty.Outcome, error) {
	_, sum, err := s.StreamUntil(ctx, nil, r, 0)
	return sum, err
}

// StreamUntil is Stream that ends when done is closed, and returns which event
// would have been the next. Where perSecond is not 0, no more than that many
// events a second are sent.
func (s *Server) StreamUntil(ctx context.Context, done <-chan struct{}, r duty.Run, perSecond int) (to uint64, sum duty.Outcome, err error) {
	st := &stream{s: s, run: r, done: done, start: time.Now(), perSecond: perSecond}
	st.next.Store(r.From)
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	for range r.Conns {
		g.Go(func() error {
			own, err := st.one(ctx)
			mu.Lock()
			defer mu.Unlock()
			sum.Add(own)
			return err
		})
	}
	err = g.Wait()
	return min(st.next.Load(), r.To), sum, err
}

// stream is a stream under way.
type stream struct {
	s         *Server
	run       duty.Run
	done      <-chan struct{}
	start     time.Time
	perSecond int
	next      atomic.Uint64 // event, of a batch that no connection has yet
}

// one is one connection of a stream.
func (st *stream) one(ctx context.Context) (own duty.Outcome, err error) {
	maker, err := st.s.newMaker(ctx)
	if err != nil {
		return own, err
	}
	c, err := st.s.dial(ctx)
	if err != nil {
		return own, err
	}
	defer c.close()
	for {
		select {
		case <-st.done:
			return own, nil
		default:
		}
		to := st.next.Add(uint64(st.run.Batch))
		from := to - uint64(st.run.Batch)
		if from >= st.run.To {
			return own, nil
		}
		request := maker.request(from, min(to, st.run.To))
		if err := pace(ctx, st.start, from-st.run.From, st.perSecond); err != nil {
			return own, err
		}
		a, err := st.s.post(ctx, c, request)
		if err != nil {
			return own, err
		}
		if a.status != http.StatusOK {
			return own, fmt.Errorf("the server answered %d: %s", a.status, a.body)
		}
		own.Add(a.outcome)
	}
}

// How often a batch is sent again that is answered 503, and what is between.
const (
	maxAgain = 120
	pause    = 500 * time.Millisecond
)

// post sends a request until it is not answered 503. By then some of it may
// have been taken.
func (s *Server) post(ctx context.Context, c *conn, r request) (answer, error) {
	for n := 0; ; n++ {
		a, err := c.post(r)
		if err != nil || a.status != http.StatusServiceUnavailable || a.close || n == maxAgain {
			return a, err
		}
		s.refused.Add(1)
		if err := Until(ctx, time.Now().Add(pause)); err != nil {
			return a, err
		}
	}
}

// Refused returns how many batches of streams were answered 503 so far.
func (s *Server) Refused() uint64 { return s.refused.Load() }

// Unavailable tells whether an error is an answer 503.
func Unavailable(err error) bool {
	refused, ok := errors.AsType[*client.Error](err)
	return ok && refused.Status == http.StatusServiceUnavailable
}

// pace waits until the n-th event of a stream is due.
func pace(ctx context.Context, start time.Time, n uint64, perSecond int) error {
	if perSecond == 0 {
		return ctx.Err()
	}
	return Until(ctx, start.Add(time.Duration(float64(n)/float64(perSecond)*float64(time.Second))))
}

// Until waits for an instant.
func Until(ctx context.Context, at time.Time) error {
	t := time.NewTimer(time.Until(at))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
