package peer

import (
	"strconv"
	"strings"
)

// eventColumns are the columns of an event with their types, those of fixed
// length first, so that none is padded.
var eventColumns = [...][2]string{
	{"key", "uuid"},
	{"fingerprint", "int8"},
	{"occurred_at", "timestamptz"},
	{"increments", "int8"},
	{"amount", "int8"},
	{"quantity", "int8"},
	{"account", "int4"},
	{"line", "int4"},
	{"type", "int2"},
	{"direction", "int2"},
	{"resolution", "int2"},
	{"unit", "int2"},
	{"source", "text"},
	{"id", "text"},
	{"subtype", "text"},
	{"country", "text"},
	{"category", "text"},
	{"from_number", "text"},
	{"to_number", "text"},
	{"attributes", "jsonb"},
}

// columns joins what each makes of the columns.
func columns(each func(name, kind string) string) string {
	var all []string
	for _, c := range eventColumns {
		all = append(all, each(c[0], c[1]))
	}
	return strings.Join(all, ", ")
}

// pgSchema returns the tables. The account, month and line of usage are small
// numbers; its pages have room, so that a changed row stays on its page and
// the index need not change.
func pgSchema() string {
	return "CREATE TABLE event (" + columns(func(name, kind string) string { return name + " " + kind + " NOT NULL" }) + `, PRIMARY KEY (key));
		CREATE TABLE usage (
			units int8 NOT NULL, amount int8 NOT NULL, events int8 NOT NULL,
			account int4 NOT NULL, month int4 NOT NULL, line int4 NOT NULL,
			PRIMARY KEY (account, month, line)
		) WITH (fillfactor = 50)`
}

// pgStage returns the statement that makes a connection's staging table.
func pgStage() string {
	return "CREATE TEMPORARY TABLE stage (" + columns(func(name, kind string) string { return name + " " + kind + " NOT NULL" }) + ") ON COMMIT DELETE ROWS"
}

// pgInsert returns the statement that does all the work on rows from a source:
// it keeps what is new, adds it to the records in their order, so that two
// connections never wait for each other both, and returns what was known.
func pgInsert(source, month string) string {
	names := columns(func(name, _ string) string { return name })
	return `WITH batch AS MATERIALIZED (SELECT * FROM ` + source + `),
	fresh AS (
		INSERT INTO event (` + names + `) SELECT ` + names + ` FROM batch
		ON CONFLICT DO NOTHING RETURNING key, account, line, increments, amount),
	counted AS (
		INSERT INTO usage AS u (account, month, line, units, amount, events)
		SELECT account, ` + month + `, line, sum(increments), sum(amount), count(*) FROM fresh GROUP BY account, line ORDER BY account, line
		ON CONFLICT (account, month, line) DO UPDATE
		SET units = u.units + excluded.units, amount = u.amount + excluded.amount, events = u.events + excluded.events)
	SELECT key, fingerprint FROM batch WHERE NOT EXISTS (SELECT FROM fresh WHERE fresh.key = batch.key)`
}

// pgUnnest returns the source of rows that come as one array a column.
func pgUnnest() string {
	return "unnest(" + parameters("[]") + ") AS t(" + columns(func(name, _ string) string { return name }) + ")"
}

// pgSingle returns the source of one row.
func pgSingle() string {
	return "(VALUES (" + parameters("") + ")) AS t(" + columns(func(name, _ string) string { return name }) + ")"
}

// parameters returns one parameter for each column, of its type and a suffix.
func parameters(suffix string) string {
	n := 0
	return columns(func(_, kind string) string {
		n++
		return "$" + strconv.Itoa(n) + "::" + kind + suffix
	})
}

// pgKnown compares the content of events that were known.
const pgKnown = "SELECT key, fingerprint FROM event WHERE key = ANY($1)"
