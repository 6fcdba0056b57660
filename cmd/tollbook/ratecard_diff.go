package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tollbook/rating"
)

func (a *app) diffCardCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "diff A B", Short: "Tell what differs between two rate cards", Args: args("A", "B"),
		Example: examples(`
  tollbook rate-card diff standard standard.csv
  tollbook rate-card diff standard@1 standard@2
  tollbook rate-card diff standard gold --limit 0 --output json
  tollbook rate-card diff old.csv new.csv`),
		Long: `Tells which rows of a card were added, changed and removed in another one, with
the columns that differ. A and B are each a file, a card (ID, its latest
version) or a version of one (ID@VERSION). Rows are the same, wherever they
stand, where they match the same, prefix by prefix. Two files are compared
without a server.`,
	}
	limit := cmd.Flags().Int("limit", 50, "how many changes to list at most; 0: all")
	output := outputFlag(cmd, asTable, asJSON)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := oneOf("output", *output, asTable, asJSON); err != nil {
			return err
		}
		var cards [2]*rating.Table
		for i, name := range args {
			text, err := a.cardText(cmd.Context(), r, name)
			if err != nil {
				return err
			}
			if cards[i], err = readCard(name, text); err != nil {
				return err
			}
		}
		d := newCardDiff(args[0], args[1], rating.Diff(cards[0], cards[1]), *limit)
		if *output == asJSON {
			return a.printJSON(d)
		}
		a.printCardDiff(d)
		return nil
	}
	return cmd
}

// cardText returns the CSV of a card that is named: a file, a card, or a
// version of one.
func (a *app) cardText(ctx context.Context, r *remote, name string) ([]byte, error) {
	if _, err := os.Stat(name); err == nil || name == "-" {
		return a.readInput(name, maxCardBytes)
	}
	id, of, ok := strings.Cut(name, "@")
	version := 0
	if ok {
		var err error
		if version, err = strconv.Atoi(of); err != nil || version < 1 {
			return nil, usageError("%s is no file and no version of a card, which is ID@NUMBER", name)
		}
	}
	c, err := r.connect()
	if err != nil {
		return nil, err
	}
	text, err := c.RateCardCSV(ctx, id, version)
	if err != nil {
		return nil, fmt.Errorf("%s is no file, and as a card: %w", name, err)
	}
	return text, nil
}

// cardDiff is what differs between two cards. Its list may be bounded.
type cardDiff struct {
	From    string          `json:"from"`
	To      string          `json:"to"`
	Added   int             `json:"added"`
	Changed int             `json:"changed"`
	Removed int             `json:"removed"`
	Changes []rating.Change `json:"changes"`
}

func newCardDiff(from, to string, changes []rating.Change, limit int) *cardDiff {
	d := &cardDiff{From: from, To: to, Changes: changes}
	for i := range changes {
		switch changes[i].Kind {
		case rating.Added:
			d.Added++
		case rating.Changed:
			d.Changed++
		case rating.Removed:
			d.Removed++
		}
	}
	if limit > 0 {
		d.Changes = changes[:min(limit, len(changes))]
	}
	return d
}

func (a *app) printCardDiff(d *cardDiff) {
	total := d.Added + d.Changed + d.Removed
	if total == 0 {
		a.say("Nothing differs.")
		return
	}
	var rows [][]string
	for i := range d.Changes {
		rows = append(rows, changeRows(&d.Changes[i])...)
	}
	a.printTable(d.From+" to "+d.To, []column{{"", false}, {"line", true}, {"new line", true}, {"matches", false}, {"prefixes", false}, {"column", false}, {"old", true}, {"new", true}}, rows)
	a.blankLine()
	fmt.Fprintf(a.stdout, "%s added, %s changed, %s removed\n", grouped(d.Added), grouped(d.Changed), grouped(d.Removed))
	if total > len(d.Changes) {
		a.say("These are the first %s of %s; --limit 0 lists all.", grouped(len(d.Changes)), plural(total, "change"))
	}
}

// changeRows are the rows of a table for one change: one for each column that
// differs.
func changeRows(c *rating.Change) (rows [][]string) {
	line := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	head := []string{string(c.Kind), line(c.OldLine), line(c.NewLine), matchText(c.Match), prefixText(c.Prefixes)}
	for _, col := range c.Columns {
		rows = append(rows, append(head, col.Column, col.Old, col.New))
		head = make([]string, len(head))
	}
	return rows
}

// matchText says what a row matches: resource and direction need no name.
func matchText(cells []rating.Cell) string {
	var words []string
	for _, c := range cells {
		if c.Column == "resource" || c.Column == "direction" {
			words = append(words, c.Value)
		} else {
			words = append(words, c.Column+"="+c.Value)
		}
	}
	return strings.Join(words, " ")
}

// prefixText lists the first of some prefixes.
func prefixText(prefixes []string) string {
	const most = 5
	if len(prefixes) <= most {
		return strings.Join(prefixes, " ")
	}
	return strings.Join(prefixes[:most], " ") + " … and " + grouped(len(prefixes)-most) + " more"
}
