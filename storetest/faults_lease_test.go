package storetest

import (
	"context"
	"time"

	"tollbook"
)

func (m *mutant) Lease(ctx context.Context, name string, holder [16]byte, length time.Duration) (tollbook.Term, error) {
	if m.lease != nil {
		return m.lease(name, holder, length)
	}
	return m.Model.Lease(ctx, name, holder, length)
}

// spoilLease changes who asks for a lease, which one and for how long, or the
// answer.
func (m *mutant) spoilLease(question func(name *string, holder *[16]byte, length *time.Duration), answer func(tollbook.Term) tollbook.Term) {
	m.lease = func(name string, holder [16]byte, length time.Duration) (tollbook.Term, error) {
		if question != nil {
			question(&name, &holder, &length)
		}
		term, err := m.Model.Lease(context.Background(), name, holder, length)
		if answer != nil && err == nil && term != 0 {
			term = answer(term)
		}
		return term, err
	}
}

// leaseFaults are those of leases.
func leaseFaults() []fault {
	return []fault{
		{"a lease is everybody's", "Lease/OneHolder", func(m *mutant) {
			m.spoilLease(func(_ *string, holder *[16]byte, _ *time.Duration) { *holder = [16]byte{} }, nil)
		}},
		{"a lease is never given up", "Lease/GivenUp", func(m *mutant) {
			m.spoilLease(func(_ *string, _ *[16]byte, length *time.Duration) { *length = max(*length, 1) }, nil)
		}},
		{"a lease is given up by anybody", "Lease/GivenUpByAnother", func(m *mutant) {
			m.spoilLease(func(name *string, holder *[16]byte, length *time.Duration) {
				if l := m.leases[*name]; l != nil && *length == 0 {
					*holder = l.holder
				}
			}, nil)
		}},
		{"all leases are one", "Lease/EachNameItsOwn", func(m *mutant) {
			m.spoilLease(func(name *string, _ *[16]byte, _ *time.Duration) { *name = "all" }, nil)
		}},
		{"each extension is a term", "Lease/OneHolder", func(m *mutant) {
			n := tollbook.Term(0)
			m.spoilLease(nil, func(tollbook.Term) tollbook.Term { n++; return n })
		}},
		{"all terms are one", "Lease/GivenUp", func(m *mutant) {
			m.spoilLease(nil, func(tollbook.Term) tollbook.Term { return 1 })
		}},
		{"any lease is given", "Lease/Bounds", func(m *mutant) {
			m.spoilLease(func(name *string, _ *[16]byte, length *time.Duration) {
				*name, *length = "work", min(max(*length, 0), tollbook.MaxLease)
			}, nil)
		}},
	}
}
