package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tollbook/client"
)

// explainEvent shows what was said of an event.
func (a *app) explainEvent(ctx context.Context, c *client.Client, account string, name client.EventName, output string) error {
	h, err := c.EventHistory(ctx, account, name)
	if err != nil {
		return err
	}
	if output == asJSON {
		return a.printJSON(h)
	}
	e := &h.Event
	rows := [][]string{
		{"organization", h.OrganizationID}, {"account", e.AccountID}, {"source", e.Source}, {"id", e.ID},
		{"occurred at", e.OccurredAt.Format(time.RFC3339)}, {"of month", h.HomeMonth.String()},
		{"type", e.Type}, {"from", e.From}, {"to", e.To}, {"quantity", e.Quantity.String() + " " + e.Unit}, {"status", h.Status},
	}
	for _, link := range []struct {
		field string
		to    *client.EventName
	}{{"replaces", h.Replaces}, {"replaced by", h.ReplacedBy}} {
		if link.to != nil {
			rows = append(rows, []string{link.field, link.to.ID + ", source " + link.to.Source})
		}
	}
	a.printTable("The event", left("field", "value"), rows)

	rows = nil
	for i := range h.History {
		rows = append(rows, wordRows(&h.History[i])...)
	}
	a.blankLine()
	columns := append(left("what", "in month", "card", "description"), chargeColumns()...)
	a.printTable("What was said of it, the latest first", append(columns, left("record", "note")...), rows)
	return nil
}

// rowText says which row of which card it is.
func rowText(r *client.RateRow) string {
	s := fmt.Sprintf("%s %d, line %d", r.CardID, r.Version, r.Row)
	if r.Prefix != "" {
		s += ", " + r.Prefix
	}
	return s
}

// wordRows are one for each charge of a word, or one where it has none.
func wordRows(w *client.Word) (rows [][]string) {
	rate, note := "", ""
	if w.Rate != nil {
		rate = rowText(w.Rate)
	}
	switch {
	case w.Void != nil:
		note = w.Void.Reason + " (" + w.Void.Actor + ", " + w.Void.At.Format(time.RFC3339) + ")"
	case w.Reason != nil:
		note = "unrated: " + *w.Reason
	}
	for i := range w.Charges {
		c := &w.Charges[i]
		row := append([]string{w.Word, w.BookedMonth.String(), rate, c.Description}, chargeCells(w.Rate, c)...)
		rows = append(rows, append(row, strings.Join(c.RecordIDs, " "), note))
	}
	if len(rows) == 0 {
		row := append([]string{w.Word, w.BookedMonth.String(), rate, ""}, chargeCells(nil, nil)...)
		rows = append(rows, append(row, "", note))
	}
	return rows
}
