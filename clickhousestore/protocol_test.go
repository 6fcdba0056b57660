package clickhousestore_test

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/checktest"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
	"tollbook/storetest"
)

// httpDriver is a database that is spoken to over HTTP.
type httpDriver struct{ driver }

// TestOverHTTP runs what needs each kind of statement over the other protocol.
func TestOverHTTP(t *testing.T) {
	t.Parallel()
	checktest.Leave(t)
	server := sharedServer(t)
	some := []string{"reference-example", "past", "rerate", "unrated", "voids"}
	if clickhousetest.Whole() {
		some = nil
	}
	storetest.Scripts(t, func(t testing.TB) storetest.Driver {
		name, _ := server.database(t)
		return &httpDriver{driver{server.HTTPURL() + "/" + name, name}}
	}, some...)
}

// TestMigrate makes the tables once, however often it is called, and nothing in
// a dry run; without them, or with newer ones, nothing is opened.
func TestMigrate(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	if err := server.Exec(t.Context(), "CREATE DATABASE empty"); err != nil {
		t.Fatal(err)
	}
	url := server.url("empty")
	open := func() error {
		s, err := clickhousestore.Open(t.Context(), url, clickhousestore.Options{})
		if err == nil {
			err = s.Close()
		}
		return err
	}
	var dry, first, second strings.Builder
	if err := clickhousestore.Migrate(t.Context(), url, clickhousestore.MigrateOptions{DryRun: true, Out: &dry}); err != nil || !strings.Contains(dry.String(), "CREATE TABLE IF NOT EXISTS events") {
		t.Fatalf("dry run: %v, %q", err, dry.String())
	}
	old := clickhousestore.Migrate(t.Context(), url+"?of_a_later_version=1", clickhousestore.MigrateOptions{Out: io.Discard})
	if _, err := clickhousestore.Open(t.Context(), url+"?of_a_later_version=1", clickhousestore.Options{}); err == nil || old == nil || err.Error() != old.Error() || !strings.Contains(err.Error(), "does not know a setting") {
		t.Fatalf("where a setting is not known: %v, %v", err, old)
	}
	if err := open(); err == nil || !strings.Contains(err.Error(), "tollbook clickhouse migrate") {
		t.Fatalf("opened without tables: %v", err)
	}
	if err := clickhousestore.Migrate(t.Context(), url, clickhousestore.MigrateOptions{Out: &first}); err != nil || first.String() != "0001_ledger\n0002_leases\n0003_records_by_id\n0004_views_synced\n" {
		t.Fatalf("migrate: %v, %q", err, first.String())
	}
	for _, dryRun := range []bool{true, false} {
		if err := clickhousestore.Migrate(t.Context(), url, clickhousestore.MigrateOptions{DryRun: dryRun, Out: &second}); err != nil || second.String() != "" {
			t.Fatalf("migrate again: %v, %q", err, second.String())
		}
	}
	if err := open(); err != nil {
		t.Fatal(err)
	}
	if err := server.Exec(t.Context(), "INSERT INTO empty.migrations (version, name) VALUES (1000, 'of the future')"); err != nil {
		t.Fatal(err)
	}
	if err := open(); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Fatalf("opened with newer tables: %v", err)
	}
	if err := clickhousestore.Migrate(t.Context(), url, clickhousestore.MigrateOptions{Out: &second}); err == nil {
		t.Fatal("migrated newer tables")
	}
}

// TestSettle: a ledger whose pages may be old shows what was settled at once,
// what another server took included.
func TestSettle(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	_, url := server.database(t)
	all := servers(t, url, 2, clickhousestore.Options{Freshness: time.Hour})
	w := storetest.NewWorkload(19, storetest.WorkloadSize{Organizations: []string{"acme"}, Accounts: 2, Months: 2, Lines: 5})
	model := storetest.NewModel()
	for i := range 4 {
		if i > 0 {
			wantOld(t, all[0], model)
		}
		batch := w.Batch(50)
		if _, err := model.Post(t.Context(), 0, batch); err != nil {
			t.Fatal(err)
		}
		postLoop(t, all[i%2], batch)
		for _, s := range all {
			if err := s.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantRecords(t, s, model, "acme")
		}
	}
}

// wantOld posts one more event to a model and a store and wants the store's page
// to be without it: else nothing is tested.
func wantOld(t *testing.T, s *clickhousestore.Store, model *storetest.Model) {
	t.Helper()
	before := records(t, model, "acme")
	w := storetest.NewWorkload(uint64(len(before)), storetest.WorkloadSize{Organizations: []string{"acme"}, Accounts: 1, Months: 1, Lines: 1})
	var entry tollbook.Entry
	for entry = w.Batch(1)[0]; len(entry.Charges) == 0; entry = w.Batch(1)[0] {
	}
	if _, err := model.Post(t.Context(), 0, []tollbook.Entry{entry}); err != nil {
		t.Fatal(err)
	}
	postLoop(t, s, []tollbook.Entry{entry})
	var events int64
	for _, r := range records(t, s, "acme") {
		events += r.Events
	}
	for _, r := range before {
		events -= r.Events
	}
	if events != 0 {
		t.Errorf("a page that may be old has %d events more than when it was read last", events)
	}
}

// TestNamesOfDatabases: a database may be called anything that ClickHouse takes.
func TestNamesOfDatabases(t *testing.T) {
	t.Parallel()
	checktest.Leave(t)
	for where, nodes := range map[string][]*clickhousetest.Server{
		"OneServer": newServer(t).nodes(),
		"Cluster":   newCluster(t, 2, clickhousetest.Options{InMemory: true}).nodes(),
	} {
		for i, name := range []string{"tollbook-prod", "2026", "select", "it's `odd` \\ é"} {
			t.Run(where+"/"+name, func(t *testing.T) {
				o := clickhousestore.MigrateOptions{Out: io.Discard}
				if where == "Cluster" {
					o.Cluster = clusterName
				}
				for _, s := range nodes {
					if err := s.Exec(t.Context(), "CREATE DATABASE `"+strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name)+"`"); err != nil {
						t.Fatal(err)
					}
				}
				address := "clickhouse://" + nodes[0].Addr() + "/" + url.PathEscape(name)
				if err := clickhousestore.Migrate(t.Context(), address, o); err != nil {
					t.Fatal(err)
				}
				wantAllOnce(t, servers(t, address, 1, clickhousestore.Options{})[0], someBatches(uint64(40+i), 1, 20))
			})
		}
	}
}

// TestSeveralServersWithoutCluster: a ledger on one server is not looked for on
// another one, where it would be another ledger.
func TestSeveralServersWithoutCluster(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	name, _ := server.database(t)
	several := "clickhouse://" + server.Addr() + ",127.0.0.1:1/" + name
	s, err := clickhousestore.Open(t.Context(), several, clickhousestore.Options{})
	if err == nil {
		t.Error("opened", s.Close())
	}
	for what, err := range map[string]error{
		"Open":    err,
		"Migrate": clickhousestore.Migrate(t.Context(), several, clickhousestore.MigrateOptions{Out: io.Discard}),
	} {
		if err == nil || !strings.Contains(err.Error(), "the address names 2") {
			t.Errorf("%s by the address of two servers: %v", what, err)
		}
	}
}

// TestTablesOfSeveralServers: tables that a ClickHouse has made as those of several
// servers, as some services do, are refused.
func TestTablesOfSeveralServers(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	name, address := server.database(t)
	for _, sql := range []string{"CREATE TABLE %[1]s.other AS %[1]s.events ENGINE = Memory", "EXCHANGE TABLES %[1]s.other AND %[1]s.events"} {
		if err := server.Exec(t.Context(), fmt.Sprintf(sql, name)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := clickhousestore.Open(t.Context(), address, clickhousestore.Options{})
	if err == nil {
		t.Fatal("opened", s.Close())
	}
	if !strings.Contains(err.Error(), "Memory") {
		t.Error(err)
	}
}

// TestMigrateRecordsByID makes the records in the order of their ids out of those
// that an earlier version has written.
func TestMigrateRecordsByID(t *testing.T) {
	checktest.Leave(t)
	onPlaces(t, clickhousetest.Options{InMemory: true}, func(t *testing.T, p place) {
		name, url := p.database(t)
		before := servers(t, url, 1, clickhousestore.Options{})[0]
		for i, batch := range someBatches(44, 3, 60) {
			postLoop(t, before, batch)
			if i == 0 {
				voidOne(t, before, 0)
			}
			if err := before.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		want := records(t, before, "acme")
		for _, s := range p.nodes() {
			for _, table := range []string{"records_to_records_by_id", "records_by_id", "records_by_id_shard"} {
				if err := s.Exec(t.Context(), fmt.Sprintf("DROP TABLE IF EXISTS %s.%s SYNC", name, table)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := p.nodes()[0].Exec(t.Context(), "ALTER TABLE "+name+".migrations DELETE WHERE version >= 3 SETTINGS mutations_sync = 1"); err != nil {
			t.Fatal(err)
		}
		if s, err := clickhousestore.Open(t.Context(), url, clickhousestore.Options{}); err == nil || !strings.Contains(err.Error(), "run tollbook clickhouse migrate") {
			t.Fatal(s, err)
		}
		// The server of the version before goes on meanwhile.
		if err := clickhousestore.Migrate(t.Context(), url, clickhousestore.MigrateOptions{Out: io.Discard}); err != nil {
			t.Fatal(err)
		}
		after := servers(t, url, 1, clickhousestore.Options{})[0]
		if got := records(t, after, "acme"); !slices.Equal(got, want) {
			t.Errorf("%d records, want %d", len(got), len(want))
		}
		report, err := after.Verify(t.Context(), nil)
		if err != nil || report.Found > 0 {
			t.Errorf("%v\n%s", err, strings.Join(report.Differences, "\n"))
		}
	})
}
