package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"tollbook/oauth"
	"tollbook/webhook"
)

func (a *app) keyCommand() *cobra.Command {
	return group("key", "Care for the keys that access tokens are signed with", `
  tollbook key rotate --data ./book`, a.keyRotateCommand())
}

func (a *app) keyRotateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "rotate", Short: "Sign new tokens with a new key", Args: args(),
		Example: examples(`
  tollbook key rotate --data ./book
  tollbook key rotate --data ./keys --store clickhouse://localhost:9000/tollbook`),
		Long: `Makes a new signing key. A server that is running takes it up by itself. Tokens
signed with the old one are good until they expire. Where the file of keys is
lost, it makes a new one; clients then need new tokens.

With --store the directory is that of a server over a ClickHouse, which holds keys
alone; the ClickHouse is not asked. A lost ` + webhookKeyName + ` is made anew as well. The
other servers need a copy of what was made: docs/operations.md says how.`,
	}
	var data, store string
	dataFlag(cmd, &data)
	storeFlag(cmd, &store)
	cmd.RunE = func(*cobra.Command, []string) error {
		if data == "" {
			return noData()
		}
		made, err := rotate(data, store != "", a.now())
		if err != nil {
			return err
		}
		if made {
			a.say("Made new keys. No older token is good any more.")
		} else {
			a.say("New tokens are signed with a new key.")
		}
		if store == "" {
			return nil
		}
		if there, err := holds(data, webhookKeyName); there || err != nil {
			return err
		}
		if _, err := webhook.OpenKey(filepath.Join(data, webhookKeyName), rand.Reader); err != nil {
			return err
		}
		a.say("Made a new %s. The secret of each alert must be rotated.", webhookKeyName)
		return nil
	}
	return cmd
}

// rotate adds a key to those of a directory: a data directory, or one that holds
// keys alone. made tells that there were none.
func rotate(data string, alone bool, now time.Time) (made bool, err error) {
	path := filepath.Join(data, keysName)
	err = oauth.Rotate(path, rand.Reader, now, oauth.DefaultLifetime)
	if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if !alone {
		if _, e := os.Stat(filepath.Join(data, formatName)); e != nil { // every data directory has it
			return false, fmt.Errorf("%s is not a Tollbook data directory: %w; with --store it is one of keys", data, e)
		}
	}
	return true, oauth.CreateKeys(path, rand.Reader, now)
}
