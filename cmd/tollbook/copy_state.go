package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tollbook/clickhousestore"
	"tollbook/transfer"
)

// copyName is the file in a data directory that says how far it was copied, or
// copied to. docs/format.md draws it.
const copyName = "copy.json"

const (
	copyFormat   = 1
	maxCopyBytes = 64 << 10
)

// copyState is what that file says.
type copyState struct {
	Format   int    `json:"format"`
	Into     string `json:"into"`  // what the copy goes into: "directory" or "store"
	Store    string `json:"store"` // the ClickHouse, without user and password
	Finished bool   `json:"finished"`
	transfer.State
}

const (
	intoDirectory = "directory"
	intoStore     = "store"
)

// state returns how far the copy is that is to be made. One that is finished in
// other ways is forgotten.
func (p *copyPlan) state() (*copyState, error) {
	store, err := clickhousestore.Place(p.address)
	if err != nil {
		return nil, err
	}
	fresh := &copyState{Format: copyFormat, Into: intoStore, Store: store}
	if p.toDir {
		fresh.Into = intoDirectory
	}
	saved, err := readCopyState(p.dir)
	switch {
	case err != nil:
		return nil, err
	case saved == nil, p.verifyOnly:
		return fresh, nil
	case saved.Into == fresh.Into && saved.Store == fresh.Store:
		return saved, nil
	case saved.Finished:
		return fresh, nil
	}
	return nil, fmt.Errorf("%s holds an unfinished copy %s: finish that, or remove %s to give it up", p.dir, saved.describe(), filepath.Join(p.dir, copyName))
}

func (s *copyState) describe() string {
	if s.Into == intoDirectory {
		return "from " + s.Store
	}
	return "to " + s.Store
}

// readCopyState returns what a data directory says of a copy, nil where it says
// nothing.
func readCopyState(dir string) (*copyState, error) {
	path := filepath.Join(dir, copyName)
	text, err := readFile(path, maxCopyBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s, err := parseCopyState(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func parseCopyState(text []byte) (*copyState, error) {
	s := &copyState{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, err
	}
	switch {
	case s.Format != copyFormat:
		return nil, fmt.Errorf("it has format %d; this program knows %d only", s.Format, copyFormat)
	case s.Into != intoDirectory && s.Into != intoStore:
		return nil, fmt.Errorf("it is of a copy into %q", s.Into)
	}
	return s, nil
}

// write makes the state durable, whole or not at all.
func (s *copyState) write(dir string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, copyName)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// refuseUnfinished refuses to serve a directory that is still being copied to:
// whatever it took would be in the way of the rest.
func refuseUnfinished(dir string) error {
	s, err := readCopyState(dir)
	if err != nil || s == nil || s.Finished || s.Into != intoDirectory {
		return err
	}
	return fmt.Errorf("%s holds an unfinished copy %s: run 'tollbook copy' again until it says that nothing differs", dir, s.describe())
}
