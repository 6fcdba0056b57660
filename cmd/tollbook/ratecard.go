package main

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tollbook"
	"tollbook/client"
	"tollbook/rating"
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
		return a.putCard(cmd.Context(), r, args[0], *file, *dryRun, &cardPreview{})
	}
	return a.commands(col, "Define rate cards, the price lists", `
  tollbook rate-card import standard.csv --dry-run
  tollbook rate-card diff standard standard.csv
  tollbook rate-card import standard.csv
  tollbook rate-card versions standard
  tollbook rate-card show standard --version 2 --csv`,
		create, a.importCardCommand("import FILE", "tollbook rate-card import"), a.cardVersionsCommand(), a.diffCardCommand())
}

const cardHelp = `Makes a CSV file the next version of a rate card: every event that is rated from
then on takes it. A file with errors is refused whole, with every error and its
line. What is likely not meant, such as gaps of prefixes or of time, is told as
warnings.

With --dry-run nothing is written: the server says which version the file would
be and how many rows it would add, change and remove; 'rate-card diff' tells
which. Without a client the file alone is checked, on this machine.`

const previewHelp = `

With --dry-run and --rerate the server also tells what each record of a month
would become if the month were re-rated under the file, and what that comes to
by account, product and currency.`

func dryRunFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("dry-run", false, "only tell what would come of it")
}

// importCardCommand returns the command that imports a card, which is called
// in two ways.
func (a *app) importCardCommand(use, call string) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: "Make a CSV file the next version of a rate card", Long: cardHelp + previewHelp, Args: args("FILE"),
		Example: "  " + call + " standard.csv\n  " + call + " prices-2026.csv --id standard\n  " + call + " standard.csv --dry-run\n  " + call + " standard.csv --dry-run --rerate 2026-08",
	}
	id := cmd.Flags().String("id", "", "the card's id (default: the file's name without its ending)")
	dryRun := dryRunFlag(cmd)
	var p cardPreview
	cmd.Flags().StringVar(&p.month, "rerate", "", "with --dry-run, the month of which to tell what re-rating it would change, as YYYY-MM")
	cmd.Flags().IntVar(&p.limit, "limit", 50, "with --rerate, how many records to list at most")
	output := outputFlag(cmd, asTable, asJSON, asNDJSON)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := oneOf("output", *output, asTable, asJSON, asNDJSON); err != nil {
			return err
		}
		if p.output = *output; p.month != "" && !*dryRun {
			return usageError("--rerate goes with --dry-run; to re-rate after an import there is 'tollbook rerate start'")
		}
		card := *id
		if card == "" {
			card = strings.TrimSuffix(filepath.Base(args[0]), filepath.Ext(args[0]))
		}
		if *id == "" && args[0] == "-" && (!*dryRun || r.id != "") {
			return usageError("a card from standard input needs --id")
		}
		return a.putCard(cmd.Context(), r, card, args[0], *dryRun, &p)
	}
	return cmd
}

// maxCardBytes is the largest rate card that is read; the server has a bound
// of its own.
const maxCardBytes = 64 << 20

func (a *app) putCard(ctx context.Context, r *remote, id, file string, dryRun bool, p *cardPreview) error {
	text, err := a.readInput(file, maxCardBytes)
	if err != nil {
		return err
	}
	if dryRun && r.id == "" && p.month == "" {
		table, err := readCard(file, text)
		if err != nil {
			return err
		}
		a.warn(table.Warnings())
		a.say("The rate card %s can be used: %s. Only the file was checked; with --client-id the server says what would change.", file, plural(table.Rows(), "row"))
		return nil
	}
	c, err := r.connect()
	if err != nil {
		return err
	}
	if dryRun {
		plan, err := c.PlanRateCard(ctx, id, text)
		if err != nil {
			return err
		}
		a.warn(plan.Warnings)
		a.say("%s", planText(&plan))
		if p.month != "" {
			return a.preview(ctx, r, id, text, p)
		}
		return a.printJSON(plan)
	}
	card, err := c.PutRateCard(ctx, id, text)
	if err != nil {
		return err
	}
	a.warn(card.Warnings)
	return a.printJSON(card)
}

// readCard reads a card from a file's text.
func readCard(file string, text []byte) (*rating.Table, error) {
	table, faults := rating.ParseCard(string(text))
	if len(faults) > 0 {
		return nil, tollbook.NewError(tollbook.CodeInvalidContent, "The rate card "+file+" cannot be used.", faults...)
	}
	return table, nil
}

// maxWarningsShown is how many warnings are told.
const maxWarningsShown = 20

// warn tells what is likely not meant in a card.
func (a *app) warn(warnings []tollbook.FieldError) {
	for i, w := range warnings {
		if i == maxWarningsShown {
			a.say("… and %s.", plural(len(warnings)-i, "more warning"))
			break
		}
		a.say("warning: %s: %s", printable(w.Name), printable(w.Description))
	}
}

// planText says what putting a card would do.
func planText(p *client.RateCardPlan) string {
	switch {
	case p.Replaces == nil:
		return p.ID + " would be a new card of " + plural(p.Rows, "row") + ". Nothing was written."
	case *p.Replaces == p.Version:
		return p.ID + " is this already, in version " + strconv.Itoa(p.Version) + ". Nothing was written."
	}
	return p.ID + " would become version " + strconv.Itoa(p.Version) + ": " + grouped(p.Added) + " added, " + grouped(p.Changed) + " changed, " + grouped(p.Removed) +
		" removed. Nothing was written."
}

func (a *app) cardVersionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "versions ID", Short: "List the versions of a card, with who made each and when", Args: args("ID"),
		Example: examples(`
  tollbook rate-card versions standard
  tollbook rate-card versions standard --output json`),
	}
	output := outputFlag(cmd, asTable, asJSON, asCSV)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := oneOf("output", *output, asTable, asJSON, asCSV); err != nil {
			return err
		}
		c, err := r.connect()
		if err != nil {
			return err
		}
		columns := []column{{"version", true}, {"rows", true}, {"at", false}, {"actor", false}, {"position", true}}
		cells := func(v *client.RateCardVersion) []string {
			return []string{strconv.Itoa(v.Version), strconv.Itoa(v.Rows), v.At.Format(time.RFC3339), v.Actor, strconv.FormatUint(uint64(v.Position), 10)}
		}
		return printRows(a, *output, columns, c.RateCardVersions(cmd.Context(), args[0]), cells)
	}
	return cmd
}
