package book

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"tollbook"
	"tollbook/oauth"
)

// NewClient is what a client is created from. At most one of JWKS and
// ExternalID is given; with neither the client gets a secret.
type NewClient struct {
	OrganizationID *string         `json:"organization_id"` // null: an operator's
	Name           string          `json:"name"`
	Scopes         []string        `json:"scopes"`
	JWKS           json.RawMessage `json:"jwks"`        // a public JWK, or a set of them
	ExternalID     string          `json:"external_id"` // its id at the external issuer
}

// Credentials are what a new client authenticates with. The secret is shown
// once and kept only as a hash; it is "" where the client has none.
type Credentials struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"`
}

// ClientInfo is a client as it is shown: without the hash of its secret.
type ClientInfo struct {
	ClientID       string          `json:"client_id"`
	OrganizationID *string         `json:"organization_id"`
	Name           string          `json:"name"`
	Scopes         []string        `json:"scopes"`
	JWKS           json.RawMessage `json:"jwks,omitempty"`
	ExternalID     string          `json:"external_id,omitempty"`
	CreatedAt      time.Time       `json:"created_at"`
	RevokedAt      *time.Time      `json:"revoked_at"`
}

// ClientView returns what of a client may be shown.
func ClientView(c tollbook.Client) ClientInfo {
	return ClientInfo{c.ID, c.OrganizationID, c.Name, c.Scopes, c.JWKS, c.ExternalID, c.CreatedAt, c.RevokedAt}
}

// CreateClient registers a client. Error: CodeInvalidContent.
func (op *Operator) CreateClient(ctx context.Context, n NewClient) (Credentials, error) {
	return op.book.createClient(ctx, op.actor, n)
}

// Bootstrap registers the first operator's client of an empty ledger. Error:
// CodeConflict where there is a client already.
func (b *Book) Bootstrap(ctx context.Context) (Credentials, error) {
	b.mu.RLock()
	taken := len(b.state.clients) > 0
	b.mu.RUnlock()
	if taken {
		return Credentials{}, tollbook.NewError(tollbook.CodeConflict, "There is a client already.")
	}
	return b.createClient(ctx, "init", NewClient{Name: "operator", Scopes: []string{tollbook.ScopeOperator}})
}

func (b *Book) createClient(ctx context.Context, actor string, n NewClient) (Credentials, error) {
	var random [10]byte
	if _, err := io.ReadFull(b.opt.Rand, random[:]); err != nil {
		return Credentials{}, err
	}
	c := tollbook.Client{
		ID: "tb-" + hex.EncodeToString(random[:]), OrganizationID: n.OrganizationID, Name: n.Name,
		Scopes: n.Scopes, ExternalID: n.ExternalID, CreatedAt: b.opt.Clock().UTC(),
	}
	cred := Credentials{ClientID: c.ID}
	var f faults
	switch {
	case len(n.JWKS) > 0 && n.ExternalID != "":
		f.add("external_id", "cannot be given together with jwks")
	case len(n.JWKS) > 0:
		set, err := oauth.ParseJWKS(n.JWKS)
		if err != nil {
			f.add("jwks", err.Error())
		}
		c.JWKS = set
	case n.ExternalID == "":
		cred.ClientSecret, c.SecretHash = oauth.NewSecret(b.opt.Rand)
	}
	f.text("name", c.Name, true)
	f.text("external_id", c.ExternalID, false)
	f.scopes(c.OrganizationID, c.Scopes)
	err := b.define(ctx, actor, func(s *state) (definition, error) {
		f := slices.Clone(f)
		if id := c.OrganizationID; id != nil && s.organizations[*id] == nil {
			f.add("organization_id", "names no organization that is defined")
		}
		if _, taken := s.external[c.ExternalID]; taken && c.ExternalID != "" {
			f.add("external_id", "is another client's")
		}
		return definition{tollbook.KindClient, c.ID, c}, f.err()
	})
	return cred, err
}

// scopes checks that an organization's client has any of the organization's
// scopes, and an operator's the operator's alone.
func (f *faults) scopes(organizationID *string, scopes []string) {
	if organizationID == nil {
		if !slices.Equal(scopes, []string{tollbook.ScopeOperator}) {
			f.add("scopes", "of a client without an organization must be "+tollbook.ScopeOperator+" alone")
		}
		return
	}
	all := slices.DeleteFunc(tollbook.Scopes(), func(s string) bool { return s == tollbook.ScopeOperator })
	if len(scopes) == 0 {
		f.add("scopes", "is required: one or more of "+strings.Join(all, ", "))
	}
	for i, s := range scopes {
		switch {
		case !slices.Contains(all, s):
			f.add("scopes", "must be among "+strings.Join(all, ", "))
			return
		case slices.Contains(scopes[:i], s):
			f.add("scopes", "names "+s+" twice")
		}
	}
}

// RevokeClient revokes a client at once and for ever. Revoking again changes
// nothing. Error: CodeNotFound.
func (op *Operator) RevokeClient(ctx context.Context, id string) error {
	return op.book.define(ctx, op.actor, func(s *state) (definition, error) {
		was := s.clients[id]
		if was == nil {
			return definition{}, errNoObject(tollbook.KindClient)
		}
		if was.value.RevokedAt != nil {
			return definition{}, nil
		}
		c := was.value
		now := op.book.opt.Clock().UTC()
		c.RevokedAt = &now
		return definition{tollbook.KindClient, id, c}, nil
	})
}

// Client returns a registered client, a revoked one too.
func (b *Book) Client(id string) (tollbook.Client, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	c := b.state.clients[id]
	if c == nil {
		return tollbook.Client{}, false
	}
	return c.value, true
}

// ClientByExternalID returns the client that an external issuer knows under
// that id.
func (b *Book) ClientByExternalID(externalID string) (tollbook.Client, bool) {
	b.mu.RLock()
	id, ok := b.state.external[externalID]
	b.mu.RUnlock()
	if !ok {
		return tollbook.Client{}, false
	}
	return b.Client(id)
}
