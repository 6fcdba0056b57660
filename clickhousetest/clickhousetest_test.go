package clickhousetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

const table = "CREATE TABLE d.t (n UInt64) ENGINE = MergeTree ORDER BY n"

// run runs statements that must succeed.
func run(t *testing.T, s *Server, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if err := s.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// expect compares the rows of a query.
func expect(t *testing.T, s *Server, sql, want string) {
	t.Helper()
	got, err := s.Query(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if got != want {
		t.Errorf("%s: %q, want %q", sql, got, want)
	}
}

// connect opens connections that speak the native protocol.
func connect(t *testing.T, s *Server, user, password string) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:        []string{s.Addr()},
		Auth:        clickhouse.Auth{Username: user, Password: password},
		DialTimeout: startTime,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestAnswers(t *testing.T) {
	s := Start(t, Options{})
	expect(t, s, "SELECT version() LIKE '26.7.%'", "1")

	version, err := connect(t, s, "default", "").ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	if v := version.Version; v.Major != 26 || v.Minor != 7 {
		t.Errorf("version %v, want 26.7", v)
	}
}

// TestErrors: the code of an error comes through, and an error that is found
// after rows were made is an error.
func TestErrors(t *testing.T) {
	s := Start(t, Options{})
	for sql, code := range map[string]int{
		"SELECT": 62,
		"1":      62, // in local mode, SELECT 1
		"SELECT throwIf(number = 1000000) FROM numbers(2000000) SETTINGS max_block_size = 1000": 395,
	} {
		_, err := s.Query(t.Context(), sql)
		var e *Error
		if !errors.As(err, &e) || e.Code != code {
			t.Errorf("%s: %v, want an error of code %d", sql, err, code)
		}
	}
}

// TestKill: what was acknowledged before the server was killed is there when
// it runs again, over and over, on the same ports.
func TestKill(t *testing.T) {
	s := Start(t, Options{})
	run(t, s, "CREATE DATABASE d", table)
	addr, url := s.Addr(), s.HTTPURL()
	const kills = 3
	for i := range kills {
		batch, err := connect(t, s, "default", "").PrepareBatch(t.Context(), "INSERT INTO d.t")
		if err != nil {
			t.Fatal(err)
		}
		if err := batch.Append(uint64(i)); err != nil {
			t.Fatal(err)
		}
		if err := batch.Send(); err != nil {
			t.Fatal(err)
		}
		pid := s.Pid()
		s.Kill()
		if _, err := s.Query(t.Context(), "SELECT 1"); err == nil {
			t.Error("a server answers that was killed")
		}
		s.Restart()
		if s.Pid() == pid {
			t.Error("it is the same process")
		}
		expect(t, s, "SELECT count(), sum(n) FROM d.t", fmt.Sprintf("%d\t%d", i+1, i*(i+1)/2))
	}
	if s.Addr() != addr || s.HTTPURL() != url {
		t.Error("it is on other ports")
	}
	expect(t, s, "SELECT engine FROM system.databases WHERE name = 'd'", "Atomic")
}

// TestStop: a server that is stopped takes connections and does not answer.
func TestStop(t *testing.T) {
	s := Start(t, Options{})
	s.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := s.Query(ctx, "SELECT 1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a server that is stopped: %v, want no answer in time", err)
	}
	s.Continue()
	expect(t, s, "SELECT 1", "1")

	s.Stop()
	s.Kill() // which must not wait for a server to go on
	if err := s.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("a server answers that was killed")
	}
}

func TestUsers(t *testing.T) {
	s := Start(t, Options{Users: []User{
		{Name: "writer", Password: `<&"secret`},
		{Name: "reader", Password: "r", Settings: map[string]string{"readonly": "1"}},
		{Name: "guest", Password: "g", Grants: []string{"GRANT SELECT ON d.t"}},
	}})
	run(t, s, "CREATE DATABASE d", table, "CREATE TABLE d.other AS d.t")
	const insert, sel, other = "INSERT INTO d.t VALUES (1)", "SELECT count() FROM d.t", "SELECT count() FROM d.other"
	const readonly, denied = 164, 497
	for _, c := range []struct {
		user, password, sql string
		code                int // 0: it succeeds
	}{
		{"writer", `<&"secret`, insert, 0},
		{"writer", "wrong", sel, AuthenticationFailed},
		{"nobody", "", sel, AuthenticationFailed},
		{"reader", "r", sel, 0},
		{"reader", "r", insert, readonly},
		{"guest", "g", sel, 0},
		{"guest", "g", other, denied},
	} {
		_, err := s.QueryAs(t.Context(), c.user, c.password, c.sql)
		var e *Error
		code := 0
		if errors.As(err, &e) {
			code = e.Code
		} else if err != nil {
			t.Fatal(err)
		}
		if code != c.code {
			t.Errorf("%s as %s with %s: %v, want code %d", c.sql, c.user, c.password, err, c.code)
		}
	}

	if err := connect(t, s, "writer", `<&"secret`).Ping(t.Context()); err != nil {
		t.Error(err)
	}
	var e *clickhouse.Exception
	if err := connect(t, s, "writer", "wrong").Ping(t.Context()); !errors.As(err, &e) || e.Code != AuthenticationFailed {
		t.Errorf("a wrong password: %v", err)
	}
}

// TestCluster: a Distributed table over two servers spreads rows, reads them
// all, and fails while one is gone.
func TestCluster(t *testing.T) {
	nodes := StartCluster(t, "pair", 2, Options{})
	for _, s := range nodes {
		run(t, s, "CREATE DATABASE d", table, "CREATE TABLE d.all AS d.t ENGINE = Distributed(pair, d, t, n)")
	}
	run(t, nodes[0], "INSERT INTO d.all SELECT number FROM numbers(100) SETTINGS distributed_foreground_insert = 1")
	for _, s := range nodes {
		expect(t, s, "SELECT count() FROM d.t", "50")
		expect(t, s, "SELECT count(), sum(n) FROM d.all", "100\t4950")
	}
	nodes[1].Kill()
	if _, err := nodes[0].Query(t.Context(), "SELECT count() FROM d.all"); err == nil {
		t.Error("all rows were counted without one of the servers")
	}
	nodes[1].Restart()
	expect(t, nodes[0], "SELECT count(), sum(n) FROM d.all", "100\t4950")
}

// TestDeduplication: an insert with a token that the table has seen is not
// made again, also after the server was killed.
func TestDeduplication(t *testing.T) {
	s := Start(t, Options{})
	run(t, s, "CREATE DATABASE d", table+" SETTINGS non_replicated_deduplication_window = 100")
	insert := func(token string, n int) {
		t.Helper()
		run(t, s, fmt.Sprintf("INSERT INTO d.t SETTINGS insert_deduplication_token = '%s' VALUES (%d)", token, n))
	}
	insert("a", 1)
	insert("a", 1)
	expect(t, s, "SELECT count() FROM d.t", "1")
	insert("b", 1) // the same row, another token
	expect(t, s, "SELECT count() FROM d.t", "2")
	s.Kill()
	s.Restart()
	insert("a", 1)
	insert("b", 1)
	expect(t, s, "SELECT count() FROM d.t", "2")
}

// TestBackgroundWork: merges and mutations run, few as the threads are.
func TestBackgroundWork(t *testing.T) {
	s := Start(t, Options{})
	run(t, s, "CREATE DATABASE d", table, "INSERT INTO d.t VALUES (1)", "INSERT INTO d.t VALUES (2)",
		"ALTER TABLE d.t DELETE WHERE n = 1 SETTINGS mutations_sync = 2",
		"OPTIMIZE TABLE d.t FINAL")
	expect(t, s, "SELECT count(), any(n) FROM d.t", "1\t2")
	expect(t, s, "SELECT count() FROM system.parts WHERE database = 'd' AND active", "1")
}

// TestSmallDisk: a disk can be full, and an insert that does not fit is
// refused and leaves nothing.
func TestSmallDisk(t *testing.T) {
	s := Start(t, Options{DiskBytes: 16 << 20})
	run(t, s, "CREATE DATABASE d", table+" SETTINGS min_bytes_for_wide_part = 0", "INSERT INTO d.t VALUES (1)")
	const full = 243 // NOT_ENOUGH_SPACE
	err := s.Exec(t.Context(), "INSERT INTO d.t SELECT rand64() FROM numbers(4000000) SETTINGS max_insert_block_size = 4000000, min_insert_block_size_rows = 4000000")
	var e *Error
	if !errors.As(err, &e) || e.Code != full {
		t.Errorf("32 MB into 16 MB: %v, want code %d", err, full)
	}
	expect(t, s, "SELECT count() FROM d.t", "1")
	run(t, s, "INSERT INTO d.t VALUES (2)")
	s.Kill()
	s.Restart()
	expect(t, s, "SELECT count() FROM d.t", "2")
}

// TestFewResources: memory has a limit, and a query above it fails without
// harm to the server.
func TestFewResources(t *testing.T) {
	s := Start(t, Options{Memory: 512 << 20})
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.Pid()), "status"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if n, ok := strings.CutPrefix(line, "Threads:"); ok {
			if threads, err := strconv.Atoi(strings.TrimSpace(n)); err != nil || threads > 40 {
				t.Errorf("%d threads, %v", threads, err)
			}
		}
	}
	const memoryLimit = 241
	err = s.Exec(t.Context(), "SELECT groupArray(number) FROM numbers(200000000) FORMAT Null")
	var e *Error
	if !errors.As(err, &e) || e.Code != memoryLimit {
		t.Errorf("more than the memory: %v, want code %d", err, memoryLimit)
	}
	expect(t, s, "SELECT 1", "1")
}

// TestClientsGoAway: a server goes on that clients leave by a reset, in the middle
// of what they say.
func TestClientsGoAway(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{InMemory: true})
	for i := range 200 {
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(make([]byte, i%3)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(conn.(*net.TCPConn).SetLinger(0), conn.Close()); err != nil {
			t.Fatal(err)
		}
	}
	run(t, s, "SELECT 1")
}
