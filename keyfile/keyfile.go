// Package keyfile keeps files of secret keys. Nobody but their owner may read
// or change one, a file is only ever replaced whole, and what has been written
// is on disk before it is used.
package keyfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// MaxBytes is the largest file of keys that is read.
const MaxBytes = 64 << 10

// Read returns the content of a file of keys, at most MaxBytes+1 of it, and
// which file that was. It refuses one that others than its owner may change or
// that everybody may read.
func Read(path string) ([]byte, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close() // only read from
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if info.Mode().Perm()&0o027 != 0 {
		return nil, nil, fmt.Errorf("%s has mode %04o: others may read or change it; chmod 600", path, info.Mode().Perm())
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	return b, info, err
}

// Create makes a file of keys. It fails with fs.ErrExist when there is one.
func Create(path string, content []byte) error {
	temp, err := writeBeside(path, content)
	if err != nil {
		return err
	}
	// A link, unlike a rename, never replaces a file.
	if err := os.Link(temp, path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return errors.Join(os.Remove(temp), syncDir(path))
}

// Replace puts other content in a file's place. Of two that do so at once, one
// fails with fs.ErrExist.
func Replace(path string, content []byte) error {
	temp, err := writeBeside(path, content)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return syncDir(path)
}

// writeBeside writes a file next to path, syncs it and returns its name. The
// name is always the same, so that it is also a lock.
func writeBeside(path string, content []byte) (temp string, err error) {
	temp = path + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("%w (another change of the keys is under way; if not, remove the file)", err)
	}
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(temp))
	}
	return temp, nil
}

// syncDir makes a new name in path's directory durable.
func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
