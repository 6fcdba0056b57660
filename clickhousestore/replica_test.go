package clickhousestore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
	"tollbook/storetest"
)

// replicas is shards of several servers each, which copy each other's tables.
type replicas struct {
	shards    [][]*clickhousetest.Server
	keeper    *clickhousetest.ZooKeeper
	databases atomic.Int64
}

func newReplicas(t *testing.T, shards, n int) *replicas {
	t.Helper()
	clickhousetest.NeedReplicas(t)
	r := &replicas{}
	r.shards, r.keeper = clickhousetest.StartReplicated(t, clusterName, shards, n, clickhousetest.Options{})
	return r
}

func (r *replicas) nodes() (all []*clickhousetest.Server) {
	for _, shard := range r.shards {
		all = append(all, shard...)
	}
	return all
}

func (r *replicas) database(t testing.TB) (name, url string) {
	t.Helper()
	name = fmt.Sprintf("test_%d", r.databases.Add(1))
	var home []string
	for _, s := range r.shards[0] {
		home = append(home, s.Addr())
	}
	url = "clickhouse://" + strings.Join(home, ",") + "/" + name
	tables(t, name, url, r.nodes(), clickhousestore.MigrateOptions{Cluster: clusterName, Replicated: true})
	t.Cleanup(func() { // the next test has the servers for itself
		for _, s := range r.nodes() {
			if t.Failed() {
				return
			}
			if err := s.Exec(context.WithoutCancel(t.Context()), "DROP DATABASE "+name+" SYNC"); err != nil {
				t.Error(err)
			}
		}
	})
	return name, url
}

func (r *replicas) newDriver(t testing.TB) storetest.Driver {
	name, url := r.database(t)
	return &driver{url, name}
}

// TestReplicaConformance runs the suite over two shards of two replicas each.
func TestReplicaConformance(t *testing.T) {
	storetest.Run(t, newReplicas(t, 2, 2).newDriver)
}

// TestReplicaIsKilled kills one replica after the other while servers post: two
// of three are enough.
func TestReplicaIsKilled(t *testing.T) {
	r := newReplicas(t, 1, 3)
	_, url := r.database(t)
	all := servers(t, url, 2, clickhousestore.Options{Freshness: 500 * time.Millisecond})
	batches := someBatches(23, 24, 40)
	for i, batch := range batches {
		if i%8 == 4 {
			r.shards[0][i/8].Kill()
		}
		var posting sync.WaitGroup
		for _, l := range all { // both are sent all
			posting.Go(func() { postLoop(t, l, batch) })
		}
		posting.Wait()
		if i%8 == 7 {
			r.shards[0][i/8].Restart()
		}
	}
	wantAllOnce(t, servers(t, url, 1, clickhousestore.Options{})[0], batches)
}

// TestReplicaWriteArrivesLate has a write refused, for the other replicas do not
// fetch it in time, and be fetched after its epoch was to be folded. No fold ends
// before.
func TestReplicaWriteArrivesLate(t *testing.T) {
	u := postUnfetched(t)
	u.run(t, "SYSTEM START FETCHES "+u.database+".events_shard", 1, 2)
	u.wantAllOnce(t)
}

// TestReplicaWriteIsGivenUp has the only replica go that has such a write. It does
// not come back with it.
func TestReplicaWriteIsGivenUp(t *testing.T) {
	u := postUnfetched(t)
	u.shards[0][0].Kill()
	u.run(t, "SYSTEM START FETCHES "+u.database+".events_shard", 1, 2)
	u.wantAllOnce(t)
	u.shards[0][0].Restart()
	u.wantAllOnce(t)
}

// unfetched is a write that was refused, and that one replica of three has.
type unfetched struct {
	*replicas
	database string
	ledger   *clickhousestore.Store
	batches  [][]tollbook.Entry // the last one was refused
}

// postUnfetched makes one, and wants no fold to end.
func postUnfetched(t *testing.T) *unfetched {
	t.Helper()
	u := &unfetched{replicas: newReplicas(t, 1, 3), batches: someBatches(25, 2, 40)}
	var url string
	u.database, url = u.replicas.database(t)
	u.ledger = servers(t, url, 1, clickhousestore.Options{Freshness: time.Hour})[0]
	postLoop(t, u.ledger, u.batches[0])
	u.run(t, "SYSTEM STOP FETCHES "+u.database+".events_shard", 1, 2)
	wantUnavailable(t, u.ledger, u.batches[1])
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := u.ledger.Settle(ctx); err == nil {
		t.Error("a fold ends while a write is on its way")
	}
	return u
}

func (u *unfetched) wantAllOnce(t *testing.T) {
	t.Helper()
	for _, batch := range u.batches {
		postLoop(t, u.ledger, batch)
	}
	settleLoop(t, u.ledger) // its pages may be an hour old
	wantAllOnce(t, u.ledger, u.batches)
	wantVerified(t, u.ledger)
}

// TestReplicaLosesItsDisk replaces the first one, as docs/operations.md says, while
// the ledger goes on, as a user that may do no more than it needs.
func TestReplicaLosesItsDisk(t *testing.T) {
	dir := t.TempDir()
	clickhousetest.NeedReplicas(t)
	r := &replicas{}
	o := withRights(t, "test_1")
	o.Dir = dir
	r.shards, r.keeper = clickhousetest.StartReplicated(t, clusterName, 1, 3, o)
	name, url := r.database(t)
	const scheme = "clickhouse://tollbook@"
	url = strings.Replace(url, "clickhouse://", scheme, 1)
	l := servers(t, url, 1, clickhousestore.Options{})[0]
	batches := someBatches(26, 6, 40)
	postLoop(t, l, batches[0])
	lost := r.shards[0][0]
	lost.Kill()
	postLoop(t, l, batches[1])
	if err := os.RemoveAll(filepath.Join(dir, "a", "data")); err != nil {
		t.Fatal(err)
	}
	lost.Restart()
	drop := func() error { return r.shards[0][1].Exec(t.Context(), "SYSTEM DROP REPLICA '1' FROM DATABASE "+name) }
	err := drop()
	for err != nil && strings.Contains(err.Error(), "it's active") { // until ZooKeeper has given it up
		err = drop()
	}
	if err != nil {
		t.Fatal(err)
	}
	wantAllOnce(t, l, batches[:3])

	// What others may have made there is not taken for the ledger's.
	migrate := func(ctx context.Context, url string, out io.Writer) error {
		return clickhousestore.Migrate(ctx, url, clickhousestore.MigrateOptions{Out: out})
	}
	r.run(t, "CREATE DATABASE "+name, 0)
	ofOthers := scheme + r.shards[0][1].Addr() + "/" + name
	if err := migrate(t.Context(), ofOthers, io.Discard); err == nil || !strings.Contains(err.Error(), "drop it there") {
		t.Fatalf("with an empty database: %v", err)
	}
	// By its address alone nothing is known of a cluster.
	if err := migrate(t.Context(), scheme+lost.Addr()+"/"+name, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := migrate(t.Context(), ofOthers, io.Discard); err == nil || !strings.Contains(err.Error(), "drop the database") {
		t.Fatalf("over tables of one server: %v", err)
	}
	r.run(t, "DROP DATABASE "+name+" SYNC", 0)

	// Interrupted, its tables are behind, and nobody asks them.
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	if err := migrate(ctx, url, writerFunc(func(line string) {
		if strings.Contains(line, "tables on "+lost.Addr()) {
			interrupt()
		}
	})); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	events := name + "_arriving.events_shard"
	r.run(t, "SYSTEM STOP FETCHES "+events, 0)
	wantAllOnce(t, l, batches[:4])
	r.run(t, "SYSTEM START FETCHES "+events, 0)
	if err := migrate(t.Context(), url, io.Discard); err != nil {
		t.Fatal(err)
	}
	wantAllOnce(t, l, batches[:5])
	r.shards[0][1].Kill() // now the new one is one of two
	wantAllOnce(t, l, batches)
	r.shards[0][1].Restart()
	wantVerified(t, l)
}

// writerFunc is called with what is written.
type writerFunc func(string)

// Write implements io.Writer.
func (f writerFunc) Write(p []byte) (int, error) {
	f(string(p))
	return len(p), nil
}

// TestReplicaLacksWhatCameBefore: a replica that was away has the last parts of
// tables, and not all of those that came while it was. It would answer, and is
// asked nothing.
func TestReplicaLacksWhatCameBefore(t *testing.T) {
	r := newReplicas(t, 1, 3)
	name, url := r.database(t)
	old := servers(t, url, 1, clickhousestore.Options{})[0]
	batches := someBatches(29, 40, 40)
	wantAllOnce(t, old, batches[:2])
	first := r.shards[0][0]
	first.Kill()
	wantAllOnce(t, old, batches[:4])
	r.awaitFetched(t, name, 1, 2)
	r.run(t, "SYSTEM STOP MERGES", 1, 2) // what is merged would come without them
	parts, err := r.shards[0][1].Query(t.Context(), "SELECT replaceOne(table, '_shard', ''), argMax(name, min_block_number) FROM system.parts WHERE active AND table IN ('events_shard', 'tallies_shard', 'log') AND database = '"+name+"' GROUP BY table")
	if err != nil {
		t.Fatal(err)
	}
	var release []func()
	for line := range strings.Lines(parts) {
		table, part, _ := strings.Cut(strings.TrimSpace(line), "\t")
		for _, s := range r.shards[0][1:] {
			release = append(release, s.Hold(table, part))
		}
	}
	first.Restart()
	n := 4
	for answers := false; !answers && n < len(batches)-3; n++ { // until it has what comes now
		postLoop(t, old, batches[n])
		settleLoop(t, old)
		_, err := first.Query(t.Context(), "SELECT count() FROM "+name+".events_shard, "+name+".log, "+name+".tallies_shard SETTINGS select_sequential_consistency = 1")
		answers = err == nil
	}
	if n == len(batches)-3 {
		t.Error("the replica never answers; it is not what is asked here")
	}
	wantAllOnce(t, old, batches[:n+1])
	wantAllOnce(t, servers(t, url, 1, clickhousestore.Options{})[0], batches[:n+2])
	for _, f := range release {
		f()
	}
	r.awaitFetched(t, name, 0, 1, 2)
	r.shards[0][1].Kill()
	wantAllOnce(t, old, batches)
	r.shards[0][1].Restart()
	wantVerified(t, old)
}

// awaitFetched waits until replicas have all parts.
func (r *replicas) awaitFetched(t *testing.T, name string, of ...int) {
	t.Helper()
	for _, i := range of {
		for {
			left, err := r.shards[0][i].Query(t.Context(), "SELECT count() FROM system.replication_queue WHERE type = 'GET_PART' AND database = '"+name+"'")
			if err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(left) == "0" {
				break
			}
		}
	}
}

// TestReplicaIsSilent: folds go on without one that says nothing and refuses
// nothing, as a machine does whose power is off.
func TestReplicaIsSilent(t *testing.T) {
	r := newReplicas(t, 1, 3)
	_, url := r.database(t)
	l := servers(t, url, 1, clickhousestore.Options{})[0]
	batches := someBatches(28, 2, 40)
	postLoop(t, l, batches[0])
	r.shards[0][2].Stop()
	postLoop(t, l, batches[1])
	settleLoop(t, l)
	wantAllOnce(t, l, batches)
	r.shards[0][2].Continue()
	wantAllOnce(t, l, batches)
}

// TestReplicasAreTooFew: without a majority nothing is taken; with it again, what
// was refused is.
func TestReplicasAreTooFew(t *testing.T) {
	r := newReplicas(t, 1, 3)
	_, url := r.database(t)
	l := servers(t, url, 1, clickhousestore.Options{})[0]
	batches := someBatches(24, 2, 40)
	postLoop(t, l, batches[0])
	r.shards[0][1].Kill()
	r.shards[0][2].Kill()
	wantUnavailable(t, l, batches[1])
	r.shards[0][1].Restart()
	wantAllOnce(t, l, batches)
	r.shards[0][2].Restart()
}
