package server

import (
	"context"
	"net/http"
	"sync"
	"time"

	"tollbook/bench/duty"
)

// Flood is an offer of events at a rate that does not wait for answers. A
// batch that is not taken is offered again.
type Flood struct {
	From      uint64 // first event
	Batch     int
	PerSecond int // events
	Time      time.Duration
	MostConns int // while all of them are busy, nothing is sent
}

// Flooded is what became of a flood.
type Flooded struct {
	To       uint64 // the events made, which is not included
	Offered  int    // events sent, each time that they were
	Unsent   int    // events for which no connection was free
	Taken    duty.Outcome
	Statuses map[int]int // batches, by what they were answered; 0: the connection broke
	Missing  []duty.Run  // batches that were not taken in the end
}

// flood is a flood under way.
type flood struct {
	s      *Server
	f      Flood
	idle   chan *conn
	makers sync.Pool

	mu  sync.Mutex
	out Flooded
}

// Flood offers events whether or not earlier ones have been answered.
func (s *Server) Flood(ctx context.Context, f Flood) (*Flooded, error) {
	first, err := s.newMaker(ctx)
	if err != nil {
		return nil, err
	}
	fl := &flood{s: s, f: f, idle: make(chan *conn, f.MostConns), out: Flooded{To: f.From, Statuses: map[int]int{}}}
	fl.makers.New = func() any { return &maker{s: s, host: first.host, token: first.token} }
	busy := make(chan struct{}, f.MostConns)
	var wait sync.WaitGroup
	start := time.Now()
	for due := uint64(0); time.Since(start) < f.Time; due += uint64(f.Batch) {
		if err := pace(ctx, start, due, f.PerSecond); err != nil {
			break // and wait for what is under way
		}
		select {
		case busy <- struct{}{}:
			r := fl.next()
			wait.Go(func() {
				fl.offer(ctx, r)
				<-busy
			})
		default:
			fl.out.Unsent += f.Batch // no other goroutine touches it
		}
	}
	wait.Wait()
	close(fl.idle)
	for c := range fl.idle {
		c.close()
	}
	return &fl.out, ctx.Err()
}

// next returns a batch that was refused, or a fresh one.
func (fl *flood) next() duty.Run {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	fl.out.Offered += fl.f.Batch
	if last := len(fl.out.Missing) - 1; last >= 0 {
		r := fl.out.Missing[last]
		fl.out.Missing = fl.out.Missing[:last]
		return r
	}
	r := duty.Run{From: fl.out.To, To: fl.out.To + uint64(fl.f.Batch), Batch: fl.f.Batch, Conns: 1}
	fl.out.To = r.To
	return r
}

// offer sends a batch once.
func (fl *flood) offer(ctx context.Context, r duty.Run) {
	m := fl.makers.Get().(*maker)
	request := m.request(r.From, r.To)
	fl.makers.Put(m)
	a, err := fl.s.postOn(ctx, fl.idle, request)
	if err != nil {
		a.status = 0
	}
	fl.mu.Lock()
	defer fl.mu.Unlock()
	fl.out.Statuses[a.status]++
	if a.status != http.StatusOK {
		fl.out.Missing = append(fl.out.Missing, r)
		return
	}
	fl.out.Taken.Add(a.outcome)
}

// postOn posts on a connection that is idle, or on a new one.
func (s *Server) postOn(ctx context.Context, idle chan *conn, r request) (a answer, err error) {
	var c *conn
	select {
	case c = <-idle:
	default:
		if c, err = s.dial(ctx); err != nil {
			return a, err
		}
	}
	a, err = c.post(r)
	if err != nil || a.close {
		c.close()
		return a, err
	}
	idle <- c // there is room for all
	return a, nil
}
