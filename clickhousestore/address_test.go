package clickhousestore_test

import (
	"strings"
	"testing"

	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
)

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
