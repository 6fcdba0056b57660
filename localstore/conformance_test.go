package localstore

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
	"tollbook/checktest"
	"tollbook/storetest"
)

// memDriver is a data directory in a crashable file system in memory.
type memDriver struct {
	fs   *crashFS
	seed int64
}

func (d *memDriver) Open(t testing.TB) tollbook.Ledger {
	s, err := Open("data", tiny(d.fs))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (d *memDriver) Crash(testing.TB) storetest.Driver {
	d.seed++
	clone := d.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(d.seed*37) % 101, RNG: rand.New(rand.NewPCG(uint64(d.seed), 0))})
	return &memDriver{fs: clone, seed: d.seed}
}

func newMemDriver(testing.TB) storetest.Driver { return &memDriver{fs: newCrashFS()} }

func TestConformance(t *testing.T) { storetest.Run(t, newMemDriver) }

func TestHistories(t *testing.T) {
	checktest.Leave(t)
	storetest.Histories(t, newMemDriver, 2)
}
