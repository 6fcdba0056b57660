package clickhousestore_test

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
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

// TestNumberOfShards: a server whose configuration has other shards than the
// tables were made in is refused.
func TestNumberOfShards(t *testing.T) {
	refusesShards(t, 0, "2 shards")
}

// TestShardsOfAnotherServer: so is one where another server has them.
func TestShardsOfAnotherServer(t *testing.T) {
	refusesShards(t, 1, "another cluster")
}

// refusesShards takes a shard out of the configuration of one of two servers.
func refusesShards(t *testing.T, server int, says string) {
	t.Parallel()
	dir := t.TempDir()
	c := newCluster(t, 2, clickhousetest.Options{Dir: dir})
	_, url := c.database(t)
	config := filepath.Join(dir, string(rune('a'+server)), "config.xml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	second := regexp.MustCompile(`(?s)(</shard>)\s*<shard>.*?</shard>`)
	if err := os.WriteFile(config, second.ReplaceAll(text, []byte("$1")), 0o600); err != nil {
		t.Fatal(err)
	}
	c.servers[server].Kill()
	c.servers[server].Restart()
	for what, err := range refusals(t, url) {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s with one of two shards: %v", what, err)
		}
	}
}

// refusals returns what is said to whoever opens a ledger, and migrates it.
func refusals(t *testing.T, url string) map[string]error {
	t.Helper()
	s, err := clickhousestore.Open(t.Context(), url, clickhousestore.Options{})
	if err == nil {
		t.Error(s.Close())
	}
	return map[string]error{
		"Open":    err,
		"Migrate": clickhousestore.Migrate(t.Context(), url, clickhousestore.MigrateOptions{Out: io.Discard}),
	}
}
