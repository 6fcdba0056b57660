package localstore

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"tollbook"
	"tollbook/localstore/runs"
)

// fill makes a ledger with several checkpoints and closes it.
func fill(t testing.TB, fs vfs.FS) (w *world, posted []tollbook.Entry) {
	t.Helper()
	w = newWorld(3, 2, 3, 3, 10)
	s := mustOpen(t, fs)
	for range 12 {
		entries := w.batch(15)
		mustPost(t, s, entries)
		posted = append(posted, entries...)
		mustBook(t, s, w.books(t, s, entries)[:2])
	}
	mustClose(t, s)
	return w, posted
}

func newest(t testing.TB, fs vfs.FS) []uint64 {
	t.Helper()
	ends, err := listEnds(fs, "data", checkpointPrefix)
	must(t, err)
	return ends
}

// TestCheckpointFallback damages the newest checkpoint, then both.
func TestCheckpointFallback(t *testing.T) {
	fs := vfs.NewMem()
	_, posted := fill(t, fs)
	ends := newest(t, fs)
	if len(ends) != keptCheckpoints {
		t.Fatalf("%d checkpoints", len(ends))
	}
	for i, end := range ends {
		name := "data/" + checkpointName(end)
		writeAll(t, fs, name, flip(readAll(t, fs, name), 40))
		s, repairs, err := open("data", tiny(fs))
		must(t, err)
		if len(repairs) != i+1 || s.views.events != int64(len(posted)) {
			t.Errorf("%d damaged: %d events, repairs %v", i+1, s.views.events, repairs)
		}
		must(t, s.abandon())
	}
	h := &history{w: newWorld(9, 1, 1, 1, 1), acknowledged: posted}
	h.check(t, fs)
}

// TestVerifyFindsDamage damages what is served in ways that no checksum
// shows, and wants each to be found.
func TestVerifyFindsDamage(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, fs vfs.FS, s *Store)
		want   string
	}{
		{"a count in a checkpoint", func(t *testing.T, fs vfs.FS, s *Store) {
			cp := s.views.capture()
			cp.counts.at(2).words++
			rewrite(t, fs, cp)
		}, "increments of"},
		{"a count of a rate with tiers", func(t *testing.T, fs vfs.FS, s *Store) {
			cp := s.views.capture()
			for no := range s.views.tiers.tallies {
				cp.counts.at(no).words++
			}
			rewrite(t, fs, cp)
		}, "increments of"},
		{"an event too many", func(t *testing.T, fs vfs.FS, s *Store) {
			cp := s.views.capture()
			cp.events++
			rewrite(t, fs, cp)
		}, "events: "},
		{"a tally of another account", func(t *testing.T, fs vfs.FS, s *Store) {
			cp := s.views.capture()
			a, b := cp.tallies.at(0), cp.tallies.at(1)
			*a, *b = *b, *a
			rewrite(t, fs, cp)
		}, "is of another account"},
		{"a request id", func(t *testing.T, fs vfs.FS, s *Store) {
			cp := s.views.capture()
			cp.definitions.requests = append(cp.definitions.requests, [16]byte{1})
			cp.definitions.frames = append(cp.definitions.frames, definitionFrame{1, 0})
			rewrite(t, fs, cp)
		}, "definitions: 1, the log makes it 0"},
		{"a claim that is missing", func(t *testing.T, fs vfs.FS, s *Store) {
			rewriteRuns(t, fs, s, func(claims []runs.Claim, entries []runs.Entry) ([]runs.Claim, []runs.Entry) {
				return claims[1:], entries
			})
		}, "is missing"},
		{"a claim that stands for another event", func(t *testing.T, fs vfs.FS, s *Store) {
			rewriteRuns(t, fs, s, func(claims []runs.Claim, entries []runs.Entry) ([]runs.Claim, []runs.Entry) {
				claims[3].At = claims[4].At
				return claims, entries
			})
		}, "stands for another event"},
		{"an event that is missing in its record", func(t *testing.T, fs vfs.FS, s *Store) {
			rewriteRuns(t, fs, s, func(claims []runs.Claim, entries []runs.Entry) ([]runs.Claim, []runs.Entry) {
				return claims, entries[1:]
			})
		}, "is missing in the index"},
		{"an event of a rate with tiers that is missing", func(t *testing.T, fs vfs.FS, s *Store) {
			rewriteRuns(t, fs, s, func(claims []runs.Claim, entries []runs.Entry) ([]runs.Claim, []runs.Entry) {
				return claims, slices.DeleteFunc(entries, func(e runs.Entry) bool { return s.views.tiers.are.has(e.Tally) })
			})
		}, "is missing in the index"},
		{"an event of no record", func(t *testing.T, fs vfs.FS, s *Store) {
			rewriteRuns(t, fs, s, func(claims []runs.Claim, entries []runs.Entry) ([]runs.Claim, []runs.Entry) {
				return claims, append([]runs.Entry{{Tally: 0, At: 1}}, entries...)
			})
		}, "the drill-down index holds"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fs := vfs.NewMem()
			fill(t, fs)
			s, _, err := open("data", tiny(fs))
			must(t, err)
			test.damage(t, fs, s)
			must(t, s.abandon())
			r, err := Verify(t.Context(), fs, "data", nil)
			must(t, err)
			if !strings.Contains(strings.Join(r.Differences, "\n"), test.want) {
				t.Errorf("differences %q, want one with %q", r.Differences, test.want)
			}
		})
	}
}

// TestVerifyFindsAnEventCountedTwice: everything that follows from the log
// agrees that it was.
func TestVerifyFindsAnEventCountedTwice(t *testing.T) {
	fs := vfs.NewMem()
	_, posted := fill(t, fs)
	s, _, err := open("data", tiny(fs))
	must(t, err)
	rewriteRuns(t, fs, s, func(_ []runs.Claim, entries []runs.Entry) ([]runs.Claim, []runs.Entry) {
		return nil, entries
	})
	must(t, s.abandon())
	s = mustOpen(t, fs)
	if o := mustPost(t, s, posted[:1]); o[0] != tollbook.Accepted {
		t.Fatal(o)
	}
	mustClose(t, s)
	must(t, fs.RemoveAll("data/runs"))
	mustClose(t, mustOpen(t, fs))
	r, err := Verify(t.Context(), fs, "data", nil)
	must(t, err)
	if r.Found != 2 || !strings.Contains(r.Differences[1], "accepted more than once") {
		t.Errorf("differences %q", r.Differences)
	}
}

// rewrite writes a checkpoint over the newest one.
func rewrite(t testing.TB, fs vfs.FS, cp *checkpoint) {
	t.Helper()
	var b bytes.Buffer
	must(t, cp.write(&b))
	writeAll(t, fs, "data/"+checkpointName(cp.end), b.Bytes())
}

// rewriteRuns puts one run in the place of all, with what change makes of what
// they hold.
func rewriteRuns(t testing.TB, fs vfs.FS, s *Store, change func([]runs.Claim, []runs.Entry) ([]runs.Claim, []runs.Entry)) {
	t.Helper()
	stored := s.runs.Snapshot()
	defer stored.Release()
	var claims []runs.Claim
	for c, err := range stored.Claims() {
		must(t, err)
		claims = append(claims, c)
	}
	var entries []runs.Entry
	for e, err := range stored.Entries() {
		must(t, err)
		entries = append(entries, e)
	}
	must(t, fs.RemoveAll("data/runs"))
	must(t, fs.MkdirAll("data/runs", 0o755))
	changed, err := runs.Open(fs, "data/runs", 1)
	must(t, err)
	claims, entries = change(runs.SortClaims(claims), entries)
	must(t, changed.Add(stored.End(), claims, entries))
	must(t, changed.Close())
}

// TestRunsLost removes the runs: they are rebuilt from the log, and
// Verify says so.
func TestRunsLost(t *testing.T) {
	fs := vfs.NewMem()
	_, posted := fill(t, fs)
	must(t, fs.RemoveAll("data/runs"))
	r, err := Verify(t.Context(), fs, "data", func(done, total int64) {
		if done > total || total <= 0 {
			t.Fatalf("progress %d of %d", done, total)
		}
	})
	must(t, err)
	if r.Found != keptCheckpoints || r.Events != int64(len(posted)) {
		t.Errorf("report %+v", r)
	}
	h := &history{w: newWorld(9, 1, 1, 1, 1), acknowledged: posted}
	h.check(t, fs)
}

// TestLogLostItsEnd takes away what the runs know to have been
// on disk.
func TestLogLostItsEnd(t *testing.T) {
	fs := vfs.NewMem()
	s, err := Open("data", Options{FS: fs, Create: true, TableEvents: 5})
	must(t, err)
	w := newWorld(1, 1, 1, 1, 1)
	for range 5 {
		mustPost(t, s, w.batch(10))
	}
	mustClose(t, s)
	for _, end := range newest(t, fs) {
		must(t, fs.Remove("data/"+checkpointName(end)))
	}
	names, err := fs.List("data/log")
	must(t, err)
	for _, name := range names {
		file := readAll(t, fs, "data/log/"+name)
		writeAll(t, fs, "data/log/"+name, file[:len(file)-1])
	}
	if _, err := Open("data", tiny(fs)); err == nil || !strings.Contains(err.Error(), "the log has lost its end") {
		t.Errorf("opened: %v", err)
	}
}

// TestReplayIsDeterministic replays one log twice.
func TestReplayIsDeterministic(t *testing.T) {
	fs := vfs.NewMem()
	fill(t, fs)
	for _, end := range newest(t, fs) {
		must(t, fs.Remove("data/"+checkpointName(end)))
	}
	var images [2]bytes.Buffer
	for i := range images {
		s, _, err := open("data", Options{FS: fs})
		must(t, err)
		must(t, s.views.capture().write(&images[i]))
		must(t, s.abandon())
	}
	if !bytes.Equal(images[0].Bytes(), images[1].Bytes()) {
		t.Error("two replays differ")
	}
}

// TestRestoredLists: a checkpoint gives the lists that the events made, in their
// order.
func TestRestoredLists(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, fs)
	w := newWorld(4, 3, 40, 5, 8)
	for range 10 {
		mustPost(t, s, w.batch(60))
	}
	mustClose(t, s)
	again := mustOpen(t, fs)
	got, want := again.views, s.views
	for i, org := range want.orgs {
		if !slices.Equal(got.orgs[i].accounts, org.accounts) || len(got.orgs[i].months) != len(org.months) {
			t.Fatalf("the accounts or months of %s differ", org.id)
		}
		for k, m := range org.months {
			if g := got.orgs[i].months[k]; g.month != m.month || !slices.Equal(g.cells, m.cells) {
				t.Errorf("the accounts of %s in %s differ", org.id, m.month)
			}
		}
	}
	for i := range want.accounts {
		if !slices.Equal(got.accounts[i].cells, want.accounts[i].cells) {
			t.Errorf("the months of %s differ", want.accounts[i].id)
		}
	}
	mustClose(t, again)
}

// FuzzCheckpoint decodes hostile checkpoints whose checksum is right.
func FuzzCheckpoint(f *testing.F) {
	fs := vfs.NewMem()
	fill(f, fs)
	b := readAll(f, fs, "data/"+checkpointName(newest(f, fs)[0]))
	f.Add(b[:len(b)-4])
	f.Add([]byte(checkpointMagic))
	f.Fuzz(func(t *testing.T, body []byte) {
		v, _, err := decodeCheckpoint(binary.BigEndian.AppendUint32(bytes.Clone(body), checksum(body)))
		if err == nil {
			v.definitions.behind(0)
			v.definitions.behind(v.definitions.head - 1)
		}
	})
}

// TestCheckpointIsCutShort: what a process that died while it wrote a
// checkpoint has left is removed; no later one has its name.
func TestCheckpointIsCutShort(t *testing.T) {
	fs := vfs.NewMem()
	fill(t, fs)
	left := "data/" + checkpointName(12345) + temporary
	writeAll(t, fs, left, []byte("half of a checkpoint"))
	mustClose(t, mustOpen(t, fs))
	if _, err := fs.Stat(left); !oserror.IsNotExist(err) {
		t.Errorf("%s is left: %v", left, err)
	}
	mustVerify(t, fs)
}

// noRoomFor fails every write to files with a word in their names while it is
// on.
type noRoomFor struct {
	word string
	on   atomic.Bool
}

func (d *noRoomFor) String() string { return "no room for " + d.word }

func (d *noRoomFor) MaybeError(op errorfs.Op) error {
	if d.on.Load() && op.Kind == errorfs.OpFileWrite && strings.Contains(op.Path, d.word) {
		return syscall.ENOSPC
	}
	return nil
}

// TestNoRoomForACheckpoint: the store goes on without, leaves nothing on the
// disk that is full, and writes one when it closes if there is room again.
func TestNoRoomForACheckpoint(t *testing.T) {
	mem := vfs.NewMem()
	disk := &noRoomFor{word: checkpointPrefix}
	disk.on.Store(true)
	s := mustOpen(t, errorfs.Wrap(mem, disk))
	w := newWorld(3, 2, 3, 3, 10)
	for range 20 {
		mustPost(t, s, w.batch(15))
	}
	s.flushes <- flush{} // taken when the one before is done
	names, err := mem.List("data")
	must(t, err)
	for _, name := range names {
		if strings.HasPrefix(name, checkpointPrefix) && !strings.HasSuffix(name, temporary) {
			t.Errorf("%s was written on a full disk", name)
		}
	}
	disk.on.Store(false)
	end := s.journal.end
	mustClose(t, s)
	if ends := newest(t, mem); len(ends) == 0 || ends[0] != end {
		t.Errorf("checkpoints at %v, want one at %d", ends, end)
	}
	names, err = mem.List("data")
	must(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, temporary) {
			t.Errorf("%s is left", name)
		}
	}
	mustVerify(t, mem)
}
