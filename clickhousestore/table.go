package clickhousestore

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// sent is a table that is sent along with a statement, column by column.
type sent struct {
	name    string
	columns []sentColumn
}

type sentColumn struct {
	name, kind string
	values     any // a slice of what the kind holds
}

// table makes what the driver sends.
func (t *sent) table() (*ext.Table, error) {
	table, err := ext.NewTable(t.name)
	if err != nil {
		return nil, err
	}
	for _, c := range t.columns {
		if err := ext.Column(c.name, column.Type(c.kind))(table); err != nil {
			return nil, err
		}
	}
	for i, c := range t.columns {
		if _, err := table.Block().Columns[i].Append(c.values); err != nil {
			return nil, fmt.Errorf("column %s of %s: %w", c.name, t.name, err)
		}
	}
	return table, nil
}

// names returns the columns' names with commas between.
func (t *sent) names() string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return strings.Join(names, ", ")
}

// with returns a context for a statement that reads tables which are sent with it.
func with(ctx context.Context, tables ...*sent) (context.Context, error) {
	var made []*ext.Table
	for _, t := range tables {
		table, err := t.table()
		if err != nil {
			return nil, err
		}
		made = append(made, table)
	}
	return clickhouse.Context(ctx, clickhouse.WithExternalTable(made...)), nil
}

// quote returns a text as a literal of SQL. The text may be any bytes.
func quote(s string) string {
	return "'" + quoter.Replace(s) + "'"
}

var quoter = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// identifier returns a name as SQL says it, whatever characters it has.
func identifier(name string) string {
	return "`" + identifierQuoter.Replace(name) + "`"
}

var identifierQuoter = strings.NewReplacer(`\`, `\\`, "`", "\\`")

// key16 returns 16 bytes as a literal of SQL.
func key16(b [16]byte) string { return fmt.Sprintf("toFixedString(unhex('%x'), 16)", b[:]) }
