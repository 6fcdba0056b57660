package load

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tollbook/client"
)

// Sender sends a stretch of a workload's events, as JSON arrays over a number
// of connections, and repeats each batch until it is taken.
type Sender struct {
	Workload *Workload
	Client   *client.Client // of Connect, which may write the organization's events

	From, To    uint64 // the events, the latter not included
	Batch       int    // events in a request, 1 to client.MaxEvents
	Connections int    // requests under way at once

	// Rate is how many events a second are due; 0 sends a batch whenever a
	// connection is free. At a rate, batch i is due i × Batch ÷ Rate seconds
	// after the start whether or not those before it have been taken, and its
	// latency counts from then: a server that stalls is charged for all that
	// should have been sent meanwhile.
	Rate int
	// For ends the run: what is not begun by then is left out. 0: no end.
	For time.Duration
	// Patience is how long a batch is repeated until the run fails.
	// 0: DefaultPatience.
	Patience time.Duration

	Told func(Result) // nil, or hears after each batch, one call at a time

	// Clock and pauses, for tests; Sleep ends early with the context's error.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
}

// DefaultPatience outlives a restart of the server.
const DefaultPatience = 5 * time.Minute

// Counts is what became of events, as receipts say.
type Counts struct {
	Accepted, Duplicate, Conflict, Rejected, Unrated int
}

// Events returns how many events that is.
func (c *Counts) Events() int {
	return c.Accepted + c.Duplicate + c.Conflict + c.Rejected + c.Unrated
}

// Result is what became of a run, or will have until it ends.
type Result struct {
	Counts             // of the batches that were taken
	End     uint64     // no event from it on has been sent
	Batches int        // taken
	Busy    int        // answers 429: too many requests
	Down    int        // answers 503: the server could not take it
	Broken  int        // requests without an answer
	Latency *Histogram // of each batch, until it was taken
	Took    time.Duration
}

// run is a Sender at work.
type run struct {
	*Sender
	start time.Time

	mu     sync.Mutex
	begun  int // batches
	result Result
}

// Run sends the events. With an error, too, the result is what was done; what
// has been sent without an answer may be counted, and can be sent again.
func (s *Sender) Run(ctx context.Context) (Result, error) {
	own := *s
	own.setDefaults()
	if s.Batch < 1 || s.Batch > client.MaxEvents || s.Connections < 1 || s.Rate < 0 {
		return Result{}, fmt.Errorf("load: batches of %d over %d connections at a rate of %d", s.Batch, s.Connections, s.Rate)
	}
	r := &run{Sender: &own, start: own.Now(), result: Result{End: s.From, Latency: new(Histogram)}}
	g, ctx := errgroup.WithContext(ctx)
	for range s.Connections {
		g.Go(func() error { return r.connection(ctx) })
	}
	err := g.Wait()
	r.result.Took = r.Now().Sub(r.start)
	return r.result, err
}

func (s *Sender) setDefaults() {
	if s.Patience <= 0 {
		s.Patience = DefaultPatience
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Sleep == nil {
		s.Sleep = sleep
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stretch is the events of one request.
type stretch struct {
	from, to uint64
	due      time.Time // zero: at once
}

// next returns what is to be sent next, and false when nothing is.
func (r *run) next() (stretch, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := stretch{from: r.result.End, to: min(r.result.End+uint64(r.Batch), r.To)}
	if s.from >= s.to {
		return s, false
	}
	begins := r.Now()
	if r.Rate > 0 {
		after := float64(r.begun) * float64(r.Batch) / float64(r.Rate)
		s.due = r.start.Add(time.Duration(after * float64(time.Second)))
		if s.due.After(begins) {
			begins = s.due
		}
	}
	if r.For > 0 && begins.Sub(r.start) >= r.For {
		return s, false
	}
	r.begun++
	r.result.End = s.to
	return s, true
}

// connection sends one batch after another.
func (r *run) connection(ctx context.Context) error {
	var body []byte
	for {
		s, ok := r.next()
		if !ok {
			return nil
		}
		body = r.Workload.AppendArray(body[:0], s.from, s.to)
		begin := r.Now()
		if wait := s.due.Sub(begin); wait > 0 {
			if err := r.Sleep(ctx, wait); err != nil {
				return err
			}
		}
		if !s.due.IsZero() {
			begin = s.due
		}
		counts, repeated, err := r.send(ctx, body)
		if err != nil {
			return fmt.Errorf("load: events %d to %d: %w", s.from, s.to-1, err)
		}
		if repeated {
			body = nil // an attempt that was cut short may still be reading it
		}
		if counts.Events() != int(s.to-s.from) {
			return fmt.Errorf("load: events %d to %d: the receipt is for %d events", s.from, s.to-1, counts.Events())
		}
		r.taken(counts, r.Now().Sub(begin))
	}
}

func (r *run) taken(c Counts, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := &r.result
	sum.Accepted += c.Accepted
	sum.Duplicate += c.Duplicate
	sum.Conflict += c.Conflict
	sum.Rejected += c.Rejected
	sum.Unrated += c.Unrated
	sum.Batches++
	sum.Latency.Add(took)
	if r.Told != nil {
		sum.Took = r.Now().Sub(r.start)
		r.Told(*sum)
	}
}
