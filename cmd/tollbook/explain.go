package main

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/spf13/cobra"

	"tollbook"
	"tollbook/client"
	"tollbook/decimal"
)

func (a *app) explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "explain ID", Short: "Show how a usage record, or what is counted of an event, came about", Args: args("ID"),
		Example: examples(`
  tollbook explain 8f3e643c16671acaf60e8bceddbc1877
  tollbook explain 8f3e643c16671acaf60e8bceddbc1877 --events 1000
  tollbook explain 8f3e643c16671acaf60e8bceddbc1877 --output json
  tollbook explain call-000017 --source pbx-1`),
		Long: `Shows a record, the rows of rate cards that priced it and its events, and checks
that the events add up to the record to the last digit; where they do not, the
command fails. A record that grew meanwhile is read again. Where a rate has
tiers, it shows where they cut the month.

With --source the id is that of an event: shows what was said of it, in which
months and records it counts, and which event it stands for.`,
	}
	source := cmd.Flags().String("source", "", "source of the event that is explained")
	account := accountFlag(cmd, "the event's account; an operator must name it")
	shown := cmd.Flags().Int("events", 20, "how many events to list; all of them are added up")
	output := outputFlag(cmd, asTable, asJSON)
	r := remoteFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := oneOf("output", *output, asTable, asJSON); err != nil {
			return err
		}
		if _, ok := tollbook.ParseRecordID(args[0]); !ok && *source == "" {
			return usageError("%q is no record id: that is 32 lower-case hex digits; of an event, give its --source as well", args[0])
		}
		c, err := r.connect()
		if err != nil {
			return err
		}
		if *source != "" {
			return a.explainEvent(cmd.Context(), c, *account, client.EventName{Source: *source, ID: args[0]}, *output)
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
	Cuts   []client.Cut    `json:"cuts"`   // of rates with tiers
	Events []client.Event  `json:"events"` // the first ones
	Count  int             `json:"event_count"`
	Units  decimal.Decimal `json:"units_of_events"`
	Sum    decimal.Decimal `json:"sum_of_events"`
	Exact  bool            `json:"exact"` // the events add up to the record

	tiered decimal.Decimal // units of events whose rate has tiers
}

// rateShare is what one row of a rate card contributed to a record.
type rateShare struct {
	*client.Rate                  // nil: the events carried their price
	Events       int              `json:"events"`
	Increments   decimal.Decimal  `json:"increments"`
	Amount       *decimal.Decimal `json:"amount"` // nil: the rate has tiers
}

// amount is what it comes to by itself, without tiers.
func (s *rateShare) amount() decimal.Decimal {
	if s.Amount == nil {
		return decimal.Decimal{}
	}
	return *s.Amount
}

// MarshalJSON puts the rate beside what it contributed.
func (s *rateShare) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Rate       *client.Rate     `json:"rate"`
		Events     int              `json:"events"`
		Increments decimal.Decimal  `json:"increments"`
		Amount     *decimal.Decimal `json:"amount"`
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
	if e.Cuts, err = c.Cuts(ctx, id); err != nil {
		return nil, err
	}
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
		e.count(&ev, share)
		if len(e.Events) < shown {
			e.Events = append(e.Events, ev)
		}
	}
	slices.SortStableFunc(e.Rates, func(a, b *rateShare) int { return b.amount().Cmp(a.amount()) })
	e.add()
	return e, nil
}

// count adds an event up.
func (e *explanation) count(ev *client.Event, share *rateShare) {
	share.Events++
	if ev.Increments != nil {
		share.Increments = share.Increments.Add(*ev.Increments)
	}
	e.Count++
	if ev.Amount == nil {
		e.tiered = e.tiered.Add(ev.NumberOfUnits)
		return
	}
	amount := share.amount().Add(*ev.Amount)
	share.Amount = &amount
	e.Units, e.Sum = e.Units.Add(ev.NumberOfUnits), e.Sum.Add(*ev.Amount)
}

// add adds the cuts to what the events came to. What is cut must be what the
// events of the rates are, and all of it together the record.
func (e *explanation) add() {
	var cut decimal.Decimal
	for _, c := range e.Cuts {
		cut = cut.Add(c.Increments.Mul(c.Increment))
		e.Units, e.Sum = e.Units.Add(c.NumberOfUnits), e.Sum.Add(c.Amount)
	}
	e.Exact = e.Sum == e.Record.TotalAmount && e.Units == e.Record.NumberOfUnits && cut == e.tiered
}

func orNone(d *decimal.Decimal) string {
	if d == nil {
		return ""
	}
	return d.String()
}
