package main

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"tollbook/localstore"
)

func (a *app) verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify", Short: "Rebuild every view of a data directory from its log and compare", Args: args(),
		Example: examples(`
  tollbook verify --data ./book
  tollbook verify --data ./book --output json`),
		Long: `Reads the whole log of a data directory and compares what it makes of it with
what is served from it: definitions, records, claims and indexes. It says what
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
		return a.printReport(&report, *output)
	}
	return cmd
}

func (a *app) printReport(r *localstore.Report, output string) error {
	for _, d := range r.Differences {
		a.say("%s", d)
	}
	if more := r.Found - len(r.Differences); more > 0 {
		a.say("… and %s.", plural(more, "more difference"))
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
		}{r.Bytes, r.Events, r.Bookings, r.Records, r.Definitions, r.Found})
	} else {
		_, err = fmt.Fprintf(a.stdout, "%s, %s, %s in %s of log: %s\n", plural(int(r.Events), "event"), plural(int(r.Records), "record"),
			plural(int(r.Definitions), "definition"), plural(int(r.Bytes), "byte"), plural(r.Found, "difference"))
	}
	if err == nil && r.Found > 0 {
		return failedSilently()
	}
	return err
}
