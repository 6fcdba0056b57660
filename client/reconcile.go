package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// ReconcileQuery says which events somebody else's list is held against, and
// how; zero fields are left to the server. openapi.yaml says what each one
// means.
type ReconcileQuery struct {
	OrganizationID string
	AccountID      string
	Month          string // YYYY-MM, or From and To
	From, To       string // RFC 3339
	Events         string // occurred or booked
	Types, Sources []string
	EventID        string // id or attributes.KEY

	Columns      string // FIELD=NAME,FIELD=NAME
	TimeFormat   string // such as DD/MM/YYYY hh:mm:ss
	TimeZone     string
	DecimalComma bool
	Unit         string
	Currency     string
	AmountFactor string

	Match          string // auto, id or call
	Within         string // seconds
	Digits         string
	Compare        []string // of quantity, billed, amount
	QuantityWithin string
	AmountWithin   string
	Limit          string // of the differences listed of each class
}

func (q *ReconcileQuery) path() string {
	v := url.Values{}
	for name, value := range map[string]string{
		"organization_id": q.OrganizationID, "account_id": q.AccountID, "month": q.Month, "from": q.From, "to": q.To, "events": q.Events,
		"types": strings.Join(q.Types, ","), "sources": strings.Join(q.Sources, ","), "event_id": q.EventID,
		"columns": q.Columns, "time_format": q.TimeFormat, "time_zone": q.TimeZone, "unit": q.Unit, "currency": q.Currency, "amount_factor": q.AmountFactor,
		"match": q.Match, "within": q.Within, "digits": q.Digits, "compare": strings.Join(q.Compare, ","),
		"quantity_within": q.QuantityWithin, "amount_within": q.AmountWithin, "limit": q.Limit,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.DecimalComma {
		v.Set("decimal_comma", "true")
	}
	return "/v1/reconcile?" + v.Encode()
}

// Reconciled is what became of the rows of a file and of the events that it
// was held against. Its lists are bounded; its counts and sums are not.
type Reconciled struct {
	OrganizationID string            `json:"organization_id"`
	AccountID      *string           `json:"account_id"` // nil: all accounts
	Month          *tollbook.Month   `json:"month"`      // nil: between two instants
	From           time.Time         `json:"from"`
	To             time.Time         `json:"to"`
	Columns        map[string]string `json:"columns"`    // which column was taken for what
	MatchedBy      string            `json:"matched_by"` // id or call
	Rows           int               `json:"rows"`
	Events         int               `json:"events"`
	AllMatched     bool              `json:"all_matched"`
	Classes        []ReconciledClass `json:"classes"`
	Total          Sums              `json:"total"` // of all classes but outside
	Differing      []Difference      `json:"differing"`
	MissingHere    []Difference      `json:"missing_here"`
	MissingThere   []Difference      `json:"missing_there"`
	Outside        []Difference      `json:"outside"`
}

// ReconciledClass is how many rows and events are in a class, and what they
// come to.
type ReconciledClass struct {
	Class  string `json:"class"`
	Rows   int    `json:"rows"`
	Events int    `json:"events"`
	Sums
}

// Sums is what rows and events come to.
type Sums struct {
	Amounts    []AmountSum   `json:"amounts"`
	Quantities []QuantitySum `json:"quantities"`
}

// Sum is what both sides come to; Difference is theirs less ours.
type Sum struct {
	Theirs     decimal.Decimal `json:"theirs"`
	Ours       decimal.Decimal `json:"ours"`
	Difference decimal.Decimal `json:"difference"`
}

// AmountSum is what amounts of one currency come to.
type AmountSum struct {
	Currency string `json:"currency"`
	Sum
}

// QuantitySum is what quantities of one unit come to.
type QuantitySum struct {
	Unit *string `json:"unit"` // nil: of rows that tell none
	Sum
}

// Difference is a row, an event or both that do not match.
type Difference struct {
	Class   string   `json:"class"`
	Differs []string `json:"differs,omitempty"` // quantity, amount, currency
	Repeats *int     `json:"repeats,omitempty"` // the line of an earlier row that says the same
	Theirs  *Theirs  `json:"theirs"`
	Ours    *Ours    `json:"ours"`
}

// Theirs is what a row says.
type Theirs struct {
	Line  int        `json:"line"`
	ID    string     `json:"id,omitempty"`
	Start *time.Time `json:"start"`
	Use
}

// Ours is what is known of an event.
type Ours struct {
	ID        string    `json:"id"`
	Source    string    `json:"source"`
	AccountID string    `json:"account_id"`
	Start     time.Time `json:"start"`
	Use
	Unrated string `json:"unrated,omitempty"` // why it has no amount
}

// Use is what both sides say of a use.
type Use struct {
	To       string           `json:"to,omitempty"`
	From     string           `json:"from,omitempty"`
	Quantity *decimal.Decimal `json:"quantity"`
	Unit     *string          `json:"unit"`
	Amount   *decimal.Decimal `json:"amount"`
	Currency *string          `json:"currency"`
}

// Reconcile holds a CSV against events.
func (c *Client) Reconcile(ctx context.Context, q ReconcileQuery, csv []byte) (Reconciled, error) {
	var r Reconciled
	_, err := c.write(ctx, q.request(csv, TypeJSON), &r)
	return r, err
}

// ReconcileAll returns every difference between a CSV and events, as CSV or as
// JSON lines, and whether all matched.
func (c *Client) ReconcileAll(ctx context.Context, q ReconcileQuery, csv []byte, contentType string) (differences []byte, allMatched bool, err error) {
	resp, err := c.Do(ctx, q.request(csv, contentType))
	if err != nil {
		return nil, false, err
	}
	return resp.Body, resp.Header.Get("Tollbook-All-Matched") == "true", nil
}

func (q *ReconcileQuery) request(csv []byte, accept string) Request {
	return Request{Method: http.MethodPost, Path: q.path(), ContentType: TypeCSV, Body: csv, Accept: accept}
}
