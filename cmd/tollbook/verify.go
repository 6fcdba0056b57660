package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"tollbook/book"
	"tollbook/localstore"
)

func (a *app) verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify", Short: "Rebuild every view of a data directory from its log and compare", Args: args(),
		Example: examples(`
  tollbook verify --data ./book
  tollbook verify --data ./book --output json`),
		Long: `Reads the whole log of a data directory and compares what it makes of it with
what is served from it: definitions, records, claims and indexes. Then it works
the statement of every closed month out again from its records. It says what
differs and then fails. No server may be using the directory meanwhile.`,
	}
	var data string
	dataFlag(cmd, &data)
	output := outputFlag(cmd, asTable, asJSON)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := oneOf("output", *output, asTable, asJSON); err != nil {
			return err
		}
		if data == "" {
			return noData()
		}
		var p *progress
		report, err := localstore.Verify(cmd.Context(), vfs.Default, data, func(done, total int64) {
			if p == nil {
				p = a.newProgress("Reading the log", total, true)
			}
			p.set(done)
		})
		if p != nil {
			p.end()
		}
		if err != nil {
			return err
		}
		statements, err := checkStatements(cmd.Context(), data)
		if err != nil {
			return err
		}
		return a.printReport(&report, statements, *output)
	}
	return cmd
}

// checkStatements works the statements of closed months out again.
func checkStatements(ctx context.Context, data string) (checked []book.StatementCheck, err error) {
	store, err := localstore.Open(data, localstore.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return book.CheckStatements(ctx, store)
}

func (a *app) printReport(r *localstore.Report, statements []book.StatementCheck, output string) error {
	for _, d := range r.Differences {
		a.say("%s", d)
	}
	if more := r.Found - len(r.Differences); more > 0 {
		a.say("… and %s.", plural(more, "more difference"))
	}
	wrong := 0
	for _, st := range statements {
		if st.Difference != "" {
			wrong++
			a.say("%s of %s: %s", st.Month, st.OrganizationID, st.Difference)
		}
	}
	var err error
	if output == asJSON {
		err = a.printJSON(struct {
			Bytes       int64 `json:"bytes"`
			Events      int64 `json:"events"`
			Bookings    int64 `json:"bookings"`
			Records     int64 `json:"records"`
			Definitions int64 `json:"definitions"`
			Differences int   `json:"differences"`
			Statements  int   `json:"statements"`
			Untrue      int   `json:"untrue_statements"`
		}{r.Bytes, r.Events, r.Bookings, r.Records, r.Definitions, r.Found, len(statements), wrong})
	} else {
		_, err = fmt.Fprintf(a.stdout, "%s, %s, %s in %s of log: %s\n", plural(int(r.Events), "event"), plural(int(r.Records), "record"),
			plural(int(r.Definitions), "definition"), plural(int(r.Bytes), "byte"), plural(r.Found, "difference"))
		if err == nil && len(statements) > 0 {
			_, err = fmt.Fprintf(a.stdout, "%s: %s\n", plural(len(statements), "statement"), plural(wrong, "difference"))
		}
	}
	if err == nil && r.Found+wrong > 0 {
		return failedSilently()
	}
	return err
}
