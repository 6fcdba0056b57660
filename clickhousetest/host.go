package clickhousetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// Host stands for a test where there is none: a benchmark that is a program, or
// all tests of a package, which share a server. What fails is returned as an
// error; what is started lasts until Close. It is for one goroutine at a time.
type Host struct {
	testing.TB // nil: servers call nothing but what is here
	ctx        context.Context
	name       string
	cleanups   []func()
	err        error
}

// NewHost returns a host of that name, whose servers are started under ctx.
func NewHost(ctx context.Context, name string) *Host { return &Host{ctx: ctx, name: name} }

// Run calls do until that fails or is skipped, and returns all that has been
// said to be wrong.
func (h *Host) Run(do func()) (err error) {
	defer func() {
		if p := recover(); p != nil && p != any(h) {
			panic(p)
		}
		err = h.err
	}()
	do()
	return nil
}

// Close ends what was started and returns all that has been said to be wrong.
func (h *Host) Close() error {
	for _, do := range slices.Backward(h.cleanups) {
		_ = h.Run(do) // h.err has it
	}
	h.cleanups = nil
	return h.err
}

// Helper implements testing.TB.
func (h *Host) Helper() {}

// Name implements testing.TB.
func (h *Host) Name() string { return h.name }

// Context implements testing.TB.
func (h *Host) Context() context.Context { return h.ctx }

// Cleanup implements testing.TB.
func (h *Host) Cleanup(do func()) { h.cleanups = append(h.cleanups, do) }

// Failed implements testing.TB.
func (h *Host) Failed() bool { return h.err != nil }

// Errorf implements testing.TB.
func (h *Host) Errorf(format string, args ...any) {
	h.err = errors.Join(h.err, fmt.Errorf(format, args...))
}

// Error implements testing.TB.
func (h *Host) Error(args ...any) { h.Errorf("%s", fmt.Sprint(args...)) }

// Logf implements testing.TB: servers log what belongs to a failure.
func (h *Host) Logf(format string, args ...any) { h.Errorf(format, args...) }

// Fatal implements testing.TB.
func (h *Host) Fatal(args ...any) {
	h.Error(args...)
	panic(h)
}

// Fatalf implements testing.TB.
func (h *Host) Fatalf(format string, args ...any) { h.Fatal(fmt.Sprintf(format, args...)) }

// Skip implements testing.TB: who has a host needs what is skipped.
func (h *Host) Skip(args ...any) { h.Fatal(args...) }
