package main

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tollbook"
	"tollbook/client"
)

func (a *app) monthCommand() *cobra.Command {
	return group("month", "Close months, and show what was stated of them", `
  tollbook month list --organization acme
  tollbook month close 2026-08 --organization acme
  tollbook month show 2026-08 --organization acme
  tollbook month adjustments 2026-08 --organization acme`,
		a.monthCloseCommand(), a.monthListCommand(), a.monthShowCommand(), a.monthAdjustmentsCommand())
}

func organizationFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("organization", "", "the organization whose months they are")
}

// accountFlag names one account.
func accountFlag(cmd *cobra.Command, usage string) *string {
	return cmd.Flags().String("account-id", "", usage)
}

// monthOf checks what a command of months is asked for.
func monthOf(organization, text string) (tollbook.Month, error) {
	if organization == "" {
		return 0, noOrganization()
	}
	m, err := tollbook.ParseMonth(text)
	if err != nil {
		return 0, usageError("%w", err)
	}
	return m, nil
}

func noOrganization() error { return usageError("whose months? Give --organization") }

func (a *app) monthCloseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "close MONTH", Short: "Close a month of an organization", Args: args("MONTH"),
		Example: examples("\n  tollbook month close 2026-08 --organization acme"),
		Long: `Closes a month and prints its statement. From then on its records never change:
what occurred in it and comes later, and what is voided of it, is booked in the
first open month. Months are closed in order, and not before they have ended for
every account of the organization. Closing a month again changes nothing.`,
	}
	organization := organizationFlag(cmd)
	output := outputFlag(cmd, asTable, asJSON)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := oneOf("output", *output, asTable, asJSON); err != nil {
			return err
		}
		m, err := monthOf(*organization, args[0])
		if err != nil {
			return err
		}
		c, err := r.connect()
		if err != nil {
			return err
		}
		month, err := c.CloseMonth(cmd.Context(), *organization, m)
		if err != nil {
			return err
		}
		if st := month.Statement; st != nil && st.UnratedEvents > 0 {
			a.say("%s had no rate when the month was closed; once one covers them they count in the first open month.", plural(st.UnratedEvents, "event"))
		}
		return a.printMonth(*output, &month)
	}
	return cmd
}

func (a *app) monthShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show MONTH", Short: "Show the state of a month and its statement", Args: args("MONTH"),
		Example: examples("\n  tollbook month show 2026-08 --organization acme\n  tollbook month show 2026-08 --organization acme --output json"),
		Long: `Shows the state of an organization's month and, where it is closed, its
statement. The SHA-256 is that of what the organization's own client gets from
  tollbook usage --month MONTH --all --order-by id:asc --output tsv`,
	}
	organization := organizationFlag(cmd)
	output := outputFlag(cmd, asTable, asJSON)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := oneOf("output", *output, asTable, asJSON); err != nil {
			return err
		}
		m, err := monthOf(*organization, args[0])
		if err != nil {
			return err
		}
		c, err := r.connect()
		if err != nil {
			return err
		}
		month, err := c.Month(cmd.Context(), *organization, m)
		if err != nil {
			return err
		}
		return a.printMonth(*output, &month)
	}
	return cmd
}

func (a *app) printMonth(output string, m *client.Month) error {
	if output == asJSON {
		return a.printJSON(m)
	}
	rows := [][]string{{"organization", m.OrganizationID}, {"month", m.Month.String()}, {"state", m.State}, {"ends at", m.EndsAt.Format(time.RFC3339)}}
	if m.ClosesAt != nil {
		rows = append(rows, []string{"closes at", m.ClosesAt.Format(time.RFC3339)})
	}
	if m.ClosedAt != nil {
		rows = append(rows, []string{"closed at", m.ClosedAt.Format(time.RFC3339)}, []string{"closed by", orEmpty(m.ClosedBy)})
	}
	if st := m.Statement; st != nil {
		rows = append(rows, []string{"position", strconv.FormatUint(st.Position, 10)}, []string{"records", strconv.Itoa(st.Records)})
		for _, t := range st.Totals {
			rows = append(rows, []string{"usage", t.Usage.String() + " " + t.Currency})
			if t.PutIn.Sign() != 0 {
				rows = append(rows, []string{"put in", t.PutIn.String() + " " + t.Currency})
			}
		}
		rows = append(rows, []string{"unrated events", strconv.Itoa(st.UnratedEvents)}, []string{"sha256", st.SHA256})
	}
	a.printTable("", left("field", "value"), rows)
	return nil
}

func (a *app) monthListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the months of an organization", Args: args(),
		Example: examples("\n  tollbook month list --organization acme\n  tollbook month list --organization acme --output json"),
		Long: `Lists the months of an organization, from the first that is closed or has records
to the present one, each with its state and what was stated of it.`,
	}
	organization := organizationFlag(cmd)
	output := outputFlag(cmd, asTable, asJSON, asCSV)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := oneOf("output", *output, asTable, asJSON, asCSV); err != nil {
			return err
		}
		if *organization == "" {
			return noOrganization()
		}
		c, err := r.connect()
		if err != nil {
			return err
		}
		columns := append(left("month", "state", "ends_at", "closes_at", "closed_at", "closed_by"), column{"records", true}, column{"unrated", true}, column{"totals", false}, column{"sha256", false})
		return printRows(a, *output, columns, c.Months(cmd.Context(), *organization), func(m *client.Month) []string {
			row := []string{m.Month.String(), m.State, m.EndsAt.Format(time.RFC3339), timeOrNone(m.ClosesAt), timeOrNone(m.ClosedAt), orEmpty(m.ClosedBy), "", "", "", ""}
			if st := m.Statement; st != nil {
				row[6], row[7], row[8], row[9] = strconv.Itoa(st.Records), strconv.Itoa(st.UnratedEvents), totalsText(st.Totals), st.SHA256
			}
			return row
		})
	}
	return cmd
}

// totalsText is what a month comes to, by currency.
func totalsText(totals []client.MonthTotal) string {
	var all []string
	for _, t := range totals {
		s := t.Usage.String() + " " + t.Currency
		if t.PutIn.Sign() != 0 {
			s += fmt.Sprintf(" (put in: %s)", t.PutIn)
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

func timeOrNone(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}

func (a *app) monthAdjustmentsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "adjustments MONTH", Short: "List what of a month is booked in a later one", Args: args("MONTH"),
		Example: examples("\n  tollbook month adjustments 2026-08 --organization acme\n  tollbook month adjustments 2026-08 --organization acme --account-id a1 --output csv"),
		Long: `Lists what occurred in a month but counts in a later one: events that came, or
were rated, after the month had been closed, and voids of events that had been
stated for it.`,
	}
	organization := organizationFlag(cmd)
	account := accountFlag(cmd, "of this account only")
	output := outputFlag(cmd, asTable, asJSON, asCSV)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := oneOf("output", *output, asTable, asJSON, asCSV); err != nil {
			return err
		}
		m, err := monthOf(*organization, args[0])
		if err != nil {
			return err
		}
		c, err := r.connect()
		if err != nil {
			return err
		}
		list := c.Adjustments(cmd.Context(), *organization, *account, m)
		if *output == asJSON {
			return printJSONArray(a.stdout, list)
		}
		columns := append(left("what", "booked_month", "account_id", "occurred_at", "source", "id", "description"), chargeColumns()...)
		return printRows(a, *output, append(columns, left("reason")...), chargesOf(list), func(c *adjustedCharge) []string {
			what, reason := "late event", ""
			if c.Void != nil {
				what, reason = "void", c.Void.Reason
			}
			e := &c.Event
			row := []string{what, c.BookedMonth.String(), e.AccountID, e.OccurredAt.Format(time.RFC3339), e.Source, e.ID, c.charge.Description}
			return append(append(row, chargeCells(c.Rate, &c.charge)...), reason)
		})
	}
	return cmd
}

// adjustedCharge is one line of an adjustment.
type adjustedCharge struct {
	client.Adjustment
	charge client.Charge
}

func chargesOf(list iter.Seq2[client.Adjustment, error]) iter.Seq2[adjustedCharge, error] {
	return func(yield func(adjustedCharge, error) bool) {
		for adj, err := range list {
			if err != nil {
				yield(adjustedCharge{}, err)
				return
			}
			for _, c := range adj.Charges {
				if !yield(adjustedCharge{adj, c}, nil) {
					return
				}
			}
		}
	}
}

// chargeColumns are those of what an event counts.
func chargeColumns() []column {
	return []column{{"increments", true}, {"units", true}, {"unit", false}, {"amount", true}, {"currency", false}}
}

// chargeCells are those of a charge, nil for none. An event that carried its
// price, which no rate counted, has units and no increments.
func chargeCells(rate *client.RateRow, c *client.Charge) []string {
	if c == nil {
		return make([]string, len(chargeColumns()))
	}
	increments := ""
	if rate != nil {
		increments = c.Increments.String()
	}
	return []string{increments, c.NumberOfUnits.String(), c.Unit, orNone(c.Amount), c.Currency}
}
