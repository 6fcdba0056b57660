package clickhousestore_test

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"tollbook/checktest"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
)

// TestRights does everything as a user that may do what docs/clickhouse.md says
// that it needs, and no more.
func TestRights(t *testing.T) {
	checktest.Leave(t)
	doc, err := os.ReadFile("../docs/clickhouse.md")
	if err != nil {
		t.Fatal(err)
	}
	var grants []string
	for _, m := range regexp.MustCompile(`(?m)^(GRANT .*) TO tollbook;`).FindAllStringSubmatch(string(doc), -1) {
		grants = append(grants, strings.ReplaceAll(m[1], " tollbook.", " test_1."))
	}
	if len(grants) < 2 {
		t.Fatalf("the page grants %q", grants)
	}
	o := clickhousetest.Options{InMemory: true, Users: []clickhousetest.User{{Name: "tollbook", Grants: grants}},
		Config: "<access_control_improvements><select_from_system_db_requires_grant>1</select_from_system_db_requires_grant><select_from_information_schema_requires_grant>1</select_from_information_schema_requires_grant><table_engines_require_grant>1</table_engines_require_grant></access_control_improvements>"}
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
