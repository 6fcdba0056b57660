package client

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// idleConnections is how many connections to a server are kept open: as many
// as a caller is likely to use at once.
const idleConnections = 64

// newTransport returns what http.DefaultTransport is at first, but that it
// keeps every connection it may need again, where that one keeps two for each
// server, and that a body goes out in one piece.
func newTransport() *http.Transport {
	dialer := net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return wholeWriter{c}, nil
		},
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   idleConnections,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// wholeWriter is a connection that takes what is left of a body in memory as
// it lies there. net/http would copy it through 32 KiB, a system call for each.
type wholeWriter struct{ net.Conn }

// ReadFrom writes r to the connection.
func (w wholeWriter) ReadFrom(r io.Reader) (int64, error) {
	if l, ok := r.(*io.LimitedReader); ok {
		if body, ok := l.R.(*bytes.Reader); ok && l.N >= int64(body.Len()) {
			n, err := body.WriteTo(w.Conn)
			l.N -= n
			return n, err
		}
	}
	return io.Copy(w.Conn, r)
}
