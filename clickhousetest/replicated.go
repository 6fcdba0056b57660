package clickhousetest

import (
	"os"
	"testing"
	"time"

	"tollbook/checktest"
)

const (
	// replicasVariable has tests run that need replicas: they take a ZooKeeper
	// and a while.
	replicasVariable = "TOLLBOOK_TEST_REPLICAS"

	// sessionTime is after how long without a word ZooKeeper takes a server for
	// dead: its replicas are active until then.
	sessionTime = 5 * time.Second
)

// NeedReplicas skips a test where tests of replicas are not run; StartReplicated
// does the same.
func NeedReplicas(tb testing.TB) {
	tb.Helper()
	need(tb)
	needReplicas(tb)
}

func needReplicas(tb testing.TB) (java string) {
	tb.Helper()
	if os.Getenv(replicasVariable) == "" {
		checktest.Skip(tb, "it needs ZooKeeper: make replicas")
	}
	return needZooKeeper(tb)
}

// StartReplicated runs a cluster of that name with so many shards of so many
// replicas, and the ZooKeeper by which they agree. The result has the servers
// of each shard. Tables of the engines Replicated…MergeTree replicate in it;
// the macros {shard} and {replica} count from 1.
//
// Replication, quorums and deduplication are ClickHouse's own, over a real
// ZooKeeper. Two things stand in for what local mode leaves out. The engine is
// told in memory the address that a server reads from its configuration: see
// engine/interserver.go. And parts are sent to other replicas by sendParts.
func StartReplicated(tb testing.TB, name string, shards, replicas int, o Options) ([][]*Server, *ZooKeeper) {
	tb.Helper()
	need(tb)
	zk := startZooKeeper(tb, needReplicas(tb))
	return start(tb, layout{cluster: name, shards: shards, replicas: replicas, zooKeeperPort: zk.port}, o), zk
}
