package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tollbook/clickhousetest"
)

// TestDirectoryIsNobodyElses checks that only the owner can look into a new
// data directory.
func TestDirectoryIsNobodyElses(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if code, _, stderr := runHere(t, "init", "--data", dir); code != exitOK {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v; want 0700", info.Mode(), err)
	}
}

// TestInitOfAnotherServer: a ledger in a ClickHouse has its client once; whoever sets
// up another server is told to take the keys along.
func TestInitOfAnotherServer(t *testing.T) {
	t.Parallel()
	database := clickhousetest.Start(t, clickhousetest.Options{InMemory: true})
	if err := database.Exec(t.Context(), "CREATE DATABASE tollbook"); err != nil {
		t.Fatal(err)
	}
	store, dir := "clickhouse://"+database.Addr()+"/tollbook", filepath.Join(t.TempDir(), "keys")
	for _, args := range [][]string{{"clickhouse", "migrate"}, {"init", "--data", dir}, {"verify"}} {
		if code, stdout, stderr := runHere(t, append(args, "--store", store)...); code != exitOK || args[0] == "verify" && !strings.HasPrefix(stdout, store+": ") {
			t.Fatalf("%v: exit code %d, %s%s", args, code, stdout, stderr)
		}
	}
	another := filepath.Join(t.TempDir(), "keys")
	code, _, stderr := runHere(t, "init", "--data", another, "--store", store)
	if code != exitFailed || !strings.Contains(stderr, "copy keys.json and webhook-key.json of another of its servers into "+another) {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if _, err := os.Stat(another); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory: %v", err)
	}
}

// TestDemoThatFailsLeavesNothing runs a demo on a port that is taken, and one
// that is interrupted while it sends its events: the same directory can be
// used again.
func TestDemoThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	empty, absent := t.TempDir(), filepath.Join(t.TempDir(), "absent")
	for _, dir := range []string{empty, absent} {
		code, _, stderr := runHere(t, "demo", "--once", "--data", dir, "--listen", taken.Addr().String(), "--events", "1000")
		if code != exitFailed || !strings.Contains(stderr, "address already in use") {
			t.Errorf("exit code %d, %s", code, stderr)
		}
	}
	if names, err := os.ReadDir(empty); err != nil || len(names) > 0 {
		t.Errorf("the directory that was empty holds %v, %v", names, err)
	}
	if _, err := os.Stat(absent); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory that was absent: %v", err)
	}

	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var out, messages bytes.Buffer
	code := run(ctx, []string{"demo", "--data", absent, "--listen", "127.0.0.1:0", "--events", "1000"}, nil, nil, &out, &messages)
	if _, err := os.Stat(absent); code != exitInterrupted || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("interrupted: exit code %d, %s; the directory: %v", code, &messages, err)
	}
}

// TestListenOnNothing checks that an empty address, as of a variable without
// a value, does not open a port to every network.
func TestListenOnNothing(t *testing.T) {
	t.Parallel()
	var out, messages bytes.Buffer
	code := run(t.Context(), []string{"serve", "--data", t.TempDir()}, []string{"TOLLBOOK_LISTEN="}, nil, &out, &messages)
	if code != exitUsage || !strings.Contains(messages.String(), "--listen is empty") {
		t.Errorf("exit code %d, %s", code, &messages)
	}
}

// fullDisk is standard output on a disk that is full.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// TestDataThatDoesNotArrive checks that every kind of output fails aloud.
func TestDataThatDoesNotArrive(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	for _, args := range [][]string{{"version"}, {"--help"}, {"completion", "bash"}, {"init", "--data", dir},
		{"demo", "--once", "--data", filepath.Join(t.TempDir(), "demo"), "--listen", "127.0.0.1:0", "--events", "1000"}} {
		var messages bytes.Buffer
		code := run(t.Context(), args, nil, nil, fullDisk{}, &messages)
		if code != exitFailed || !strings.Contains(messages.String(), "no space left on device") {
			t.Errorf("%v: exit code %d, %s", args, code, &messages)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a data directory whose secret nobody knows: %v", err)
	}
}
