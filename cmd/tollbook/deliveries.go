package main

import (
	"encoding/json"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"tollbook/client"
)

func (a *app) deliveriesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "deliveries", Short: "List what alerts have fired, and what came of telling their receivers", Args: args(),
		Example: examples(`
  tollbook deliveries
  tollbook deliveries --alert low --state pending
  tollbook deliveries --attempts 0b3f6e2a9d5c47188f21c3d4e5f60718
  tollbook deliveries --limit 0 --output csv > deliveries.csv`),
		Long: `Lists deliveries, the latest first. With --attempts it lists every attempt of
one of them.`,
	}
	f := cmd.Flags()
	alert := f.String("alert", "", "id of an alert")
	state := f.String("state", "", "pending, delivered or given_up")
	attempts := f.String("attempts", "", "id of the delivery whose attempts are listed")
	limit := f.Int("limit", 50, "how many to list at most; 0: all")
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
		if *attempts != "" {
			columns := []column{{"attempts", true}, {"last_attempt_at", false}, {"status", true}, {"error", false}, {"state", false}, {"next_attempt_at", false}}
			return a.printObjects(*output, columns, first(*limit, valuesOf(c.History(cmd.Context(), client.Deliveries, *attempts))))
		}
		var where []string
		if *alert != "" {
			where = append(where, anyOf("alert_id", []string{*alert}))
		}
		if *state != "" {
			where = append(where, anyOf("state", []string{*state}))
		}
		columns := append(left("id", "fired_at", "alert_id", "account_id", "month"), column{"value", true}, column{"threshold", true}, column{"currency", false}, column{"state", false}, column{"attempts", true})
		columns = append(columns, left("next_attempt_at", "error")...)
		q := client.Query{Filter: strings.Join(where, " and "), PerPage: largestPage}
		return a.printObjects(*output, columns, first(*limit, c.Deliveries(cmd.Context(), q)))
	}
	return cmd
}

// valuesOf yields what changes made of an object.
func valuesOf(changes iter.Seq2[json.RawMessage, error]) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		for raw, err := range changes {
			var change struct{ Value json.RawMessage }
			if err == nil {
				err = json.Unmarshal(raw, &change)
			}
			if !yield(change.Value, err) || err != nil {
				return
			}
		}
	}
}
