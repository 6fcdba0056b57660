package client

import (
	"context"
	"iter"
	"net/http"
	"strconv"
	"time"

	"tollbook"
)

// RateCard says which version of a card was made, and what is likely not meant
// in it.
type RateCard struct {
	ID       string                `json:"id"`
	Version  int                   `json:"version"`
	Rows     int                   `json:"rows"`
	Warnings []tollbook.FieldError `json:"warnings"` // each named "line N"
}

// RateCardPlan is what putting a card would do: the rows that would be added,
// changed and removed.
type RateCardPlan struct {
	RateCard
	Replaces *int `json:"replaces"` // the version that there is; nil: none
	Added    int  `json:"added"`
	Changed  int  `json:"changed"`
	Removed  int  `json:"removed"`
}

// RateCardVersion is a version of a card, with who made it and when.
type RateCardVersion struct {
	ID       string       `json:"id"`
	Version  int          `json:"version"`
	Rows     int          `json:"rows"`
	Position tollbook.Pos `json:"position"`
	At       time.Time    `json:"at"`
	Actor    string       `json:"actor"`
}

// PutRateCard makes the CSV the card's next version. A card with errors is an
// *Error with one field per error, and nothing is applied.
func (c *Client) PutRateCard(ctx context.Context, id string, csv []byte) (RateCard, error) {
	var card RateCard
	_, err := c.write(ctx, Request{Method: http.MethodPut, Path: RateCards.path(id), ContentType: TypeCSV, Body: csv}, &card)
	return card, err
}

// PlanRateCard tells what PutRateCard would do, and does nothing.
func (c *Client) PlanRateCard(ctx context.Context, id string, csv []byte) (RateCardPlan, error) {
	var plan RateCardPlan
	_, err := c.write(ctx, Request{Method: http.MethodPut, Path: RateCards.path(id) + "?dry_run=true", ContentType: TypeCSV, Body: csv}, &plan)
	return plan, err
}

// RateCardVersions yields the versions of a card, the latest first.
func (c *Client) RateCardVersions(ctx context.Context, id string) iter.Seq2[RateCardVersion, error] {
	return list[RateCardVersion](ctx, c, Query{PerPage: maxPerPage}.on(RateCards.path(id, "versions")))
}

// RateCardCSV returns the text of a version of a card, 0 for the latest.
func (c *Client) RateCardCSV(ctx context.Context, id string, version int) ([]byte, error) {
	path := RateCards.path(id)
	if version > 0 {
		path = RateCards.path(id, "versions", strconv.Itoa(version))
	}
	resp, err := c.Do(ctx, Request{Path: path, Accept: TypeCSV})
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}
