package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tollbook/transfer"
)

func TestCopyPlan(t *testing.T) {
	t.Parallel()
	const db = "clickhouse://u:secret@db:9000/tollbook?x=y"
	for _, c := range []struct {
		from, to, store string
		dir             string
		toDir           bool
		refused         string
	}{
		{from: "./book", to: db, dir: "./book"},
		{from: db, to: "./book", dir: "./book", toDir: true},
		{from: "./book", store: db, dir: "./book"},
		{to: "./book", store: db, dir: "./book", toDir: true},
		{from: "./book", to: db, store: "clickhouse://elsewhere/x", dir: "./book"},
		{refused: "copy what?"},
		{store: db, refused: "copy what?"},
		{from: "./book", refused: "which ClickHouse?"},
		{from: "./book", to: "./other", refused: "one of --from and --to"},
		{from: db, to: db, refused: "one of --from and --to"},
		{from: db, store: db, refused: "one of --from and --to"},
	} {
		p := &copyPlan{from: c.from, to: c.to, store: c.store}
		err := p.check()
		switch {
		case c.refused != "":
			if err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%+v: %v", c, err)
			}
		case err != nil || p.dir != c.dir || p.toDir != c.toDir || p.address != db:
			t.Errorf("%+v: %+v, %v", c, p, err)
		}
	}
}

func TestCopyState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plan := &copyPlan{dir: dir, address: "clickhouse://u:secret@db:9000/tollbook?dial_timeout=1s"}
	saved, err := plan.state()
	if err != nil || saved.Begun {
		t.Fatalf("%+v, %v", saved, err)
	}
	saved.State = transfer.State{Begun: true, Read: "local-0000000000000010", Written: "clickhouse-7-0-3", Head: 6}
	if err := saved.write(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, copyName))
	if err != nil || strings.Contains(string(text), "secret") || !strings.Contains(string(text), `"clickhouse://db:9000/tollbook"`) {
		t.Fatalf("%s, %v", text, err)
	}
	if err := refuseUnfinished(dir); err != nil {
		t.Errorf("a source is served: %v", err)
	}
	again, err := (&copyPlan{dir: dir, address: "clickhouse://other:one@db:9000/tollbook"}).state()
	if err != nil || *again != *saved {
		t.Errorf("read again: %+v, %v", again, err)
	}
	// Another copy has to wait for this one.
	for _, other := range []*copyPlan{{dir: dir, address: "clickhouse://db:9000/another"}, {dir: dir, address: plan.address, toDir: true}} {
		if _, err := other.state(); err == nil || !strings.Contains(err.Error(), "an unfinished copy to clickhouse://db:9000/tollbook") {
			t.Errorf("%+v: %v", other, err)
		}
		other.verifyOnly = true
		if fresh, err := other.state(); err != nil || fresh.Begun {
			t.Errorf("%+v: %+v, %v", other, fresh, err)
		}
	}
	saved.Finished = true
	if err := saved.write(dir); err != nil {
		t.Fatal(err)
	}
	back := &copyPlan{dir: dir, address: plan.address, toDir: true}
	if fresh, err := back.state(); err != nil || fresh.Begun {
		t.Errorf("%+v, %v", fresh, err)
	}
	into := &copyState{Format: copyFormat, Into: intoDirectory, Store: "clickhouse://db:9000/tollbook"}
	if err := into.write(dir); err != nil {
		t.Fatal(err)
	}
	if err := refuseUnfinished(dir); err == nil || !strings.Contains(err.Error(), "unfinished copy from clickhouse://db:9000/tollbook") {
		t.Errorf("a directory that is copied to: %v", err)
	}
	if _, err := (&copyPlan{dir: dir, address: "clickhouse://u:se cret@db:port/x"}).state(); err == nil || strings.Contains(err.Error(), "cret") {
		t.Errorf("an address that is none: %v", err)
	}
}

// FuzzCopyState: what is read is one of our states, and written reads the same.
func FuzzCopyState(f *testing.F) {
	f.Add([]byte(`{"format":1,"into":"store","store":"clickhouse://db/x","finished":false,"begun":true,"read":"a","written":"b","head":3}`))
	f.Add([]byte(`{"format":2}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseCopyState(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := parseCopyState(again); err != nil || *back != *s {
			t.Errorf("%s is read as %+v, and again as %+v: %v", text, s, back, err)
		}
	})
}
