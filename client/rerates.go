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
)

// RerateScope says which open months are rated again; nil is all.
type RerateScope struct {
	OrganizationID *string         `json:"organization_id"`
	AccountID      *string         `json:"account_id"`
	Month          *tollbook.Month `json:"month"`
}

// Rerate is a re-rating as far as it is.
type Rerate struct {
	ID string `json:"id"`
	RerateScope
	State         string          `json:"state"` // running, done or canceled
	RequestedAt   time.Time       `json:"requested_at"`
	RequestedBy   string          `json:"requested_by"`
	FinishedAt    *time.Time      `json:"finished_at"` // nil: not yet
	Months        int             `json:"months"`      // of accounts
	MonthsDone    int             `json:"months_done"`
	Events        int64           `json:"events"`         // measured again
	EventsChanged int64           `json:"events_changed"` // of them those with other charges
	Refused       int             `json:"refused"`        // months that stay as they were
	Refusals      []RerateRefusal `json:"refusals"`       // the first of them
	Through       *AccountMonth   `json:"through"`        // the last that is done; nil: none
}

// Running tells whether it is under way, or waits for its turn.
func (r *Rerate) Running() bool { return r.State == "running" }

// RerateRefusal is an account's month that could not be restated.
type RerateRefusal struct {
	AccountMonth
	Code    string `json:"code"`
	Message string `json:"message"`
}

// AccountMonth names an account's month.
type AccountMonth struct {
	OrganizationID string         `json:"organization_id"`
	AccountID      string         `json:"account_id"`
	Month          tollbook.Month `json:"month"`
}

const reratesPath = "/v1/rerates"

func reratePath(id string) string { return reratesPath + "/" + url.PathEscape(id) }

// StartRerate has open months rated again, in the background of the server.
func (c *Client) StartRerate(ctx context.Context, scope RerateScope) (Rerate, error) {
	var job Rerate
	body, err := json.Marshal(scope)
	if err != nil {
		return job, fmt.Errorf("client: %w", err)
	}
	_, err = c.write(ctx, Request{Method: http.MethodPost, Path: reratesPath, ContentType: TypeJSON, Body: body}, &job)
	return job, err
}

// Rerate returns a re-rating.
func (c *Client) Rerate(ctx context.Context, id string) (Rerate, error) {
	var job Rerate
	err := c.getJSON(ctx, reratePath(id), &job)
	return job, err
}

// Rerates yields all re-ratings, the last one first.
func (c *Client) Rerates(ctx context.Context) iter.Seq2[Rerate, error] {
	return list[Rerate](ctx, c, fmt.Sprintf("%s?per_page=%d", reratesPath, maxPerPage))
}

// CancelRerate ends a re-rating where it is.
func (c *Client) CancelRerate(ctx context.Context, id string) (Rerate, error) {
	var job Rerate
	_, err := c.write(ctx, Request{Method: http.MethodDelete, Path: reratePath(id)}, &job)
	return job, err
}
