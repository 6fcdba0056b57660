package clickhousestore_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/storetest"
)

// spoil notes a token of a table as a ClickHouse does that is killed before it
// keeps the block: a row is taken with the token, and is gone.
func spoil(t *testing.T, url, table, columns, values, token string) {
	t.Helper()
	o, err := clickhouse.ParseDSN(url)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := clickhouse.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx := clickhouse.Context(context.WithoutCancel(t.Context()), clickhouse.WithSettings(clickhouse.Settings{"insert_deduplication_token": token, "insert_deduplicate": 1}))
	if err := conn.Exec(ctx, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, columns, values)); err != nil {
		t.Fatal(err)
	}
	if err := conn.Exec(t.Context(), fmt.Sprintf("ALTER TABLE %s DELETE WHERE (%s) = (%s) SETTINGS mutations_sync = 2", table, columns, values)); err != nil {
		t.Fatal(err)
	}
	if err := conn.Exec(ctx, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, columns, values)); err != nil {
		t.Fatal(err)
	}
	var n uint64
	if err := conn.QueryRow(t.Context(), fmt.Sprintf("SELECT count() FROM %s WHERE (%s) = (%s)", table, columns, values)).Scan(&n); err != nil || n != 0 {
		t.Fatalf("the token %s of %s is not spoiled: %d rows, %v", token, table, n, err)
	}
}

// TestSpoiledTokens: a place in an order whose token has been noted for nothing
// is taken all the same.
func TestSpoiledTokens(t *testing.T) {
	t.Parallel()
	_, url := sharedServer(t).database(t)
	l := servers(t, url, 1, clickhousestore.Options{})[0]
	spoil(t, url, "log", "pos, head, kind", "1, 1, 0", "1")
	spoil(t, url, "log", "pos, head, kind", "1, 2, 0", "1/1")
	pos, err := l.Define(t.Context(), 0, []tollbook.Definition{{RequestID: [16]byte{1}, Kind: tollbook.KindProduct, ID: "x"}})
	if err != nil || pos != 1 {
		t.Fatalf("defined at %d, %v", pos, err)
	}
	batch := someBatches(25, 1, 3)[0]
	if _, err := l.Post(t.Context(), pos, batch); err != nil {
		t.Fatal(err)
	}
	spoil(t, url, "bookings", "organization, seq", "'acme', "+strconv.Itoa(1), "1")
	words, _, err := l.History(t.Context(), batch[0].Claim)
	if err != nil {
		t.Fatal(err)
	}
	void := tollbook.Booking{Event: &words[0], Booked: words[0].Booked, Void: &tollbook.Void{Reason: "r", Actor: "a"}}
	for _, want := range []tollbook.Outcome{tollbook.Accepted, tollbook.Stale} {
		if got, err := l.Book(t.Context(), pos, []tollbook.Booking{void}); err != nil || got[0] != want {
			t.Fatalf("void: %v, %v, want %v", got, err, want)
		}
	}
	spoil(t, url, "leases", "name, number", "'work', 1", "776f726b/1")
	if mine, other := lease(t, l, 1, time.Minute), lease(t, l, 2, time.Minute); mine != 1 || other != 0 {
		t.Errorf("of a lease the terms are %d and %d", mine, other)
	}
	key := [16]byte{7, 1}
	spoil(t, url, "once", "key, nonce", fmt.Sprintf("toFixedString(unhex('%x'), 16), 5", key), fmt.Sprintf("%x", key))
	for _, want := range []bool{true, false} {
		if first, err := l.Once(t.Context(), key, time.Now().Add(time.Hour)); err != nil || first != want {
			t.Errorf("the first: %t, %v, want %t", first, err, want)
		}
	}
	model := storetest.NewModel()
	if _, err := model.Post(t.Context(), 0, batch[1:]); err != nil {
		t.Fatal(err)
	}
	wantRecords(t, l, model, "acme")
}
