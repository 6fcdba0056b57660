package tollbook

import (
	"encoding/json"
	"time"
)

// Pos is the position of a definition: 1 for the first, then without gaps on
// the local store; a distributed store may leave gaps. 0 is before the first.
type Pos uint64

// Kind says what a definition defines. The numbers are written to disk.
type Kind uint8

// The kinds of definitions. A definition's body is the JSON of the type named
// here, whole: the latest one of an id holds.
const (
	KindOrganization Kind = iota + 1 // Organization
	KindAccount                      // Account
	KindProduct                      // Product
	KindRateCard                     // RateCard
	KindClient                       // Client
	KindMark                         // Mark
	KindMonth                        // of the months of an organization
	KindRerate                       // of a re-rating
	KindAlert                        // Alert
	KindFiring                       // Firing
	KindDelivery                     // Delivery
)

var kinds = []string{"organization", "account", "product", "rate_card", "client", "mark", "month", "re-rating", "alert", "firing", "delivery"}

// String returns the kind's name, as errors and listings show it.
func (k Kind) String() string { return enumName(kinds, k) }

// Definition is one entry in the totally ordered list of definitions: what an
// object is from then on, who said so and when.
type Definition struct {
	Pos       Pos
	RequestID [16]byte // random; a definition is appended once per request id
	At        time.Time
	Actor     string // the client id that asked for it; "init" or "server" where none did
	Kind      Kind
	ID        string // of the object
	Body      []byte // its JSON
}

// Organization is a customer, or one of a reseller's customers.
type Organization struct {
	ID         string  `json:"id"`
	Name       string  `json:"name"`
	ResellerID *string `json:"reseller_id"` // the partner that owns it; null: a customer's own
	Entitled   bool    `json:"entitled"`    // ignored where ResellerID is null
	RateCardID *string `json:"rate_card_id"`

	// CloseAfterDays is how many days after its end a month is closed without
	// anybody asking; null: it is not.
	CloseAfterDays *int `json:"close_after_days"`
}

// Account is one account of an organization, for ever the same organization.
type Account struct {
	ID             string  `json:"id"`
	OrganizationID string  `json:"organization_id"`
	Name           string  `json:"name"`
	CompanyName    string  `json:"company_name"`
	Status         string  `json:"status"`    // one of AccountStatuses
	TimeZone       string  `json:"time_zone"` // IANA name; the latest of Zones
	RateCardID     *string `json:"rate_card_id"`

	// Zones is the account's time zones with the month from which each holds,
	// ascending; the first holds for all months before it too. It is worked
	// out when the definition is made, so that history keeps its own.
	Zones []ZoneFrom `json:"zones,omitempty"`
}

// ZoneFrom is a time zone and the month from which it holds.
type ZoneFrom struct {
	From     Month  `json:"from"`
	TimeZone string `json:"time_zone"`
}

// Product is what a usage record's product_id may point at.
type Product struct {
	ID            string  `json:"id"`
	Name          string  `json:"name"`
	Family        *string `json:"family"`
	UnitOfMeasure *string `json:"unit_of_measure"`
	ChargeType    *string `json:"charge_type"`
}

// RateCard is one version of a price list.
type RateCard struct {
	ID      string `json:"id"`
	Version int    `json:"version"` // from 1
	Rows    int    `json:"rows"`
	CSV     string `json:"csv,omitempty"`
}

// Client is an OAuth client. It holds no secret in the clear.
type Client struct {
	ID             string          `json:"client_id"`
	OrganizationID *string         `json:"organization_id"` // null: an operator's
	Name           string          `json:"name"`
	Scopes         []string        `json:"scopes"`
	SecretHash     []byte          `json:"secret_sha256,omitempty"` // of a random secret of 256 bits
	JWKS           json.RawMessage `json:"jwks,omitempty"`          // public keys, for private_key_jwt
	ExternalID     string          `json:"external_id,omitempty"`   // its id at an external issuer
	CreatedAt      time.Time       `json:"created_at"`
	RevokedAt      *time.Time      `json:"revoked_at"`
}

// The OAuth scopes (the public Billing Insights API reference; the last three
// are Tollbook's).
const (
	ScopeUsageRead         = "express-accounts-usage:read"
	ScopeAccountsRead      = "express-accounts:read"
	ScopeProductsRead      = "express-products:read"
	ScopeSubscriptionsRead = "express-accounts-subscriptions:read"
	ScopeInvoicesRead      = "express-accounts-invoices:read"
	ScopeEventsWrite       = "usage-events:write"
	ScopeEventsPrice       = "usage-events:price"
	ScopeOperator          = "operator"
)

// Scopes returns all scopes.
func Scopes() []string {
	return []string{ScopeUsageRead, ScopeAccountsRead, ScopeProductsRead, ScopeSubscriptionsRead, ScopeInvoicesRead, ScopeEventsWrite, ScopeEventsPrice, ScopeOperator}
}

// The enumerations of the sibling endpoints' objects, as the public Billing
// Insights API reference lists them.

// AccountStatuses returns what Account.Status may be.
func AccountStatuses() []string {
	return []string{"ACTIVE", "CHURNED", "IN_TRIAL", "INACTIVE", "PROSPECT", "TRIAL_LOST", "OTHER"}
}

// ProductFamilies returns what Product.Family may be, besides null.
func ProductFamilies() []string {
	return []string{"ADD_ON", "ADD_ON_PACKAGES", "CONSUMPTION", "CREDIT", "CREDIT_USAGE", "FINANCE", "LEGACY_ADD_ON", "LEGACY_LICENSE", "LICENSE", "PRODUCT_USAGE_RATE", "PROFESSIONAL_SERVICES", "SUNSET", "THIRD_PARTY_APPCONNECT", "OTHER"}
}

// ProductUnits returns what Product.UnitOfMeasure may be, besides null.
func ProductUnits() []string {
	return []string{"CHARACTERS", "CREDITS", "EACH", "MINUTES", "PER_API_CALL", "PER_ACCOUNT", "PER_CONNECTION", "PER_CONVERSATION", "PER_GB", "PER_MINUTE", "PER_PAGE", "PER_SEAT", "PER_SESSION", "PER_USE", "PER_VALIDATION", "OTHER"}
}

// ChargeTypes returns what Product.ChargeType may be, besides null.
func ChargeTypes() []string {
	return []string{"FIXED_RECURRING", "ONE_TIME", "ONE_TIME_CHARGE", "RECURRING", "USAGE", "OTHER"}
}

// Mark is a point in the order of definitions and events whose state can be
// asked for later: a ledger keeps what it takes to answer.
type Mark struct {
	Reason         string `json:"reason"`                    // one of those below
	Of             string `json:"of"`                        // the month that was closed, the re-rating, or the day
	OrganizationID string `json:"organization_id,omitempty"` // whose it is; "": everybody's
}

// The reasons of marks.
const (
	MarkClose       = "close"
	MarkRestatement = "restatement"
	MarkDay         = "day"
)
