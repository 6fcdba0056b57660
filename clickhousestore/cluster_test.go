package clickhousestore_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"tollbook/checktest"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
	"tollbook/storetest"
)

// cluster is ClickHouse servers, each of which is a shard.
type cluster struct {
	servers   []*clickhousetest.Server
	databases atomic.Int64
}

const clusterName = "shards"

func newCluster(t *testing.T, shards int, o clickhousetest.Options) *cluster {
	t.Helper()
	return &cluster{servers: clickhousetest.StartCluster(t, clusterName, shards, o)}
}

func (c *cluster) nodes() []*clickhousetest.Server { return c.servers }

// database makes the tables in a new database of all servers and returns its name
// and URL.
func (c *cluster) database(t testing.TB) (name, url string) {
	t.Helper()
	name = fmt.Sprintf("test_%d", c.databases.Add(1))
	url = "clickhouse://" + c.servers[0].Addr() + "/" + name
	tables(t, name, url, c.servers, clickhousestore.MigrateOptions{Cluster: clusterName})
	return name, url
}

func (c *cluster) newDriver(t testing.TB) storetest.Driver {
	name, url := c.database(t)
	return &driver{url, name}
}

// TestClusterConformance runs the suite over two shards.
func TestClusterConformance(t *testing.T) {
	if !clickhousetest.Whole() {
		checktest.Skip(t, "it takes as long as all other tests together: make replicas")
	}
	t.Parallel()
	storetest.Run(t, newCluster(t, 2, clickhousetest.Options{InMemory: true}).newDriver)
}
