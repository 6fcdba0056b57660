package localstore

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"strings"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// The names in a data directory.
const (
	formatName = "FORMAT"
	lockName   = "LOCK"
	logName    = "log"
	runsName   = "runs"
)

const (
	formatPrefix = "tollbook data "
	formatText   = formatPrefix + "3\n"
)

// maxFormatBytes is more than any version's FORMAT file has.
const maxFormatBytes = 64

// Init makes an empty data directory of an absent or empty one. It leaves one
// that is there as it is.
func Init(fs vfs.FS, dir string) error {
	missing, err := checkFormat(fs, dir)
	if err != nil || !missing {
		return err
	}
	for _, name := range []string{dir, fs.PathJoin(dir, logName), fs.PathJoin(dir, runsName)} {
		if err := fs.MkdirAll(name, 0o755); err != nil {
			return err
		}
	}
	err = writeFile(fs, dir, formatName, func(f vfs.File) error {
		_, err := f.Write([]byte(formatText))
		return err
	})
	if err != nil {
		return err
	}
	return syncDir(fs, fs.PathDir(dir))
}

// checkFormat returns an error unless dir is ours or may become ours; missing
// tells the two apart.
func checkFormat(fs vfs.FS, dir string) (missing bool, err error) {
	f, err := fs.Open(fs.PathJoin(dir, formatName))
	if oserror.IsNotExist(err) {
		return true, checkEmpty(fs, dir)
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFormatBytes))
	if err != nil {
		return false, err
	}
	switch version, ours := strings.CutPrefix(string(text), formatPrefix); {
	case !ours:
		return false, fmt.Errorf("%s is not a Tollbook data directory: its file %s says something else", dir, formatName)
	case string(text) != formatText:
		return false, fmt.Errorf("%s has data format %q, this program knows format 3 only", dir, strings.TrimSpace(version))
	}
	return false, nil
}

// checkEmpty returns an error when dir holds what is not ours. What an Init
// that was cut short has left is ours.
func checkEmpty(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if oserror.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		switch name {
		case logName, runsName:
			inner, err := fs.List(fs.PathJoin(dir, name))
			if err == nil && len(inner) == 0 {
				continue
			}
			return fmt.Errorf("%s holds data but its file %s is missing", dir, formatName)
		case lockName, formatName + temporary:
		default:
			return fmt.Errorf("%s is not a Tollbook data directory and not empty: it holds %s", dir, name)
		}
	}
	return nil
}

// lockDir makes this process the only one to use dir.
func lockDir(fs vfs.FS, dir string) (io.Closer, error) {
	lock, err := fs.Lock(fs.PathJoin(dir, lockName))
	if errors.Is(err, iofs.ErrPermission) || errors.Is(err, iofs.ErrNotExist) {
		return nil, fmt.Errorf("the data directory %s cannot be locked: %w", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("the data directory %s is in use by another process: %w", dir, err)
	}
	return lock, nil
}

// temporary is the end of the name of a file that is being written.
const temporary = ".new"

// bytesPerSync is how much of a file is written between two syncs, so that the
// log's small ones do not wait behind one large one.
const bytesPerSync = 4 << 20

// writeFile makes a file appear whole or not at all, durably. What it has
// written of one that it cannot finish it removes: the disk may be full.
func writeFile(fs vfs.FS, dir, name string, write func(vfs.File) error) error {
	path := fs.PathJoin(dir, name)
	f, err := fs.Create(path+temporary, writeCategory)
	if err != nil {
		return err
	}
	f = vfs.NewSyncingFile(f, vfs.SyncingFileOptions{BytesPerSync: bytesPerSync})
	if err = write(f); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, fs.Remove(path+temporary))
	}
	if err := fs.Rename(path+temporary, path); err != nil {
		return err
	}
	return syncDir(fs, dir)
}
