package clickhousestore_test

import (
	"io"
	"os"
	"regexp"
	"testing"
	"time"

	"tollbook/checktest"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
)

// withRights returns options of a server whose user tollbook may do with a database
// what docs/clickhouse.md says that it needs, and no more.
func withRights(t *testing.T, database string) clickhousetest.Options {
	t.Helper()
	doc, err := os.ReadFile("../docs/clickhouse.md")
	if err != nil {
		t.Fatal(err)
	}
	var grants []string
	for _, m := range regexp.MustCompile(`(?m)^(GRANT .*) TO tollbook;`).FindAllStringSubmatch(string(doc), -1) {
		grants = append(grants, regexp.MustCompile(` tollbook(_arriving)?\.`).ReplaceAllString(m[1], " "+database+"$1."))
	}
	if len(grants) < 5 {
		t.Fatalf("the page grants %q", grants)
	}
	return clickhousetest.Options{Users: []clickhousetest.User{{Name: "tollbook", Grants: grants}},
		Config: "<access_control_improvements><select_from_system_db_requires_grant>1</select_from_system_db_requires_grant><select_from_information_schema_requires_grant>1</select_from_information_schema_requires_grant><table_engines_require_grant>1</table_engines_require_grant></access_control_improvements>"}
}

// TestRights does everything as a user that may do no more than it needs.
func TestRights(t *testing.T) {
	checktest.Leave(t)
	o := withRights(t, "test_1")
	o.InMemory = true
	onPlaces(t, o, func(t *testing.T, p place) {
		ctx := t.Context()
		all := p.nodes()
		for _, s := range all {
			if err := s.Exec(ctx, "CREATE DATABASE test_1"); err != nil {
				t.Fatal(err)
			}
		}
		url := "clickhouse://tollbook@" + all[0].Addr() + "/test_1"
		migrate := clickhousestore.MigrateOptions{Out: io.Discard}
		if len(all) > 1 {
			migrate.Cluster = clusterName
		}
		if err := clickhousestore.Migrate(ctx, url, migrate); err != nil {
			t.Fatal(err)
		}
		l := servers(t, url, 1, clickhousestore.Options{})[0]
		batches := someBatches(35, 2, 60)
		wantAllOnce(t, l, batches)
		voidOne(t, l, 0)
		if err := l.Settle(ctx); err != nil {
			t.Error(err)
		}
		if _, err := l.Once(ctx, [16]byte{1}, time.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
		if _, err := l.Lease(ctx, "work", [16]byte{1}, time.Minute); err != nil {
			t.Error(err)
		}
		if err := l.Rebuild(ctx, nil); err != nil {
			t.Error(err)
		}
		wantVerified(t, l)
	})
}
