package main

import (
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"tollbook/checktest"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
	"tollbook/storetest"
)

// TestKillDuringImportOverClickHouse is TestKillDuringImport over a ClickHouse:
// now the server is killed, now ClickHouse, now both. The next server is another
// one, which has nothing but the keys.
func TestKillDuringImportOverClickHouse(t *testing.T) {
	checktest.Leave(t)
	killOverClickHouse(t, []*clickhousetest.Server{clickhousetest.Start(t, clickhousetest.Options{})}, clickhousestore.MigrateOptions{Out: io.Discard})
}

// TestKillDuringImportOverCluster is the same over three shards, any of which is
// killed.
func TestKillDuringImportOverCluster(t *testing.T) {
	if !clickhousetest.Whole() {
		checktest.Skip(t, "it takes a few minutes: make replicas")
	}
	const name = "shards"
	killOverClickHouse(t, clickhousetest.StartCluster(t, name, 3, clickhousetest.Options{}), clickhousestore.MigrateOptions{Out: io.Discard, Cluster: name})
}

func killOverClickHouse(t *testing.T, nodes []*clickhousetest.Server, tables clickhousestore.MigrateOptions) {
	events, kills := 20_000, 6
	if testing.Short() {
		events, kills = 5_000, 3
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	traffic := storetest.NewTraffic(seed, storetest.TrafficSize{Events: events, Lanes: 3, MaxBatch: 400})
	for _, n := range nodes {
		if err := n.Exec(t.Context(), "CREATE DATABASE tollbook"); err != nil {
			t.Fatal(err)
		}
	}
	store := "clickhouse://" + nodes[0].Addr() + "/tollbook"
	if err := clickhousestore.Migrate(t.Context(), store, tables); err != nil {
		t.Fatal(err)
	}
	w := &killWorld{
		t: t, data: filepath.Join(t.TempDir(), "keys"), program: filepath.Join(t.TempDir(), "tollbook"), gate: newGate(t),
		env: []string{"TOLLBOOK_STORE=" + store, "TOLLBOOK_FRESHNESS=1s"},
	}
	w.link()
	w.init()
	w.serve()
	files := w.prepare(traffic)
	for k := range kills {
		w.gate.arm(1 + random.IntN(events/batchOfImport*(k+1)/(2*kills)))
		imports := w.startImports(files)
		<-w.gate.reached
		node := nodes[random.IntN(len(nodes))]
		if k%3 > 0 {
			node.Kill()
		}
		if k%3 < 2 {
			w.kill(imports)
			imports = nil
		}
		if k%3 > 0 {
			node.Restart() // in the third turn the server goes on, and so do the imports
		}
		if imports == nil {
			w.serve()
		}
		for _, i := range imports {
			w.finish(i)
		}
	}
	w.gate.arm(math.MaxInt) // never
	for _, i := range w.startImports(files) {
		w.finish(i)
	}
	for _, o := range traffic.Organizations {
		if diff := traffic.Diff(o.ID, w.records(o.ID)); diff != "" {
			t.Errorf("seed %d: %s: records differ from the model (+ is the server's):\n%.4000s", seed, o.ID, diff)
		}
	}
	if err := w.server.stop(); err != nil {
		t.Errorf("the server did not stop cleanly: %v", err)
	}
	verify := exec.Command(w.program, "verify")
	verify.Env = append(os.Environ(), w.env...)
	if out, err := verify.CombinedOutput(); err != nil {
		t.Errorf("verify: %v: %s", err, out)
	}
}

// finish waits for an import, some of whose events are rejected.
func (w *killWorld) finish(i *exec.Cmd) {
	w.t.Helper()
	if err := i.Wait(); i.ProcessState.ExitCode() != exitFailed {
		w.t.Fatalf("an import ended with %v: %s", err, i.Stderr)
	}
}
