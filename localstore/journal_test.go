package localstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
)

// readAll returns a file's bytes.
func readAll(t testing.TB, fs vfs.FS, name string) []byte {
	t.Helper()
	f, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeAll(t testing.TB, fs vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fs.Create(name, writeCategory)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(bytes.Clone(b)); err != nil { // Write may change its bytes
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// logOf makes a log of three groups in one file, as a process leaves it that
// is killed, and returns where the frames start in the file.
func logOf(t testing.TB, batches ...[]tollbook.Entry) (file []byte, starts []int) {
	t.Helper()
	fs := newCrashFS()
	s, err := Open("data", Options{FS: fs, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		starts = append(starts, segmentHeaderBytes+int(s.journal.end))
		mustPost(t, s, b)
	}
	left := fs.CrashClone(vfs.CrashCloneCfg{})
	mustClose(t, s)
	return readAll(t, left, "data/log/"+segmentName(0)), starts
}

// withLog returns a data directory whose log is one file.
func withLog(t testing.TB, file []byte) vfs.FS {
	t.Helper()
	fs := vfs.NewMem()
	if err := Init(fs, "data"); err != nil {
		t.Fatal(err)
	}
	writeAll(t, fs, "data/log/"+segmentName(0), file)
	return fs
}

// TestTornTail cuts the log at every byte of its last frame: what was before
// is there, the rest is gone without an error, and can be written again.
func TestTornTail(t *testing.T) {
	w := newWorld(1, 1, 2, 2, 5)
	batches := [][]tollbook.Entry{w.batch(3), w.batch(3), w.batch(2)}
	file, starts := logOf(t, batches...)
	for cut := starts[2]; cut < len(file); cut++ {
		fs := withLog(t, file[:cut])
		s := mustOpen(t, fs)
		if s.views.events != 6 {
			t.Fatalf("cut at %d: %d events, want 6", cut, s.views.events)
		}
		for _, o := range mustPost(t, s, batches[2]) {
			if o != tollbook.Accepted {
				t.Fatalf("cut at %d: outcome %v", cut, o)
			}
		}
		mustClose(t, s)
		if cut%17 == 0 {
			mustVerify(t, fs)
		}
	}
}

// TestTornAnywhere flips each byte of the last frame.
func TestTornAnywhere(t *testing.T) {
	w := newWorld(1, 1, 2, 2, 5)
	file, starts := logOf(t, w.batch(3), w.batch(2))
	for at := starts[1]; at < len(file); at++ {
		b := append([]byte(nil), file...)
		b[at] ^= 0x40
		s := mustOpen(t, withLog(t, b))
		if s.views.events != 3 {
			t.Fatalf("byte %d flipped: %d events, want 3", at, s.views.events)
		}
		mustClose(t, s)
	}
}

// TestDamage flips each byte of a frame that others were written behind: the
// store refuses to open and says where.
func TestDamage(t *testing.T) {
	w := newWorld(1, 1, 2, 2, 5)
	file, starts := logOf(t, w.batch(3), w.batch(2), w.batch(2))
	for at := starts[1]; at < starts[2]; at++ {
		b := append([]byte(nil), file...)
		b[at] ^= 0x40
		_, err := Open("data", tiny(withLog(t, b)))
		if err == nil || !strings.Contains(err.Error(), segmentName(0)) || !strings.Contains(err.Error(), fmt.Sprintf("offset %d:", starts[1])) {
			t.Fatalf("byte %d flipped: %v", at, err)
		}
	}
}

// TestDamageInOlderFile damages a file that others follow.
func TestDamageInOlderFile(t *testing.T) {
	fs := vfs.NewMem()
	w := newWorld(1, 1, 2, 2, 5)
	o := tiny(fs)
	o.CheckpointEvents = 1000 // there is one checkpoint: nothing is packed
	s, err := Open("data", o)
	must(t, err)
	for range 40 {
		mustPost(t, s, w.batch(10))
	}
	mustClose(t, s)
	names, err := fs.List("data/log")
	if err != nil || len(names) < 3 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	first := "data/log/" + segmentName(0)
	whole := readAll(t, fs, first)
	for what, b := range map[string][]byte{
		"cut short": whole[:len(whole)-1],
		"flipped":   flip(whole, len(whole)/2),
		"header":    flip(whole, 3),
	} {
		writeAll(t, fs, first, b)
		if _, err := Verify(t.Context(), fs, "data", nil); err == nil || !strings.Contains(err.Error(), segmentName(0)) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := fs.Remove(first); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("data", tiny(fs)); err == nil {
		t.Error("the first file is missing, and the store opens")
	}
}

func flip(b []byte, at int) []byte {
	b = append([]byte(nil), b...)
	b[at] ^= 1
	return b
}

// TestFileBegunBehindDamage damages the last frame of a file behind which the
// next one was begun, whose header was not written any more. That there is one
// says that the frame had been on disk.
func TestFileBegunBehindDamage(t *testing.T) {
	fs := vfs.NewMem()
	s, _, err := open("data", tiny(fs))
	must(t, err)
	go s.commitLoop()
	w := newWorld(3, 2, 3, 3, 10)
	mustPost(t, s, w.batch(2))
	mustPost(t, s, w.batch(2))
	end := s.journal.end
	s.fail(errors.New("the power is cut")) // no checkpoint, no run
	close(s.closing)
	<-s.committed
	must(t, s.abandon())
	next, last := "data/log/"+segmentName(end), "data/log/"+segmentName(0)
	whole := readAll(t, fs, last)
	writeAll(t, fs, next, nil)
	for _, b := range [][]byte{flip(whole, len(whole)-3), whole[:len(whole)-3]} {
		writeAll(t, fs, last, b)
		if _, _, err := open("data", tiny(fs)); err == nil || !strings.Contains(err.Error(), "the log is damaged") {
			t.Errorf("opened: %v", err)
		}
	}
	writeAll(t, fs, last, whole)
	if n := mustVerify(t, fs).Events; n != 4 {
		t.Errorf("%d events", n)
	}
}

// TestMissingFile takes a file out of the middle of the log: the message names
// it.
func TestMissingFile(t *testing.T) {
	fs := vfs.NewMem()
	packedWorld(t, fs)
	names, err := fs.List("data/log")
	must(t, err)
	slices.Sort(names)
	must(t, fs.Remove("data/log/"+names[1]))
	if _, err := Verify(t.Context(), fs, "data", nil); err == nil || !strings.Contains(err.Error(), names[1]+" is missing") {
		t.Errorf("%v, want that %s is missing", err, names[1])
	}
}
