// Package clickhousetest runs real ClickHouse servers for tests: on loopback,
// on ports of their own, in a few hundred milliseconds, and never for longer
// than the test. A server can be killed, stopped and started again on the same
// ports and data.
//
// scripts/clickhouse.sh installs the engine, which is not a part of this
// module. Where it is not installed, tests that need it are skipped and say so.
//
// The servers are ClickHouse in its local mode, listening. What this mode does
// not have: ON CLUSTER, the log tables of system, CREATE USER. Replicated
// tables it has with what StartReplicated adds. With async_insert an insert is
// made at once. The database default is an overlay over files; any other, made
// by CREATE DATABASE, is what it is on a server. system.processes holds one
// query more, which keeps the server up.
package clickhousetest

import (
	"os"
	"path/filepath"
	"testing"
)

// DefaultMemory is how much memory a server may use, in bytes.
const DefaultMemory = 2 << 30

// Options say what is particular about a server; the zero value is a server
// with nothing particular.
type Options struct {
	// Dir is where the server has its data, configuration and logs. By default
	// it is a directory that goes with the test.
	Dir string
	// InMemory puts that directory into memory, where there is room: for tests
	// that would wait for the disk thousands of times.
	InMemory bool
	// Users are there besides the user default, who has no password and may do
	// everything.
	Users []User
	// Memory is a limit in bytes for all queries of the server together, by
	// default DefaultMemory.
	Memory int64
	// DiskBytes, if not 0, puts the data on a disk of this size, which can be
	// full. That takes the right to mount; the test is skipped without it.
	DiskBytes int64
	// Config is XML that is added to the server's configuration.
	Config string
}

// User is a user of a server.
type User struct {
	Name, Password string
	// Settings hold for each query of the user, for example readonly.
	Settings map[string]string
	// Grants are the GRANT statements, without TO, that say what the user may
	// do. Without any it is everything.
	Grants []string
}

// Start runs a server until the end of the test, and returns when it answers.
// What it logged is shown if the test fails.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	return start(tb, layout{shards: 1, replicas: 1}, o)[0][0]
}

// StartCluster runs a cluster of that name with so many shards. Every server
// is one shard and knows the others, for Distributed tables; the cluster
// NAME_home has the first one alone.
func StartCluster(tb testing.TB, name string, shards int, o Options) []*Server {
	tb.Helper()
	var servers []*Server
	for _, replicas := range start(tb, layout{cluster: name, shards: shards, replicas: 1}, o) {
		servers = append(servers, replicas...)
	}
	return servers
}

// layout says which servers know each other.
type layout struct {
	cluster          string // its name; empty: there is one server
	shards, replicas int
	zooKeeperPort    int // 0: without replication
}

// start runs the servers of each shard.
func start(tb testing.TB, l layout, o Options) [][]*Server {
	tb.Helper()
	engine := need(tb)
	switch {
	case o.Dir != "":
	case o.InMemory:
		o.Dir = memoryDir(tb)
	default:
		o.Dir = tb.TempDir()
	}
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	servers := make([][]*Server, l.shards)
	for i := range servers {
		for j := range l.replicas {
			dir := o.Dir
			if n := i*l.replicas + j; l.shards*l.replicas > 1 {
				dir = filepath.Join(dir, string(rune('a'+n)))
			}
			s := newServer(tb, engine, dir)
			if l.zooKeeperPort != 0 {
				s.partsPort = reservePort(tb)
			}
			servers[i] = append(servers[i], s)
		}
	}
	for i, replicas := range servers {
		for j, s := range replicas {
			if o.DiskBytes > 0 {
				mountDisk(tb, s.path("data"), o.DiskBytes)
			}
			// After the mount, so that it is done before the disk is unmounted.
			tb.Cleanup(s.cleanUp)
			if err := s.configure(o, l, servers, i, j); err != nil {
				tb.Fatal(err)
			}
			s.launch()
		}
	}
	for _, replicas := range servers {
		for _, s := range replicas {
			s.await()
		}
	}
	return servers
}

// newServer takes two ports and makes the directories.
func newServer(tb testing.TB, engine engine, dir string) *Server {
	tb.Helper()
	s := &Server{tb: tb, engine: engine, dir: dir}
	for _, d := range []string{"data", "work"} {
		if err := os.MkdirAll(s.path(d), 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	s.httpPort, s.tcpPort = reservePort(tb), reservePort(tb)
	return s
}
