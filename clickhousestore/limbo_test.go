package clickhousestore_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/storetest"
)

// run runs a statement that must succeed on servers.
func (r *replicas) run(t *testing.T, sql string, of ...int) {
	t.Helper()
	for _, i := range of {
		if err := r.shards[0][i].Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReplicaThatRefusesConnections: one that takes no connections may still be
// writing, as it does while it is being stopped. What it has on its way to the
// majority is waited for.
func TestReplicaThatRefusesConnections(t *testing.T) {
	r := newReplicas(t, 1, 3)
	name, url := r.database(t)
	behind := servers(t, "clickhouse://"+r.shards[0][2].Addr()+"/"+name, 1, clickhousestore.Options{})[0]
	l := servers(t, url, 1, clickhousestore.Options{})[0]
	batches := someBatches(29, 2, 20)
	postLoop(t, behind, batches[0])
	r.run(t, "SYSTEM STOP FETCHES "+name+".events_shard", 0, 1)
	var posting sync.WaitGroup
	posting.Go(func() {
		if _, err := behind.Post(t.Context(), 0, batches[1]); err != nil {
			t.Error(err)
		}
	})
	for there := ""; there != "1"; {
		var err error
		if there, err = r.shards[0][2].Query(t.Context(), "SELECT count() > 0 FROM system.processes WHERE query_id LIKE 'tollbook-write-%' AND elapsed > 0.5"); err != nil {
			t.Fatal(err)
		}
	}
	r.run(t, "SYSTEM STOP LISTEN TCP", 2)
	brief, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := l.Define(t.Context(), 0, []tollbook.Definition{{RequestID: [16]byte{1}, Kind: tollbook.KindMark, ID: "m"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Settle(brief); err == nil {
		t.Error("folded while a replica was writing")
	}
	r.run(t, "SYSTEM START FETCHES "+name+".events_shard", 0, 1)
	posting.Wait()
	r.run(t, "SYSTEM START LISTEN TCP", 2)
	settleLoop(t, l)
	model := storetest.NewModel()
	for _, batch := range batches {
		if _, err := model.Post(t.Context(), 0, batch); err != nil {
			t.Fatal(err)
		}
	}
	wantRecords(t, l, model, "acme")
}

// TestReplicaLagsBehind: what a replica does not have yet of how the tables are is
// waited for.
func TestReplicaLagsBehind(t *testing.T) {
	r := newReplicas(t, 1, 3)
	name, url := r.database(t)
	settled := servers(t, url, 1, clickhousestore.Options{})[0] // so that all have all
	if err := settled.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.run(t, "SYSTEM SYNC REPLICA "+name+".layout", 2)
	r.run(t, "SYSTEM SYNC REPLICA "+name+".migrations", 2)
	r.run(t, "SYSTEM STOP FETCHES "+name+".migrations", 2)
	r.run(t, "INSERT INTO "+name+".migrations (version, name) SETTINGS insert_quorum = 2, insert_quorum_parallel = 0 VALUES (1000, 'of the future')", 0)
	time.AfterFunc(time.Second, func() {
		if err := r.shards[0][2].Exec(t.Context(), "SYSTEM START FETCHES "+name+".migrations"); err != nil {
			t.Error(err)
		}
	})
	l, err := clickhousestore.Open(t.Context(), "clickhouse://"+r.shards[0][2].Addr()+"/"+name, clickhousestore.Options{})
	if err == nil {
		t.Fatal("opened by what a replica that lags behind says", l.Close())
	}
	if !strings.Contains(err.Error(), "newer") {
		t.Error(err)
	}
}
