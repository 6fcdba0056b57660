package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tollbook"
	"tollbook/rating"
)

func (a *app) importCommand() *cobra.Command {
	return group("import", "Send usage events or a rate card from a file", `
  tollbook import rate-card prices.csv --dry-run
  tollbook import events calls.jsonl`,
		a.importEventsCommand(), a.importCardCommand())
}

const cardHelp = `Makes a CSV file the next version of a rate card: every event that is rated from
then on takes it. A file with errors is refused whole, with every error and its
line. With --dry-run the file is only checked, on this machine: no server is
asked.`

func dryRunFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("dry-run", false, "only check the file, on this machine")
}

func (a *app) importCardCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "rate-card FILE", Short: "Make a CSV file the next version of a rate card", Long: cardHelp, Args: args("FILE"),
		Example: examples(`
  tollbook import rate-card standard.csv
  tollbook import rate-card prices-2026.csv --id standard
  tollbook import rate-card standard.csv --dry-run`),
	}
	id := cmd.Flags().String("id", "", "the card's id (default: the file's name without its ending)")
	dryRun := dryRunFlag(cmd)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		card := *id
		if card == "" {
			card = strings.TrimSuffix(filepath.Base(args[0]), filepath.Ext(args[0]))
		}
		if *id == "" && args[0] == "-" && !*dryRun {
			return usageError("a card from standard input needs --id")
		}
		return a.putCard(cmd.Context(), r, card, args[0], *dryRun)
	}
	return cmd
}

// maxCardBytes is the largest rate card that is read; the server has a bound
// of its own.
const maxCardBytes = 64 << 20

func (a *app) putCard(ctx context.Context, r *remote, id, file string, dryRun bool) error {
	text, err := a.readInput(file, maxCardBytes)
	if err != nil {
		return err
	}
	if dryRun {
		_, faults := rating.ParseCard(string(text))
		if len(faults) > 0 {
			return tollbook.NewError(tollbook.CodeInvalidContent, "The rate card "+file+" cannot be used.", faults...)
		}
		a.say("The rate card %s can be used.", file)
		return nil
	}
	c, err := r.connect()
	if err != nil {
		return err
	}
	card, err := c.PutRateCard(ctx, id, text)
	if err != nil {
		return err
	}
	return a.printJSON(card)
}

// readInput reads a file, or standard input for "-".
func (a *app) readInput(file string, limit int64) ([]byte, error) {
	if file != "-" {
		return readFile(file, limit)
	}
	text, err := io.ReadAll(io.LimitReader(a.stdin, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("standard input is larger than %d bytes", limit)
	}
	return text, err
}
