package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// MaxVoids is how many events are voided at once at most.
const MaxVoids = 1000

// EventName is how an organization names an event.
type EventName struct {
	Source string `json:"source"`
	ID     string `json:"id"`
}

// VoidRequest asks for an event not to be counted any more.
type VoidRequest struct {
	EventName
	AccountID  string     `json:"account_id,omitempty"` // an operator must name it
	Reason     string     `json:"reason"`
	ReplacedBy *EventName `json:"replaced_by,omitempty"` // the event that stands for it; nil: none
}

// VoidReceipt says what became of the events of one VoidEvents, in order.
type VoidReceipt struct {
	Voided        int          `json:"voided"`
	AlreadyVoided int          `json:"already_voided"`
	NotFound      int          `json:"not_found"`
	Rejected      int          `json:"rejected"` // the adjustment would be one record too many for its month
	Results       []VoidResult `json:"results"`
}

// VoidResult is what became of one VoidRequest.
type VoidResult struct {
	Index int `json:"index"` // in the request, from 0
	EventName
	Status      string          `json:"status"`       // voided, already_voided, not_found, rejected
	BookedMonth *tollbook.Month `json:"booked_month"` // whose records changed; nil: none did
	Adjusts     bool            `json:"adjusts"`      // it takes back what was stated for a closed month
}

// VoidEvents takes events, 1 to MaxVoids, out of what is counted. After an
// error part may be voided; sending the same again is safe.
func (c *Client) VoidEvents(ctx context.Context, requests []VoidRequest) (VoidReceipt, error) {
	var receipt VoidReceipt
	body, err := json.Marshal(requests)
	if err != nil {
		return receipt, fmt.Errorf("client: %w", err)
	}
	_, err = c.write(ctx, Request{Method: http.MethodPost, Path: "/v1/events/void", ContentType: TypeJSON, Body: body}, &receipt)
	return receipt, err
}

// Void says why an event counts no more.
type Void struct {
	Reason     string     `json:"reason"`
	Actor      string     `json:"actor"` // the client that asked for it
	At         time.Time  `json:"at"`
	ReplacedBy *EventName `json:"replaced_by"` // nil: none
}

// EventHistory is an event with all that was said of it.
type EventHistory struct {
	OrganizationID string         `json:"organization_id"`
	Status         string         `json:"status"` // counted, unrated or voided
	Event          Event          `json:"event"`
	HomeMonth      tollbook.Month `json:"home_month"`  // in which it occurred
	Replaces       *EventName     `json:"replaces"`    // the event that was voided in its favour
	ReplacedBy     *EventName     `json:"replaced_by"` // the event in whose favour it was voided
	History        []Word         `json:"history"`     // the latest first
}

// Word is what was said of an event once.
type Word struct {
	Word        string         `json:"word,omitempty"` // accepted, rerated or voided
	BookedMonth tollbook.Month `json:"booked_month"`   // in whose records it counts
	Reason      *string        `json:"reason"`         // why it is unrated; nil: it is not
	Rate        *RateRow       `json:"rate"`           // nil: no row of a card priced it
	Charges     []Charge       `json:"charges"`
	Void        *Void          `json:"void"` // nil: it counts
}

// RateRow says which row of which card priced an event.
type RateRow struct {
	CardID  string `json:"card_id"`
	Version int    `json:"version"`
	Row     int    `json:"row"`    // its line in the card's CSV
	Prefix  string `json:"prefix"` // the digits of Event.To that it matched
}

// Charge is what an event counts in one line of its rate.
type Charge struct {
	Type              string           `json:"type"`
	Description       string           `json:"description"`
	ProductID         string           `json:"product_id"`
	Currency          string           `json:"currency"`
	Unit              string           `json:"unit"`
	Increments        decimal.Decimal  `json:"increments"` // whole
	Increment         decimal.Decimal  `json:"increment"`  // in Unit
	NumberOfUnits     decimal.Decimal  `json:"number_of_units"`
	PricePerIncrement *decimal.Decimal `json:"price_per_increment"` // nil: the rate has tiers
	Amount            *decimal.Decimal `json:"amount"`              // in Currency; nil: the rate has tiers
	RecordIDs         []string         `json:"record_ids"`          // one for each tier
}

// EventHistory returns an event with all that was said of it. An operator
// names its account; an organization may leave it "".
func (c *Client) EventHistory(ctx context.Context, accountID string, name EventName) (EventHistory, error) {
	v := url.Values{"source": {name.Source}, "id": {name.ID}}
	if accountID != "" {
		v.Set("account_id", accountID)
	}
	var h EventHistory
	err := c.getJSON(ctx, "/v1/events/history?"+v.Encode(), &h)
	return h, err
}
