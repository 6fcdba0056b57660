package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"tollbook/client"
)

// maxVoidFileBytes is the largest file of voids.
const maxVoidFileBytes = 256 << 20

func (a *app) voidCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "void [EVENT-ID]", Short: "Take events out of what is counted",
		Example: examples(`
  tollbook void call-000017 --source pbx-1 --reason "billed twice by the switch"
  tollbook void call-000018 --source pbx-1 --reason "wrong duration" --replaced-by call-000018-b
  tollbook void --file voids.jsonl`),
		Long: `Voids an event, or those of a file of JSON lines such as
  {"source": "pbx-1", "id": "call-000017", "reason": "billed twice"}
with "replaced_by": {"source": …, "id": …} where another event stands for it.

What an event counted in an open month is taken out of that month; what it
counted in a closed one stays there and is taken back in the first open month.
An event is voided once; its name is not free again. An operator's client names
each event's account, by --account-id or "account_id".`,
		Args: func(cmd *cobra.Command, got []string) error {
			if len(got) == 0 {
				return nil
			}
			return args("EVENT-ID")(cmd, got)
		},
	}
	var v client.VoidRequest
	f := cmd.Flags()
	f.StringVar(&v.Source, "source", "", "the event's source")
	account := accountFlag(cmd, "the event's account; an operator must name it")
	f.StringVar(&v.Reason, "reason", "", "why it is not to be counted")
	replacedBy := f.String("replaced-by", "", "id of the event that stands for it, of the same source")
	file := f.String("file", "", "file of JSON lines, one for each event; - is standard input")
	output := outputFlag(cmd, asTable, asJSON)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if err := oneOf("output", *output, asTable, asJSON); err != nil {
			return err
		}
		if (len(args) == 0) == (*file == "") {
			return usageError("which event? Give its id with --source and --reason, or --file")
		}
		var requests []client.VoidRequest
		var lines []int
		if *file != "" {
			if requests, lines, err = a.readVoids(*file); err != nil {
				return err
			}
		} else {
			v.ID, v.AccountID = args[0], *account
			if *replacedBy != "" {
				v.ReplacedBy = &client.EventName{Source: v.Source, ID: *replacedBy}
			}
			requests = []client.VoidRequest{v}
		}
		c, err := r.connect()
		if err != nil {
			return err
		}
		return a.void(cmd.Context(), c, requests, lines, *output)
	}
	return cmd
}

// void sends requests, as many at once as the server takes, and prints what
// became of them, even if not all could be sent. Those of a file have lines.
func (a *app) void(ctx context.Context, c *client.Client, requests []client.VoidRequest, lines []int, output string) error {
	var all client.VoidReceipt
	for batch := range slices.Chunk(requests, client.MaxVoids) {
		receipt, err := c.VoidEvents(ctx, batch)
		if err != nil {
			if lines != nil {
				err = atLines(err, lines[len(all.Results):])
			}
			return errors.Join(err, a.printVoids(output, &all))
		}
		all.Voided += receipt.Voided
		all.AlreadyVoided += receipt.AlreadyVoided
		all.NotFound += receipt.NotFound
		all.Rejected += receipt.Rejected
		for _, res := range receipt.Results {
			res.Index = len(all.Results)
			all.Results = append(all.Results, res)
		}
	}
	if err := a.printVoids(output, &all); err != nil {
		return err
	}
	if all.NotFound+all.Rejected > 0 {
		return failedSilently()
	}
	return nil
}

// atLines names what the server found wrong with items by the lines that these
// come from.
func atLines(err error, lines []int) error {
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	own := *e
	own.Fields = slices.Clone(e.Fields)
	for i := range own.Fields {
		var item int
		var field string
		if n, _ := fmt.Sscanf(own.Fields[i].Name, "[%d].%s", &item, &field); n == 2 && item < len(lines) {
			own.Fields[i].Name = fmt.Sprintf("line %d, %s", lines[item], field)
		}
	}
	return &own
}

// readVoids reads a file of JSON lines, and on which line each request is.
// Names and reasons are the server's to judge.
func (a *app) readVoids(name string) (requests []client.VoidRequest, lines []int, err error) {
	text, err := a.readInput(name, maxVoidFileBytes)
	if err != nil {
		return nil, nil, err
	}
	from := lineReader{in: bufio.NewReader(bytes.NewReader(text)), skipBlank: true}
	for {
		it, err := from.next()
		if errors.Is(err, io.EOF) {
			return requests, lines, nil
		}
		if err != nil {
			return nil, nil, err
		}
		var v client.VoidRequest
		dec := json.NewDecoder(bytes.NewReader(it.raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&v); err != nil {
			return nil, nil, usageError("%s:%d: %w", name, it.line, err)
		}
		requests, lines = append(requests, v), append(lines, it.line)
	}
}

func (a *app) printVoids(output string, all *client.VoidReceipt) error {
	if output == asJSON {
		return a.printJSON(all)
	}
	var rows [][]string
	for _, res := range all.Results {
		row := []string{res.Source, res.ID, res.Status, "", ""}
		if res.BookedMonth != nil {
			row[3] = res.BookedMonth.String()
		}
		if res.Adjusts {
			row[4] = "takes back what was stated for a closed month"
		}
		rows = append(rows, row)
	}
	if len(rows) > 0 {
		a.printTable("", left("source", "id", "status", "in month", ""), rows)
	}
	if len(rows) > 1 {
		a.blankLine()
		fmt.Fprintf(a.stdout, "%s voided, %s already voided, %s not found, %s rejected\n",
			grouped(all.Voided), grouped(all.AlreadyVoided), grouped(all.NotFound), grouped(all.Rejected))
	}
	return nil
}
