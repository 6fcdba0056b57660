package main

import (
	"context"
	"net/http"
	"time"

	"tollbook"
	"tollbook/client"
)

// cardPreview is what of a dry run is told of a month.
type cardPreview struct {
	month  string // "": of none
	output string
	limit  int
}

// previewTimeout is how long a preview of a month may take: all of its events
// are measured.
const previewTimeout = time.Hour

// preview tells what the records of a month would become under a card.
func (a *app) preview(ctx context.Context, r *remote, id string, text []byte, p *cardPreview) error {
	month, err := tollbook.ParseMonth(p.month)
	if err != nil {
		return usageError("--rerate: %w", err)
	}
	c, err := r.client(client.Config{Attempts: 1, HTTPClient: &http.Client{Timeout: previewTimeout}})
	if err != nil {
		return err
	}
	if p.output == asNDJSON {
		lines, err := c.PreviewRecords(ctx, id, text, month)
		if err == nil {
			_, err = a.stdout.Write(lines)
		}
		return err
	}
	preview, err := c.PreviewRateCard(ctx, id, text, month, p.limit)
	if err != nil {
		return err
	}
	if p.output == asJSON {
		return a.printJSON(preview)
	}
	a.printPreview(&preview)
	return nil
}

func (a *app) printPreview(p *client.RateCardPreview) {
	if p.ClosedAccounts > 0 {
		a.say("%s is closed for %s of %s; closed months never change.", p.Month, grouped(p.ClosedAccounts), plural(p.Accounts, "account"))
	}
	a.say("%s of %s would be charged otherwise; %s unrated, %s now.", plural(p.ChangedEvents, "event"), grouped(p.Events), grouped(p.UnratedAfter), grouped(p.UnratedBefore))
	if p.ChangedRecords == 0 {
		a.say("No record of %s would change.", p.Month)
		return
	}
	var rows [][]string
	for i := range p.Records {
		rows = append(rows, previewRow(&p.Records[i]))
	}
	a.printTable("Records of "+p.Month.String()+" that would change", []column{{"account_id", false}, {"product_id", false}, {"type", false}, {"description", false}, {"direction", false},
		{"price", true}, {"units", true}, {"would_be", true}, {"unit", false}, {"amount", true}, {"would_be", true}, {"currency", false}}, rows)
	rows = nil
	for _, n := range p.Net {
		rows = append(rows, []string{n.AccountID, n.ProductID, n.Currency, n.Before.String(), n.After.String(), n.Change.String()})
	}
	for _, t := range p.Totals {
		rows = append(rows, []string{"total", "", t.Currency, t.Before.String(), t.After.String(), t.Change.String()})
	}
	a.blankLine()
	a.printTable("Net change", []column{{"account_id", false}, {"product_id", false}, {"currency", false}, {"before", true}, {"after", true}, {"change", true}}, rows)
	if p.ChangedRecords > len(p.Records) || p.NetSums > len(p.Net) {
		a.say("These are the first of %s and %s; --output ndjson lists all records.", plural(p.ChangedRecords, "record"), plural(p.NetSums, "sum"))
	}
}

func previewRow(r *client.PreviewRecord) []string {
	row := []string{r.AccountID, r.ProductID, r.Type, r.Description, orEmpty(r.Direction), r.Price.String(), "", "", r.Unit, "", "", r.Currency}
	if r.Before != nil {
		row[6], row[9] = r.Before.NumberOfUnits.String(), r.Before.TotalAmount.String()
	}
	if r.After != nil {
		row[7], row[10] = r.After.NumberOfUnits.String(), r.After.TotalAmount.String()
	}
	return row
}
