package clickhousestore_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
	"tollbook/storetest"
)

// someBatches returns batches of one organization's events, for a ledger and the
// model that judges it.
func someBatches(seed uint64, n, size int) [][]tollbook.Entry {
	w := storetest.NewWorkload(seed, storetest.WorkloadSize{Organizations: []string{"acme"}, Accounts: 12, Months: 3, Lines: 10})
	all := make([][]tollbook.Entry, n)
	for i := range all {
		all[i] = w.Batch(size)
	}
	return all
}

// wantUnavailable wants a batch to be refused because the database is away, not
// because too much is sent.
func wantUnavailable(t *testing.T, l tollbook.Ledger, batch []tollbook.Entry) {
	t.Helper()
	if _, err := l.Post(t.Context(), 0, batch); tollbook.CodeOf(err) != tollbook.CodeUnavailable {
		t.Errorf("Post answers %v (%s), want %s", err, tollbook.CodeOf(err), tollbook.CodeUnavailable)
	}
}

// wantAllOnce sends batches again, now that the database answers, and wants each
// event to count once.
func wantAllOnce(t *testing.T, l tollbook.Ledger, batches [][]tollbook.Entry) {
	t.Helper()
	model := storetest.NewModel()
	for _, batch := range batches {
		postLoop(t, l, batch)
		if _, err := model.Post(t.Context(), 0, batch); err != nil {
			t.Fatal(err)
		}
	}
	wantRecords(t, l, model, "acme")
}

// TestDatabaseStandsStill stops a server of the database without ending its
// connections, as a machine that swaps or a network that drops everything does.
func TestDatabaseStandsStill(t *testing.T) {
	onPlaces(t, clickhousetest.Options{InMemory: true}, func(t *testing.T, p place) {
		_, url := p.database(t)
		l := servers(t, url, 1, clickhousestore.Options{QueueWait: 200 * time.Millisecond, WriteWait: time.Second})[0]
		batches := someBatches(21, 4, 100)
		postLoop(t, l, batches[0])
		node := p.nodes()[len(p.nodes())-1]
		node.Stop()
		var posting sync.WaitGroup
		for _, batch := range batches[1:] {
			posting.Go(func() { wantUnavailable(t, l, batch) })
		}
		posting.Wait()
		node.Continue()
		wantAllOnce(t, l, batches)
	})
}

// TestDiskIsFull fills the disk of the database.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := &server{Server: clickhousetest.Start(t, clickhousetest.Options{Dir: dir, DiskBytes: 128 << 20})}
	_, url := s.database(t)
	l := servers(t, url, 1, clickhousestore.Options{})[0]
	batches := someBatches(22, 3, 2000)
	postLoop(t, l, batches[0])
	filler := filepath.Join(dir, "data", "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, zeros{}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the disk: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, batch := range batches[1:] {
		wantUnavailable(t, l, batch)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	wantAllOnce(t, l, batches)
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// TestNotReadyWithoutShard: a ledger that cannot take events is not ready.
func TestNotReadyWithoutShard(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, clickhousetest.Options{InMemory: true})
	_, url := c.database(t)
	l := servers(t, url, 1, clickhousestore.Options{})[0]
	if err := l.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.servers[1].Kill()
	if err := l.Ready(t.Context()); tollbook.CodeOf(err) != tollbook.CodeUnavailable {
		t.Errorf("ready without a shard: %v", err)
	}
}

// TestAwayWithAQueue: what waits behind requests that the database refuses one after
// the other is told that it is away, not that too much is sent.
func TestAwayWithAQueue(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	_, url := server.database(t)
	l := servers(t, url+"?dial_timeout=200ms&read_timeout=200ms", 1, clickhousestore.Options{QueueWait: 300 * time.Millisecond, WriteWait: 200 * time.Millisecond})[0]
	batches := someBatches(30, 9, 5)
	postLoop(t, l, batches[0])
	server.Stop()
	var posting sync.WaitGroup
	for i, batch := range batches[1:] {
		posting.Go(func() {
			// Those under other definitions are no group.
			if _, err := l.Post(t.Context(), tollbook.Pos(i), batch); tollbook.CodeOf(err) != tollbook.CodeUnavailable {
				t.Errorf("Post answers %v (%s), want %s", err, tollbook.CodeOf(err), tollbook.CodeUnavailable)
			}
		})
	}
	posting.Wait()
	server.Continue()
}
