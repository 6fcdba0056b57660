package clickhousestore

import (
	"strings"
	"testing"
)

// TestRender holds the statements that are run in a cluster to what they must
// say; real servers run them in other tests.
func TestRender(t *testing.T) {
	one, shards, copied := layout{}, layout{cluster: "c"}, layout{cluster: "c", replicated: true}
	all, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		for _, sql := range m.statements {
			for _, l := range []layout{one, shards, copied} {
				for _, home := range []bool{true, false} {
					rendered, err := l.render(sql, home, "db")
					if err != nil {
						t.Fatal(err)
					}
					text := strings.Join(rendered, "\n")
					if isOne := l == one; isOne && text != sql {
						t.Errorf("on one server: %s", text)
					}
					if !strings.Contains(text, "MergeTree") && strings.Contains(text, "records_by_id") && strings.Contains(text, "_shard") == (l == one) {
						t.Errorf("%s, at home %t:\n%s", l, home, text)
					}
					if strings.Contains(text, "MergeTree") && l.replicated != strings.Contains(text, "ENGINE = Replicated") {
						t.Errorf("%s, at home %t:\n%s", l, home, text)
					}
					if l.replicated && strings.Contains(text, "non_replicated") {
						t.Errorf("%s, at home %t:\n%s", l, home, text)
					}
				}
			}
		}
	}
	const events = "-- What.\n\nCREATE TABLE IF NOT EXISTS claims (\n    a String\n) ENGINE = ReplacingMergeTree(version) ORDER BY a\nSETTINGS x = 1"
	got, err := copied.render(events, false, "db")
	want := []string{
		"CREATE TABLE IF NOT EXISTS claims_shard (\n    a String\n) ENGINE = ReplicatedReplacingMergeTree('/tollbook/c/db/{shard}/claims', '{replica}', version) ORDER BY a\nSETTINGS x = 1",
		"CREATE TABLE IF NOT EXISTS claims AS claims_shard ENGINE = Distributed('c', 'db', 'claims_shard', xxHash64(claim))",
	}
	if err != nil || strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("rendered\n%s\nwant\n%s\n%v", strings.Join(got, "\n"), strings.Join(want, "\n"), err)
	}
	got, err = copied.render("-- What.\nCREATE MATERIALIZED VIEW IF NOT EXISTS v TO records_by_id AS SELECT * FROM records", false, "db")
	if err != nil || strings.Join(got, "|") != "CREATE MATERIALIZED VIEW IF NOT EXISTS v TO records_by_id_shard AS SELECT * FROM records_shard" {
		t.Errorf("rendered %q, %v", got, err)
	}
	for _, tt := range []struct {
		table string
		home  bool
		want  string
	}{
		{"claims", true, "ALTER TABLE claims_shard MODIFY SETTING a = 1"}, {"claims", false, "ALTER TABLE claims_shard MODIFY SETTING a = 1"},
		{"folds", true, "ALTER TABLE folds MODIFY SETTING a = 1"}, {"folds", false, ""},
	} {
		got, err := shards.render("-- Why.\nALTER TABLE "+tt.table+" MODIFY SETTING a = 1", tt.home, "db")
		if err != nil || strings.Join(got, "|") != tt.want {
			t.Errorf("%s, at home %t: rendered %q, %v, want %q", tt.table, tt.home, got, err, tt.want)
		}
	}
	if _, err := shards.render("INSERT INTO claims SELECT * FROM records", true, "db"); err == nil {
		t.Error("rows of one shard are copied to another table of the same, where they do not belong")
	}
	if _, err := shards.render("ALTER TABLE events ADD COLUMN a String", true, "db"); err == nil {
		t.Error("what cannot be rendered is rendered")
	}
}
