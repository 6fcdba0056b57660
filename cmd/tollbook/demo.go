package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"tollbook"
	"tollbook/book"
	"tollbook/client"
	"tollbook/demo"
)

// demoFile is what a finished demo leaves in its data directory.
const demoFile = "demo.json"

func (a *app) demoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "demo", Short: "Make a believable world and serve it", Args: args(),
		Example: examples(`
  tollbook demo
  tollbook demo --once
  tollbook demo --data ./world --listen 127.0.0.1:9000 --until 2026-08-31`),
		Long: `Makes a small world and serves it until it is stopped: a reseller with two
organizations, of which one is not entitled, and a customer's own; 40 accounts in
6 time zones, 4 currencies, 13 types of usage, 14 months. Its events go in over
HTTP, like any others. Two runs with the same last day make the same world.

When all is counted, DIR/demo.json says where the server is and holds a client
for each organization.`,
	}
	var d demoRun
	f := cmd.Flags()
	f.StringVar(&d.data, "data", "", "data directory, absent or empty (default: a temporary one)")
	f.StringVar(&d.listen, "listen", defaultListen, "address and port; port 0 takes a free one")
	f.BoolVar(&d.once, "once", false, "print the first page of usage and end")
	f.StringVar(&d.until, "until", "", "the last day, as YYYY-MM-DD (default: today, UTC)")
	f.IntVar(&d.events, "events", demo.DefaultEvents, "about how many events")
	if err := f.MarkHidden("events"); err != nil {
		panic(err) // it was defined above
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), &d) }
	return cmd
}

// demoRun is what a demo is asked for.
type demoRun struct {
	data, listen, until string
	events              int
	once                bool
}

func (d *demoRun) world(now time.Time) (*demo.World, error) {
	today := now.UTC().Truncate(24 * time.Hour)
	until := today
	if d.until != "" {
		var err error
		if until, err = time.Parse(time.DateOnly, d.until); err != nil {
			return nil, usageError("--until is %q, but must be a day as YYYY-MM-DD", d.until)
		}
	}
	if until.After(today) {
		return nil, usageError("--until is %s, which is not over yet", d.until)
	}
	if d.events < 1 {
		return nil, usageError("--events is %d, but must be at least 1", d.events)
	}
	return demo.New(until, d.events)
}

func (a *app) demo(ctx context.Context, d *demoRun) (err error) {
	world, err := d.world(a.now())
	if err != nil {
		return err
	}
	if d.data == "" {
		if d.data, err = os.MkdirTemp("", "tollbook-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(d.data)) }()
	}
	p, err := newPlace(d.data)
	if err != nil {
		return err
	}
	operator, err := p.initialize(ctx, "", a.now)
	if err != nil {
		return err
	}
	complete := false
	defer func() {
		if !complete { // half a world is of no use, and in the way of the next
			err = errors.Join(err, p.discard())
		}
	}()
	quiet := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	n, err := openNode(ctx, nodeConfig{data: d.data, listen: d.listen, log: quiet, now: a.now, grace: shutdownGrace})
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- n.serve(serving) }()
	if err = a.fill(ctx, d, n, world, operator); err != nil || d.once {
		complete = err == nil
		stop()
		return errors.Join(err, <-ended)
	}
	complete = true
	a.say("Ctrl-C stops it.")
	return <-ended
}

// fill brings the world into the server and shows it.
func (a *app) fill(ctx context.Context, d *demoRun, n *node, world *demo.World, operator book.Credentials) error {
	c, err := client.New(client.Config{BaseURL: n.url, ClientID: operator.ClientID, ClientSecret: operator.ClientSecret})
	if err != nil {
		return err
	}
	start := a.now()
	p := a.newProgress("Counting events", int64(world.Count()), false)
	access, err := demo.Load(ctx, c, world, func(events int) { p.set(int64(events)) })
	p.end()
	if err != nil {
		return err
	}
	a.say("Counted %s in %v.", plural(world.Count(), "event"), a.now().Sub(start).Round(time.Millisecond))
	own := access[0] // the customer's own organization
	if d.once {
		if err := a.firstPage(ctx, n.url, own); err != nil {
			return err
		}
	} else {
		a.printDemo(n.url, d.data, operator, own, tollbook.MonthOf(world.Until))
	}
	return writeDemoFile(d.data, n.url, access)
}

func (a *app) firstPage(ctx context.Context, url string, as demo.Access) error {
	c, err := client.New(client.Config{BaseURL: url, ClientID: as.ClientID, ClientSecret: as.ClientSecret})
	if err != nil {
		return err
	}
	return a.usage(ctx, c, usageQuery{page: 1, perPage: 50}, asTable)
}

// printDemo prints what one can do with the demo, ready to paste.
func (a *app) printDemo(url, data string, operator book.Credentials, own demo.Access, month tollbook.Month) {
	fmt.Fprintf(a.stdout, `Listening on    %[1]s
Documentation   %[1]s/docs
Data            %[2]s

Client of %[3]s
  id            %[4]s
  secret        %[5]s

Operator's client
  id            %[6]s
  secret        %[7]s

A token, and a page of usage:

  TOKEN=$(curl -s -u '%[4]s:%[5]s' -d grant_type=client_credentials %[1]s/oauth/token | sed 's/.*"access_token": *"\([^"]*\)".*/\1/')
  curl -s -H "Authorization: Bearer $TOKEN" '%[1]s/express/usage/month?per_page=5&order_by=total_amount:desc'

The same with this program:

  export TOLLBOOK_URL=%[1]s TOLLBOOK_CLIENT_ID=%[4]s TOLLBOOK_CLIENT_SECRET=%[5]s
  tollbook usage --month %[8]s

`, url, data, own.OrganizationID, own.ClientID, own.ClientSecret, operator.ClientID, operator.ClientSecret, month)
}

// demoClient is an organization's client in the demo's file.
type demoClient struct {
	OrganizationID string   `json:"organization_id"`
	ClientID       string   `json:"client_id"`
	ClientSecret   string   `json:"client_secret"`
	Scopes         []string `json:"scopes"`
}

// writeDemoFile writes, as the last thing and all at once, how the demo can be
// reached.
func writeDemoFile(data, url string, access []demo.Access) error {
	doc := struct {
		BaseURL  string       `json:"base_url"`
		TokenURL string       `json:"token_url"`
		Clients  []demoClient `json:"clients"`
	}{BaseURL: url, TokenURL: url + "/oauth/token"}
	for _, c := range access {
		doc.Clients = append(doc.Clients, demoClient{c.OrganizationID, c.ClientID, c.ClientSecret, c.Scopes})
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(data, demoFile)
	// It holds secrets: nobody else may read it, not even for a moment.
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
