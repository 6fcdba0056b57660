package client

import (
	"time"

	"tollbook"
	"tollbook/decimal"
)

// Record is what one account used of one product in one month (the public
// Billing Insights API reference, Get Monthly Usage). What may be null is a
// pointer. Enumerations are text, so that a value added later still reads.
type Record struct {
	ID            string          `json:"id"` // 32 hex digits
	AccountID     string          `json:"account_id"`
	ProductID     string          `json:"product_id"`      // "" where unknown
	AggrProductID string          `json:"aggr_product_id"` // "" where unknown
	Month         tollbook.Month  `json:"month"`
	Type          string          `json:"type"`
	Description   string          `json:"description"`
	Currency      string          `json:"currency"` // ISO 4217
	Direction     *string         `json:"direction"`
	Resolution    *string         `json:"resolution"`
	Unit          string          `json:"unit"`
	Price         decimal.Decimal `json:"price"` // of each unit
	WalletName    *string         `json:"wallet_name"`
	NumberOfUnits decimal.Decimal `json:"number_of_units"`
	TotalAmount   decimal.Decimal `json:"total_amount"` // in Currency, exact
}

// PutIn tells whether the record is an amount put in, not used: it is
// totalled apart from usage.
func (r *Record) PutIn() bool {
	t, ok := tollbook.ParseUsageType(r.Type)
	return ok && t.PutIn()
}

// Event is one event as the server keeps it, with what rating made of it.
type Event struct {
	ID             string            `json:"id"`
	Source         string            `json:"source"`
	OrganizationID string            `json:"organization_id,omitempty"` // only of an unrated event
	AccountID      string            `json:"account_id"`
	OccurredAt     time.Time         `json:"occurred_at"`
	Type           string            `json:"type"`
	Quantity       decimal.Decimal   `json:"quantity"` // in Unit
	Unit           string            `json:"unit"`
	Direction      *string           `json:"direction"`
	Resolution     *string           `json:"resolution"`
	Subtype        string            `json:"subtype"`
	Description    string            `json:"description"`
	ProductID      string            `json:"product_id"`
	AggrProductID  string            `json:"aggr_product_id"`
	From           string            `json:"from"`
	To             string            `json:"to"`
	Country        string            `json:"country"`
	Category       string            `json:"category"`
	WalletName     *string           `json:"wallet_name"`
	Attributes     map[string]string `json:"attributes"`

	HomeMonth     *tollbook.Month  `json:"home_month,omitempty"` // of an event of a record: in which it occurred
	Increments    *decimal.Decimal `json:"increments"`           // whole; nil where the event carried its own price
	NumberOfUnits decimal.Decimal  `json:"number_of_units"`      // of all tiers, where the rate has tiers
	Price         *decimal.Decimal `json:"price"`                // of each unit
	Currency      *string          `json:"currency"`
	Amount        *decimal.Decimal `json:"amount"`           // in Currency, exact; nil where the rate has tiers
	Rate          *Rate            `json:"rate"`             // nil where the event carried its own price
	Void          *Void            `json:"void,omitempty"`   // of a void of an event that was stated in a closed month
	Reason        string           `json:"reason,omitempty"` // why the event is unrated
}

// Cut tells which part of a rate's month a record is, in increments.
type Cut struct {
	Tier              int              `json:"tier"` // from 1
	Tiers             int              `json:"tiers"`
	StartsAfter       decimal.Decimal  `json:"starts_after"`
	EndsAt            *decimal.Decimal `json:"ends_at"`       // nil: it does not
	BookedBefore      decimal.Decimal  `json:"booked_before"` // of the same home month, in earlier months
	Increments        decimal.Decimal  `json:"increments"`    // of the record's month, behind them
	InTier            decimal.Decimal  `json:"in_tier"`       // of these
	PricePerIncrement decimal.Decimal  `json:"price_per_increment"`
	Increment         decimal.Decimal  `json:"increment"`
	NumberOfUnits     decimal.Decimal  `json:"number_of_units"`
	Amount            decimal.Decimal  `json:"amount"`
}

// Rate says which row of which card priced an event.
type Rate struct {
	CardID            string          `json:"card_id"`
	Version           int             `json:"version"`
	Row               int             `json:"row"`    // its line in the card's CSV
	Prefix            string          `json:"prefix"` // the digits of Event.To that it matched
	PricePerIncrement decimal.Decimal `json:"price_per_increment"`
	Increment         decimal.Decimal `json:"increment"` // in Unit
	Unit              string          `json:"unit"`
	Currency          string          `json:"currency"`
}

// Account is an account as GET /express/accounts shows it.
type Account struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	CompanyName string `json:"company_name"`
	Status      string `json:"status"`
}

// Product is a product as GET /express/products shows it.
type Product struct {
	ID            string  `json:"id"`
	Name          string  `json:"name"`
	Family        *string `json:"family"`
	UnitOfMeasure *string `json:"unit_of_measure"`
	ChargeType    *string `json:"charge_type"`
}

// Credentials are those of a client just made; the secret is shown once, and
// only to a client that proves itself by one.
type Credentials struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"`
}
