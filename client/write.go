package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"

	"tollbook"
)

// Bounds that the server sets on one Post.
const (
	MaxEvents    = tollbook.MaxBatch
	MaxBodyBytes = 16 << 20 // decompressed
)

// The content types of a Post.
const (
	TypeJSON             = "application/json"
	TypeNDJSON           = "application/x-ndjson"
	TypeCSV              = "text/csv"
	TypeCloudEvent       = "application/cloudevents+json"
	TypeCloudEventsBatch = "application/cloudevents-batch+json"
)

// Receipt says what became of the events of one Post. The five numbers add up
// to the events sent.
type Receipt struct {
	Accepted  int      `json:"accepted"`
	Duplicate int      `json:"duplicate"` // there already
	Conflict  int      `json:"conflict"`  // their name is there with other content
	Rejected  int      `json:"rejected"`  // invalid; nothing was kept
	Unrated   int      `json:"unrated"`   // kept, but no rate matches yet
	Results   []Result `json:"results"`   // of those that were not simply accepted
}

// Result is what became of one event.
type Result struct {
	Index   int                   `json:"index"` // in the Post, from 0
	Source  string                `json:"source"`
	ID      string                `json:"id"`
	Status  string                `json:"status"` // duplicate, conflict, rejected, unrated
	Code    string                `json:"code"`
	Message string                `json:"message"`
	Fields  []tollbook.FieldError `json:"fields"`
}

// Batch is a body of events in one of the content types above.
type Batch struct {
	ContentType     string
	ContentEncoding string // "", gzip or zstd
	Body            []byte // at most MaxEvents events and MaxBodyBytes decompressed
}

// Post sends events. When it returns without an error, every counted event is
// on the server's disk. After an error part may be; sending the same again is
// safe and counts nothing twice.
func (c *Client) Post(ctx context.Context, b Batch) (Receipt, error) {
	var receipt Receipt
	_, err := c.write(ctx, Request{Method: http.MethodPost, Path: "/v1/events", ContentType: b.ContentType, ContentEncoding: b.ContentEncoding, Body: b.Body}, &receipt)
	return receipt, err
}

// Collection is a kind of definition, as it stands in paths.
type Collection string

// The collections.
const (
	Organizations Collection = "organizations"
	Accounts      Collection = "accounts"
	Products      Collection = "products"
	RateCards     Collection = "rate-cards"
	Clients       Collection = "clients"
	Alerts        Collection = "alerts"
	Deliveries    Collection = "deliveries"
)

func (col Collection) path(id ...string) string {
	path := "/v1/" + string(col)
	for _, s := range id {
		path += "/" + url.PathEscape(s)
	}
	return path
}

// OrganizationSpec is what may be said of an organization.
type OrganizationSpec struct {
	Name       string  `json:"name"`
	ResellerID *string `json:"reseller_id"` // the partner that owns it; nil: a customer's own
	Entitled   bool    `json:"entitled"`
	RateCardID *string `json:"rate_card_id"`
	// CloseAfterDays is how many days after its end a month is closed without
	// anybody asking; nil: it is not.
	CloseAfterDays *int `json:"close_after_days"`
}

// AccountSpec is what may be said of an account.
type AccountSpec struct {
	OrganizationID string  `json:"organization_id"`
	Name           string  `json:"name"`
	CompanyName    string  `json:"company_name"`
	Status         string  `json:"status"`
	TimeZone       string  `json:"time_zone"` // IANA name
	RateCardID     *string `json:"rate_card_id"`
}

// ProductSpec is what may be said of a product.
type ProductSpec struct {
	Name          string  `json:"name"`
	Family        *string `json:"family"`
	UnitOfMeasure *string `json:"unit_of_measure"`
	ChargeType    *string `json:"charge_type"`
}

// ClientSpec is what may be said of a client.
type ClientSpec struct {
	OrganizationID *string         `json:"organization_id"` // nil: an operator's
	Name           string          `json:"name"`
	Scopes         []string        `json:"scopes"`
	JWKS           json.RawMessage `json:"jwks,omitempty"`        // public keys, for private_key_jwt
	ExternalID     string          `json:"external_id,omitempty"` // its id at an external issuer
}

// PutOrganization creates or changes an organization.
func (c *Client) PutOrganization(ctx context.Context, id string, o OrganizationSpec) error {
	_, err := c.Define(ctx, Organizations, id, o)
	return err
}

// PutAccount creates or changes an account.
func (c *Client) PutAccount(ctx context.Context, id string, a AccountSpec) error {
	_, err := c.Define(ctx, Accounts, id, a)
	return err
}

// PutProduct creates or changes a product.
func (c *Client) PutProduct(ctx context.Context, id string, p ProductSpec) error {
	_, err := c.Define(ctx, Products, id, p)
	return err
}

// Define creates or changes the object of that id with the JSON of spec, and
// returns it as it now is.
func (c *Client) Define(ctx context.Context, col Collection, id string, spec any) (json.RawMessage, error) {
	body, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return c.write(ctx, Request{Method: http.MethodPut, Path: col.path(id), ContentType: TypeJSON, Body: body}, nil)
}

// CreateClient makes a client. It is not repeated when the connection breaks:
// that could make a second one.
func (c *Client) CreateClient(ctx context.Context, spec ClientSpec) (Credentials, error) {
	var cred Credentials
	body, err := json.Marshal(spec)
	if err != nil {
		return cred, fmt.Errorf("client: %w", err)
	}
	_, err = c.write(ctx, Request{Method: http.MethodPost, Path: Clients.path(), ContentType: TypeJSON, Body: body, Once: true}, &cred)
	return cred, err
}

// RevokeClient revokes a client: its tokens stop working.
func (c *Client) RevokeClient(ctx context.Context, id string) error {
	_, err := c.write(ctx, Request{Method: http.MethodDelete, Path: Clients.path(id)}, nil)
	return err
}

// Definition returns an object as it now is, or what is below its path.
func (c *Client) Definition(ctx context.Context, col Collection, id string, below ...string) (json.RawMessage, error) {
	return c.Get(ctx, col.path(append([]string{id}, below...)...))
}

// Definitions yields a collection's objects.
func (c *Client) Definitions(ctx context.Context, col Collection) iter.Seq2[json.RawMessage, error] {
	return c.List(ctx, Query{PerPage: maxPerPage}.on(col.path()))
}

// History yields every change of an object, with who made it and when.
func (c *Client) History(ctx context.Context, col Collection, id string) iter.Seq2[json.RawMessage, error] {
	return c.List(ctx, Query{PerPage: maxPerPage}.on(col.path(id, "history")))
}

// write sends a request and reads its answer into v, where v is not nil.
func (c *Client) write(ctx context.Context, req Request, v any) (json.RawMessage, error) {
	resp, err := c.Do(ctx, req)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return resp.Body, nil
	}
	if err := json.Unmarshal(resp.Body, v); err != nil {
		return nil, fmt.Errorf("client: reading the answer of %s %s: %w", req.Method, req.Path, err)
	}
	return resp.Body, nil
}
