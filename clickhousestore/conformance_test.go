package clickhousestore_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"tollbook"
	"tollbook/checktest"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
	"tollbook/storetest"
)

// server is a ClickHouse server; each driver has a database of its own in it. Most
// tests ask what is answered, and have it in memory; those that kill, on a disk.
type server struct {
	*clickhousetest.Server
	databases atomic.Int64
}

func newServer(t *testing.T) *server {
	t.Helper()
	return &server{Server: clickhousetest.Start(t, clickhousetest.Options{InMemory: true})}
}

// shared stands for all tests: what is started for it ends with the last one.
var shared = clickhousetest.NewHost(context.Background(), "shared")

// startShared starts the server that tests share.
var startShared = sync.OnceValues(func() (s *server, err error) {
	err = shared.Run(func() {
		s = &server{Server: clickhousetest.Start(shared, clickhousetest.Options{InMemory: true})}
	})
	return s, err
})

// sharedServer is one that tests share which do nothing to it: to start one takes
// as long as many of them.
func sharedServer(t *testing.T) *server {
	t.Helper()
	clickhousetest.Need(t)
	s, err := startShared()
	if err != nil {
		t.Fatal("the server that tests share: ", err)
	}
	return s
}

// place is where databases can be made.
type place interface {
	database(t testing.TB) (name, url string)
	nodes() []*clickhousetest.Server
}

func (s *server) nodes() []*clickhousetest.Server { return []*clickhousetest.Server{s.Server} }

// onPlaces runs a test on one server and in a cluster of three.
func onPlaces(t *testing.T, o clickhousetest.Options, test func(t *testing.T, p place)) {
	t.Parallel()
	t.Run("OneServer", func(t *testing.T) { test(t, &server{Server: clickhousetest.Start(t, o)}) })
	t.Run("Cluster", func(t *testing.T) { test(t, newCluster(t, 3, o)) })
}

// tables makes the tables in a new database of all servers.
func tables(t testing.TB, name, url string, all []*clickhousetest.Server, o clickhousestore.MigrateOptions) {
	t.Helper()
	for _, s := range all {
		if err := s.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { // a server with thousands of tables is a slow one
		for _, s := range all {
			_ = s.Exec(context.WithoutCancel(t.Context()), "DROP DATABASE IF EXISTS "+name) // it may be down
		}
	})
	o.Out = io.Discard
	if err := clickhousestore.Migrate(t.Context(), url, o); err != nil {
		t.Fatal(err)
	}
}

// database makes the tables in a new database and returns its name and URL.
func (s *server) database(t testing.TB) (name, url string) {
	t.Helper()
	name = fmt.Sprintf("test_%d", s.databases.Add(1))
	url = s.url(name)
	tables(t, name, url, s.nodes(), clickhousestore.MigrateOptions{})
	return name, url
}

func (s *server) url(name string) string { return "clickhouse://" + s.Addr() + "/" + name }

// driver is a database.
type driver struct{ url, name string }

func (d *driver) Open(t testing.TB) tollbook.Ledger {
	s, err := clickhousestore.Open(t.Context(), d.url, clickhousestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Thin implements storetest.Thinner: a page takes as long as fifty of a store in
// the same process.
func (d *driver) Thin() bool { return !clickhousetest.Whole() }

// newDriver returns a database for each test.
func (s *server) newDriver(t testing.TB) storetest.Driver {
	name, url := s.database(t)
	return &driver{url, name}
}

// The suite waits for the server most of the time: what is left is done
// meanwhile.
func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, sharedServer(t).newDriver)
}

func TestHistories(t *testing.T) {
	t.Parallel()
	checktest.Leave(t)
	storetest.Histories(t, sharedServer(t).newDriver, 1)
}
