package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"tollbook"
	"tollbook/decimal"
)

// RateCardPreview is what re-rating a month under a card would change. Its
// lists are bounded.
type RateCardPreview struct {
	CardID         string          `json:"card_id"`
	Version        int             `json:"version"`
	Month          tollbook.Month  `json:"month"`
	Accounts       int             `json:"accounts"`
	ClosedAccounts int             `json:"closed_accounts"` // whose month would stay as it is
	Events         int             `json:"events"`
	ChangedEvents  int             `json:"changed_events"`
	UnratedBefore  int             `json:"unrated_before"`
	UnratedAfter   int             `json:"unrated_after"`
	ChangedRecords int             `json:"changed_records"`
	Records        []PreviewRecord `json:"records"`
	NetSums        int             `json:"net_sums"`
	Net            []PreviewNet    `json:"net"`
	Totals         []PreviewTotal  `json:"totals"`
}

// PreviewRecord is a record that would change.
type PreviewRecord struct {
	ID             string          `json:"id"`
	OrganizationID string          `json:"organization_id"`
	AccountID      string          `json:"account_id"`
	ProductID      string          `json:"product_id"`
	AggrProductID  string          `json:"aggr_product_id"`
	Type           string          `json:"type"`
	Description    string          `json:"description"`
	Currency       string          `json:"currency"`
	Direction      *string         `json:"direction"`
	Resolution     *string         `json:"resolution"`
	Unit           string          `json:"unit"`
	Price          decimal.Decimal `json:"price"`
	WalletName     *string         `json:"wallet_name"`
	Before         *PreviewSum     `json:"before"` // nil: there is none
	After          *PreviewSum     `json:"after"`  // nil: there would be none
}

// PreviewSum is what a record shows.
type PreviewSum struct {
	NumberOfUnits decimal.Decimal `json:"number_of_units"`
	TotalAmount   decimal.Decimal `json:"total_amount"`
	Events        int             `json:"events"`
}

// PreviewNet is what records that would change come to.
type PreviewNet struct {
	OrganizationID string `json:"organization_id"`
	AccountID      string `json:"account_id"`
	ProductID      string `json:"product_id"`
	PreviewTotal
}

// PreviewTotal is the same in one currency.
type PreviewTotal struct {
	Currency string          `json:"currency"`
	Before   decimal.Decimal `json:"before"`
	After    decimal.Decimal `json:"after"`
	Change   decimal.Decimal `json:"change"`
}

// PreviewRateCard tells what a month's records would become under a card; it
// lists the first ones, at most limit.
func (c *Client) PreviewRateCard(ctx context.Context, id string, csv []byte, month tollbook.Month, limit int) (RateCardPreview, error) {
	var p RateCardPreview
	path := RateCards.path(id, "preview") + "?" + url.Values{"month": {month.String()}, "limit": {fmt.Sprint(limit)}}.Encode()
	_, err := c.write(ctx, Request{Method: http.MethodPost, Path: path, ContentType: TypeCSV, Body: csv, Accept: TypeJSON}, &p)
	return p, err
}

// PreviewRecords returns all records of a month that would change under a card,
// as JSON lines.
func (c *Client) PreviewRecords(ctx context.Context, id string, csv []byte, month tollbook.Month) ([]byte, error) {
	path := RateCards.path(id, "preview") + "?" + url.Values{"month": {month.String()}}.Encode()
	return c.write(ctx, Request{Method: http.MethodPost, Path: path, ContentType: TypeCSV, Body: csv, Accept: TypeNDJSON}, nil)
}
