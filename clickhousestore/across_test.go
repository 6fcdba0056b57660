package clickhousestore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tollbook/clickhousestore"
)

// TestAcross: a cluster whose servers do not let each other in is not served, and the
// one and the other is told; with a secret, as docs/clickhouse.md shows, they do.
func TestAcross(t *testing.T) {
	t.Parallel()
	o := withRights(t, "test_1")
	o.Dir = t.TempDir()
	c := newCluster(t, 2, o)
	_, url := c.database(t)
	url = strings.Replace(url, "://", "://tollbook@", 1)
	edit := func(server int, file, old, replacement string) {
		t.Helper()
		name := filepath.Join(o.Dir, string(rune('a'+server)), file)
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), old) {
			t.Fatalf("%s has no %s", name, old)
		}
		if err := os.WriteFile(name, []byte(strings.ReplaceAll(string(text), old, replacement)), 0o600); err != nil {
			t.Fatal(err)
		}
		c.servers[server].Kill()
		c.servers[server].Restart()
	}
	refused := func(server int, whose string) {
		t.Helper()
		for what, err := range refusals(t, url) {
			if err == nil || !strings.Contains(err.Error(), c.servers[server].Addr()+" cannot read what "+whose) || !strings.Contains(err.Error(), "<secret>") {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	// Whoever asks as default may not read the tables.
	const all, few = "<access_management>1</access_management>", "<grants><query>GRANT SELECT ON system.*</query><query>GRANT SYSTEM ON *.*</query></grants>"
	edit(1, "users.xml", all, few)
	refused(0, "all shards have")
	edit(1, "users.xml", few, all)
	edit(0, "users.xml", all, few)
	refused(1, "the first shard has")
	edit(1, "users.xml", all, few)
	for i := range c.servers {
		edit(i, "config.xml", "<"+clusterName+">", "<"+clusterName+"><secret>s</secret>")
		edit(i, "config.xml", "<"+clusterName+"_home>", "<"+clusterName+"_home><secret>s</secret>")
	}
	wantAllOnce(t, servers(t, url, 1, clickhousestore.Options{})[0], someBatches(50, 1, 20))
}
