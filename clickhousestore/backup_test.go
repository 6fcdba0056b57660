package clickhousestore_test

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tollbook"
	"tollbook/checktest"
	"tollbook/clickhousestore"
	"tollbook/clickhousetest"
)

// TestBackup takes a backup while events come in, as docs/operations.md says,
// and restores it: what had been acknowledged before it was begun counts, once,
// and nothing is told of definitions that are not in it.
func TestBackup(t *testing.T) {
	t.Parallel()
	checktest.Leave(t)
	dir := t.TempDir()
	s := &server{Server: clickhousetest.Start(t, clickhousetest.Options{Dir: dir, Config: "<backups><allowed_path>" + dir + "</allowed_path></backups>"})}
	name, url := s.database(t)
	l := servers(t, url, 1, clickhousestore.Options{})[0]
	batches := someBatches(27, 40, 50)
	done := make(chan struct{})
	var posting sync.WaitGroup
	for _, batch := range batches[:10] {
		postLoop(t, l, batch)
	}
	voidOne(t, l, 0)
	posting.Go(func() {
		for i, batch := range batches[10:] {
			postLoop(t, l, batch)
			if i == 2 {
				close(done)
			}
			if at, err := head(t.Context(), l); err == nil {
				_, err = l.Define(t.Context(), at, []tollbook.Definition{{RequestID: [16]byte{byte(i), 1}, Kind: tollbook.KindProduct, ID: fmt.Sprint(i)}})
				if err != nil {
					t.Error(err)
				}
			}
			if err := l.Settle(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	<-done
	run := func(sql string) string {
		t.Helper()
		out, err := s.Query(t.Context(), strings.ReplaceAll(sql, "tollbook.", name+"."))
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		return strings.TrimSpace(out)
	}
	file := "File('" + filepath.Join(dir, "backup") + "')"
	position := run("SELECT max(pos) FROM tollbook.log")
	run("BACKUP TABLE tollbook.bookings, TABLE tollbook.events, TABLE tollbook.lines, TABLE tollbook.log TO " + file)
	posting.Wait()

	if err := s.Exec(t.Context(), "CREATE DATABASE restored"); err != nil {
		t.Fatal(err)
	}
	if err := clickhousestore.Migrate(t.Context(), s.url("restored"), clickhousestore.MigrateOptions{Out: io.Discard}); err != nil {
		t.Fatal(err)
	}
	run("TRUNCATE TABLE restored.log")
	run("RESTORE TABLE tollbook.bookings AS restored.bookings, TABLE tollbook.events AS restored.events, TABLE tollbook.lines AS restored.lines, TABLE tollbook.log AS restored.log FROM " + file + " SETTINGS allow_non_empty_tables = true")
	run("ALTER TABLE restored.log DELETE WHERE pos > " + position + " SETTINGS mutations_sync = 2")
	run("ALTER TABLE restored.events DELETE WHERE epoch > " + position + " SETTINGS mutations_sync = 2")
	run("ALTER TABLE restored.bookings DELETE WHERE epoch > " + position + " SETTINGS mutations_sync = 2")
	r := servers(t, s.url("restored"), 1, clickhousestore.Options{})[0]
	if err := r.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	report, err := r.Verify(t.Context(), nil)
	if err != nil || report.Found > 0 || report.Bookings != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	all := 0
	for i, batch := range batches {
		if i < 13 { // acknowledged before
			for k := 0; k < len(batch); k += 10 {
				if _, _, err := r.History(t.Context(), batch[k].Claim); err != nil {
					t.Errorf("event %d of batch %d: %v", k, i, err)
				}
			}
		}
		all += len(batch)
	}
	if report.Events >= int64(all) {
		t.Errorf("the backup has all %d events: it was taken too late to show anything", report.Events)
	}
	// It goes on: what is sent again is told to be there, or is taken.
	under, err := head(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range batches {
		if _, err := r.Post(t.Context(), under, batch); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := everything(t, r, nil), everything(t, l, nil); got != want {
		t.Errorf("after all was sent again:\n%s\nthe original:\n%s", got, want)
	}
}
