package clickhousestore_test

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
)

// TestStrangers: a database that has been put to another use is not made a ledger's,
// and whoever asks for a ledger where there is none is told where it may be.
func TestStrangers(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, clickhousetest.Options{InMemory: true, Users: []clickhousetest.User{{Name: "blind", Grants: []string{"GRANT SELECT ON system.*"}}}})
	name, url := c.database(t)
	home, other := c.servers[0], c.servers[1]
	run := func(s *clickhousetest.Server, statements ...string) {
		t.Helper()
		for _, sql := range statements {
			if err := s.Exec(t.Context(), sql); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
		}
	}
	const table = " (a String) ENGINE = MergeTree ORDER BY a"
	run(home, "CREATE DATABASE mine", "CREATE TABLE mine.events"+table, "CREATE TABLE mine.of_no_matter"+table, "CREATE DATABASE half")
	run(other, "CREATE DATABASE mine")
	of := func(s *clickhousetest.Server, database string) string {
		return "clickhouse://" + s.Addr() + "/" + database
	}
	inCluster := clickhousestore.MigrateOptions{Cluster: clusterName, Out: io.Discard}
	for _, tt := range []struct {
		what, url     string
		o             clickhousestore.MigrateOptions
		migrate, open string // what they say
	}{
		{"tables of others", of(home, "mine"), clickhousestore.MigrateOptions{}, "has not made: give the ledger a database of its own: events", "a database of its own"},
		{"tables of others in a cluster", of(home, "mine"), inCluster, "a database of its own on " + home.Addr() + ": events", "a database of its own"},
		{"another shard", of(other, name), clickhousestore.MigrateOptions{}, "not the first one", "not the first one"},
		{"no rights", strings.Replace(url, "://", "://blind@", 1), clickhousestore.MigrateOptions{}, "", "lacks the rights"},
		{"no database on a server", of(home, "half"), inCluster, "no database `half` on " + other.Addr(), "run tollbook clickhouse migrate"},
	} {
		if tt.migrate != "" {
			tt.o.Out = io.Discard
			if err := clickhousestore.Migrate(t.Context(), tt.url, tt.o); err == nil || !strings.Contains(err.Error(), tt.migrate) {
				t.Errorf("%s: Migrate: %v", tt.what, err)
			}
		}
		s, err := clickhousestore.Open(t.Context(), tt.url, clickhousestore.Options{})
		if err == nil {
			t.Fatal(tt.what, s.Close())
		}
		if !strings.Contains(err.Error(), tt.open) {
			t.Errorf("%s: Open: %v", tt.what, err)
		}
	}

	// What was refused has decided nothing.
	if err := clickhousestore.Migrate(t.Context(), of(home, "half"), clickhousestore.MigrateOptions{Out: io.Discard}); err != nil {
		t.Error("on one server, after a cluster was refused:", err)
	}
}

// TestMigrateAtOnce: the tables may be made by several at the same time, as when all
// servers do so before they start.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	for i := range 3 {
		name := fmt.Sprintf("at_once_%d", i)
		if err := server.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if err := clickhousestore.Migrate(t.Context(), server.url(name), clickhousestore.MigrateOptions{Out: io.Discard}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		rows, err := server.Query(t.Context(), fmt.Sprintf("SELECT (SELECT count() FROM %[1]s.log), (SELECT count() FROM %[1]s.layout), (SELECT count() = max(version) FROM %[1]s.migrations)", name))
		if err != nil || rows != "1\t1\t1" {
			t.Errorf("%q, %v, want one row in log and layout, and one of each version", rows, err)
		}
		wantAllOnce(t, servers(t, server.url(name), 1, clickhousestore.Options{})[0], someBatches(uint64(i), 1, 5))
	}
}

// TestMigrateInterrupted: a first migration that was cut off behind one of its
// statements goes on.
func TestMigrateInterrupted(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	var dry strings.Builder
	if err := clickhousestore.Migrate(t.Context(), server.url("default"), clickhousestore.MigrateOptions{DryRun: true, Out: &dry}); err != nil {
		t.Fatal(err)
	}
	statements := strings.Split(strings.TrimSpace(dry.String()), ";\n\n")
	for n := 1; n < len(statements); n += 1 + n/4 { // above all in the beginning
		name := fmt.Sprintf("cut_off_%d", n)
		if err := server.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
			t.Fatal(err)
		}
		o, err := clickhouse.ParseDSN(server.url(name))
		if err != nil {
			t.Fatal(err)
		}
		conn, err := clickhouse.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		for _, sql := range statements[:n] {
			if err := conn.Exec(t.Context(), sql); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		if err := clickhousestore.Migrate(t.Context(), server.url(name), clickhousestore.MigrateOptions{Out: io.Discard}); err != nil {
			t.Errorf("cut off behind %s: %v", statements[n-1], err)
			continue
		}
		wantAllOnce(t, servers(t, server.url(name), 1, clickhousestore.Options{})[0], someBatches(uint64(n), 1, 5))
	}
}
