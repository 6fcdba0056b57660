package clickhousestore

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Bounds on how long a server may say nothing at all: about a connection that is to
// be made, and about a statement. One that works on a statement says so several
// times a second, however long that takes. An address may name others, dial_timeout
// and read_timeout.
const (
	connectTime  = 5 * time.Second
	silenceBound = 30 * time.Second
)

// heardFor has the connections of the native protocol broken where a server is
// silent for too long. What the driver has for that is a bound on a statement.
func heardFor(o *clickhouse.Options, connect, silence time.Duration) {
	dialer := &net.Dialer{Timeout: connect}
	dial := dialer.DialContext
	if o.TLS != nil {
		dial = (&tls.Dialer{NetDialer: dialer, Config: o.TLS}).DialContext
	}
	o.DialContext = func(ctx context.Context, addr string) (net.Conn, error) {
		connecting, cancel := context.WithTimeout(ctx, connect)
		defer cancel()
		conn, err := dial(connecting, "tcp", addr)
		if err != nil {
			return nil, err
		}
		return &heard{Conn: conn, clock: time.Now, silence: connect, later: silence}, nil
	}
	o.ReadTimeout = 24 * time.Hour
}

// heard is a connection whose reads fail when nothing has come for a while.
type heard struct {
	net.Conn
	clock          func() time.Time
	silence, later time.Duration // until the first answer, and from then on
	deadline       atomic.Int64  // of the driver's, in nanoseconds since 1970; 0: none
}

// Read implements net.Conn.
func (h *heard) Read(p []byte) (int, error) {
	until := h.clock().Add(h.silence)
	if d := h.deadline.Load(); d != 0 {
		if own := time.Unix(0, d); own.Before(until) {
			until = own
		}
	}
	if err := h.Conn.SetReadDeadline(until); err != nil {
		return 0, err
	}
	n, err := h.Conn.Read(p)
	if n > 0 {
		h.silence = h.later
	}
	return n, err
}

// SetDeadline implements net.Conn.
func (h *heard) SetDeadline(t time.Time) error {
	h.keep(t)
	return h.Conn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (h *heard) SetReadDeadline(t time.Time) error {
	h.keep(t)
	return h.Conn.SetReadDeadline(t)
}

func (h *heard) keep(t time.Time) {
	if t.IsZero() {
		h.deadline.Store(0)
		return
	}
	h.deadline.Store(t.UnixNano())
}
