package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// Wallet is what one account put into one wallet and what its usage drew from
// it.
type Wallet struct {
	OrganizationID string          `json:"organization_id"`
	AccountID      string          `json:"account_id"`
	WalletName     *string         `json:"wallet_name"`
	Currency       string          `json:"currency"`
	Balance        decimal.Decimal `json:"balance"` // the credit that is left
	PutIn          decimal.Decimal `json:"put_in"`
	Used           decimal.Decimal `json:"used"` // drawn and charged
	Drawn          decimal.Decimal `json:"drawn"`
	Charged        decimal.Decimal `json:"charged"` // what no credit was left for
	BurnRatePerDay decimal.Decimal `json:"burn_rate_per_day"`
	ExhaustedAt    *time.Time      `json:"exhausted_at"` // at that rate; nil: it is not foreseen
	Months         []WalletMonth   `json:"months"`
}

// WalletMonth is what moved in a wallet in one month.
type WalletMonth struct {
	Month       tollbook.Month  `json:"month"`
	CarriedOver decimal.Decimal `json:"carried_over"`
	PutIn       decimal.Decimal `json:"put_in"`
	Used        decimal.Decimal `json:"used"`
	Drawn       decimal.Decimal `json:"drawn"`
	Charged     decimal.Decimal `json:"charged"`
	Balance     decimal.Decimal `json:"balance"`
}

// WalletQuery selects wallets; zero fields select all that the client may see.
type WalletQuery struct{ OrganizationID, AccountID string }

// Wallets yields the wallets that q selects.
func (c *Client) Wallets(ctx context.Context, q WalletQuery) iter.Seq2[Wallet, error] {
	v := url.Values{"per_page": {strconv.Itoa(maxPerPage)}}
	if q.OrganizationID != "" {
		v.Set("organization_id", q.OrganizationID)
	}
	if q.AccountID != "" {
		v.Set("account_id", q.AccountID)
	}
	return list[Wallet](ctx, c, "/v1/wallets?"+v.Encode())
}

// AlertSpec is what may be said of an alert.
type AlertSpec struct {
	OrganizationID string           `json:"organization_id"`
	AccountID      *string          `json:"account_id"` // nil: the sum of all accounts, or each of them
	EachAccount    bool             `json:"each_account"`
	Kind           string           `json:"kind"` // wallet_balance, month_to_date, month_change
	WalletName     *string          `json:"wallet_name"`
	Currency       string           `json:"currency"`
	Threshold      *decimal.Decimal `json:"threshold"`
	URL            string           `json:"url"`
	Disabled       bool             `json:"disabled"`
}

// AlertSecret is what an alert's messages are signed with.
type AlertSecret struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

// AlertTest is what came of a test of an alert's receiver.
type AlertTest struct {
	ID       string  `json:"id"` // of the message
	Received bool    `json:"received"`
	Status   *int    `json:"status"` // of HTTP; nil: no answer came
	Error    *string `json:"error"`
}

// DeleteAlert deletes an alert: it fires no more.
func (c *Client) DeleteAlert(ctx context.Context, id string) error {
	_, err := c.write(ctx, Request{Method: http.MethodDelete, Path: Alerts.path(id)}, nil)
	return err
}

// RotateAlertSecret gives an alert another secret. It is not repeated when the
// connection breaks: that would take the old one out of use.
func (c *Client) RotateAlertSecret(ctx context.Context, id string) (AlertSecret, error) {
	var secret AlertSecret
	_, err := c.write(ctx, Request{Method: http.MethodPost, Path: Alerts.path(id, "rotate-secret"), Once: true}, &secret)
	return secret, err
}

// TestAlert has the server send an alert's receiver a test.
func (c *Client) TestAlert(ctx context.Context, id string) (AlertTest, error) {
	var t AlertTest
	_, err := c.write(ctx, Request{Method: http.MethodPost, Path: Alerts.path(id, "test"), Once: true}, &t)
	return t, err
}

// Deliveries yields what alerts have fired and what came of telling their
// receivers, as q selects and orders them.
func (c *Client) Deliveries(ctx context.Context, q Query) iter.Seq2[json.RawMessage, error] {
	return c.List(ctx, q.on(Deliveries.path()))
}
