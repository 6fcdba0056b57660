package clickhousestore_test

import (
	"io"
	"strings"
	"testing"

	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
)

// TestPlace: of an address is said what names the ledger, and nothing that is secret,
// be it well formed or not.
func TestPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ address, want, refused string }{
		{address: "clickhouse://u:secret@db:9000/tollbook?dial_timeout=1s", want: "clickhouse://db:9000/tollbook"},
		{address: "clickhouse://u:s%2Fe%23cre%40t@db1:9000,db2:9000/tollbook", want: "clickhouse://db1:9000,db2:9000/tollbook"},
		{address: "clickhouse://u:sec@ret@db:9000/tollbook", want: "clickhouse://db:9000/tollbook"},
		{address: "clickhouse://db:9000?database=a&username=u&password=secret", want: "clickhouse://db:9000/a"},
		{address: "clickhouse://db:9000/a?database=b", want: "clickhouse://db:9000/b"},
		{address: "http://db:8123/tollbook", want: "http://db:8123/tollbook"},
		{address: "https://db:8443/tollbook", want: "https://db:8443/tollbook"},
		{address: "https://db:8443/tollbook?secure=true&skip_verify=true#x", want: "https://db:8443/tollbook"},
		{address: "https://db:8443/tollbook?secure=false", refused: "https without TLS"},
		{address: "clickhouse://u:se/cret@db:9000/tollbook", refused: "percent-encode"},
		{address: "clickhouse://u:se#cret@db:9000/tollbook", refused: "percent-encode"},
		{address: "clickhouse://u:se?cret@db:9000/tollbook", refused: "percent-encode"},
		{address: "clickhouse://secret:1/2@db:9000/tollbook", refused: "percent-encode"},
		{address: "clickhouse://u:se%cret@db:9000/tollbook", refused: "is not of the form"},
		{address: "clickhouse://u:se cret@db:port/tollbook", refused: "is not of the form"},
		{address: "clickhouse://u:secret/tollbook", refused: "is not of the form"},
		{address: "clickhouse://u:p@db:secret/tollbook", refused: "is not of the form"},
		{address: "tollbook://u:secret@db:9000/tollbook", refused: "must begin with clickhouse://"},
		{address: "postgres://u:secret@db:9000/tollbook", refused: "must begin with clickhouse://"},
		{address: "secret", refused: "must begin with clickhouse://"},
		{address: "clickhouse://u:secret@db:9000", refused: "names no database"},
		{address: "https://u:secret@db:9000/?secure=true", refused: "names no database"},
	} {
		place, err := clickhousestore.Place(c.address)
		if c.refused == "" {
			if place != c.want || err != nil {
				t.Errorf("%s: %q, %v, want %q", c.address, place, err, c.want)
			}
			continue
		}
		_, opening := clickhousestore.Open(t.Context(), c.address, clickhousestore.Options{})
		switch {
		case err == nil || !strings.Contains(err.Error(), c.refused):
			t.Errorf("%s: %q, %v, want an error with %q", c.address, place, err, c.refused)
		case strings.Contains(err.Error(), "cret"):
			t.Errorf("%s: the error shows the password: %v", c.address, err)
		case opening == nil || opening.Error() != err.Error():
			t.Errorf("%s: %v, but Open says %v", c.address, err, opening)
		}
	}
}

// TestNotReached: who names the wrong port, or a ClickHouse that is down, is told
// which one was asked, in a line.
func TestNotReached(t *testing.T) {
	t.Parallel()
	s := clickhousetest.Start(t, clickhousetest.Options{InMemory: true, Users: []clickhousetest.User{{Name: "u", Password: "secret"}}})
	web, native := strings.TrimPrefix(s.HTTPURL(), "http://"), s.Addr()
	for _, c := range []struct{ scheme, at, rest, says string }{
		{"clickhouse", web, "/d", "looks like its HTTP port"},
		{"http", native, "/d", "is its native port"},
		{"clickhouse", native, "/d?secure=true", "does not speak TLS"},
		{"https", web, "/d", "HTTP response to HTTPS client"},
		{"clickhouse", "127.0.0.1:1", "/d", "connection refused"},
		{"http", "127.0.0.1:1", "/d", "connection refused"},
		{"clickhouse", native, "/d", "Database d does not exist"},
		{"http", web, "/d", "Database d does not exist"},
	} {
		address := c.scheme + "://u:secret@" + c.at + c.rest
		_, opening := clickhousestore.Open(t.Context(), address, clickhousestore.Options{})
		for what, err := range map[string]error{
			"Open":    opening,
			"Migrate": clickhousestore.Migrate(t.Context(), address, clickhousestore.MigrateOptions{Out: io.Discard}),
		} {
			if err == nil || !strings.HasPrefix(err.Error(), "the ClickHouse at "+c.at+": ") || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret") || len(err.Error()) > 200 {
				t.Errorf("%s of %s: %v", what, address, err)
			}
		}
	}
	err := clickhousestore.Migrate(t.Context(), "http://"+web+"/default", clickhousestore.MigrateOptions{Cluster: "c", Out: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "native protocol") {
		t.Errorf("a cluster by http: %v", err)
	}
}

// TestProfiles: a user's profile may be one for people who look at large tables, or
// that of an older version.
func TestProfiles(t *testing.T) {
	t.Parallel()
	s := &server{Server: clickhousetest.Start(t, clickhousetest.Options{InMemory: true, Users: []clickhousetest.User{
		{Name: "old", Settings: map[string]string{"compatibility": "24.3"}},
		{Name: "parts", Settings: map[string]string{"max_result_rows": "3", "result_overflow_mode": "break", "max_block_size": "1"}},
		{Name: "groups", Settings: map[string]string{"max_rows_to_group_by": "10", "group_by_overflow_mode": "any"}},
		{Name: "cached", Settings: map[string]string{"use_query_cache": "1"}},
		{Name: "limited", Settings: map[string]string{"limit": "3"}},
		{Name: "nulls", Settings: map[string]string{"aggregate_functions_null_for_empty": "1", "data_type_default_nullable": "1"}},
	}})}
	for _, user := range []string{"old", "parts", "groups", "cached", "limited", "nulls"} {
		t.Run(user, func(t *testing.T) {
			_, url := s.database(t)
			l := servers(t, strings.Replace(url, "://", "://"+user+"@", 1), 1, clickhousestore.Options{})[0]
			batches := someBatches(33, 2, 60)
			whole := servers(t, url, 1, clickhousestore.Options{})[0]
			for _, batch := range batches {
				postLoop(t, whole, batch)
			}
			err := l.Settle(t.Context())
			if user == "parts" || user == "groups" { // cannot be answered whole
				if err == nil {
					t.Error("settled by a part of what there is")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			wantAllOnce(t, l, batches)
		})
	}
}
