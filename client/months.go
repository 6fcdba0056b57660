package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// Month is the state of an organization's month.
type Month struct {
	OrganizationID string         `json:"organization_id"`
	Month          tollbook.Month `json:"month"`
	State          string         `json:"state"`     // open, closing or closed
	EndsAt         time.Time      `json:"ends_at"`   // for the last of the organization's accounts
	ClosesAt       *time.Time     `json:"closes_at"` // by schedule; nil: closed, or there is none
	ClosedAt       *time.Time     `json:"closed_at"`
	ClosedBy       *string        `json:"closed_by"` // a client, or "schedule"
	Statement      *Statement     `json:"statement"` // nil until it is closed
}

// Statement is what the records of a closed month come to.
type Statement struct {
	Position      uint64       `json:"position"`
	StatedAt      time.Time    `json:"stated_at"`
	Records       int          `json:"records"`
	Totals        []MonthTotal `json:"totals"` // by currency
	UnratedEvents int          `json:"unrated_events"`
	SHA256        string       `json:"sha256"` // over the canonical lines of the records
}

// MonthTotal is what a month's records in one currency come to.
type MonthTotal struct {
	Currency string          `json:"currency"`
	Usage    decimal.Decimal `json:"usage"`
	PutIn    decimal.Decimal `json:"put_in"`
}

// Adjustment is what was booked in a later month than that in which it
// occurred: an event that came late, or the void of one that had been stated.
type Adjustment struct {
	Event Event `json:"event"`
	Word
}

const monthsPath = "/v1/months"

func monthPath(m tollbook.Month, more string) string { return monthsPath + "/" + m.String() + more }

// ofOrganization is the query of what is asked for of one organization.
func ofOrganization(organizationID string) url.Values {
	return url.Values{"organization_id": {organizationID}}
}

// Months yields an organization's months, the first one first.
func (c *Client) Months(ctx context.Context, organizationID string) iter.Seq2[Month, error] {
	v := ofOrganization(organizationID)
	v.Set("order_by", "id:asc")
	v.Set("per_page", fmt.Sprint(maxPerPage))
	return list[Month](ctx, c, monthsPath+"?"+v.Encode())
}

// Month returns an organization's month.
func (c *Client) Month(ctx context.Context, organizationID string, m tollbook.Month) (Month, error) {
	var month Month
	err := c.getJSON(ctx, monthPath(m, "?"+ofOrganization(organizationID).Encode()), &month)
	return month, err
}

// CloseMonth closes an organization's month and returns it with its statement.
// Closing it again changes nothing.
func (c *Client) CloseMonth(ctx context.Context, organizationID string, m tollbook.Month) (Month, error) {
	var month Month
	body, err := json.Marshal(map[string]string{"organization_id": organizationID})
	if err != nil {
		return month, fmt.Errorf("client: %w", err)
	}
	_, err = c.write(ctx, Request{Method: http.MethodPost, Path: monthPath(m, "/close"), ContentType: TypeJSON, Body: body}, &month)
	return month, err
}

// Adjustments yields what occurred in a month of an organization, or of one of
// its accounts unless that is "", but is booked in a later one.
func (c *Client) Adjustments(ctx context.Context, organizationID, accountID string, m tollbook.Month) iter.Seq2[Adjustment, error] {
	v := ofOrganization(organizationID)
	v.Set("per_page", fmt.Sprint(maxPerPage))
	if accountID != "" {
		v.Set("account_id", accountID)
	}
	return list[Adjustment](ctx, c, monthPath(m, "/adjustments?"+v.Encode()))
}
