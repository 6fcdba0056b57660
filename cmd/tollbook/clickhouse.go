package main

import (
	"github.com/spf13/cobra"

	"tollbook/clickhousestore"
)

func (a *app) clickhouseCommand() *cobra.Command {
	return group("clickhouse", "Care for a ledger in a ClickHouse", `
  tollbook clickhouse migrate --store clickhouse://localhost:9000/tollbook --dry-run
  tollbook clickhouse migrate --store clickhouse://localhost:9000/tollbook`, a.clickhouseMigrateCommand())
}

func (a *app) clickhouseMigrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "migrate", Short: "Make this version's tables, or bring older ones up to it", Args: args(),
		Example: examples(`
  tollbook clickhouse migrate --store clickhouse://localhost:9000/tollbook --dry-run
  tollbook clickhouse migrate --store clickhouse://localhost:9000/tollbook`),
		Long: `Makes the tables in a database that is there, or changes those that an older
version made. It can be repeated; what is done already is left as it is. With
--dry-run it prints the SQL and changes nothing.`,
	}
	var store string
	storeFlag(cmd, &store)
	dryRun := cmd.Flags().Bool("dry-run", false, "print the SQL that would be run")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if store == "" {
			return usageError("which ClickHouse? Give --store or set %s", variable("store"))
		}
		return clickhousestore.Migrate(cmd.Context(), store, *dryRun, a.stdout)
	}
	return cmd
}
