package clickhousestore

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// refusal matches what a server says that does not let another one in, also where
// that one passes it on.
var refusal = regexp.MustCompile(`(?i)\bcode: (192|193|194|497|516)\b`)

// checkAcross returns an error where a server of a cluster is not let in by those that
// it asks for their part of a table: home by all shards, these by home. What is
// configured wrong is told at once by that, and not by each event. One that is away is
// another matter, unless all must answer.
func checkAcross(ctx context.Context, l layout, name string, members []*member, limit time.Duration, all bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var asking errgroup.Group
	for _, m := range members {
		asking.Go(func() error {
			sql, whose := "SELECT count() FROM %s.log WHERE pos = 0", "the first shard has"
			if m.shard == 0 {
				sql, whose = "SELECT count() FROM %s.claims WHERE claim = toFixedString('', 16)", "all shards have"
			}
			var rows uint64
			err := m.one(ctx, fmt.Sprintf(sql, identifier(name)), &rows)
			refused := err != nil && refusal.MatchString(err.Error())
			if err == nil || !all && !refused {
				return nil
			}
			why := ""
			if refused {
				why = fmt.Sprintf(". Servers ask each other as the user default without a password, unless both %q and %q have one and the same <secret> in the configuration of all, as docs/clickhouse.md shows", l.cluster, homeOf(l.cluster))
			}
			said, _, _ := strings.Cut(err.Error(), " Stack trace:")
			return fmt.Errorf("%s cannot read what %s%s: %s", m.name, whose, why, said)
		})
	}
	return asking.Wait()
}
