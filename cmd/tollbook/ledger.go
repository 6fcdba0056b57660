package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/localstore"
)

// ledger is what the program opens: the data directory's own, or that of a
// ClickHouse.
type ledger interface {
	tollbook.Ledger
	prometheus.Collector
}

// How old a page over a ClickHouse may be.
const (
	defaultFreshness = 10 * time.Second
	minFreshness     = 500 * time.Millisecond
	maxFreshness     = time.Minute

	defaultNamesMemory = 1 << 10 // MiB
	maxNamesMemory     = 1 << 20
)

func storeFlag(cmd *cobra.Command, store *string) {
	cmd.Flags().StringVar(store, "store", "", "the ClickHouse that holds the ledger instead of the data directory, as clickhouse://USER:PASSWORD@HOST:PORT/DATABASE, user and password percent-encoded")
}

// openLedger opens the ledger that a server serves.
func (cfg *nodeConfig) openLedger(ctx context.Context) (ledger, error) {
	if cfg.store != "" {
		if _, err := os.Stat(cfg.data); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no directory %s, which is to hold the keys of all servers: copy that of another one, or make it with 'tollbook init'", cfg.data)
		}
		if err := cfg.checkKeys(); err != nil {
			return nil, err
		}
		return opened(clickhousestore.Open(ctx, cfg.store, clickhousestore.Options{
			Freshness: cfg.freshness, NamesMemory: int64(cfg.namesMemory) << 20, Logger: cfg.log, Clock: cfg.now,
		}))
	}
	if err := refuseKeys(cfg.data); err != nil {
		return nil, err
	}
	if err := refuseUnfinished(cfg.data); err != nil {
		return nil, err
	}
	return opened(localstore.Open(cfg.data, localstore.Options{Clock: cfg.now, Logger: cfg.log}))
}

// refuseTwo returns an error where a command is to open the ledger of a directory and,
// by a setting that is easily forgotten, that of a ClickHouse. Who names the ClickHouse
// on the command line means it.
func refuseTwo(cmd *cobra.Command, by string) error {
	data, store := cmd.Flags().Lookup("data"), cmd.Flags().Lookup("store")
	if data == nil || store == nil || store.Value.String() == "" {
		return nil
	}
	if there, err := holds(data.Value.String(), formatName); err != nil || !there || data.Value.String() == "" {
		return err
	}
	place, err := clickhousestore.Place(store.Value.String())
	if err != nil {
		return err
	}
	return usageError("which ledger? %s holds one, and %s names another, %s. Unset one of the two; or give --store on the command line, and of %[1]s the keys alone are used", data.Value, by, place)
}

// place returns where the ledger is, for a log: the data directory, or the
// ClickHouse without user and password.
func (cfg *nodeConfig) place() (string, error) {
	if cfg.store == "" {
		return cfg.data, nil
	}
	return clickhousestore.Place(cfg.store)
}

// opened makes what a store's Open returned a ledger, nil with an error.
func opened[S ledger](s S, err error) (ledger, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}
