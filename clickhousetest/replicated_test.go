package clickhousetest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	quorum      = " SETTINGS insert_quorum = 2, insert_quorum_timeout = 30000"
	shortQuorum = " SETTINGS insert_quorum = 2, insert_quorum_timeout = 1000"
	sequential  = " SETTINGS select_sequential_consistency = 1"
)

// replicated makes the table d.t on all replicas.
func replicated(t *testing.T, servers [][]*Server, columns, rest string) {
	t.Helper()
	for _, shard := range servers {
		for _, s := range shard {
			run(t, s, "CREATE DATABASE d",
				"CREATE TABLE d.t ("+columns+") ENGINE = ReplicatedMergeTree('/d/{shard}/t', '{replica}') "+rest)
		}
	}
}

// syncReplica waits until a replica has what its table had been given.
func syncReplica(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTime) // its own is five minutes
	defer cancel()
	if err := s.Exec(ctx, "SYSTEM SYNC REPLICA d.t"); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until a query has a result.
func eventually(t *testing.T, s *Server, sql, want string) {
	t.Helper()
	await(t, sql, s.process(), func(ctx context.Context) error {
		got, err := s.Query(ctx, sql)
		if err == nil && got != want {
			err = fmt.Errorf("it is %q, not %q", got, want)
		}
		return err
	})
}

// refused makes an insert that must not succeed, for one of these reasons.
func refused(t *testing.T, s *Server, sql string, codes ...int) {
	t.Helper()
	err := s.Exec(t.Context(), sql)
	var e *Error
	if !errors.As(err, &e) || !slices.Contains(codes, e.Code) {
		t.Errorf("%s: %v, want one of the codes %v", sql, err, codes)
	}
}

// TestReplicas: what a quorum has taken is read from the other replica, also
// after one was killed; without it there is no quorum.
func TestReplicas(t *testing.T) {
	servers, _ := StartReplicated(t, "pair", 1, 2, Options{})
	replicated(t, servers, "n UInt64", "ORDER BY n")
	a, b := servers[0][0], servers[0][1]
	run(t, a, "INSERT INTO d.t"+quorum+" VALUES (1)")
	expect(t, b, "SELECT sum(n) FROM d.t"+sequential, "1")
	run(t, b, "INSERT INTO d.t"+quorum+" VALUES (2)")
	expect(t, a, "SELECT sum(n) FROM d.t"+sequential, "3")

	b.Kill()
	const tooFewLive, unknownStatus = 285, 319
	refused(t, a, "INSERT INTO d.t"+shortQuorum+" VALUES (4)", tooFewLive, unknownStatus)
	eventually(t, a, "SELECT active_replicas FROM system.replicas", "1") // the session has ended
	refused(t, a, "INSERT INTO d.t"+shortQuorum+" VALUES (8)", tooFewLive)
	run(t, a, "INSERT INTO d.t VALUES (16)")
	expect(t, a, "SELECT sum(n) FROM d.t WHERE n >= 8", "16")

	b.Restart()
	syncReplica(t, b)
	// Of the first insert without a quorum it was not said that it is not there.
	expect(t, b, "SELECT sum(n) IN (19, 23) FROM d.t", "1")
	run(t, b, "INSERT INTO d.t"+quorum+" VALUES (32)")
	expect(t, a, "SELECT max(n) FROM d.t"+sequential, "32")
}

// TestReplicasAgree: an insert that is made on several replicas at the same
// time with one token is taken once, for ever; merges and mutations are of all.
func TestReplicasAgree(t *testing.T) {
	servers, _ := StartReplicated(t, "pair", 1, 2, Options{})
	replicated(t, servers, "n UInt64", "ORDER BY n")
	const rounds = 20
	insert := func(s *Server, round, n int) {
		sql := fmt.Sprintf("INSERT INTO d.t SETTINGS insert_deduplication_token = 'token %d' VALUES (%d)", round, n)
		if err := s.Exec(t.Context(), sql); err != nil {
			t.Error(err)
		}
	}
	for i := range rounds {
		var wg sync.WaitGroup
		for j, s := range servers[0] {
			wg.Go(func() { insert(s, i, 2*i+j) })
		}
		wg.Wait()
	}
	once := fmt.Sprintf("%d\t%[1]d", rounds)
	const counted = "SELECT count(), uniqExact(intDiv(n, 2)) FROM d.t"
	for _, s := range servers[0] {
		syncReplica(t, s)
		expect(t, s, counted, once)
	}
	for _, s := range servers[0] {
		s.Kill()
	}
	for _, s := range servers[0] {
		s.Restart()
	}
	for i, s := range servers[0] {
		insert(s, i, 1000)
		syncReplica(t, s)
		expect(t, s, counted, once)
	}

	run(t, servers[0][0], "ALTER TABLE d.t DELETE WHERE n >= 10 SETTINGS mutations_sync = 2",
		"OPTIMIZE TABLE d.t FINAL SETTINGS alter_sync = 2")
	for _, s := range servers[0] {
		expect(t, s, counted, "5\t5")
		expect(t, s, "SELECT count() FROM system.parts WHERE database = 'd' AND active", "1")
	}
}

// TestReplicasOfShards: a Distributed table writes one replica of a shard and
// reads any.
func TestReplicasOfShards(t *testing.T) {
	servers, _ := StartReplicated(t, "square", 2, 2, Options{})
	replicated(t, servers, "n UInt64", "ORDER BY n")
	for _, shard := range servers {
		for _, s := range shard {
			run(t, s, "CREATE TABLE d.all AS d.t ENGINE = Distributed(square, d, t, n)")
		}
	}
	run(t, servers[0][0], "INSERT INTO d.all SELECT number FROM numbers(100) SETTINGS distributed_foreground_insert = 1")
	for _, shard := range servers {
		for _, s := range shard {
			syncReplica(t, s)
			expect(t, s, "SELECT count() FROM d.t", "50")
		}
	}
	servers[1][0].Kill()
	expect(t, servers[0][0], "SELECT count(), sum(n) FROM d.all", "100\t4950")
}

// TestReplicasSendParts: all that parts can have is the same on the replica
// that has fetched them, by ClickHouse's own check as well.
func TestReplicasSendParts(t *testing.T) {
	servers, _ := StartReplicated(t, "pair", 1, 2, Options{})
	a, b := servers[0][0], servers[0][1]
	for kind, wideFrom := range map[string]int{"Wide": 0, "Compact": 1 << 30} {
		for _, s := range servers[0] {
			run(t, s, "CREATE DATABASE IF NOT EXISTS d", fmt.Sprintf(`CREATE TABLE d.%s (
				key FixedString(16), name LowCardinality(String), amounts Array(Int256), until DateTime,
				INDEX names name TYPE bloom_filter GRANULARITY 1,
				PROJECTION by_name (SELECT key, name, until ORDER BY name))
				ENGINE = ReplicatedMergeTree('/d/%[1]s', '{replica}') ORDER BY key TTL until + INTERVAL 1 DAY
				SETTINGS min_bytes_for_wide_part = %d, fsync_after_insert = 1, fsync_part_directory = 1`, kind, wideFrom),
				"SYSTEM STOP MERGES d."+kind)
		}
		run(t, a, fmt.Sprintf(`INSERT INTO d.%s`+quorum+` SELECT leftPad(toString(number), 16, '0'), toString(number %% 7),
			[toInt256(number) * 1000000007, -1], now() + INTERVAL number + 1000 SECOND FROM numbers(100000)`, kind),
			fmt.Sprintf(`INSERT INTO d.%s`+quorum+` VALUES ('x', 'y', [], now())`, kind))
		for _, sql := range []string{
			"SELECT count(), sum(cityHash64(*)) FROM d." + kind,
			"SELECT count() FROM d." + kind + " WHERE name = '3' SETTINGS force_optimize_projection = 1",
			"SELECT name, part_type, marks, rows, bytes_on_disk, delete_ttl_info_min, delete_ttl_info_max, hash_of_all_files " +
				"FROM system.parts WHERE active AND table = '" + kind + "' ORDER BY name",
			"SELECT parent_name, name, part_type, rows, hash_of_all_files " +
				"FROM system.projection_parts WHERE active AND table = '" + kind + "' ORDER BY parent_name, name",
		} {
			want, err := a.Query(t.Context(), sql)
			if err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			expect(t, b, sql, want)
		}
		expect(t, b, "CHECK TABLE d."+kind+" SETTINGS check_query_single_value_result = 1", "1")
		expect(t, b, "SELECT count() FROM system.parts WHERE active AND part_type = '"+kind+"'", "2")
		expect(t, b, "SELECT count() FROM system.projection_parts WHERE active AND table = '"+kind+"'", "2")
	}
}

// fetch asks a server for a part as a replica does, for 200 ms at most.
func fetch(t *testing.T, s *Server, name, version string) (int, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	query := url.Values{"endpoint": {"DataPartsExchange:/d/1/t/replicas/1"}, "part": {name}, "client_protocol_version": {version}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address(s.partsPort)+"/?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// TestReplicasFollowTheServer: a server that is stopped sends no parts, nor one
// that was killed; when it goes on it does.
func TestReplicasFollowTheServer(t *testing.T) {
	servers, _ := StartReplicated(t, "pair", 1, 2, Options{})
	replicated(t, servers, "n UInt64", "ORDER BY n")
	a, b := servers[0][0], servers[0][1]
	run(t, a, "INSERT INTO d.t VALUES (0)")
	for _, c := range []struct {
		part, version string
		status        int
	}{
		{"all_0_0_0", "10", http.StatusOK},
		{"all_1_1_0", "10", http.StatusInternalServerError}, // there is none
		{"all_0_0_0", "8", http.StatusBadRequest},
	} {
		if status, err := fetch(t, a, c.part, c.version); status != c.status || err != nil {
			t.Errorf("%s by version %s: %d, %v, want %d", c.part, c.version, status, err, c.status)
		}
	}
	for i, away := range []struct {
		leave, comeBack func()
		err             error
	}{
		{a.Stop, a.Continue, context.DeadlineExceeded},
		{a.Kill, a.Restart, syscall.ECONNREFUSED},
	} {
		run(t, b, "SYSTEM STOP FETCHES d.t")
		run(t, a, fmt.Sprintf("INSERT INTO d.t VALUES (%d)", i+1))
		away.leave()
		run(t, b, "SYSTEM START FETCHES d.t")
		if status, err := fetch(t, a, "all_0_0_0", "10"); !errors.Is(err, away.err) {
			t.Errorf("%d, %v, want %v", status, err, away.err)
		}
		expect(t, b, fmt.Sprintf("SELECT count() FROM d.t WHERE n = %d", i+1), "0")
		away.comeBack()
		eventually(t, b, "SELECT count() FROM d.t", fmt.Sprint(i+2))
	}
}

// TestReplicasWithoutZooKeeper: while ZooKeeper is away tables are read and not
// written, also by a server that is started then; afterwards both are as before.
func TestReplicasWithoutZooKeeper(t *testing.T) {
	servers, zk := StartReplicated(t, "pair", 1, 2, Options{})
	replicated(t, servers, "n UInt64", "ORDER BY n")
	a, b := servers[0][0], servers[0][1]
	run(t, a, "INSERT INTO d.t"+quorum+" VALUES (1)")
	zk.Kill()
	const readOnly, unknownStatus, keeper = 242, 319, 999
	refused(t, a, "INSERT INTO d.t SETTINGS insert_keeper_max_retries = 0 VALUES (2)", readOnly, unknownStatus, keeper)
	b.Restart()
	for _, s := range servers[0] {
		expect(t, s, "SELECT sum(n) FROM d.t", "1")
		eventually(t, s, "SELECT is_readonly FROM system.replicas", "1")
	}
	zk.Restart()
	for _, s := range servers[0] {
		eventually(t, s, "SELECT is_readonly FROM system.replicas", "0")
	}
	run(t, a, "INSERT INTO d.t"+quorum+" VALUES (4)")
	expect(t, b, "SELECT max(n) FROM d.t"+sequential, "4")
}
