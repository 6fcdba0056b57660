package main

import (
	"github.com/spf13/cobra"

	"tollbook/client"
)

func (a *app) rateCardCommand() *cobra.Command {
	col := collection{name: client.RateCards, noun: "rate-card", article: "a", id: "ID", csv: true,
		columns: []column{{"id", false}, {"version", true}, {"rows", true}}}
	create := &cobra.Command{
		Use: "create ID", Short: "Make a CSV file the next version of a card", Long: cardHelp, Args: args("ID"),
		Example: examples(`
  tollbook rate-card create standard --file prices.csv
  tollbook rate-card create standard --file prices.csv --dry-run`),
	}
	file := create.Flags().String("file", "-", "the CSV file; - is standard input")
	dryRun := dryRunFlag(create)
	r := remoteFlags(create)
	create.RunE = func(cmd *cobra.Command, args []string) error {
		return a.putCard(cmd.Context(), r, args[0], *file, *dryRun)
	}
	return a.commands(col, "Define rate cards, the price lists", `
  tollbook rate-card create standard --file prices.csv
  tollbook rate-card show standard --csv
  tollbook rate-card history standard`,
		create)
}
