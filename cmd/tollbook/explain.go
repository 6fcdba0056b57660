package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tollbook"
	"tollbook/client"
	"tollbook/decimal"
)

func (a *app) explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "explain RECORD-ID", Short: "Show how a usage record came about", Args: args("RECORD-ID"),
		Example: examples(`
  tollbook explain 8f3e643c16671acaf60e8bceddbc1877
  tollbook explain 8f3e643c16671acaf60e8bceddbc1877 --events 1000
  tollbook explain 8f3e643c16671acaf60e8bceddbc1877 --output json`),
		Long: `Shows a record, the rows of rate cards that priced it and its events, and checks
that the events add up to the record to the last digit; where they do not, the
command fails. A record that grew meanwhile is read again.`,
	}
	shown := cmd.Flags().Int("events", 20, "how many events to list; all of them are added up")
	output := outputFlag(cmd, asTable, asJSON)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := oneOf("output", *output, asTable, asJSON); err != nil {
			return err
		}
		if _, ok := tollbook.ParseRecordID(args[0]); !ok {
			return usageError("%q is no record id: that is 32 lower-case hex digits", args[0])
		}
		c, err := r.connect()
		if err != nil {
			return err
		}
		e, err := explainSettled(cmd.Context(), c, args[0], *shown)
		if err != nil {
			return err
		}
		if *output == asJSON {
			err = a.printJSON(e)
		} else {
			a.printExplanation(e)
		}
		if err == nil && !e.Exact {
			a.say("tollbook: the events add up to %s %s, which is not the record's total of %s", e.Sum, e.Record.Currency, e.Record.TotalAmount)
			return failedSilently()
		}
		return err
	}
	return cmd
}

// explanation is a record with what made it.
type explanation struct {
	Record client.Record   `json:"record"`
	Rates  []*rateShare    `json:"rates"`
	Events []client.Event  `json:"events"` // the first ones
	Count  int             `json:"event_count"`
	Units  decimal.Decimal `json:"units_of_events"`
	Sum    decimal.Decimal `json:"sum_of_events"`
	Exact  bool            `json:"exact"` // the events add up to the record
}

// rateShare is what one row of a rate card contributed to a record.
type rateShare struct {
	*client.Rate                 // nil: the events carried their price
	Events       int             `json:"events"`
	Increments   decimal.Decimal `json:"increments"`
	Amount       decimal.Decimal `json:"amount"`
}

// MarshalJSON puts the rate beside what it contributed.
func (s *rateShare) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Rate       *client.Rate    `json:"rate"`
		Events     int             `json:"events"`
		Increments decimal.Decimal `json:"increments"`
		Amount     decimal.Decimal `json:"amount"`
	}{s.Rate, s.Events, s.Increments, s.Amount})
}

// maxExplainTries is how often a record that keeps growing is read.
const maxExplainTries = 3

// explainSettled explains a record that did not change while its events were
// read.
func explainSettled(ctx context.Context, c *client.Client, id string, shown int) (*explanation, error) {
	for try := 1; ; try++ {
		e, err := explain(ctx, c, id, shown)
		if err != nil || e.Exact || try == maxExplainTries {
			return e, err
		}
		again, err := c.Record(ctx, id)
		if err != nil || again.TotalAmount == e.Record.TotalAmount && again.NumberOfUnits == e.Record.NumberOfUnits {
			return e, err
		}
	}
}

func explain(ctx context.Context, c *client.Client, id string, shown int) (*explanation, error) {
	record, err := c.Record(ctx, id)
	if err != nil {
		return nil, err
	}
	e := &explanation{Record: record, Events: []client.Event{}}
	shares := map[client.Rate]*rateShare{}
	for ev, err := range c.Events(ctx, id) {
		if err != nil {
			return nil, err
		}
		var key client.Rate
		if ev.Rate != nil {
			key = *ev.Rate
		}
		share := shares[key]
		if share == nil {
			share = &rateShare{Rate: ev.Rate}
			shares[key] = share
			e.Rates = append(e.Rates, share)
		}
		share.Events++
		share.Amount = share.Amount.Add(ev.Amount)
		if ev.Increments != nil {
			share.Increments = share.Increments.Add(*ev.Increments)
		}
		e.Count++
		e.Units, e.Sum = e.Units.Add(ev.NumberOfUnits), e.Sum.Add(ev.Amount)
		if len(e.Events) < shown {
			e.Events = append(e.Events, ev)
		}
	}
	slices.SortStableFunc(e.Rates, func(a, b *rateShare) int { return b.Amount.Cmp(a.Amount) })
	e.Exact = e.Sum == record.TotalAmount && e.Units == record.NumberOfUnits
	return e, nil
}

func (a *app) printExplanation(e *explanation) {
	var rows [][]string
	cells := recordCells(&e.Record)
	for i, c := range recordColumns() {
		rows = append(rows, []string{c.name, cells[i]})
	}
	a.printTable("The record", left("field", "value"), rows)

	rows = nil
	for _, s := range e.Rates {
		if s.Rate == nil {
			rows = append(rows, []string{"the events' own", "", "", "", e.Record.Price.String(), "", strconv.Itoa(s.Events), "", s.Amount.String()})
			continue
		}
		rows = append(rows, []string{s.CardID, strconv.Itoa(s.Version), strconv.Itoa(s.Row), s.Prefix, s.PricePerIncrement.String(), s.Increment.String() + " " + s.Unit,
			strconv.Itoa(s.Events), s.Increments.String(), s.Amount.String()})
	}
	a.blankLine()
	a.printTable("The rates", []column{{"card", false}, {"version", true}, {"line", true}, {"prefix", false}, {"price per increment", true}, {"increment", true},
		{"events", true}, {"increments", true}, {"amount", true}}, rows)

	rows = nil
	for _, ev := range e.Events {
		rows = append(rows, []string{ev.OccurredAt.Format(time.RFC3339), ev.Source, ev.ID, ev.From, ev.To, ev.Quantity.String() + " " + ev.Unit,
			orNone(ev.Increments), ev.NumberOfUnits.String(), ev.Amount.String()})
	}
	title := "The events"
	if e.Count > len(e.Events) {
		title = fmt.Sprintf("The first %s of %s", grouped(len(e.Events)), plural(e.Count, "event"))
	}
	a.blankLine()
	a.printTable(title, []column{{"occurred at", false}, {"source", false}, {"id", false}, {"from", false}, {"to", false}, {"quantity", true},
		{"increments", true}, {"units", true}, {"amount", true}}, rows)
	if e.Exact {
		a.blankLine()
		fmt.Fprintf(a.stdout, "%s add up to %s %s and %s %s: exactly the record.\n", plural(e.Count, "event"), e.Sum, e.Record.Currency, e.Units, e.Record.Unit)
	}
}

func orNone(d *decimal.Decimal) string {
	if d == nil {
		return ""
	}
	return d.String()
}

func (a *app) blankLine() { fmt.Fprintln(a.stdout) }
