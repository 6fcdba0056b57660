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

	"tollbook"
	"tollbook/book"
	"tollbook/clickhousestore"
	"tollbook/localstore"
	"tollbook/oauth"
	"tollbook/webhook"
)

func (a *app) initCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "init", Short: "Make a data directory, its signing key and an operator's client", Args: args(),
		Example: examples(`
  tollbook init --data ./book
  tollbook init --data ./book --output json > operator.json
  tollbook init --data ./keys --store clickhouse://tollbook@db:9000/tollbook`),
		Long: `Makes a data directory of one that is absent or empty, and in it a signing key
and the client of an operator, whose id and secret are printed this once. With
--store the client is in the ledger of a ClickHouse, whose tables 'tollbook
clickhouse migrate' has made, and the directory holds the keys alone: each
server gets a copy of it.`,
	}
	var data, store string
	dataFlag(cmd, &data)
	storeFlag(cmd, &store)
	output := outputFlag(cmd, asTable, asJSON)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := oneOf("output", *output, asTable, asJSON); err != nil {
			return err
		}
		if data == "" {
			return noData()
		}
		p, err := newPlace(data)
		if err != nil {
			return err
		}
		cred, err := p.initialize(cmd.Context(), store, a.now)
		if err != nil {
			return err
		}
		if err := a.printOperator(cred, *output); err != nil {
			return errors.Join(err, p.discard()) // nobody would ever know the secret
		}
		if *output == asTable {
			a.say("Made the data directory %s. The secret is not shown again.", data)
		}
		return nil
	}
	return cmd
}

func (a *app) printOperator(cred book.Credentials, output string) error {
	if output == asJSON {
		return a.printJSON(cred)
	}
	_, err := fmt.Fprintf(a.stdout, "TOLLBOOK_CLIENT_ID=%s\nTOLLBOOK_CLIENT_SECRET=%s\n", cred.ClientID, cred.ClientSecret)
	return err
}

// place is where a data directory is made: one that was absent or empty.
type place struct {
	dir    string
	absent bool
}

// newPlace returns an error when there is something in a directory.
func newPlace(dir string) (place, error) {
	names, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return place{dir, true}, nil
	}
	if err == nil && len(names) > 0 {
		err = fmt.Errorf("%s is not empty: a new data directory needs a place of its own", dir)
	}
	return place{dir, false}, err
}

// initialize makes a data directory and returns the operator's credentials.
// Where that fails, the place is as it was.
func (p place) initialize(ctx context.Context, store string, now func() time.Time) (cred book.Credentials, err error) {
	// It will hold what people did and with whom: nobody else need look.
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return cred, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.discard())
		}
	}()
	ledger, err := p.create(ctx, store, now)
	if err != nil {
		return cred, err
	}
	defer func() { err = errors.Join(err, ledger.Close()) }()
	// Before there are several servers that would each draw one.
	if _, err := webhook.OpenKey(filepath.Join(p.dir, webhookKeyName), rand.Reader); err != nil {
		return cred, err
	}
	if err := oauth.CreateKeys(filepath.Join(p.dir, keysName), rand.Reader, now()); err != nil {
		return cred, err
	}
	b, err := book.Open(ctx, ledger, book.Options{Clock: now, Rand: rand.Reader, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return cred, err
	}
	defer b.Close()
	cred, err = b.Bootstrap(ctx)
	if store != "" && tollbook.CodeOf(err) == tollbook.CodeConflict {
		err = fmt.Errorf("the ledger has a client, so it needs no other: copy %s and %s of another of its servers into %s; where none is left, make that directory, and 'tollbook key rotate --data %[3]s', with --store or %[4]s, makes new keys",
			keysName, webhookKeyName, p.dir, variable("store"))
	}
	return cred, err
}

// create opens the ledger that is to be initialized.
func (p place) create(ctx context.Context, store string, now func() time.Time) (ledger, error) {
	if store != "" {
		return opened(clickhousestore.Open(ctx, store, clickhousestore.Options{}))
	}
	return opened(localstore.Open(p.dir, localstore.Options{Clock: now, Create: true}))
}

// discard takes away what was made, so that the place can be tried again.
func (p place) discard() error {
	if p.absent {
		return os.RemoveAll(p.dir)
	}
	names, err := os.ReadDir(p.dir)
	for _, name := range names {
		err = errors.Join(err, os.RemoveAll(filepath.Join(p.dir, name.Name())))
	}
	return err
}
