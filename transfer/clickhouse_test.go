package transfer_test

import (
	"fmt"
	"io"
	"testing"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
	"tollbook/storetest"
)

// database is a database of a ClickHouse.
type database string

func (d database) open(t testing.TB) tollbook.Ledger {
	t.Helper()
	s, err := clickhousestore.Open(t.Context(), string(d), clickhousestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestHistoriesOverClickHouse copies from a directory to a ClickHouse and back,
// over and over in the middle of a history, and on to another ClickHouse.
func TestHistoriesOverClickHouse(t *testing.T) {
	t.Parallel()
	server := clickhousetest.Start(t, clickhousetest.Options{InMemory: true})
	databases := newDatabase(server)
	storetest.Histories(t, func(testing.TB) storetest.Driver { return newCopying(newMemory, databases, databases) }, 1)
}

// newDatabase returns how a database is made, in a server.
func newDatabase(server *clickhousetest.Server) func(t testing.TB) place {
	made := 0
	return func(t testing.TB) place {
		made++
		name := fmt.Sprint("copy_", made)
		must(t, server.Exec(t.Context(), "CREATE DATABASE "+name))
		url := "clickhouse://" + server.Addr() + "/" + name
		must(t, clickhousestore.Migrate(t.Context(), url, clickhousestore.MigrateOptions{Out: io.Discard}))
		return database(url)
	}
}

// TestLargeOverClickHouse copies a month that was restated whole to a ClickHouse
// and back, both killed on the way.
func TestLargeOverClickHouse(t *testing.T) {
	t.Parallel()
	server := clickhousetest.Start(t, clickhousetest.Options{InMemory: true})
	source := newLarge(t)
	c := newCopying()
	for _, to := range []func(t testing.TB) place{newDatabase(server), newMemory} {
		c.now = to(t)
		c.copy(t, source)
		copied := c.now.open(t)
		t.Cleanup(func() { must(t, copied.Close()) })
		wantSame(t, source, copied)
		source = copied
	}
}
