package localstore

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
)

func TestDirectory(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, fs vfs.FS)
		create  bool
		want    string // in the error; "": none
	}{
		{"absent", func(*testing.T, vfs.FS) {}, false, "data is not a Tollbook data directory"},
		{"absent, to be created", func(*testing.T, vfs.FS) {}, true, ""},
		{"empty, to be created", func(t *testing.T, fs vfs.FS) { must(t, fs.MkdirAll("data", 0o755)) }, true, ""},
		{"made by Init", func(t *testing.T, fs vfs.FS) { must(t, Init(fs, "data")) }, false, ""},
		{"made by Init twice", func(t *testing.T, fs vfs.FS) { must(t, Init(fs, "data")); must(t, Init(fs, "data")) }, false, ""},
		{"somebody else's", func(t *testing.T, fs vfs.FS) {
			must(t, fs.MkdirAll("data", 0o755))
			writeAll(t, fs, "data/photo.jpg", []byte("x"))
		}, true, "it holds photo.jpg"},
		{"another format", func(t *testing.T, fs vfs.FS) {
			must(t, Init(fs, "data"))
			writeAll(t, fs, "data/FORMAT", []byte("tollbook data 4\n"))
		}, true, `data has data format "4"`},
		{"another program's format", func(t *testing.T, fs vfs.FS) {
			must(t, Init(fs, "data"))
			writeAll(t, fs, "data/FORMAT", []byte("7\n"))
		}, true, "is not a Tollbook data directory"},
		{"data without its format", func(t *testing.T, fs vfs.FS) {
			mustClose(t, mustOpen(t, fs))
			must(t, fs.Remove("data/FORMAT"))
		}, true, "its file FORMAT is missing"},
		{"a strange file in the log", func(t *testing.T, fs vfs.FS) {
			must(t, Init(fs, "data"))
			writeAll(t, fs, "data/log/0000000000000000.log.bak", []byte("x"))
		}, false, "0000000000000000.log.bak is not a file of the log"},
		{"Init was cut short", func(t *testing.T, fs vfs.FS) {
			must(t, fs.MkdirAll("data/log", 0o755))
			writeAll(t, fs, "data/FORMAT.new", []byte("toll"))
		}, true, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fs := vfs.NewMem()
			test.prepare(t, fs)
			s, err := Open("data", Options{FS: fs, Create: test.create})
			switch {
			case err == nil:
				mustClose(t, s)
				if test.want != "" {
					t.Errorf("opened, want an error with %q", test.want)
				}
			case test.want == "" || !strings.Contains(err.Error(), test.want):
				t.Errorf("error %q, want %q", err, test.want)
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSecondOpener opens a directory twice, in memory and on the real disk.
func TestSecondOpener(t *testing.T) {
	for _, place := range []struct {
		fs  vfs.FS
		dir string
	}{{vfs.NewMem(), "data"}, {vfs.Default, t.TempDir()}} {
		opts := Options{FS: place.fs, Create: true}
		s, err := Open(place.dir, opts)
		must(t, err)
		_, err = Open(place.dir, opts)
		if err == nil || !strings.Contains(err.Error(), place.dir+" is in use by another process") {
			t.Errorf("second opener: %v", err)
		}
		mustClose(t, s)
		s, err = Open(place.dir, opts)
		must(t, err)
		mustClose(t, s)
	}
}

// TestFullDisk fills the disk up to the reserve and makes room again: nothing
// is written meanwhile, and the store goes on.
func TestFullDisk(t *testing.T) {
	fs := vfs.NewMem()
	opts := tiny(fs)
	opts.DiskReserve = 1000
	s, err := Open("data", opts)
	must(t, err)
	w := newWorld(1, 1, 1, 1, 2)
	batch := w.batch(3)
	fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 999, TotalBytes: 10000})
	before := s.journal.end
	_, err = s.Post(t.Context(), 0, batch)
	if tollbook.CodeOf(err) != tollbook.CodeUnavailable || s.Ready(t.Context()) == nil || s.journal.end != before {
		t.Errorf("full disk: %v", err)
	}
	_, err = s.Define(t.Context(), 0, []tollbook.Definition{{ID: "x"}})
	if tollbook.CodeOf(err) != tollbook.CodeUnavailable {
		t.Errorf("full disk: %v", err)
	}
	fs.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1000, TotalBytes: 10000})
	must(t, s.Ready(t.Context()))
	for _, o := range mustPost(t, s, batch) {
		if o != tollbook.Accepted {
			t.Errorf("outcome %v", o)
		}
	}
	mustClose(t, s)
	if tollbook.CodeOf(s.Ready(t.Context())) != tollbook.CodeUnavailable {
		t.Error("a closed store is ready")
	}
	if _, err := s.Post(t.Context(), 0, batch); tollbook.CodeOf(err) != tollbook.CodeUnavailable {
		t.Errorf("a closed store takes a post: %v", err)
	}
}

// TestStuck lets a group take longer than it may.
func TestStuck(t *testing.T) {
	var now atomic.Int64 // in nanoseconds; the background looks at it, too
	now.Store(1700000000e9)
	opts := tiny(vfs.NewMem())
	opts.Clock = func() time.Time { return time.Unix(0, now.Load()) }
	s, err := Open("data", opts)
	must(t, err)
	defer mustClose(t, s)
	s.busySince.Store(now.Load())
	must(t, s.Ready(t.Context()))
	now.Add(int64(stuckAfter + time.Second))
	if tollbook.CodeOf(s.Ready(t.Context())) != tollbook.CodeUnavailable {
		t.Error("a store that has not answered for 11 seconds is ready")
	}
}
