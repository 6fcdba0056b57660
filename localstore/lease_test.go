package localstore

import (
	"sync/atomic"
	"testing"
	"time"

	"tollbook"
)

// TestLeaseRunsOut: a lease is free when its length has passed, not before, and
// an extension counts from when it was asked for.
func TestLeaseRunsOut(t *testing.T) {
	start := time.Date(2026, 9, 15, 12, 0, 0, 0, time.UTC)
	var passed atomic.Int64 // the store's own work looks at the clock, too
	clock := func() time.Time { return start.Add(time.Duration(passed.Load())) }
	opts := tiny(newCrashFS())
	opts.Clock = clock
	s, err := Open("data", opts)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(after time.Duration, holder byte, want tollbook.Term) {
		t.Helper()
		passed.Add(int64(after))
		if term, err := s.Lease(t.Context(), "work", [16]byte{holder}, time.Minute); err != nil || term != want {
			t.Fatalf("%d asks at %v: %d, %v, want %d", holder, clock(), term, err, want)
		}
	}
	ask(0, 1, 1)
	ask(40*time.Second, 1, 1)
	ask(time.Minute-1, 2, 0)
	ask(1, 2, 2)
	ask(0, 1, 0)
	ask(time.Hour, 2, 2) // nobody else had it
	ask(time.Minute, 1, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lease(t.Context(), "work", [16]byte{1}, time.Minute); tollbook.CodeOf(err) != tollbook.CodeUnavailable {
		t.Errorf("of a closed ledger: %v", err)
	}
}
