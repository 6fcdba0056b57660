package localstore

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"tollbook"
)

// heldDisk lets no sync of the log end while its lock is held.
type heldDisk struct {
	sync.Mutex
	waiting chan struct{} // receives when a sync has come to wait
}

func (d *heldDisk) String() string { return "held disk" }

func (d *heldDisk) MaybeError(op errorfs.Op) error {
	if op.Kind != errorfs.OpFileSyncData {
		return nil
	}
	if !d.TryLock() {
		d.waiting <- struct{}{}
		d.Lock()
	}
	d.Unlock()
	return nil
}

// TestBusy: while the disk takes nothing, a request that waits for the
// committer is told that it is too much and stores nothing, and one that the
// committer has taken is stored; the store goes on afterwards.
func TestBusy(t *testing.T) {
	disk := &heldDisk{waiting: make(chan struct{}, 1)}
	fs := errorfs.Wrap(vfs.NewMem(), disk)
	s, err := Open("data", Options{FS: fs, Create: true, QueueRequests: 2, QueueWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(1, 1, 3, 1, 5)
	taken := w.batch(10)
	disk.Lock()
	answered := make(chan []tollbook.Outcome)
	go func() { answered <- postPatiently(t, s, taken) }()
	<-disk.waiting // the committer waits for the disk
	var refused [][]tollbook.Entry
	for range 5 { // two have a place in the queue, the others none
		batch := w.batch(10)
		refused = append(refused, batch)
		if _, err := s.Post(context.Background(), 0, batch); tollbook.CodeOf(err) != tollbook.CodeTooManyRequests {
			t.Errorf("%v, want that it is too much", err)
		}
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Post(gone, 0, w.batch(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who has gone: %v", err)
	}
	if page, err := s.Records(t.Context(), tollbook.Query{OrganizationID: "org-0", Limit: 10}); err != nil || page.Total != 0 {
		t.Errorf("a reader meanwhile: %d records, %v", page.Total, err)
	}
	disk.Unlock()
	want := func(what string, outcomes []tollbook.Outcome, want tollbook.Outcome) {
		for _, o := range outcomes {
			if o != want {
				t.Errorf("an event of %s is %v, want %v", what, o, want)
			}
		}
		if len(outcomes) != 10 {
			t.Errorf("%d outcomes of %s", len(outcomes), what)
		}
	}
	want("the request that was taken", <-answered, tollbook.Accepted)
	want("the request that was taken, sent again,", postPatiently(t, s, taken), tollbook.Duplicate)
	for _, batch := range refused {
		want("a request that was refused", postPatiently(t, s, batch), tollbook.Accepted)
	}
	mustClose(t, s)
	mustVerify(t, fs)
}

// postPatiently posts until the store is not busy.
func postPatiently(t *testing.T, s *Store, entries []tollbook.Entry) []tollbook.Outcome {
	for {
		outcomes, err := s.Post(context.Background(), 0, entries)
		if tollbook.CodeOf(err) == tollbook.CodeTooManyRequests {
			continue
		}
		if err != nil {
			t.Error(err)
		}
		return outcomes
	}
}

// heldRuns lets nobody read a run while its lock is held.
type heldRuns struct {
	sync.Mutex
	waiting chan struct{} // receives when a read has come to wait
}

func (d *heldRuns) String() string { return "held runs" }

func (d *heldRuns) MaybeError(op errorfs.Op) error {
	if op.Kind != errorfs.OpFileReadAt || !strings.HasSuffix(op.Path, ".run") {
		return nil
	}
	if !d.TryLock() {
		d.waiting <- struct{}{}
		d.Lock()
	}
	d.Unlock()
	return nil
}

// TestCorrectionsReadRunsThemselves: a correction, or a question about an event,
// that waits for the disk to find old events does not keep commits waiting.
func TestCorrectionsReadRunsThemselves(t *testing.T) {
	mem := vfs.NewMem()
	w := newWorld(1, 1, 3, 1, 5)
	s := mustOpen(t, mem)
	entries := w.batch(50)
	mustPost(t, s, entries)
	bookings := w.books(t, s, entries)
	mustClose(t, s)
	disk := &heldRuns{waiting: make(chan struct{}, 100)}
	s, err := Open("data", Options{FS: errorfs.Wrap(mem, disk)})
	must(t, err)
	for name, ask := range map[string]func() error{
		"a history": func() error { _, _, err := s.History(t.Context(), entries[0].Claim); return err },
		"a booking": func() error { _, err := s.Book(t.Context(), 0, bookings[:1]); return err },
	} {
		disk.Lock()
		answered := make(chan error)
		go func() { answered <- ask() }()
		<-disk.waiting
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if _, err := s.Post(ctx, 0, w.batch(1)); err != nil {
			t.Errorf("a post while %s reads: %v", name, err)
		}
		cancel()
		disk.Unlock()
		must(t, <-answered)
	}
	mustClose(t, s)
	mustVerify(t, mem)
}
