package clickhousestore_test

import (
	"io"
	"strings"
	"testing"

	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
)

// TestWeights: shards with weights are refused, be these all the same: ClickHouse
// would not put a name where Tollbook looks for it.
func TestWeights(t *testing.T) {
	t.Parallel()
	const shard = "<shard><weight>2</weight><replica><host>127.0.0.1</host><port>1</port></replica></shard>"
	s := &server{Server: clickhousetest.Start(t, clickhousetest.Options{InMemory: true, Config: "<remote_servers><heavy>" + shard + shard + "</heavy><heavy_home>" + shard + "</heavy_home></remote_servers>"})}
	if err := s.Exec(t.Context(), "CREATE DATABASE d"); err != nil {
		t.Fatal(err)
	}
	err := clickhousestore.Migrate(t.Context(), s.url("d"), clickhousestore.MigrateOptions{Cluster: "heavy", Out: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "weight") {
		t.Errorf("shards with weights: %v", err)
	}
}
