package clickhouse

import (
	"io"
	"strings"
	"testing"

	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
)

// TestLayouts: each layout differs from what migrations make where it says so,
// and ClickHouse takes it.
func TestLayouts(t *testing.T) {
	e := &Engine{database: clickhousetest.Start(t, clickhousetest.Options{InMemory: true})}
	made := func() string {
		t.Helper()
		text, err := e.database.Query(t.Context(), "SELECT create_table_query FROM system.tables WHERE database = 'tollbook' ORDER BY name")
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, name := range append(Layouts(), "") {
		for _, statement := range []string{"DROP DATABASE IF EXISTS tollbook SYNC", "CREATE DATABASE tollbook"} {
			if err := e.database.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if err := clickhousestore.Migrate(t.Context(), "clickhouse://"+e.database.Addr()+"/tollbook", clickhousestore.MigrateOptions{Out: io.Discard}); err != nil {
			t.Fatal(err)
		}
		before := made()
		if err := e.lay(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if after := made(); (after == before) != (name == "") {
			t.Errorf("layout %q makes these tables:\n%s", name, after)
		}
		if Describe(name) == "" {
			t.Errorf("layout %q is not described", name)
		}
	}

	layouts = append(layouts, layout{"none", "", []edit{{"events", "ORDER BY nothing", ""}}})
	defer func() { layouts = layouts[:len(layouts)-1] }()
	if err := e.lay(t.Context(), "none"); err == nil || !strings.Contains(err.Error(), "ORDER BY nothing") {
		t.Errorf("a layout of what is not there: %v", err)
	}
}
