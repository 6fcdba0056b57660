package storetest

import (
	"context"
	"time"

	"tollbook"
)

// modelLease is who has a lease, or had it last.
type modelLease struct {
	holder [16]byte
	held   bool
	term   tollbook.Term
}

// Lease implements tollbook.Ledger. The model has no clock: its leases are held
// until they are given up.
func (m *Model) Lease(_ context.Context, name string, holder [16]byte, length time.Duration) (tollbook.Term, error) {
	if err := tollbook.CheckLease(name, length); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.leases[name]
	if l == nil {
		l = &modelLease{}
	}
	if l.held && l.holder != holder || !l.held && length == 0 {
		return 0, nil
	}
	if l.term == 0 || l.holder != holder {
		l.term++
	}
	l.holder, l.held = holder, length > 0
	if m.leases == nil {
		m.leases = map[string]*modelLease{}
	}
	m.leases[name] = l
	return l.term, nil
}
