package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tollbook/client"
	"tollbook/decimal"
)

// asNDJSON is the form of JSON lines.
const asNDJSON = "ndjson"

// maxReconcileBytes is the largest file that is read; the server has the same
// bound.
const maxReconcileBytes = 64 << 20

func (a *app) reconcileCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "reconcile FILE", Short: "Hold a carrier's calls or a cost report against our events", Args: args("FILE"),
		Example: examples(`
  tollbook reconcile carrier.csv --account 5ea75fe7aa224700012eae40 --month 2026-08
  tollbook reconcile carrier.csv --organization acme --month 2026-08 --match call --compare quantity
  tollbook reconcile twilio.csv --organization acme --month 2026-08 --event-id attributes.sid --amount-factor -1
  tollbook reconcile day.csv --organization acme --from 2026-08-14T00:00:00Z --to 2026-08-15T00:00:00Z \
      --columns "to=aDDI,from=aCLI,start=aDate+aTime,quantity=aSeconds" --time-zone Europe/London
  tollbook reconcile carrier.csv --account 5ea75fe7aa224700012eae40 --month 2026-08 --output csv > differences.csv`),
		Long: `Compares a CSV with the events of an account or an organization and tells what
became of each row and each event: matched, differing (in quantity, amount or
currency), missing here (a row without an event), missing there (an event
without a row), or outside (a row that is not of the period). Rows are matched
by id where the file has ids, else by the numbers and the time. Nothing is
stored. The table has the first differences; --output csv and ndjson have all.
docs/reconcile.md says more.

Exits with 5 where something differs or is missing.`,
	}
	var q client.ReconcileQuery
	var months, accounts []string
	f := cmd.Flags()
	f.StringVar(&q.OrganizationID, "organization", "", "the organization whose events are compared")
	f.StringSliceVar(&accounts, "account", nil, "the account whose events are compared")
	f.StringSliceVar(&months, "month", nil, "the month, as YYYY-MM")
	f.StringVar(&q.From, "from", "", "in place of a month, the instant from which events are compared (RFC 3339)")
	f.StringVar(&q.To, "to", "", "the instant before which events are compared")
	booked := f.Bool("booked", false, "compare the events that the month's records count, not those that occurred in it")
	f.StringSliceVar(&q.Types, "types", nil, "usage types that are compared (default all but what is put in)")
	f.StringSliceVar(&q.Sources, "sources", nil, "sources whose events are compared (default all)")
	f.StringVar(&q.EventID, "event-id", "", "what is held against the file's ids: id or attributes.KEY (default id)")
	layoutFlags(f, &q)
	ruleFlags(f, &q)
	limit := f.Int("limit", 20, "how many differences of each class the table has at most")
	output := outputFlag(cmd, asTable, asJSON, asCSV, asNDJSON)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if err := oneOf("output", *output, asTable, asJSON, asCSV, asNDJSON); err != nil {
			return err
		}
		if q.Month, err = atMostOne("month", months); err != nil {
			return err
		}
		if q.AccountID, err = atMostOne("account", accounts); err != nil {
			return err
		}
		if q.OrganizationID == "" && q.AccountID == "" {
			return usageError("whose events? Give --account or --organization")
		}
		if q.Month == "" && q.From == "" {
			return usageError("of which time? Give --month, or --from and --to")
		}
		if *booked {
			q.Events = "booked"
		}
		q.Limit = strconv.Itoa(*limit)
		return a.reconcile(cmd.Context(), r, q, args[0], *output)
	}
	return cmd
}

// layoutFlags are those that say how the file is to be read.
func layoutFlags(f *pflag.FlagSet, q *client.ReconcileQuery) {
	f.StringVar(&q.Columns, "columns", "", "which columns say what, as FIELD=NAME,…; fields: id, source, to, from, start, quantity, unit, amount, currency")
	f.StringVar(&q.TimeFormat, "time-format", "", "what a start looks like, such as \"DD/MM/YYYY hh:mm:ss\"")
	f.StringVar(&q.TimeZone, "time-zone", "", "the time zone of starts without an offset (default UTC)")
	f.BoolVar(&q.DecimalComma, "decimal-comma", false, "numbers have a comma for a point")
	f.StringVar(&q.Unit, "unit", "", "the unit of quantities, where the file does not tell")
	f.StringVar(&q.Currency, "currency", "", "the currency of amounts, where the file does not tell")
	f.StringVar(&q.AmountFactor, "amount-factor", "", "what amounts are multiplied by; -1 where charges are negative, 0.01 where they are in cents")
}

// ruleFlags are those that say what is compared, and how closely.
func ruleFlags(f *pflag.FlagSet, q *client.ReconcileQuery) {
	f.StringVar(&q.Match, "match", "", "by what the event of a row is known: id, call (numbers and time) or auto (default auto)")
	f.StringVar(&q.Within, "within", "", "by how many seconds the starts of a row and its event may be apart (default 60)")
	f.StringVar(&q.Digits, "digits", "", "how many digits of a number count, from its end (default all)")
	f.StringSliceVar(&q.Compare, "compare", nil, "what is compared: quantity, or billed in its place; amount (default quantity,amount)")
	f.StringVar(&q.QuantityWithin, "quantity-within", "", "by how much quantities may differ")
	f.StringVar(&q.AmountWithin, "amount-within", "", "by how much amounts may differ")
}

// atMostOne returns the value of a flag that elsewhere takes several.
func atMostOne(flag string, values []string) (string, error) {
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", usageError("--%s takes one value here", flag)
}

func (a *app) reconcile(ctx context.Context, r *remote, q client.ReconcileQuery, file, output string) error {
	text, err := a.readInput(file, maxReconcileBytes)
	if err != nil {
		return err
	}
	c, err := r.connect()
	if err != nil {
		return err
	}
	if types := map[string]string{asCSV: client.TypeCSV, asNDJSON: client.TypeNDJSON}; types[output] != "" {
		all, matched, err := c.ReconcileAll(ctx, q, text, types[output])
		if err != nil {
			return err
		}
		if _, err := a.stdout.Write(all); err != nil {
			return err
		}
		return unless(matched)
	}
	done, err := c.Reconcile(ctx, q, text)
	if err != nil {
		return err
	}
	if output == asJSON {
		if err := a.printJSON(done); err != nil {
			return err
		}
	} else {
		a.printReconciled(file, &done)
	}
	return unless(done.AllMatched)
}

// unless ends the program as one that found differences unless all matched.
func unless(allMatched bool) error {
	if allMatched {
		return nil
	}
	return &exitError{exitDiffers, nil}
}

func (a *app) printReconciled(file string, r *client.Reconciled) {
	whose := r.OrganizationID
	if r.AccountID != nil {
		whose = *r.AccountID
	}
	when := r.From.Format(time.RFC3339) + " to " + r.To.Format(time.RFC3339)
	if r.Month != nil {
		when = r.Month.String()
	}
	var rows [][]string
	for _, c := range r.Classes {
		rows = append(rows, sumRows(strings.ReplaceAll(c.Class, "_", " "), strconv.Itoa(c.Rows), strconv.Itoa(c.Events), &c.Sums)...)
	}
	rows = append(rows, sumRows("total", strconv.Itoa(r.Rows-r.Classes[len(r.Classes)-1].Rows), strconv.Itoa(r.Events), &r.Total)...)
	a.printTable(fmt.Sprintf("%s against %s, %s, by %s", file, whose, when, r.MatchedBy),
		[]column{{"class", false}, {"rows", true}, {"events", true}, {"in", false}, {"theirs", true}, {"ours", true}, {"difference", true}}, rows)
	for _, list := range [][]client.Difference{r.Differing, r.MissingHere, r.MissingThere, r.Outside} {
		a.printDifferences(list, r.Classes)
	}
}

// sumRows are the rows of a class: one for each currency and each unit.
func sumRows(class, rows, events string, s *client.Sums) (table [][]string) {
	add := func(in string, s *client.Sum) {
		table = append(table, []string{class, rows, events, in, s.Theirs.String(), s.Ours.String(), s.Difference.String()})
		class, rows, events = "", "", ""
	}
	for i := range s.Amounts {
		add(s.Amounts[i].Currency, &s.Amounts[i].Sum)
	}
	for i := range s.Quantities {
		add(orEmpty(s.Quantities[i].Unit), &s.Quantities[i].Sum)
	}
	if table == nil {
		table = [][]string{{class, rows, events, "", "", "", ""}}
	}
	return table
}

// printDifferences prints the first differences of one class.
func (a *app) printDifferences(list []client.Difference, classes []client.ReconciledClass) {
	if len(list) == 0 {
		return
	}
	title := strings.ReplaceAll(list[0].Class, "_", " ")
	for _, c := range classes {
		if n := max(c.Rows, c.Events); c.Class == list[0].Class && n > len(list) {
			title += fmt.Sprintf(", the first %s of %s", grouped(len(list)), grouped(n))
		}
	}
	var rows [][]string
	for i := range list {
		rows = append(rows, differenceRow(&list[i]))
	}
	a.blankLine()
	a.printTable(title, []column{{"line", true}, {"start", false}, {"to", false}, {"from", false}, {"theirs", true}, {"ours", true}, {"their amount", true}, {"our amount", true},
		{"id", false}, {"note", false}}, rows)
}

func differenceRow(d *client.Difference) []string {
	var row [10]string
	note := strings.Join(d.Differs, ", ")
	if t := d.Theirs; t != nil {
		row = [...]string{strconv.Itoa(t.Line), "", t.To, t.From, used(&t.Use), "", money(&t.Use), "", t.ID, ""}
		if t.Start != nil {
			row[1] = t.Start.Format(time.RFC3339)
		}
	}
	if o := d.Ours; o != nil {
		if d.Theirs == nil {
			row[1], row[2], row[3] = o.Start.Format(time.RFC3339), o.To, o.From
		}
		row[5], row[7], row[8] = used(&o.Use), money(&o.Use), o.Source+" "+o.ID
		if o.Unrated != "" {
			note = strings.TrimPrefix(note+", unrated: "+o.Unrated, ", ")
		}
	}
	if d.Repeats != nil {
		note = "repeats line " + strconv.Itoa(*d.Repeats)
	}
	row[9] = note
	return row[:]
}

func used(u *client.Use) string  { return withUnit(u.Quantity, u.Unit) }
func money(u *client.Use) string { return withUnit(u.Amount, u.Currency) }

func withUnit(d *decimal.Decimal, unit *string) string {
	return strings.TrimSpace(orNone(d) + " " + orEmpty(unit))
}
