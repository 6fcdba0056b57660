package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"tollbook/book"
	"tollbook/clickhousestore"
	"tollbook/localstore"
)

func (a *app) verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify", Short: "Rebuild every view of a ledger from its log and compare", Args: args(),
		Example: examples(`
  tollbook verify --data ./book
  tollbook verify --data ./book --output json
  tollbook verify --store clickhouse://tollbook@db:9000/tollbook`),
		Long: `Reads the whole log of a data directory and compares what it makes of it with
what is served from it: definitions, records, claims and indexes. Then it works
the statement of every closed month out again from its records. It says what
differs and then fails. No server may be using the directory meanwhile. With
--store it does the same with a ledger in a ClickHouse, whose servers may go on,
and tells how many names several of them took at the same time; each counts once.`,
	}
	var data, store string
	dataFlag(cmd, &data)
	storeFlag(cmd, &store)
	output := outputFlag(cmd, asTable, asJSON)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := oneOf("output", *output, asTable, asJSON); err != nil {
			return err
		}
		if store != "" {
			return a.verifyStore(cmd.Context(), store, *output)
		}
		if data == "" {
			return noData()
		}
		if err := refuseKeys(data); err != nil {
			return err
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
		return a.printReport(&verified{Ledger: data, Bytes: &report.Bytes, Events: report.Events, Bookings: report.Bookings, Records: report.Records,
			Definitions: report.Definitions, Differences: report.Found, first: report.Differences}, statements, *output)
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

// verified is what a verification counted and found, as JSON shows it.
type verified struct {
	Ledger      string `json:"ledger"`          // the data directory, or the ClickHouse without user and password
	Bytes       *int64 `json:"bytes,omitempty"` // of the log of a data directory
	Events      int64  `json:"events"`
	Bookings    int64  `json:"bookings"`
	Records     int64  `json:"records"`
	Definitions int64  `json:"definitions"`
	Repeats     *int64 `json:"repeats,omitempty"`   // in a ClickHouse: names that several servers took
	Conflicts   *int64 `json:"conflicts,omitempty"` // of them: with other content
	Differences int    `json:"differences"`
	Statements  int    `json:"statements"`
	Untrue      int    `json:"untrue_statements"`

	first []string // of the differences
}

// verifyStore verifies a ledger in a ClickHouse.
func (a *app) verifyStore(ctx context.Context, address, output string) (err error) {
	place, err := clickhousestore.Place(address)
	if err != nil {
		return err
	}
	store, err := clickhousestore.Open(ctx, address, clickhousestore.Options{Clock: a.now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	var p *progress
	r, err := store.Verify(ctx, func(done, total int64) {
		if p == nil {
			p = a.newProgress("Reading the ledger", total, false)
		}
		p.set(done)
	})
	if p != nil {
		p.end()
	}
	if err != nil {
		return err
	}
	statements, err := book.CheckStatements(ctx, store)
	if err != nil {
		return err
	}
	return a.printReport(&verified{Ledger: place, Events: r.Events, Bookings: r.Bookings, Records: r.Records, Definitions: r.Definitions,
		Repeats: &r.Repeats, Conflicts: &r.Conflicts, Differences: r.Found, first: r.Differences}, statements, output)
}

func (a *app) printReport(r *verified, statements []book.StatementCheck, output string) error {
	for _, d := range r.first {
		a.say("%s", d)
	}
	if more := r.Differences - len(r.first); more > 0 {
		a.say("… and %s.", plural(more, "more difference"))
	}
	r.Statements = len(statements)
	for _, st := range statements {
		if st.Difference != "" {
			r.Untrue++
			a.say("%s of %s: %s", st.Month, st.OrganizationID, st.Difference)
		}
	}
	var err error
	if output == asJSON {
		err = a.printJSON(r)
	} else {
		err = a.printVerified(r)
	}
	if err == nil && r.Differences+r.Untrue > 0 {
		return failedSilently()
	}
	return err
}

func (a *app) printVerified(r *verified) error {
	counted := fmt.Sprintf("%s, %s, %s", plural(int(r.Events), "event"), plural(int(r.Records), "record"), plural(int(r.Definitions), "definition"))
	if r.Bytes != nil {
		counted += fmt.Sprintf(" in %s of log", plural(int(*r.Bytes), "byte"))
	}
	if r.Repeats != nil && *r.Repeats > 0 {
		counted += fmt.Sprintf("; %s that several servers took at the same time, %d with other content", plural(int(*r.Repeats), "name"), *r.Conflicts)
	}
	_, err := fmt.Fprintf(a.stdout, "%s: %s: %s\n", r.Ledger, counted, plural(r.Differences, "difference"))
	if err == nil && r.Statements > 0 {
		_, err = fmt.Fprintf(a.stdout, "%s: %s\n", plural(r.Statements, "statement"), plural(r.Untrue, "difference"))
	}
	return err
}
