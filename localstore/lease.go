package localstore

import (
	"context"
	"sync"
	"time"

	"tollbook"
)

// leases are who has which, in memory alone: one process has the directory, and
// what it held is free when it has ended.
type leases struct {
	mu  sync.Mutex
	all map[string]*lease
}

type lease struct {
	holder [16]byte
	term   tollbook.Term
	until  time.Time
}

// Lease implements tollbook.Ledger.
func (s *Store) Lease(_ context.Context, name string, holder [16]byte, length time.Duration) (tollbook.Term, error) {
	if err := tollbook.CheckLease(name, length); err != nil {
		return 0, err
	}
	select {
	case <-s.closing:
		return 0, errClosed
	default:
	}
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	now := s.opts.Clock()
	l := s.leases.all[name]
	switch {
	case l == nil && length == 0:
		return 0, nil
	case l == nil:
		if s.leases.all == nil {
			s.leases.all = make(map[string]*lease)
		}
		l = &lease{holder: holder, term: 1}
		s.leases.all[name] = l
	case now.Before(l.until) && l.holder != holder, !now.Before(l.until) && length == 0:
		return 0, nil
	case l.holder != holder:
		l.holder = holder
		l.term++
	}
	l.until = now.Add(length)
	return l.term, nil
}
