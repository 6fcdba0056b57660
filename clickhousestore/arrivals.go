package clickhousestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// arrivals returns the writes into tables that are on their way to the majority
// of a shard's replicas, or errUnheard where too few replicas can tell. A
// statement that has ended may leave one behind: it was refused, as its time was
// up, and yet another replica may fetch what the first one has. Until then it is
// not seen, and a fold does not count it.
//
// A write is on its way as long as so many replicas lack it, or cannot be asked,
// that the rest is no majority. Where nobody who is there has it any more,
// ClickHouse gives it up.
func (b *backlogs) arrivals(ctx context.Context, tables ...string) (map[string]bool, error) {
	b.look(ctx)
	late := map[string]bool{}
	for shard := range b.store.shards {
		for _, table := range tables {
			if shard > 0 && sharded[table] == "" {
				continue
			}
			table = b.store.layout.here(table)
			if err := onTheWay(late, shardTable{shard, table}, b.of(shard, table)); err != nil {
				for _, by := range b.told {
					err = errors.Join(by.err, err)
				}
				return nil, err
			}
		}
	}
	return late, nil
}

// onTheWay adds to late the writes into a table that are on their way, by what
// its replicas have told.
func onTheWay(late map[string]bool, at shardTable, told []*backlog) error {
	all, majority := replicas(told)
	told = slices.DeleteFunc(told, func(b *backlog) bool { return !b.sure })
	if len(told) < majority {
		return fmt.Errorf("%w: too few replicas of shard %d tell what they have yet to fetch into %s", errUnheard, at.shard+1, at.table)
	}
	lacking, wanted := map[string]int{}, map[string]bool{}
	for _, b := range told {
		for part, flagged := range b.parts {
			lacking[part]++
			// A replica that copies another does not know which of its parts are.
			wanted[part] = wanted[part] || flagged || len(told) < all
		}
	}
	for part, n := range lacking {
		if wanted[part] && len(told)-n < majority {
			late[fmt.Sprintf("%d %s %s", at.shard, at.table, part)] = true
		}
	}
	return nil
}
