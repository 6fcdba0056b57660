package main

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tollbook"
	"tollbook/client"
)

// askEvery is how often it is asked how far a re-rating is.
const askEvery = 500 * time.Millisecond

func (a *app) rerateCommand() *cobra.Command {
	return group("rerate", "Rate open months again, after prices have changed", `
  tollbook rerate start
  tollbook rerate start --organization acme --month 2026-08
  tollbook rerate list`,
		a.rerateStartCommand(), a.rerateListCommand(), a.rerateShowCommand(), a.rerateCancelCommand())
}

func (a *app) rerateStartCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "start", Short: "Rate open months again", Args: args(),
		Example: examples("\n  tollbook rerate start --organization acme\n  tollbook rerate start --account-id a1 --month 2026-08\n  tollbook rerate start --detach"),
		Long: `Measures the events of open months again under the rate cards as they are, in
the background of the server, and shows how far it is until it is done. Events
keep coming in meanwhile; of each account's month readers see all as it was, or
all as it is. Closed months stay as they are. If this command or the server is
interrupted the re-rating goes on: rerate show ID tells how far it is.`,
	}
	organization := cmd.Flags().String("organization", "", "of this organization only")
	account := accountFlag(cmd, "of this account only")
	months := cmd.Flags().StringSlice("month", nil, "of this month only")
	detach := cmd.Flags().Bool("detach", false, "do not wait until it is done")
	output := outputFlag(cmd, asTable, asJSON)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := oneOf("output", *output, asTable, asJSON); err != nil {
			return err
		}
		scope := client.RerateScope{OrganizationID: notEmpty(*organization), AccountID: notEmpty(*account)}
		month, err := atMostOne("month", *months)
		if err != nil {
			return err
		}
		if month != "" {
			m, err := tollbook.ParseMonth(month)
			if err != nil {
				return usageError("%w", err)
			}
			scope.Month = &m
		}
		c, err := r.connect()
		if err != nil {
			return err
		}
		job, err := c.StartRerate(cmd.Context(), scope)
		if err == nil && !*detach {
			job, err = a.awaitRerate(cmd.Context(), c, job)
		}
		if err != nil {
			return err
		}
		return a.printRerate(*output, &job)
	}
	return cmd
}

// notEmpty is nil for the empty text.
func notEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// awaitRerate shows how far a re-rating is until it has ended.
func (a *app) awaitRerate(ctx context.Context, c *client.Client, job client.Rerate) (client.Rerate, error) {
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	p := a.newProgress("rating months again", -1, false)
	defer func() { p.end() }()
	for job.Running() {
		select {
		case <-ctx.Done():
			a.say("The re-rating goes on: tollbook rerate show %s", job.ID)
			return job, ctx.Err()
		case <-ticker.C:
		}
		now, err := c.Rerate(ctx, job.ID)
		if err != nil {
			return job, errors.Join(err, errors.New("the re-rating goes on: tollbook rerate show "+job.ID))
		}
		if job = now; p.total < 0 && job.Months > 0 {
			p.end()
			p = a.newProgress("rating months again", int64(job.Months), false)
		}
		p.set(int64(job.MonthsDone))
	}
	return job, nil
}

func (a *app) rerateShowCommand() *cobra.Command {
	return a.oneRerateCommand("show ID", "Show how far a re-rating is", "", (*client.Client).Rerate)
}

func (a *app) rerateCancelCommand() *cobra.Command {
	return a.oneRerateCommand("cancel ID", "Cancel a re-rating",
		"Ends a re-rating behind the account's month in hand. What has been restated stays so.", (*client.Client).CancelRerate)
}

func (a *app) oneRerateCommand(use, short, long string, do func(*client.Client, context.Context, string) (client.Rerate, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: args("ID"),
		Example: examples("\n  tollbook rerate " + use[:len(use)-len("ID")] + "20260905-060000-4f1c8a2b"),
	}
	output := outputFlag(cmd, asTable, asJSON)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := oneOf("output", *output, asTable, asJSON); err != nil {
			return err
		}
		c, err := r.connect()
		if err != nil {
			return err
		}
		job, err := do(c, cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.printRerate(*output, &job)
	}
	return cmd
}

func (a *app) printRerate(output string, r *client.Rerate) error {
	if output == asJSON {
		return a.printJSON(r)
	}
	rows := [][]string{
		{"id", r.ID}, {"of", scopeText(&r.RerateScope)}, {"state", r.State}, {"requested at", r.RequestedAt.Format(time.RFC3339)}, {"requested by", r.RequestedBy},
		{"months of accounts", strconv.Itoa(r.MonthsDone) + " of " + strconv.Itoa(r.Months)},
		{"events", grouped(int(r.Events))}, {"events changed", grouped(int(r.EventsChanged))}, {"months refused", strconv.Itoa(r.Refused)},
	}
	if r.FinishedAt != nil {
		rows = append(rows, []string{"finished at", r.FinishedAt.Format(time.RFC3339)})
	}
	for _, f := range r.Refusals {
		rows = append(rows, []string{"refused", f.Month.String() + " of account " + f.AccountID + ": " + f.Message})
	}
	a.printTable("", left("field", "value"), rows)
	return nil
}

func scopeText(s *client.RerateScope) string {
	text := "all open months"
	if s.Month != nil {
		text = s.Month.String()
	}
	switch {
	case s.AccountID != nil:
		text += " of account " + *s.AccountID
	case s.OrganizationID != nil:
		text += " of organization " + *s.OrganizationID
	}
	return text
}

func (a *app) rerateListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List re-ratings, the last one first", Args: args(),
		Example: examples("\n  tollbook rerate list\n  tollbook rerate list --output json"),
	}
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
		list := c.Rerates(cmd.Context())
		if *output == asJSON {
			return printJSONArray(a.stdout, list)
		}
		columns := append(left("id", "of", "state", "finished_at"), column{"months", true}, column{"done", true}, column{"events", true}, column{"changed", true}, column{"refused", true})
		return printRows(a, *output, columns, list, func(j *client.Rerate) []string {
			return []string{j.ID, scopeText(&j.RerateScope), j.State, timeOrNone(j.FinishedAt), strconv.Itoa(j.Months), strconv.Itoa(j.MonthsDone),
				strconv.FormatInt(j.Events, 10), strconv.FormatInt(j.EventsChanged, 10), strconv.Itoa(j.Refused)}
		})
	}
	return cmd
}
