package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"tollbook"
	"tollbook/client"
	"tollbook/load"
)

// Bounds of a load.
const (
	maxConnections = 10_000
	defaultEvents  = 1_000_000
	// revokeTimeout is how long the end of a load's client may take.
	revokeTimeout = 10 * time.Second
)

func (a *app) benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "bench", Short: "Load a server with events and check every record", Args: args(),
		Example: examples(`
  tollbook bench --url http://127.0.0.1:8080 --client-id ID --client-secret-file operator.secret
  tollbook bench --events 50000000 --batch 10000 --connections 4 --accounts 2000 --records 500
  tollbook bench --rate 100000 --duration 3m --connections 200`),
		Long: `Defines an organization bench-… with accounts and a rate card of 49,500 rows, by
an operator's client, sends events of it, which follow from the seed, and then
reads all its records and compares each with what it must come to: an event that
was lost or counted twice shows, and ends the command with exit code 1. One event
in 200 is an earlier one sent again.

What is counted stays in the ledger for ever. On a ledger that is in earnest use
the organization does no harm, but it cannot be taken away either.

With --rate events are due at fixed times; latency counts from then, so that
what waits because the server is slow is part of it. Without, each connection
sends as soon as it has its answer, and latency counts from the sending. A
request that is answered 429 or 503, or not at all, is sent again after the time
that the server asked for, until it is taken.

A run that was cut off can be repeated with the same --seed, --accounts and
--records in the same month, to the same --events or more: what is there already
counts as duplicate, and the check holds for all. Without --seed each run has an
organization of its own.`,
	}
	var b bench
	f := cmd.Flags()
	f.IntVar(&b.events, "events", 0, "how many events (default 1000000; with --duration as many as it takes)")
	f.DurationVar(&b.duration, "duration", 0, "end after this time; what is under way then is finished")
	f.IntVar(&b.batch, "batch", 1000, "events in a request")
	f.IntVar(&b.connections, "connections", 16, "requests under way at once")
	f.IntVar(&b.rate, "rate", 0, "events a second, over all connections; 0: as fast as they are taken")
	f.IntVar(&b.accounts, "accounts", 100, "accounts of the organization")
	f.IntVar(&b.records, "records", 100, "usage records of each account")
	f.Uint64Var(&b.seed, "seed", 0, "what all events follow from; 0: another each time")
	output := outputFlag(cmd, asTable, asJSON)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := oneOf("output", *output, asTable, asJSON); err != nil {
			return err
		}
		if err := b.settle(a.now()); err != nil {
			return err
		}
		operator, err := r.connectPatiently()
		if err != nil {
			return err
		}
		return a.bench(cmd.Context(), &b, r.url, operator, *output)
	}
	return cmd
}

// bench is what a load is asked for.
type bench struct {
	events, batch, connections, rate, accounts, records int

	seed     uint64
	duration time.Duration
	workload *load.Workload
}

// settle checks what was asked for and makes the workload.
func (b *bench) settle(now time.Time) error {
	for _, n := range []struct {
		flag         string
		value        int
		least, bound int
	}{
		{"batch", b.batch, 1, client.MaxEvents},
		{"connections", b.connections, 1, maxConnections},
		{"events", b.events, 0, math.MaxInt},
		{"rate", b.rate, 0, math.MaxInt},
	} {
		if n.value < n.least || n.value > n.bound {
			return usageError("--%s is %d, but must be %d to %d", n.flag, n.value, n.least, n.bound)
		}
	}
	if b.duration < 0 {
		return usageError("--duration is %v, but must not be negative", b.duration)
	}
	if b.seed == 0 {
		b.seed = uint64(now.UnixMilli())
	}
	if b.events == 0 {
		b.events = defaultEvents
		if b.duration > 0 {
			b.events = math.MaxInt
		}
	}
	// The month before this one: none of its days is still to come, anywhere.
	b.workload = load.Million(b.seed, tollbook.MonthOf(now.UTC())-1)
	b.workload.Accounts, b.workload.PerAccount = b.accounts, b.records
	if err := b.workload.Validate(); err != nil {
		return usageError("--accounts %d --records %d: %w", b.accounts, b.records, err)
	}
	return nil
}

// bench runs a load and its check.
func (a *app) bench(ctx context.Context, b *bench, url string, operator *client.Client, output string) (err error) {
	a.say("Defining organization %s with %s, seed %d.", b.workload.OrganizationID(), plural(b.accounts, "account"), b.seed)
	cred, err := load.SetUp(ctx, operator, b.workload)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, revoke(ctx, operator, cred.ClientID)) }()
	as := client.Config{BaseURL: url, ClientID: cred.ClientID, ClientSecret: cred.ClientSecret, UserAgent: "tollbook/" + version()}
	result, err := a.sendLoad(ctx, b, as)
	if err != nil {
		if result.Batches > 0 {
			a.say("Stopped after %s. Run it again with --seed %d --events %d or more: nothing is counted twice.",
				plural(result.Events(), "event"), b.seed, result.End)
		}
		return err
	}
	c, err := client.New(as)
	if err != nil {
		return err
	}
	verdict, err := a.checkLoad(ctx, b, c, result.End)
	if err != nil {
		return err
	}
	return a.reportLoad(b, &result, verdict, output)
}

// revoke ends the client of a load, also when the load was called off.
func revoke(ctx context.Context, operator *client.Client, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	if err := operator.RevokeClient(ctx, id); err != nil {
		return fmt.Errorf("client %s of the load is not revoked: %w", id, err)
	}
	return nil
}

func (a *app) sendLoad(ctx context.Context, b *bench, as client.Config) (load.Result, error) {
	c, err := load.Connect(as, b.connections)
	if err != nil {
		return load.Result{}, err
	}
	total := int64(b.events)
	if b.events == math.MaxInt {
		total = -1
	}
	p := a.newProgress("Sending events", total, false)
	defer p.end()
	sender := load.Sender{
		Workload: b.workload, Client: c, To: uint64(b.events), Batch: b.batch, Connections: b.connections, Rate: b.rate, For: b.duration,
		Now: a.now, Told: func(r load.Result) { p.set(int64(r.Events())) },
	}
	return sender.Run(ctx)
}

func (a *app) checkLoad(ctx context.Context, b *bench, c *client.Client, end uint64) (*load.Verdict, error) {
	totals := b.workload.Totals(0, end)
	p := a.newProgress("Checking records", int64(totals.Records()), false)
	defer p.end()
	return totals.Check(ctx, c, a.now(), func(records int) { p.set(int64(records)) })
}
