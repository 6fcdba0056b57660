package clickhousestore

import (
	"testing"

	"tollbook/clickhousetest"
)

// TestOneMoment: a statement reads a table at one moment, also where the profile of
// an older version holds.
func TestOneMoment(t *testing.T) {
	t.Parallel()
	s := clickhousetest.Start(t, clickhousetest.Options{InMemory: true, Users: []clickhousetest.User{{Name: "old", Settings: map[string]string{"compatibility": "24.3"}}}})
	for _, url := range []string{"clickhouse://old@" + s.Addr() + "/default", "http://old@" + s.HTTPURL()[len("http://"):] + "/default", "clickhouse://" + s.Addr() + "/default?enable_shared_storage_snapshot_in_query=0"} {
		a, err := parseAddress(url)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := a.open(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		var set bool
		if err := conn.QueryRow(t.Context(), "SELECT toBool(getSetting('enable_shared_storage_snapshot_in_query'))").Scan(&set); err != nil || !set {
			t.Errorf("%s: %t, %v", url, set, err)
		}
	}
}
