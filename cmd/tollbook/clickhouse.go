package main

import (
	"errors"

	"github.com/spf13/cobra"

	"tollbook/clickhousestore"
)

func (a *app) clickhouseCommand() *cobra.Command {
	return group("clickhouse", "Care for a ledger in a ClickHouse", `
  tollbook clickhouse migrate --store clickhouse://localhost:9000/tollbook --dry-run
  tollbook clickhouse migrate --store clickhouse://localhost:9000/tollbook
  tollbook clickhouse rebuild --store clickhouse://localhost:9000/tollbook`, a.clickhouseMigrateCommand(), a.clickhouseRebuildCommand())
}

func (a *app) clickhouseMigrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "migrate", Short: "Make this version's tables, or bring older ones up to it", Args: args(),
		Example: examples(`
  tollbook clickhouse migrate --store clickhouse://localhost:9000/tollbook --dry-run
  tollbook clickhouse migrate --store clickhouse://localhost:9000/tollbook`),
		Long: `Makes the tables in a database that is there, or changes those that an older
version made. It can be repeated; what is done already is left as it is. With
--dry-run it prints the SQL and changes nothing.

With --cluster the tables are made on every server of that cluster, which the
address must name one of the first shard of; NAME_home must be a cluster of the
first shard alone, and the database must be there on all. How the tables lie is
decided when they are made first; later versions find it out. A replica that has
none of them, being new or having lost its disk, is given them, and their rows,
and the database when it has these: do not make it there.`,
	}
	var store string
	storeFlag(cmd, &store)
	o := clickhousestore.MigrateOptions{Out: a.stdout}
	cmd.Flags().StringVar(&o.Cluster, "cluster", "", "spread the tables over the shards of this cluster of the servers' configuration")
	cmd.Flags().BoolVar(&o.Replicated, "replicated", false, "copy the tables among the replicas of each shard")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "print the SQL that would be run")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if store == "" {
			return usageError("which ClickHouse? Give --store or set %s", variable("store"))
		}
		err := clickhousestore.Migrate(cmd.Context(), store, o)
		if err == nil && !o.DryRun {
			a.say("The tables are as this version has them.")
		}
		return err
	}
	return cmd
}

func (a *app) clickhouseRebuildCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "rebuild", Short: "Make what is counted anew from what was written down", Args: args(),
		Example: examples(`
  tollbook clickhouse rebuild --store clickhouse://localhost:9000/tollbook`),
		Long: `Empties the tables that can be made from others (claims, repeats, tallies,
records, past, folds) and makes them again from the log, the events and the
bookings: after those were restored from a backup, or where verify found that
they differ. All servers of the ledger must be stopped. One that is
interrupted is to be done again.`,
	}
	var address string
	storeFlag(cmd, &address)
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if address == "" {
			return usageError("which ClickHouse? Give --store or set %s", variable("store"))
		}
		store, err := clickhousestore.Open(cmd.Context(), address, clickhousestore.Options{Clock: a.now})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, store.Close()) }()
		var p *progress
		var events int64
		err = store.Rebuild(cmd.Context(), func(done, total int64) {
			if p == nil {
				p, events = a.newProgress("Counting events", total, false), total
			}
			p.set(done)
		})
		if p != nil {
			p.end()
		}
		if err != nil {
			return err
		}
		a.say("Counted %s.", plural(int(events), "event"))
		return nil
	}
	return cmd
}
