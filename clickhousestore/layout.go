package clickhousestore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"
)

// layout says how the tables lie. On one server each table is there once. In a
// cluster what grows with the events lies in shards, and everything else on
// the first shard, which is home; every statement names the same tables.
type layout struct {
	cluster    string // "": one server
	replicated bool   // tables are copied among the replicas of a shard
}

func (l layout) String() string {
	switch {
	case l.cluster == "":
		return "on one server"
	case l.replicated:
		return fmt.Sprintf("in the cluster %q, replicated", l.cluster)
	}
	return fmt.Sprintf("in the cluster %q, not replicated", l.cluster)
}

// homeOf names the cluster that has the first shard of a cluster alone.
func homeOf(cluster string) string { return cluster + "_home" }

// sharded is by what the rows of a table are spread over the shards; the rest of
// the tables are at home. An account's events are in one shard, as are its
// records; a name is in one shard whoever's it is.
var sharded = map[string]string{
	"events":        "xxHash64(account)",
	"claims":        "xxHash64(claim)",
	"tallies":       "xxHash64(account)",
	"records":       "xxHash64(account_id)",
	"records_by_id": "xxHash64(account_id)",
	"past":          "xxHash64(account_id)",
}

// fromHome is what other shards read at home: the end of the log, which is the
// fence for what is written into them, and which of their rows do not count.
var fromHome = map[string]string{
	"log":     "pos UInt64, head UInt64",
	"repeats": "claim FixedString(16), batch UInt64, item UInt32",
}

// shardSuffix is of the table in a shard; the name without it is all of them.
const shardSuffix = "_shard"

// here returns the name of the part of a table that a shard has itself.
func (l layout) here(table string) string {
	if l.cluster == "" || sharded[table] == "" {
		return table
	}
	return table + shardSuffix
}

// engine matches what a statement of a migration says of how a table is kept.
var (
	createTable = regexp.MustCompile(`^CREATE TABLE IF NOT EXISTS (\w+) \(`)
	engine      = regexp.MustCompile(`(?m)^\) ENGINE = (\w*)MergeTree(?:\((\w+)\))? `)
	comments    = regexp.MustCompile(`(?m)^--.*\n`)
)

// copying matches a statement that copies a table to another, at once or from
// then on.
var copying = regexp.MustCompile(`^(INSERT INTO |CREATE MATERIALIZED VIEW IF NOT EXISTS \w+ TO )(\w+)( (?:AS )?SELECT \* FROM )(\w+)$`)

// renderCopying returns such a statement for a shard: each copies its own.
func (l layout) renderCopying(bare string) []string {
	m := copying.FindStringSubmatch(bare)
	if m == nil || sharded[m[2]] == "" || sharded[m[2]] != sharded[m[4]] {
		return nil
	}
	return []string{m[1] + l.here(m[2]) + m[3] + l.here(m[4])}
}

// altering matches a statement that changes how a table is kept.
var altering = regexp.MustCompile(`^ALTER TABLE (\w+)( MODIFY SETTING [^;]*)$`)

// render returns a statement of a migration, which is written for one server, as
// it is to be run on a server of the layout.
func (l layout) render(sql string, home bool, database string) ([]string, error) {
	if l.cluster == "" {
		return []string{sql}, nil
	}
	bare := strings.TrimSpace(comments.ReplaceAllString(sql, ""))
	if copied := l.renderCopying(bare); copied != nil {
		return copied, nil
	}
	if m := altering.FindStringSubmatch(bare); m != nil {
		if sharded[m[1]] == "" && !home {
			return nil, nil
		}
		return []string{"ALTER TABLE " + l.here(m[1]) + m[2]}, nil
	}
	name := createTable.FindStringSubmatch(bare)
	if name == nil || engine.FindString(bare) == "" {
		return nil, fmt.Errorf("it is not known how to run this in a cluster: %s", sql)
	}
	table := name[1]
	key, isSharded := sharded[table]
	if !isSharded && !home {
		columns := fromHome[table]
		if columns == "" {
			return nil, nil
		}
		return []string{fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s (%s) ENGINE = Distributed(%s, %s, '%[1]s')", table, columns, quote(homeOf(l.cluster)), quote(database))}, nil
	}
	if l.replicated {
		bare = strings.Replace(bare, "non_replicated_deduplication_window", "replicated_deduplication_window", 1)
		bare = engine.ReplaceAllStringFunc(bare, func(s string) string {
			m := engine.FindStringSubmatch(s)
			args := quote("/tollbook/"+l.cluster+"/"+database+"/{shard}/"+table) + ", '{replica}'"
			if m[2] != "" {
				args += ", " + m[2]
			}
			return fmt.Sprintf(") ENGINE = Replicated%sMergeTree(%s) ", m[1], args)
		})
	}
	if !isSharded {
		return []string{bare}, nil
	}
	here := l.here(table)
	return []string{
		strings.Replace(bare, "CREATE TABLE IF NOT EXISTS "+table, "CREATE TABLE IF NOT EXISTS "+here, 1),
		fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s AS %s ENGINE = Distributed(%s, %s, '%s', %s)", table, here, quote(l.cluster), quote(database), here, key),
	}, nil
}

// quorumTimeout is how long a write waits for the majority.
const quorumTimeout = 20 * time.Second

// settings are those of every statement.
func (l layout) settings() map[string]any {
	settings := map[string]any{}
	if l.cluster != "" {
		settings["distributed_foreground_insert"] = 1 // what is answered for is written
		settings["skip_unavailable_shards"] = 0
		settings["distributed_product_mode"] = "global"
		settings["query_plan_optimize_lazy_materialization"] = 0 // fails over Distributed, code 10
		// Each shard sends the names of its events to where they belong.
		settings["parallel_distributed_insert_select"] = 1
	}
	if l.replicated {
		// One write at a time is on its way to the majority, so shards do not
		// send at once.
		settings["parallel_distributed_insert_select"] = 0
		// A majority of replicas has what is answered for, and who reads has
		// what a majority has.
		settings["insert_quorum"] = "auto"
		settings["insert_quorum_parallel"] = 0
		settings["insert_quorum_timeout"] = quorumTimeout.Milliseconds()
		settings["load_balancing"] = "in_order"
		// That is not so of one that lacks something else: see gate.
		settings["max_replica_delay_for_distributed_queries"] = lackedFor + 1
		settings["fallback_to_stale_replicas_for_distributed_queries"] = 0
	}
	return settings
}

// readLayout returns the layout that was made; there is none yet without there.
func readLayout(ctx context.Context, conn driver.Conn) (l layout, there bool, err error) {
	var tables uint64
	if err := conn.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'layout'").Scan(&tables); err != nil || tables == 0 {
		return l, false, err
	}
	d := &database{conn}
	err = d.query(ctx, "SELECT cluster, replicated FROM layout LIMIT 1", func(rows driver.Rows) error {
		var replicated uint8
		err := rows.Scan(&l.cluster, &replicated)
		l.replicated, there = replicated != 0, true
		return err
	})
	return l, there, err
}

// checkShards returns an error unless a cluster has as many shards as when the
// tables were made. With another number names are looked for where they are not.
func checkShards(ctx context.Context, conn driver.Conn, cluster string, nodes []node) error {
	var noted uint8
	if err := conn.QueryRow(ctx, "SELECT count() > 0 FROM system.columns WHERE database = currentDatabase() AND table = 'layout' AND name = 'shards'").Scan(&noted); err != nil || noted == 0 {
		return err
	}
	var shards uint32
	d := &database{conn}
	if err := d.one(ctx, "SELECT max(shards) FROM layout", &shards); err != nil {
		return err
	}
	if have := shardsOf(nodes); shards != 0 && int(shards) != have {
		return fmt.Errorf("the tables were made in %d shards, and the cluster %q has %d: make its configuration what it was; a ledger moves into other shards by tollbook copy", shards, cluster, have)
	}
	return nil
}

// shardsOf returns how many shards servers are in.
func shardsOf(nodes []node) int { return nodes[len(nodes)-1].shard + 1 }

// node is a server of a cluster.
type node struct {
	host    string
	port    uint16
	shard   int // from 0; 0 is home
	replica int
	weight  uint32 // of the shard
}

func (n node) String() string { return net.JoinHostPort(n.host, strconv.Itoa(int(n.port))) }

// clusterNodes returns the servers of a cluster as the server behind conn is
// configured, shard by shard, and whether it is of the first shard itself.
func clusterNodes(ctx context.Context, conn driver.Conn, cluster string) (nodes []node, atHome bool, err error) {
	rows, err := conn.Query(ctx, "SELECT host_name, port, shard_num, replica_num, is_local, shard_weight FROM system.clusters WHERE cluster = "+quote(cluster)+" ORDER BY shard_num, replica_num")
	if err != nil {
		return nil, false, err
	}
	err = each(rows, func() error {
		var n node
		var shard, replica uint32
		var local uint8
		if err := rows.Scan(&n.host, &n.port, &shard, &replica, &local, &n.weight); err != nil {
			return err
		}
		n.shard, n.replica = int(shard)-1, int(replica)-1
		nodes, atHome = append(nodes, n), atHome || local != 0 && shard == 1
		return nil
	})
	return nodes, atHome, err
}

// readNodes returns the servers of a cluster as home is configured, which conn
// leads to, shard by shard.
func readNodes(ctx context.Context, conn driver.Conn, cluster string) ([]node, error) {
	nodes, atHome, err := clusterNodes(ctx, conn, cluster)
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		if n.weight != 1 {
			return nil, fmt.Errorf("shard %d of the cluster %q has the weight %d; names would not be where they are looked for: take the weights out of the configuration of all servers", n.shard+1, cluster, n.weight)
		}
	}
	home, _, err := clusterNodes(ctx, conn, homeOf(cluster))
	if err != nil {
		return nil, err
	}
	first := 0
	for first < len(nodes) && nodes[first].shard == 0 {
		first++
	}
	switch {
	case len(nodes) == 0:
		return nil, fmt.Errorf("the server knows no cluster %q (remote_servers in its configuration)", cluster)
	case len(home) == 0:
		return nil, fmt.Errorf("the server knows no cluster %q, which must have the first shard of %q alone", homeOf(cluster), cluster)
	case !slices.Equal(home, nodes[:first]):
		return nil, fmt.Errorf("the cluster %q must have the first shard of %q, and no more", homeOf(cluster), cluster)
	case !atHome:
		return nil, errors.New("the address is of a server that is not in the first shard of the cluster; give one that is")
	}
	return nodes, nil
}

// checkNodes returns an error unless all servers of a cluster that answer are
// configured as home is: what they pass on would go elsewhere.
func checkNodes(ctx context.Context, cluster string, members []*member, nodes []node) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	first := slices.IndexFunc(nodes, func(n node) bool { return n.shard > 0 })
	if first < 0 {
		first = len(nodes)
	}
	var all errgroup.Group
	for _, m := range members {
		all.Go(func() error {
			for name, want := range map[string][]node{cluster: nodes, homeOf(cluster): nodes[:first]} {
				have, _, err := clusterNodes(ctx, m.conn, name)
				if err == nil && !slices.Equal(have, want) {
					return fmt.Errorf("%s has another cluster %q in its configuration than the first shard has: %v, not %v", m.name, name, have, want)
				}
			}
			return nil
		})
	}
	return all.Wait()
}
