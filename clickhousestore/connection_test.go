package clickhousestore

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// TestHeard: a connection breaks where nothing comes for a while, but not where
// little does; and no later than the driver wants.
func TestHeard(t *testing.T) {
	const short, long = 20 * time.Millisecond, time.Hour
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	connect := func(silence, later time.Duration) (*heard, net.Conn) {
		t.Helper()
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		other, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close(); other.Close() })
		return &heard{TCPConn: conn.(*net.TCPConn), clock: time.Now, silence: silence, later: later}, other
	}
	want := func(what string, h *heard, broken bool) {
		t.Helper()
		if _, err := h.Read(make([]byte, 1)); broken != errors.Is(err, os.ErrDeadlineExceeded) || !broken && err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	say := func(other net.Conn) {
		t.Helper()
		if _, err := other.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
	}
	set := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	h, other := connect(long, short)
	set(h.SetReadDeadline(time.Now().Add(long)))
	for range 3 {
		say(other)
		want("something comes", h, false)
	}
	want("nothing comes any more", h, true)
	say(other)
	want("something comes after all", h, false)

	h, _ = connect(short, long)
	want("nothing ever comes", h, true)

	h, other = connect(long, long)
	set(h.SetDeadline(time.Now().Add(short)))
	want("the driver waits no longer", h, true)
	set(h.SetDeadline(time.Time{}))
	say(other)
	want("the driver waits again", h, false)
}
