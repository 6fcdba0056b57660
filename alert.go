package tollbook

import (
	"time"

	"tollbook/decimal"
)

// What an Alert looks at.
const (
	AlertWalletBalance = "wallet_balance" // fires at the threshold and below
	AlertMonthToDate   = "month_to_date"  // of what is used; fires at the threshold and above
	AlertMonthChange   = "month_change"   // of that against the whole of the month before, in percent; likewise
)

// AlertKinds returns what Alert.Kind may be.
func AlertKinds() []string {
	return []string{AlertWalletBalance, AlertMonthToDate, AlertMonthChange}
}

// AlertCondition is what an alert asks.
type AlertCondition struct {
	Kind       string          `json:"kind"`        // one of AlertKinds
	WalletName *string         `json:"wallet_name"` // with AlertWalletBalance; null: of no name
	Currency   string          `json:"currency"`
	Threshold  decimal.Decimal `json:"threshold"` // in Currency; with AlertMonthChange in percent
}

// Alert is a rule that watches what an organization's accounts use, and whom
// to tell.
type Alert struct {
	ID             string  `json:"id"`
	OrganizationID string  `json:"organization_id"` // for ever
	AccountID      *string `json:"account_id"`      // null: the sum of all accounts, or each of them
	EachAccount    bool    `json:"each_account"`
	AlertCondition
	URL      string `json:"url"` // of the receiver
	Disabled bool   `json:"disabled"`

	CreatedAt time.Time  `json:"created_at"`
	DeletedAt *time.Time `json:"deleted_at,omitempty"`

	// Revision counts up whenever the alert asks something else, or is created
	// or enabled again. Each revision starts anew: what an earlier one has told
	// of is told of again.
	Revision int `json:"revision"`

	// The secret that messages are signed with is worked out from its
	// generation; the hash tells whether it still is what the receiver has.
	Generation int        `json:"secret_generation"`
	RotatedAt  *time.Time `json:"secret_rotated_at"`
	SecretHash []byte     `json:"secret_sha256,omitempty"`
}

// Active tells whether the alert is there and not disabled.
func (a *Alert) Active() bool { return a.DeletedAt == nil && !a.Disabled }

// Firing is a threshold crossed: an alert fires when a value gets there, and
// again only after the value has come back.
type Firing struct {
	ID             string  `json:"id"` // of the alert and its revision, whose value it was, the month and the crossing
	AlertID        string  `json:"alert_id"`
	Revision       int     `json:"alert_revision"`
	OrganizationID string  `json:"organization_id"`
	AccountID      *string `json:"account_id"` // null: the sum of all accounts
	AlertCondition
	Month    *Month          `json:"month"`    // null with AlertWalletBalance
	Crossing int             `json:"crossing"` // from 1
	Value    decimal.Decimal `json:"value"`    // that was at the threshold or beyond
	FiredAt  time.Time       `json:"fired_at"`
	// ClearedAt is when the value was seen to have come back.
	ClearedAt *time.Time `json:"cleared_at,omitempty"`
}

// The states of a Delivery.
const (
	DeliveryPending   = "pending"
	DeliveryDelivered = "delivered"
	DeliveryGivenUp   = "given_up"
)

// DeliveryStates returns what Delivery.State may be.
func DeliveryStates() []string {
	return []string{DeliveryPending, DeliveryDelivered, DeliveryGivenUp}
}

// Delivery is what came of telling a receiver of a Firing, as of the last
// attempt; its history has every attempt.
type Delivery struct {
	ID             string     `json:"id"`    // of the firing
	State          string     `json:"state"` // one of DeliveryStates
	Attempts       int        `json:"attempts"`
	FirstAttemptAt *time.Time `json:"first_attempt_at"` // null: none yet
	LastAttemptAt  *time.Time `json:"last_attempt_at"`
	NextAttemptAt  *time.Time `json:"next_attempt_at"` // null: none is to come, or it is due
	Status         *int       `json:"status"`          // of HTTP, of the last answer; null: none came
	Error          *string    `json:"error"`           // why the last attempt came to nothing; null: it did not
}
