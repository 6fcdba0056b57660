package clickhousestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// checkNew returns an error unless all servers have the database in which the tables
// are to be made first, and nothing in it that would be taken for them. How they lie
// is written down before any other is made, so what is there without that is nothing
// that an interrupted migration has left.
func (m *migrating) checkNew(ctx context.Context) error {
	if m.made {
		return nil
	}
	ours, err := m.names()
	if err != nil {
		return err
	}
	for _, s := range m.members {
		on := ""
		if s.name != "" {
			on = " on " + s.name
		}
		var there uint64
		if err := s.one(ctx, "SELECT count() FROM system.databases WHERE name = "+quote(m.database), &there); err != nil {
			return fmt.Errorf("%w%s", err, on)
		}
		if there == 0 {
			return fmt.Errorf("there is no database %s%s: CREATE DATABASE %[1]s there, as on each server of the cluster", identifier(m.database), on)
		}
		have, err := s.tables(ctx, m.database)
		if err != nil {
			return fmt.Errorf("%w%s", err, on)
		}
		if named(have, "events"+shardSuffix) != nil && m.layout.cluster == "" {
			return errOtherShard
		}
		var strangers []string
		for _, t := range have {
			first := (t.name == "migrations" || t.name == "layout") && s.shard == 0 && t.copied() == m.layout.replicated
			if ours[t.name] && !first {
				strangers = append(strangers, t.name)
			}
		}
		if len(strangers) > 0 {
			return fmt.Errorf("%w%s: %s", errStrangers, on, strings.Join(strangers, ", "))
		}
	}
	return nil
}

// errOtherShard is that an address is of a server that has a part of a ledger.
var errOtherShard = errors.New("the database is a shard of a ledger in a cluster, and not the first one, which says how the tables lie: give the address of a server of the first shard")

// errStrangers is that a database has been put to another use.
var errStrangers = errors.New("the database has tables that are called as a ledger's are, and that migrate has not made: give the ledger a database of its own")

// withoutVersion says what is to be done about a database that says nothing of the
// version of its tables.
func withoutVersion(ctx context.Context, d *database) error {
	var have []string
	if err := d.one(ctx, "SELECT groupArray(name) FROM system.tables WHERE database = currentDatabase()", &have); err != nil {
		return err
	}
	switch {
	case slices.Contains(have, "migrations"):
		return errors.New("the tables are not all there: run tollbook clickhouse migrate")
	case slices.Contains(have, "events"+shardSuffix):
		return errOtherShard
	case slices.Contains(have, "events"), slices.Contains(have, "log"):
		return errStrangers
	}
	return errors.New("the database has none of the ledger's tables: run tollbook clickhouse migrate; where that has been done, this user lacks the rights to see them, which docs/clickhouse.md lists")
}
