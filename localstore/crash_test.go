package localstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"tollbook"
)

// history is what was sent to a store, and how it must have come out.
type history struct {
	w            *world
	acknowledged []tollbook.Entry // accepted, and told so
	unknown      []tollbook.Entry // sent, and no answer
}

// check opens a file system, sends everything again and wants each
// acknowledged event to be there once, and every view to follow from the log.
func (h *history) check(t *testing.T, fs vfs.FS) {
	t.Helper()
	s := mustOpen(t, fs)
	for len(h.acknowledged) > 0 {
		n := min(len(h.acknowledged), 50)
		for i, o := range mustPost(t, s, h.acknowledged[:n]) {
			if o != tollbook.Duplicate {
				t.Fatalf("event %s was acknowledged, but is %v when it is sent again", h.acknowledged[i].Event.ID, o)
			}
		}
		h.acknowledged = h.acknowledged[n:]
	}
	if len(h.unknown) > 0 {
		mustPost(t, s, h.unknown)
		for _, o := range mustPost(t, s, h.unknown) {
			if o != tollbook.Duplicate {
				t.Fatalf("an event that was sent twice more is %v", o)
			}
		}
	}
	mustClose(t, s)
	mustVerify(t, fs)
}

// TestCrash cuts the power at random moments of a random history: while
// nothing goes on, and while a post is under way.
func TestCrash(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			fs := newCrashFS()
			h := &history{w: newWorld(seed, 2, 3, 3, 9)}
			rng := rand.New(rand.NewPCG(seed, 2))
			for range 4 {
				fs = h.run(t, fs, rng)
			}
			h.check(t, fs)
		})
	}
}

// run posts and books until it cuts the power, and returns what is left.
func (h *history) run(t *testing.T, fs *crashFS, rng *rand.Rand) *crashFS {
	s := mustOpen(t, fs)
	for range 5 + rng.IntN(25) {
		entries := h.w.batch(1 + rng.IntN(20))
		mustPost(t, s, entries)
		h.acknowledged = append(h.acknowledged, entries...)
		if rng.IntN(2) == 0 {
			mustBook(t, s, h.w.books(t, s, entries))
		}
	}
	last := h.w.batch(20)
	done := make(chan error)
	go func() {
		_, err := s.Post(context.Background(), 0, last)
		done <- err
	}()
	left := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
	h.unknown = append(h.unknown, last...)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	return left
}

// TestEveryWriteFailsOnce makes the n-th write to the log, to a checkpoint or
// to a sorted file fail, for every n, and then starts anew.
func TestEveryWriteFailsOnce(t *testing.T) {
	for n := int32(0); ; n++ {
		mem := newCrashFS()
		mustClose(t, mustOpen(t, mem))
		fault := &nthWrite{}
		fault.left.Store(n + 1)
		h := &history{w: newWorld(uint64(n), 1, 2, 2, 5)}
		fs := errorfs.Wrap(mem, fault)
		s, err := Open("data", tiny(fs))
		if err == nil {
			h.postUntilFailure(t, s)
			s.Close()
		}
		h.check(t, mem.CrashClone(vfs.CrashCloneCfg{}))
		if fault.left.Load() > 0 {
			if n < 20 {
				t.Fatalf("the history has %d writes only", n)
			}
			return
		}
	}
}

// postUntilFailure posts; once an answer is an error, all that follow must be.
func (h *history) postUntilFailure(t *testing.T, s *Store) {
	failed := false
	for range 12 {
		entries := h.w.batch(5)
		outcomes, err := s.Post(context.Background(), 0, entries)
		if failed && err == nil {
			t.Fatal("a store that had failed took a post")
		}
		if err != nil {
			failed = true
			if tollbook.CodeOf(err) != tollbook.CodeUnavailable || s.Ready(context.Background()) == nil {
				t.Fatalf("want unavailable and not ready after a failed write, got %v", err)
			}
			h.unknown = append(h.unknown, entries...)
			continue
		}
		for _, o := range outcomes {
			if o != tollbook.Accepted {
				t.Fatalf("outcome %v", o)
			}
		}
		h.acknowledged = append(h.acknowledged, entries...)
	}
}

// nthWrite fails the n-th write or sync of the log, the runs and the
// checkpoints.
type nthWrite struct{ left atomic.Int32 }

func (f *nthWrite) String() string { return "the n-th write fails" }

func (f *nthWrite) MaybeError(op errorfs.Op) error {
	name := filepath.Base(op.Path)
	ours := strings.Contains(op.Path, "/"+logName+"/") || strings.HasPrefix(name, checkpointPrefix) || strings.Contains(name, ".run")
	if !ours || op.Kind.ReadOrWrite() != errorfs.OpIsWrite || op.Kind == errorfs.OpRemove {
		return nil
	}
	if f.left.Add(-1) == 0 {
		return errors.New("injected fault")
	}
	return nil
}
