package main

import (
	"fmt"
	"strconv"
	"time"

	"tollbook/client"
)

func (a *app) printExplanation(e *explanation) {
	var rows [][]string
	cells := recordCells(&e.Record)
	for i, c := range recordColumns() {
		rows = append(rows, []string{c.name, cells[i]})
	}
	a.printTable("The record", left("field", "value"), rows)
	a.printShares(e)
	a.printCuts(e.Cuts)
	a.printEvents(e)
	if e.Exact {
		a.blankLine()
		verb := "add"
		if e.Count == 1 {
			verb = "adds"
		}
		fmt.Fprintf(a.stdout, "%s %s up to %s %s and %s %s: exactly the record.\n", plural(e.Count, "event"), verb, e.Sum, e.Record.Currency, e.Units, e.Record.Unit)
	}
}

func (a *app) printShares(e *explanation) {
	var rows [][]string
	for _, s := range e.Rates {
		if s.Rate == nil {
			rows = append(rows, []string{"the events' own", "", "", "", e.Record.Price.String(), "", strconv.Itoa(s.Events), "", orNone(s.Amount)})
			continue
		}
		rows = append(rows, []string{s.CardID, strconv.Itoa(s.Version), strconv.Itoa(s.Row), s.Prefix, s.PricePerIncrement.String(), s.Increment.String() + " " + s.Unit,
			strconv.Itoa(s.Events), s.Increments.String(), orNone(s.Amount)})
	}
	a.blankLine()
	a.printTable("The rates", []column{{"card", false}, {"version", true}, {"line", true}, {"prefix", false}, {"price per increment", true}, {"increment", true},
		{"events", true}, {"increments", true}, {"amount", true}}, rows)
}

// printCuts prints where tiers cut the month, which is in increments.
func (a *app) printCuts(cuts []client.Cut) {
	if len(cuts) == 0 {
		return
	}
	var rows [][]string
	for _, c := range cuts {
		rows = append(rows, []string{fmt.Sprintf("%d of %d", c.Tier, c.Tiers), c.StartsAfter.String(), orNone(c.EndsAt), c.BookedBefore.String(), c.Increments.String(),
			c.InTier.String(), c.PricePerIncrement.String(), c.NumberOfUnits.String(), c.Amount.String()})
	}
	a.blankLine()
	a.printTable("Where the tiers cut the month", []column{{"tier", false}, {"starts after", true}, {"ends at", true}, {"booked before", true}, {"increments", true},
		{"in the tier", true}, {"price per increment", true}, {"units", true}, {"amount", true}}, rows)
}

func (a *app) printEvents(e *explanation) {
	var rows [][]string
	for _, ev := range e.Events {
		note := ""
		if ev.Void != nil {
			note = "void: " + ev.Void.Reason
		} else if ev.HomeMonth != nil && *ev.HomeMonth != e.Record.Month {
			note = "late, of " + ev.HomeMonth.String()
		}
		rows = append(rows, []string{ev.OccurredAt.Format(time.RFC3339), ev.Source, ev.ID, ev.From, ev.To, ev.Quantity.String() + " " + ev.Unit,
			orNone(ev.Increments), ev.NumberOfUnits.String(), orNone(ev.Amount), note})
	}
	title := "The events"
	if e.Count > len(e.Events) {
		title = fmt.Sprintf("The first %s of %s", grouped(len(e.Events)), plural(e.Count, "event"))
	}
	a.blankLine()
	a.printTable(title, []column{{"occurred at", false}, {"source", false}, {"id", false}, {"from", false}, {"to", false}, {"quantity", true},
		{"increments", true}, {"units", true}, {"amount", true}, {"", false}}, rows)
}

func (a *app) blankLine() { fmt.Fprintln(a.stdout) }
