package clickhousestore

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
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
// Those to replicas go through a gate.
func heardFor(o *clickhouse.Options, connect, silence time.Duration, g *gate) {
	o.DialContext = func(ctx context.Context, addr string) (net.Conn, error) {
		if err := g.may(addr); err != nil {
			return nil, err
		}
		bounded, cancel := context.WithTimeout(ctx, connect)
		defer cancel()
		conn, err := new(net.Dialer).DialContext(bounded, "tcp", addr)
		if err != nil {
			if ctx.Err() == nil {
				g.lost(addr)
			}
			return nil, err
		}
		h := &heard{TCPConn: conn.(*net.TCPConn), clock: time.Now, silence: connect, later: silence, gate: g, addr: addr}
		if o.TLS == nil {
			return h, nil
		}
		return secure(bounded, h, addr, o.TLS)
	}
	o.ReadTimeout = 24 * time.Hour
}

// secure speaks TLS over a connection.
func secure(ctx context.Context, conn net.Conn, addr string, config *tls.Config) (net.Conn, error) {
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName, _, _ = net.SplitHostPort(addr)
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secured, nil
}

// heard is a connection whose reads fail when nothing has come for a while. Whether
// it is broken can be asked of its socket, as the driver does.
type heard struct {
	*net.TCPConn
	clock          func() time.Time
	silence, later time.Duration // until the first answer, and from then on
	gate           *gate
	addr           string
	deadline       atomic.Int64 // of the driver's, in nanoseconds since 1970; 0: none
}

// Read implements net.Conn.
func (h *heard) Read(p []byte) (int, error) {
	until := h.clock().Add(h.silence)
	if own := h.own(); !own.IsZero() && own.Before(until) {
		until = own
	}
	if err := h.TCPConn.SetReadDeadline(until); err != nil {
		return 0, err
	}
	n, err := h.TCPConn.Read(p)
	if n > 0 {
		h.silence = h.later
	}
	h.noteLoss(err)
	if errSet := h.TCPConn.SetReadDeadline(h.own()); err == nil {
		err = errSet
	}
	return n, err
}

// Write implements net.Conn. What is begun before the gate shuts goes on until more
// is to be sent.
func (h *heard) Write(p []byte) (int, error) {
	if err := h.gate.may(h.addr); err != nil {
		return 0, err
	}
	n, err := h.TCPConn.Write(p)
	h.noteLoss(err)
	return n, err
}

// SyscallConn implements syscall.Conn. The driver asks by it whether a connection
// that was idle is still good: one through a gate that is shut is not.
func (h *heard) SyscallConn() (syscall.RawConn, error) {
	if err := h.gate.may(h.addr); err != nil {
		return nil, err
	}
	return h.TCPConn.SyscallConn()
}

// noteLoss tells the gate of an error that is not of this process's own making.
func (h *heard) noteLoss(err error) {
	if err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) {
		h.gate.lost(h.addr)
	}
}

// own is the deadline that the driver has set; zero: none.
func (h *heard) own() time.Time {
	if d := h.deadline.Load(); d != 0 {
		return time.Unix(0, d)
	}
	return time.Time{}
}

// SetDeadline implements net.Conn.
func (h *heard) SetDeadline(t time.Time) error {
	h.keep(t)
	return h.TCPConn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (h *heard) SetReadDeadline(t time.Time) error {
	h.keep(t)
	return h.TCPConn.SetReadDeadline(t)
}

func (h *heard) keep(t time.Time) {
	if t.IsZero() {
		h.deadline.Store(0)
		return
	}
	h.deadline.Store(t.UnixNano())
}
