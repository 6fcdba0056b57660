package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Files in the data directory: the keys that access tokens are signed with,
// and the one that the secrets of webhooks are worked out from.
const (
	keysName       = "keys.json"
	webhookKeyName = "webhook-key.json"
)

// formatName is the file that says that a directory holds a ledger.
const formatName = "FORMAT"

// holds tells whether a directory has a file.
func holds(dir, name string) (bool, error) {
	_, err := os.Stat(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// checkKeys returns an error where a server over a ClickHouse lacks a file of keys that
// the other servers have: with one of its own it would be alone.
func (cfg *nodeConfig) checkKeys() error {
	signs, err := holds(cfg.data, keysName)
	if err != nil {
		return err
	}
	signs = signs || cfg.issuer != "" // tokens are an external issuer's
	sends, err := holds(cfg.data, webhookKeyName)
	if err != nil {
		return err
	}
	lacking := webhookKeyName
	switch {
	case signs && sends:
		return nil
	case !signs && !sends:
		lacking = keysName + " and no " + webhookKeyName
	case !signs:
		lacking = keysName
	}
	return fmt.Errorf("%s has no %s: copy what another server of the ledger has; where none is left, 'tollbook key rotate --data %[1]s', with --store or %[3]s, makes new keys", cfg.data, lacking, variable("store"))
}

// refuseKeys returns an error where a directory holds keys alone: its ledger is
// elsewhere.
func refuseKeys(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil // whoever opens it says why
	}
	keys := false
	for _, f := range files {
		switch f.Name() {
		case keysName, webhookKeyName:
			keys = true
		case configName:
		default:
			return nil
		}
	}
	if !keys {
		return nil
	}
	return usageError("%s holds keys and no ledger. If that is in a ClickHouse, name it by --store or %s", dir, variable("store"))
}
