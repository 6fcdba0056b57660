package clickhousestore

import (
	"io"
	"testing"
	"time"

	"tollbook/clickhousetest"
	"tollbook/storetest"
)

// TestClockOfDatabaseGoesBack: what another server folded by a clock that was ahead
// is not taken for fresh, and settles nothing.
func TestClockOfDatabaseGoesBack(t *testing.T) {
	t.Parallel()
	server := clickhousetest.Start(t, clickhousetest.Options{InMemory: true})
	exec := func(sql string) {
		t.Helper()
		if err := server.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE DATABASE d")
	url := "clickhouse://" + server.Addr() + "/d"
	if err := Migrate(t.Context(), url, MigrateOptions{Out: io.Discard}); err != nil {
		t.Fatal(err)
	}
	open := func() *Store {
		s, err := Open(t.Context(), url, Options{Freshness: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	one, other := open(), open()
	w := storetest.NewWorkload(31, storetest.WorkloadSize{Organizations: []string{"acme"}, Accounts: 2, Months: 1, Lines: 2})
	post := func() {
		t.Helper()
		if _, err := other.Post(t.Context(), 0, w.Batch(5)); err != nil {
			t.Fatal(err)
		}
	}
	post()
	if err := other.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	cut := other.freshest.Load().cut
	exec("CREATE TABLE d.ahead AS d.folds")
	exec("INSERT INTO d.ahead SELECT cut, at + INTERVAL 1 HOUR FROM d.folds")
	exec("EXCHANGE TABLES d.ahead AND d.folds")
	post()
	if err := one.keepFresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f := one.freshest.Load(); f.cut <= cut {
		t.Errorf("what is folded up to %d by a clock that is ahead is taken for fresh: up to %s", f.cut, f.at)
	}
	post()
	before := one.freshest.Load().cut
	if err := one.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f := one.freshest.Load(); f.cut <= before {
		t.Errorf("settled without a fold")
	}
}
