package clickhousestore_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"tollbook"
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

// sharedServer is one that tests share which do nothing to it: to start one takes
// as long as many of them.
func sharedServer(t *testing.T) *server {
	t.Helper()
	clickhousetest.Need(t)
	shared.once.Do(func() {
		shared.server = &server{Server: clickhousetest.Start(&shared, clickhousetest.Options{InMemory: true})}
	})
	if shared.server == nil {
		t.Fatal("the server that tests share did not start; see the test that was the first")
	}
	return shared.server
}

// shared stands for all tests: what is started for it ends with the last one.
var shared sharing

type sharing struct {
	testing.TB // nil: what is not here is not called
	once       sync.Once
	server     *server
	cleanups   []func()
	failed     bool
}

func (s *sharing) close() {
	for _, do := range slices.Backward(s.cleanups) {
		do()
	}
}

func (s *sharing) Helper()                  {}
func (s *sharing) Name() string             { return "shared" }
func (s *sharing) Context() context.Context { return context.Background() }
func (s *sharing) Cleanup(do func())        { s.cleanups = append(s.cleanups, do) }
func (s *sharing) Failed() bool             { return s.failed }

func (s *sharing) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (s *sharing) Error(args ...any) {
	s.failed = true
	fmt.Fprintln(os.Stderr, args...)
}
func (s *sharing) Errorf(format string, args ...any) { s.Error(fmt.Sprintf(format, args...)) }
func (s *sharing) Fatal(args ...any) {
	s.Error(args...)
	runtime.Goexit() // the test that was the first
}
func (s *sharing) Fatalf(format string, args ...any) { s.Fatal(fmt.Sprintf(format, args...)) }

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

// wholeVariable has all of the suite run, and in a cluster too: that takes as long
// as all other tests together.
const wholeVariable = "TOLLBOOK_TEST_WHOLE"

func whole() bool { return os.Getenv(wholeVariable) != "" }

// Thin implements storetest.Thinner: a page takes as long as fifty of a store in
// the same process.
func (d *driver) Thin() bool { return !whole() }

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
	storetest.Histories(t, sharedServer(t).newDriver, 1)
}
