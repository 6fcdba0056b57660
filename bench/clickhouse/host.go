package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"tollbook/clickhousetest"
)

// host stands for the test that clickhousetest runs servers for.
type host struct {
	testing.TB // nil: what is not here is not called
	ctx        context.Context
	cleanups   []func()
	err        error
}

// Installed returns an error where there is no ClickHouse.
func Installed() error {
	h := &host{ctx: context.Background()}
	return h.run(func() { clickhousetest.Need(h) })
}

// run calls do until that fails.
func (h *host) run(do func()) (err error) {
	defer func() {
		if p := recover(); p != nil && p != any(h) {
			panic(p)
		}
		err = h.err
	}()
	do()
	return nil
}

// close ends what was started and returns all that went wrong.
func (h *host) close() error {
	for len(h.cleanups) > 0 {
		last := len(h.cleanups) - 1
		do := h.cleanups[last]
		h.cleanups = h.cleanups[:last]
		do()
	}
	return h.err
}

func (h *host) Helper()                  {}
func (h *host) Name() string             { return "bench" }
func (h *host) Context() context.Context { return h.ctx }
func (h *host) Cleanup(do func())        { h.cleanups = append(h.cleanups, do) }
func (h *host) Failed() bool             { return h.err != nil }

func (h *host) Logf(format string, args ...any) {
	h.err = errors.Join(h.err, fmt.Errorf(format, args...))
}
func (h *host) Error(args ...any)                 { h.Logf("%s", fmt.Sprint(args...)) }
func (h *host) Errorf(format string, args ...any) { h.Logf(format, args...) }

func (h *host) Fatal(args ...any) {
	h.Error(args...)
	panic(h)
}

func (h *host) Fatalf(format string, args ...any) { h.Fatal(fmt.Sprintf(format, args...)) }
func (h *host) Skip(args ...any)                  { h.Fatal(args...) }
