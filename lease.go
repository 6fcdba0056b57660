package tollbook

import (
	"fmt"
	"time"
)

// Bounds on a Lease.
const (
	MaxLease          = time.Hour
	MaxLeaseNameBytes = 64
)

// Term names the time in which a lease was one holder's without anybody else
// having had it in between. Of two terms of a lease the later one has the
// higher number. 0 is none.
type Term uint64

// CheckLease returns an *Error with CodeInvalidRequest where no ledger has such
// leases.
func CheckLease(name string, length time.Duration) error {
	if len(name) < 1 || len(name) > MaxLeaseNameBytes {
		return NewError(CodeInvalidRequest, fmt.Sprintf("The name of a lease has 1 to %d bytes, not %d.", MaxLeaseNameBytes, len(name)))
	}
	if length < 0 || length > MaxLease {
		return NewError(CodeInvalidRequest, fmt.Sprintf("A lease is for 0 to %v, not %v.", MaxLease, length))
	}
	return nil
}
