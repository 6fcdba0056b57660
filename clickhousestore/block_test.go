package clickhousestore_test

import (
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
)

// TestOneBlock: what is written whole or not at all is one block, however many
// blocks a user's profile, or the number of rows, would make of it.
func TestOneBlock(t *testing.T) {
	t.Parallel()
	s := &server{Server: clickhousetest.Start(t, clickhousetest.Options{InMemory: true, Users: []clickhousetest.User{
		{Name: "blocks", Settings: map[string]string{"max_block_size": "1", "max_insert_block_size": "1", "min_insert_block_size_rows": "1", "min_insert_block_size_bytes": "1", "use_strict_insert_block_limits": "1"}},
	}})}
	name, url := s.database(t)
	l := servers(t, strings.Replace(url, "://", "://blocks@", 1), 1, clickhousestore.Options{Freshness: time.Hour})[0]
	for _, table := range []string{"log", "events", "bookings"} {
		if err := s.Exec(t.Context(), "SYSTEM STOP MERGES "+name+"."+table); err != nil {
			t.Fatal(err)
		}
	}
	batch := manyEntries(0, 40, 40)
	postLoop(t, l, batch)
	r := tollbook.Restatement{OrganizationID: "acme", AccountID: batch[0].Event.AccountID, Month: batch[0].Booked}
	seen, events := l.MonthEvents(t.Context(), tollbook.MonthQuery{OrganizationID: "acme", AccountIDs: []string{r.AccountID}, Month: r.Month})
	r.Seen = seen
	for e, err := range events {
		if err != nil {
			t.Fatal(err)
		}
		r.Bookings = append(r.Bookings, tollbook.Booking{Event: &e, Booked: r.Month, Measured: tollbook.Measured{Unrated: tollbook.NoRate}})
	}
	if err := l.Restate(t.Context(), 0, r); err != nil {
		t.Fatal(err)
	}
	var defs []tollbook.Definition
	for i := range byte(5) {
		defs = append(defs, tollbook.Definition{RequestID: [16]byte{i}, Kind: tollbook.KindProduct, ID: string('a' + rune(i))})
	}
	if _, err := l.Define(t.Context(), 0, defs); err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]string{
		"SELECT count(), uniqExact(_part) FROM " + name + ".events":              "40\t1",
		"SELECT count(), uniqExact(_part) FROM " + name + ".bookings":            "40\t1",
		"SELECT count(), uniqExact(_part) FROM " + name + ".log WHERE kind != 0": "5\t1",
	} {
		got, err := s.Query(t.Context(), sql)
		if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", sql, got, err, want)
		}
	}
}
