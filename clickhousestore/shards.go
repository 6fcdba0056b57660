package clickhousestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sync/errgroup"

	"tollbook"
)

// topology is the servers that hold the tables. On one server that is the only
// shard and the only member.
type topology struct {
	layout  layout
	name    string     // of the database
	shards  []database // each by the first of its replicas that answers; the first is home
	members []*member
	gate    *gate // nil: no replicas
}

// member is one server.
type member struct {
	database
	name       string    // "": there is only one
	shard      int       // 0 is home
	silent     time.Time // since when it has not answered; zero: it does
	replicated bool
}

// arriving is where a replica has its tables until it has their rows.
func arriving(database string) string { return database + "_arriving" }

// ownTables is the condition of the tables of the ledger in a list of a server's,
// those that are arriving among them.
func (t *topology) ownTables() string {
	return fmt.Sprintf("database IN (%s, %s)", quote(t.name), quote(arriving(t.name)))
}

// openTopology connects to all servers of a layout.
func openTopology(ctx context.Context, a *address, home database, l layout) (t topology, err error) {
	t = topology{layout: l, shards: []database{home}, members: []*member{{database: home}}, gate: a.gate}
	if err := home.one(ctx, "SELECT currentDatabase()", &t.name); err != nil {
		return t, err
	}
	if l.cluster == "" {
		return t, errors.Join(a.ofOne(), home.ofOne(ctx))
	}
	if err := a.ofCluster(); err != nil {
		return t, err
	}
	nodes, err := readNodes(ctx, home.conn, l.cluster)
	if err != nil {
		return t, err
	}
	if err := checkShards(ctx, home.conn, l.cluster, nodes); err != nil {
		return t, err
	}
	if t.members, err = openMembers(a.in(anyDatabase), l, nodes); err != nil {
		return t, err
	}
	if err := checkNodes(ctx, l.cluster, t.members, nodes); err != nil {
		return t, errors.Join(err, t.close())
	}
	replicas := map[int][]string{}
	for _, n := range nodes {
		replicas[n.shard] = append(replicas[n.shard], n.String())
	}
	for i := 1; i < len(replicas); i++ {
		err := a.gate.watch(replicas[i])
		if err != nil {
			return t, errors.Join(err, t.close())
		}
		conn, err := a.open(l.settings(), replicas[i]...)
		if err != nil {
			return t, errors.Join(err, t.close())
		}
		t.shards = append(t.shards, database{conn})
	}
	if err := checkAcross(ctx, l, t.name, t.members, answerTime, false); err != nil {
		return t, errors.Join(err, t.close())
	}
	return t, nil
}

// anyDatabase is one that each server has, also one that has not been given the
// ledger's yet.
const anyDatabase = "system"

// openMembers connects to each server of a cluster.
func openMembers(a *address, l layout, nodes []node) (all []*member, err error) {
	for _, n := range nodes {
		conn, err := a.open(l.settings(), n.String())
		if err != nil {
			return nil, errors.Join(err, closeMembers(all))
		}
		all = append(all, &member{database: database{conn}, name: n.String(), shard: n.shard, replicated: l.replicated})
	}
	return all, nil
}

func closeMembers(all []*member) (err error) {
	for _, m := range all {
		err = errors.Join(err, m.conn.Close())
	}
	return err
}

// ofOne returns an error unless the tables are one server's alone: a cut would not
// wait for what others write into them.
func (d *database) ofOne(ctx context.Context) error {
	var engine string
	err := d.one(ctx, "SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'events'", &engine)
	if err == nil && engine != "MergeTree" {
		err = fmt.Errorf("the tables are to lie on one server, and this ClickHouse has made them as %s, which several write: it takes servers of one's own, or a cluster of them", engine)
	}
	return err
}

// close lets go of all connections but those to home.
func (t *topology) close() (err error) {
	t.gate.close()
	if t.layout.cluster == "" {
		return nil
	}
	for _, s := range t.shards[1:] {
		err = errors.Join(err, s.conn.Close())
	}
	return errors.Join(err, closeMembers(t.members))
}

// shardOfAccount and shardOfClaim return in which shard rows lie: see sharded.
func (t *topology) shardOfAccount(id string) int {
	return int(xxhash.Sum64String(id) % uint64(len(t.shards)))
}

func (t *topology) shardOfClaim(c *tollbook.Claim) int {
	return int(xxhash.Sum64(c[:]) % uint64(len(t.shards)))
}

// onShards calls f for each shard, all at once.
func (t *topology) onShards(ctx context.Context, f func(ctx context.Context, i int, d *database) error) error {
	if len(t.shards) == 1 {
		return f(ctx, 0, &t.shards[0])
	}
	var all errgroup.Group // what one refuses is not taken from the others
	for i := range t.shards {
		all.Go(func() error { return f(ctx, i, &t.shards[i]) })
	}
	return all.Wait()
}

// statementTime bounds how long a statement that writes may run on a server.
const statementTime = 30 * time.Second
