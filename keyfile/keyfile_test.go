package keyfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tollbook/keyfile"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	check(t, keyfile.Create(path, []byte("one")))
	if err := keyfile.Create(path, []byte("two")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created over an existing file: %v", err)
	}
	b, info, err := keyfile.Read(path)
	check(t, err)
	if string(b) != "one" || info.Mode().Perm() != 0o600 {
		t.Errorf("read %q, mode %v", b, info.Mode())
	}

	check(t, os.WriteFile(path+".new", nil, 0o600))
	if err := keyfile.Replace(path, []byte("two")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("two changes at once: %v", err)
	}
	check(t, os.Remove(path+".new"))
	check(t, keyfile.Replace(path, []byte("two")))
	if b, _, err = keyfile.Read(path); err != nil || string(b) != "two" {
		t.Errorf("read %q, %v", b, err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestReadRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if _, _, err := keyfile.Read(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read a file that is not there: %v", err)
	}
	check(t, keyfile.Create(path, []byte("key")))
	for _, mode := range []fs.FileMode{0o604, 0o620, 0o601} {
		check(t, os.Chmod(path, mode))
		if _, _, err := keyfile.Read(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
	check(t, os.Chmod(path, 0o640)) // a group that may read it has been trusted with it
	_, _, err := keyfile.Read(path)
	check(t, err)

	check(t, os.WriteFile(path, make([]byte, 2*keyfile.MaxBytes), 0o600))
	check(t, os.Chmod(path, 0o600))
	if b, _, err := keyfile.Read(path); err != nil || len(b) != keyfile.MaxBytes+1 {
		t.Errorf("read %d bytes, %v", len(b), err)
	}
}
