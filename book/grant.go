package book

import (
	"slices"

	"tollbook"
)

// Grant is an authenticated caller: a registered client that is not revoked,
// and the scopes that it may use now.
type Grant struct {
	Client tollbook.Client
	Scopes []string
}

func (g *Grant) has(scope string) bool { return slices.Contains(g.Scopes, scope) }

func errScope(scope string) error {
	return tollbook.NewError(tollbook.CodeScope, "The token lacks the scope "+scope+".")
}

// View is the right to read what one organization may see.
type View struct {
	book           *Book
	organizationID string
}

// View returns the caller's right to read under scope. Errors: CodeScope
// where the scope is not granted or the caller is an operator, who belongs to
// no organization; CodeNotEntitled where the organization is a reseller's and
// not entitled.
func (b *Book) View(g Grant, scope string) (*View, error) {
	if !g.has(scope) || g.Client.OrganizationID == nil {
		return nil, errScope(scope)
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	org, ok := b.state.organizations[*g.Client.OrganizationID]
	if !ok {
		return nil, errScope(scope)
	}
	if org.value.ResellerID != nil && !org.value.Entitled {
		return nil, tollbook.NewError(tollbook.CodeNotEntitled, "The organization is a reseller's and not entitled to this API.")
	}
	return &View{b, org.value.ID}, nil
}

// Sender is the right to post events.
type Sender struct {
	book           *Book
	actor          string
	organizationID string // "": for every organization
	mayPrice       bool
}

// Sender returns the caller's right to post events: an organization's for its
// own accounts, an operator's for all. Error: CodeScope.
func (b *Book) Sender(g Grant) (*Sender, error) {
	if g.Client.OrganizationID == nil {
		if !g.has(tollbook.ScopeOperator) {
			return nil, errScope(tollbook.ScopeEventsWrite)
		}
		return &Sender{book: b, actor: g.Client.ID, mayPrice: true}, nil
	}
	if !g.has(tollbook.ScopeEventsWrite) {
		return nil, errScope(tollbook.ScopeEventsWrite)
	}
	return &Sender{book: b, actor: g.Client.ID, organizationID: *g.Client.OrganizationID, mayPrice: g.has(tollbook.ScopeEventsPrice)}, nil
}

// Operator is the right to define, and to see what no organization sees.
type Operator struct {
	book  *Book
	actor string
}

// Operator returns the caller's right to define. Error: CodeScope.
func (b *Book) Operator(g Grant) (*Operator, error) {
	if !g.has(tollbook.ScopeOperator) || g.Client.OrganizationID != nil {
		return nil, errScope(tollbook.ScopeOperator)
	}
	return &Operator{b, g.Client.ID}, nil
}
