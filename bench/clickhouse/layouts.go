package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// layout is another way to lay tables than migrations have.
type layout struct {
	name, what string
	edits      []edit
}

// edit replaces a part of what makes a table.
type edit struct{ table, old, new string }

// Parts of what makes tables, as ClickHouse tells them.
const (
	orderOfEvents = "ORDER BY (organization, account, booked, claim)"
	granularity   = "index_granularity = 8192"
)

var layouts = []layout{
	{"events-by-claim", "events in the order of claims", []edit{
		{"events", orderOfEvents, "ORDER BY claim"},
	}},
	{"events-without-month", "events by account and claim, without the month", []edit{
		{"events", orderOfEvents, "ORDER BY (organization, account, claim)"},
	}},
	{"events-in-3", "events in three partitions, as months would be of which every request has three", []edit{
		{"events", orderOfEvents, "PARTITION BY cityHash64(account) % 3 " + orderOfEvents},
	}},
	{"events-lz4", "events in LZ4 throughout, which ClickHouse has where nothing is said", []edit{
		{"events", " CODEC(NONE)", ""}, {"events", " CODEC(ZSTD(1))", ""},
	}},
	{"events-zstd", "events in ZSTD(1) throughout", []edit{
		{"events", " CODEC(NONE)", ""}, {"events", " CODEC(ZSTD(1))", ""},
		{"events", granularity, granularity + ", default_compression_codec = 'ZSTD(1)'"},
	}},
	{"events-zstd-3", "what was said of an event in ZSTD(3)", []edit{
		{"events", "CODEC(ZSTD(1))", "CODEC(ZSTD(3))"},
	}},
	{"claims-plain", "claims with granules of 8,192 and blocks as large as ClickHouse has them", []edit{
		{"claims", "index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 16384", granularity},
	}},
	{"records-8192", "records by id with granules of 8,192", []edit{
		{"records_by_id", "index_granularity = 512", granularity},
	}},
	{"records-512", "records by account with granules of 512", []edit{
		{"records", granularity, "index_granularity = 512"},
	}},
}

// Layouts returns the names of the layouts that can be measured.
func Layouts() (names []string) {
	for _, l := range layouts {
		names = append(names, l.name)
	}
	return names
}

// Describe says what is particular about a layout.
func Describe(name string) string {
	if i := slices.IndexFunc(layouts, func(l layout) bool { return l.name == name }); i >= 0 {
		return layouts[i].what
	}
	return "as migrations make it"
}

// lay makes tables anew, which are empty, in the layout of a name; none where it
// is empty.
func (e *Engine) lay(ctx context.Context, name string) error {
	i := slices.IndexFunc(layouts, func(l layout) bool { return l.name == name })
	if i < 0 {
		return nil
	}
	made := map[string]string{}
	for _, ed := range layouts[i].edits {
		text, ok := made[ed.table]
		if !ok {
			var err error
			if text, err = e.database.Query(ctx, "SELECT create_table_query FROM system.tables WHERE database = 'tollbook' AND name = '"+ed.table+"' FORMAT TSVRaw"); err != nil {
				return err
			}
		}
		if !strings.Contains(text, ed.old) {
			return fmt.Errorf("layout %s: %q is not in what makes %s: %s", name, ed.old, ed.table, text)
		}
		made[ed.table] = strings.ReplaceAll(text, ed.old, ed.new)
	}
	for table, text := range made {
		for _, statement := range []string{"DROP TABLE tollbook." + table + " SYNC", text} {
			if err := e.database.Exec(ctx, statement); err != nil {
				return fmt.Errorf("layout %s: %w", name, err)
			}
		}
	}
	return nil
}
