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
)

func (a *app) keyCommand() *cobra.Command {
	return group("key", "Care for the keys that access tokens are signed with", `
  tollbook key rotate --data ./book`, a.keyRotateCommand())
}

func (a *app) keyRotateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "rotate", Short: "Sign new tokens with a new key", Args: args(),
		Example: "  tollbook key rotate --data ./book",
		Long: `Makes a new signing key. A server that is running takes it up by itself. Tokens
signed with the old one are good until they expire. Where the file of keys is
lost, it makes a new one; clients then need new tokens.`,
	}
	var data string
	dataFlag(cmd, &data)
	cmd.RunE = func(*cobra.Command, []string) error {
		if data == "" {
			return noData()
		}
		made, err := rotate(data, a.now())
		if err != nil {
			return err
		}
		if made {
			a.say("Made new keys. No older token is good any more.")
		} else {
			a.say("New tokens are signed with a new key.")
		}
		return nil
	}
	return cmd
}

// rotate adds a key to those of a data directory. made tells that there were
// none.
func rotate(data string, now time.Time) (made bool, err error) {
	path := filepath.Join(data, keysName)
	err = oauth.Rotate(path, rand.Reader, now, oauth.DefaultLifetime)
	if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if _, e := os.Stat(filepath.Join(data, "FORMAT")); e != nil { // every data directory has it
		return false, fmt.Errorf("%s is not a Tollbook data directory: %w", data, e)
	}
	return true, oauth.CreateKeys(path, rand.Reader, now)
}
