package main

import (
	"iter"
	"time"

	"github.com/spf13/cobra"

	"tollbook/client"
)

func (a *app) unratedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "unrated", Short: "List the events that no rate matches yet", Args: args(),
		Example: examples(`
  tollbook unrated
  tollbook unrated --limit 0 --output csv > unrated.csv`),
		Long: `Lists events that are kept but not counted, because no rate matches them, with
the reason. They are counted as soon as a change of card, account or
organization covers them.`,
	}
	limit := cmd.Flags().Int("limit", 50, "how many to list at most; 0: all")
	output := outputFlag(cmd, asTable, asJSON, asCSV)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := oneOf("output", *output, asTable, asJSON, asCSV); err != nil {
			return err
		}
		c, err := r.connect()
		if err != nil {
			return err
		}
		return a.printUnrated(*output, *limit, first(*limit, c.Unrated(cmd.Context())))
	}
	return cmd
}

// first yields at most limit items; 0 is no limit.
func first[T any](limit int, items iter.Seq2[T, error]) iter.Seq2[T, error] {
	if limit <= 0 {
		return items
	}
	return func(yield func(T, error) bool) {
		n := 0
		for item, err := range items {
			n++
			if !yield(item, err) || n == limit {
				return
			}
		}
	}
}

func (a *app) printUnrated(output string, limit int, events iter.Seq2[client.Event, error]) error {
	columns := append(left("reason", "organization_id", "account_id", "occurred_at", "source", "id", "type", "direction", "to"), column{"quantity", true}, column{"unit", false})
	cells := func(e *client.Event) []string {
		return []string{e.Reason, e.OrganizationID, e.AccountID, e.OccurredAt.Format(time.RFC3339), e.Source, e.ID, e.Type, orEmpty(e.Direction), e.To, e.Quantity.String(), e.Unit}
	}
	switch output {
	case asJSON:
		return printJSONArray(a.stdout, events)
	case asCSV:
		return printCSV(a.stdout, columns, events, cells)
	}
	var rows [][]string
	for e, err := range events {
		if err != nil {
			return err
		}
		rows = append(rows, cells(&e))
	}
	if len(rows) == 0 {
		a.say("Every event is rated.")
		return nil
	}
	a.printTable("", columns, rows)
	if len(rows) == limit {
		a.say("These are the first %d; --limit 0 lists all.", limit)
	}
	return nil
}
