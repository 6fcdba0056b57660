package localstore

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
)

// copyDir copies the files of a directory.
func copyDir(t *testing.T, fs vfs.FS, from, to string) {
	t.Helper()
	must(t, fs.MkdirAll(to, 0o755))
	names, err := fs.List(from)
	must(t, err)
	for _, name := range names {
		writeAll(t, fs, to+"/"+name, readAll(t, fs, from+"/"+name))
	}
}

// TestCheckpointOfALostLog puts an older log back and leaves the checkpoints
// and a mark: they stand for what is not there, and would be taken for ones of
// the log that is written next.
func TestCheckpointOfALostLog(t *testing.T) {
	fs := vfs.NewMem()
	w := newWorld(1, 1, 2, 2, 5)
	s := mustOpen(t, fs)
	mustPost(t, s, w.batch(20))
	mustClose(t, s)
	copyDir(t, fs, "data/log", "backup")
	s = mustOpen(t, fs)
	mustPost(t, s, w.batch(100))
	mark := []tollbook.Definition{{RequestID: [16]byte{1}, Kind: tollbook.KindMark, ID: "day", Body: []byte("{}")}}
	_, err := s.Define(t.Context(), 0, mark)
	must(t, err)
	mustClose(t, s)
	must(t, fs.RemoveAll("data/log"))
	must(t, fs.RemoveAll("data/runs"))
	copyDir(t, fs, "backup", "data/log")

	names, err := fs.List("data")
	must(t, err)
	for _, prefix := range []string{checkpointPrefix, markPrefix} { // what the message says
		_, err := Open("data", tiny(fs))
		if err == nil || !strings.Contains(err.Error(), "lost its end") || !strings.Contains(err.Error(), "every "+prefix) {
			t.Fatalf("opened a log that had lost its end: %v", err)
		}
		for _, name := range names {
			if strings.HasPrefix(name, prefix) {
				must(t, fs.Remove("data/"+name))
			}
		}
		must(t, fs.RemoveAll("data/runs"))
	}
	s = mustOpen(t, fs)
	if s.views.events != 20 {
		t.Errorf("%d events, want the backup's 20", s.views.events)
	}
	mustClose(t, s)
	mustVerify(t, fs)
}

// TestDamagedRuns flips a byte in each run: the store does not open, or stops
// when it meets it, and says what to do; the process goes on.
func TestDamagedRuns(t *testing.T) {
	fs := vfs.NewMem()
	w := newWorld(1, 1, 2, 2, 5)
	o := Options{FS: fs, Create: true, TableEvents: 5000}
	s, err := Open("data", o)
	must(t, err)
	var posted []tollbook.Entry
	for range 100 {
		entries := w.batch(100)
		mustPost(t, s, entries)
		posted = append(posted, entries...)
	}
	mustClose(t, s)
	names, err := fs.List("data/runs")
	must(t, err)
	whole := map[string][]byte{}
	for _, name := range names {
		whole[name] = readAll(t, fs, "data/runs/"+name)
	}
	damage := func(where func(b []byte) int) {
		for name, b := range whole {
			b = bytes.Clone(b)
			b[where(b)] ^= 1
			writeAll(t, fs, "data/runs/"+name, b)
		}
	}
	const says = "can be rebuilt from the log"

	damage(func(b []byte) int { return len(b) - 10 })
	if _, err := Open("data", o); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("damage at the end was met with %v", err)
	}

	damage(func([]byte) int { return 100 }) // in the first claims
	s, err = Open("data", o)
	must(t, err)
	failed := 0
	for len(posted) > 0 {
		if _, err := s.Post(t.Context(), 0, posted[:500]); err != nil {
			failed++
		}
		posted = posted[500:]
	}
	if err := s.failure(); failed == 0 || err == nil || !strings.Contains(err.Error(), says) || s.Ready(t.Context()) == nil {
		t.Errorf("damage was met by %d posts, with %v", failed, err)
	}
	if err := s.Close(); err == nil {
		t.Error("a store that had stopped closed without an error")
	}
	must(t, fs.RemoveAll("data/runs"))
	mustClose(t, mustOpen(t, fs))
	mustVerify(t, fs)
}

// deniedLock is a file system in which the lock belongs to somebody else; as
// root no real one denies it.
type deniedLock struct{ vfs.FS }

func (deniedLock) Lock(string) (io.Closer, error) { return nil, os.ErrPermission }

// TestLockThatMayNotBeOpened: a directory of somebody else's is not one that
// is in use.
func TestLockThatMayNotBeOpened(t *testing.T) {
	fs := vfs.NewMem()
	mustClose(t, mustOpen(t, fs))
	_, err := Open("data", tiny(deniedLock{fs}))
	if !errors.Is(err, os.ErrPermission) || strings.Contains(err.Error(), "in use") {
		t.Errorf("%v", err)
	}
}

// TestOnceForgets: the keys whose time has passed do not gather, however few
// events there are.
func TestOnceForgets(t *testing.T) {
	var unix atomic.Int64
	now := func() time.Time { return time.Unix(unix.Load(), 0) }
	o := tiny(vfs.NewMem())
	o.Clock = now
	s, err := Open("data", o)
	must(t, err)
	defer mustClose(t, s)
	for i := range 3 * minOnceRoom {
		key := [16]byte{byte(i), byte(i >> 8), byte(i >> 16)}
		if first, err := s.Once(t.Context(), key, now()); err != nil || !first {
			t.Fatal(first, err)
		}
		unix.Add(2)
	}
	if n := len(s.views.once); n > minOnceRoom {
		t.Errorf("%d keys are remembered", n)
	}
}
