package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tollbook"
	"tollbook/clickhousestore"
	"tollbook/localstore"
	"tollbook/transfer"
)

func (a *app) copyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "copy", Short: "Copy a ledger from a data directory to a ClickHouse, or back", Args: args(),
		Example: examples(`
  tollbook copy --from ./book --to clickhouse://tollbook@db:9000/tollbook
  tollbook copy --from clickhouse://tollbook@db:9000/tollbook --to ./book
  tollbook copy --from ./book --to clickhouse://tollbook@db:9000/tollbook --verify-only`),
		Long: `Copies everything that a ledger was told, in its order, and then compares the
two: definitions one by one, all that was ever said of events, and every record
as it is now and as it was at every mark. It names what differs and then fails.

One of the two is a data directory, which no server may be using; the other is a
ClickHouse, whose tables 'tollbook clickhouse migrate' has made. The ClickHouse
may be left out, and is that of --store then: give a password in ` + variable("store") + `, not on the
command line. The destination must be empty or new, and no server may use it until
all is copied. A copy that was cut off, however, goes on when the same is run
again; so does one to which the source has something to add. How far it is stands in
` + copyName + ` in the data directory. The keys in a data directory are no part of the
ledger: copy them yourself. Assertion ids that clients have used are not copied.`,
	}
	var p copyPlan
	f := cmd.Flags()
	f.StringVar(&p.from, "from", "", "the data directory, or clickhouse://USER:PASSWORD@HOST:PORT/DATABASE, to copy from")
	f.StringVar(&p.to, "to", "", "the ClickHouse, or data directory, to copy to")
	storeFlag(cmd, &p.store)
	f.BoolVar(&p.verifyOnly, "verify-only", false, "compare the two, and copy nothing")
	output := outputFlag(cmd, asTable, asJSON)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := oneOf("output", *output, asTable, asJSON); err != nil {
			return err
		}
		if err := p.check(); err != nil {
			return err
		}
		return a.copy(cmd.Context(), &p, *output)
	}
	return cmd
}

// copyPlan is what is to be copied where.
type copyPlan struct {
	from, to, store string
	verifyOnly      bool

	dir     string // the data directory
	address string // of the ClickHouse
	toDir   bool
}

func isAddress(s string) bool { return strings.Contains(s, "://") }

// check finds out which of the two is the data directory.
func (p *copyPlan) check() error {
	from, to := p.from, p.to
	switch {
	case from == "" && to == "":
		return usageError("copy what? Give --from and --to, or one of them and --store or %s", variable("store"))
	case from == "":
		from = p.store
	case to == "":
		to = p.store
	}
	switch {
	case from == "" || to == "":
		return usageError("which ClickHouse? Give --from and --to, or --store or %s in the place of one of them", variable("store"))
	case isAddress(from) == isAddress(to):
		return usageError("one of --from and --to must be a data directory, and the other the address of a ClickHouse")
	case isAddress(from):
		p.address, p.dir, p.toDir = from, to, true
	default:
		p.dir, p.address = from, to
	}
	return nil
}

// copied is what a copy did and found, as JSON shows it.
type copied struct {
	Definitions   int64 `json:"definitions"`
	Events        int64 `json:"events"`
	Corrections   int64 `json:"corrections"`
	Organizations int64 `json:"organizations"`
	Marks         int64 `json:"marks"`
	Records       int64 `json:"records"` // compared, now and at all marks
	Differences   int   `json:"differences"`
}

func (a *app) copy(ctx context.Context, p *copyPlan, output string) (err error) {
	saved, err := p.state()
	if err != nil {
		return err
	}
	from, to, err := a.openBoth(ctx, p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close(), to.Close()) }()
	report, err := a.copyAndCompare(ctx, p, saved, from, to)
	switch {
	case err != nil && ctx.Err() != nil:
		a.say("Interrupted. Run the same again to go on.")
		return ctx.Err()
	case err != nil:
		return err
	}
	if !p.verifyOnly && report.Found == 0 {
		saved.Finished = true
		if err := saved.write(p.dir); err != nil {
			return err
		}
	}
	return a.printCopied(report, output)
}

// copyAndCompare copies, unless the two are to be compared alone.
func (a *app) copyAndCompare(ctx context.Context, p *copyPlan, saved *copyState, from, to tollbook.Ledger) (*transfer.Report, error) {
	t := &teller{app: a, bytes: !p.toDir}
	defer t.end()
	if !p.verifyOnly {
		_, err := transfer.Copy(ctx, from, to, transfer.Options{
			State: saved.State, Told: func(done, total int64) { t.tell("Copying", done, total) },
			Save: func(s transfer.State) error {
				saved.State, saved.Finished = s, false
				return saved.write(p.dir)
			},
		})
		if err != nil {
			return nil, err
		}
	}
	t.bytes = false
	return transfer.Compare(ctx, from, to, t.tell)
}

// openBoth opens the ledgers. A data directory that is copied to is made.
func (a *app) openBoth(ctx context.Context, p *copyPlan) (from, to tollbook.Ledger, err error) {
	create := p.toDir && !p.verifyOnly
	if create {
		if err := os.MkdirAll(p.dir, 0o700); err != nil {
			return nil, nil, err
		}
	}
	local, err := localstore.Open(p.dir, localstore.Options{Clock: a.now, Create: create})
	if err != nil {
		return nil, nil, err
	}
	database, err := clickhousestore.Open(ctx, p.address, clickhousestore.Options{Clock: a.now})
	if err != nil {
		return nil, nil, errors.Join(err, local.Close())
	}
	if p.toDir {
		return database, local, nil
	}
	return local, database, nil
}

func (a *app) printCopied(r *transfer.Report, output string) error {
	for _, d := range r.Differences {
		a.say("%s", d)
	}
	if more := r.Found - len(r.Differences); more > 0 {
		a.say("… and %s.", plural(more, "more difference"))
	}
	var err error
	if output == asJSON {
		err = a.printJSON(&copied{r.Definitions, r.Events, r.Bookings, r.Organizations, r.Marks, r.Records, r.Found})
	} else {
		_, err = fmt.Fprintf(a.stdout, "%s, %s, %s; %s of %s, now and at %s: %s\n",
			plural(int(r.Definitions), "definition"), plural(int(r.Events), "event"), plural(int(r.Bookings), "correction"),
			plural(int(r.Records), "record"), plural(int(r.Organizations), "organization"), plural(int(r.Marks), "mark"), plural(r.Found, "difference"))
	}
	if err == nil && r.Found > 0 {
		return failedSilently()
	}
	return err
}

// teller shows the progress of one thing after the other.
type teller struct {
	app   *app
	bytes bool
	what  string
	total int64
	p     *progress
}

func (t *teller) tell(what string, done, total int64) {
	if t.p == nil || t.what != what || t.total != total {
		told := t.p
		t.end()
		t.what, t.total = what, total
		t.p = t.app.newProgress(what, total, t.bytes)
		if told != nil && told.what == what {
			t.p.told = told.told // the total has grown: no reason to fall silent
		}
	}
	t.p.set(done)
}

func (t *teller) end() {
	if t.p != nil {
		t.p.end()
	}
	t.p = nil
}
