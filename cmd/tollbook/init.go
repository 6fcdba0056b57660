package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"tollbook/book"
	"tollbook/localstore"
	"tollbook/oauth"
)

func (a *app) initCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "init", Short: "Make a data directory, its signing key and an operator's client", Args: args(),
		Example: examples(`
  tollbook init --data ./book
  tollbook init --data ./book --output json > operator.json`),
		Long: `Makes a data directory of one that is absent or empty, and in it a signing key
and the client of an operator, whose id and secret are printed this once.`,
	}
	var data string
	dataFlag(cmd, &data)
	output := outputFlag(cmd, asTable, asJSON)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := oneOf("output", *output, asTable, asJSON); err != nil {
			return err
		}
		if data == "" {
			return noData()
		}
		cred, err := initialize(cmd.Context(), data, a.now)
		if err != nil {
			return err
		}
		if *output == asJSON {
			return a.printJSON(cred)
		}
		a.say("Made the data directory %s. The secret is not shown again.", data)
		_, err = fmt.Fprintf(a.stdout, "TOLLBOOK_CLIENT_ID=%s\nTOLLBOOK_CLIENT_SECRET=%s\n", cred.ClientID, cred.ClientSecret)
		return err
	}
	return cmd
}

// initialize makes a data directory and returns the operator's credentials.
func initialize(ctx context.Context, data string, now func() time.Time) (cred book.Credentials, err error) {
	if err := checkUnused(data); err != nil {
		return cred, err
	}
	ledger, err := localstore.Open(data, localstore.Options{Clock: now, Create: true})
	if err != nil {
		return cred, err
	}
	defer func() { err = errors.Join(err, ledger.Close()) }()
	if err := oauth.CreateKeys(filepath.Join(data, keysName), rand.Reader, now()); err != nil {
		return cred, err
	}
	b, err := book.Open(ctx, ledger, book.Options{Clock: now, Rand: rand.Reader, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return cred, err
	}
	defer b.Close()
	return b.Bootstrap(ctx)
}

// checkUnused returns an error when there is something in a directory.
func checkUnused(dir string) error {
	names, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && len(names) > 0 {
		err = fmt.Errorf("%s is not empty: a new data directory needs a place of its own", dir)
	}
	return err
}
