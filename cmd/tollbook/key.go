package main

import (
	"crypto/rand"
	"path/filepath"

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
signed with the old one are good until they expire.`,
	}
	var data string
	dataFlag(cmd, &data)
	cmd.RunE = func(*cobra.Command, []string) error {
		if data == "" {
			return noData()
		}
		if err := oauth.Rotate(filepath.Join(data, keysName), rand.Reader, a.now(), oauth.DefaultLifetime); err != nil {
			return err
		}
		a.say("New tokens are signed with a new key.")
		return nil
	}
	return cmd
}
