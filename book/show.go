package book

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tollbook"
	"tollbook/filter"
)

func errNoObject(k tollbook.Kind) error {
	return tollbook.NewError(tollbook.CodeNotFound, "There is no such "+strings.ReplaceAll(k.String(), "_", " ")+".")
}

// Organization returns an organization. Error: CodeNotFound.
func (op *Operator) Organization(id string) (tollbook.Organization, error) {
	op.book.mu.RLock()
	defer op.book.mu.RUnlock()
	if o := op.book.state.organizations[id]; o != nil {
		return o.value, nil
	}
	return tollbook.Organization{}, errNoObject(tollbook.KindOrganization)
}

// Account returns an account. Error: CodeNotFound.
func (op *Operator) Account(id string) (tollbook.Account, error) {
	op.book.mu.RLock()
	defer op.book.mu.RUnlock()
	if a := op.book.state.accounts[id]; a != nil {
		return a.value, nil
	}
	return tollbook.Account{}, errNoObject(tollbook.KindAccount)
}

// Product returns a product. Error: CodeNotFound.
func (op *Operator) Product(id string) (tollbook.Product, error) {
	op.book.mu.RLock()
	defer op.book.mu.RUnlock()
	if p := op.book.state.products[id]; p != nil {
		return p.value, nil
	}
	return tollbook.Product{}, errNoObject(tollbook.KindProduct)
}

// Client returns a client as it may be shown. Error: CodeNotFound.
func (op *Operator) Client(id string) (ClientInfo, error) {
	if c, ok := op.book.Client(id); ok {
		return ClientView(c), nil
	}
	return ClientInfo{}, errNoObject(tollbook.KindClient)
}

// History returns a page of an object's changes, the latest first unless
// ordered otherwise. Errors: CodeNotFound, CodeInvalidRequest.
func (op *Operator) History(kind tollbook.Kind, id string, q PageQuery) ([]Change, PageInfo, error) {
	op.book.mu.RLock()
	rows := slices.Clone(op.book.state.historyOf(kind, id))
	op.book.mu.RUnlock()
	if rows == nil {
		return nil, PageInfo{}, errNoObject(kind)
	}
	l := &list[Change]{
		name:   "history of " + kind.String() + " " + id,
		schema: filter.Schema{{Name: "actor"}},
		id:     func(c *Change) string { return fmt.Sprintf("%020d", c.Position) },
		value:  func(c *Change, _ int) filter.Value { return filter.Value{Text: c.Actor} },
	}
	return l.page(rows, q)
}

func (s *state) historyOf(kind tollbook.Kind, id string) []Change {
	switch kind {
	case tollbook.KindOrganization:
		if o := s.organizations[id]; o != nil {
			return o.history
		}
	case tollbook.KindAccount:
		if a := s.accounts[id]; a != nil {
			return a.history
		}
	case tollbook.KindProduct:
		if p := s.products[id]; p != nil {
			return p.history
		}
	case tollbook.KindRateCard:
		if c := s.cards[id]; c != nil {
			return c.history
		}
	case tollbook.KindClient:
		if c := s.clients[id]; c != nil {
			return c.history
		}
	case tollbook.KindAlert:
		if a := s.alerts[id]; a != nil {
			return a.history
		}
	case tollbook.KindDelivery:
		if f := s.firings[id]; f != nil {
			return append([]Change{}, f.delivery.history...) // before the first attempt there is none
		}
	}
	return nil
}

// values copies the values of defined objects, under the read lock.
func values[K any, V any](b *Book, objects func(*state) map[string]K, value func(K) V) []V {
	b.mu.RLock()
	defer b.mu.RUnlock()
	m := objects(b.state)
	rows := make([]V, 0, len(m))
	for _, o := range m {
		rows = append(rows, value(o))
	}
	return rows
}

func nullable(s *string) filter.Value {
	if s == nil {
		return filter.Value{Null: true}
	}
	return filter.Value{Text: *s}
}

// Organizations returns a page of all organizations.
func (op *Operator) Organizations(q PageQuery) ([]tollbook.Organization, PageInfo, error) {
	rows := values(op.book, func(s *state) map[string]*organization { return s.organizations }, func(o *organization) tollbook.Organization { return o.value })
	l := &list[tollbook.Organization]{
		name:   "organizations",
		schema: filter.Schema{{Name: "id"}, {Name: "name"}, {Name: "reseller_id"}, {Name: "entitled", Kind: filter.Enum, Values: []string{"true", "false"}}, {Name: "rate_card_id"}},
		id:     func(o *tollbook.Organization) string { return o.ID },
		value: func(o *tollbook.Organization, i int) filter.Value {
			return [...]filter.Value{{Text: o.ID}, {Text: o.Name}, nullable(o.ResellerID), {Text: strconv.FormatBool(o.Entitled)}, nullable(o.RateCardID)}[i]
		},
	}
	return l.page(rows, q)
}

// Accounts returns a page of all accounts of all organizations.
func (op *Operator) Accounts(q PageQuery) ([]tollbook.Account, PageInfo, error) {
	rows := values(op.book, func(s *state) map[string]*account { return s.accounts }, func(a *account) tollbook.Account { return a.value })
	l := accountList("accounts")
	l.schema = append(l.schema, filter.Field{Name: "organization_id"}, filter.Field{Name: "time_zone"}, filter.Field{Name: "rate_card_id"})
	common := l.value
	l.value = func(a *tollbook.Account, i int) filter.Value {
		switch i {
		case 4:
			return filter.Value{Text: a.OrganizationID}
		case 5:
			return filter.Value{Text: a.TimeZone}
		case 6:
			return nullable(a.RateCardID)
		}
		return common(a, i)
	}
	return l.page(rows, q)
}

// Products returns a page of all products.
func (op *Operator) Products(q PageQuery) ([]tollbook.Product, PageInfo, error) {
	rows := values(op.book, func(s *state) map[string]*product { return s.products }, func(p *product) tollbook.Product { return p.value })
	return productList("products").page(rows, q)
}

// Clients returns a page of all clients, revoked ones too.
func (op *Operator) Clients(q PageQuery) ([]ClientInfo, PageInfo, error) {
	rows := values(op.book, func(s *state) map[string]*client { return s.clients }, func(c *client) ClientInfo { return ClientView(c.value) })
	l := &list[ClientInfo]{
		name:   "clients",
		schema: filter.Schema{{Name: "client_id"}, {Name: "organization_id"}, {Name: "name"}, {Name: "external_id"}},
		id:     func(c *ClientInfo) string { return c.ClientID },
		value: func(c *ClientInfo, i int) filter.Value {
			return [...]filter.Value{{Text: c.ClientID}, nullable(c.OrganizationID), {Text: c.Name}, {Text: c.ExternalID, Null: c.ExternalID == ""}}[i]
		},
	}
	return l.page(rows, q)
}

// UnratedPage is a page of the unrated queue and how long the queue is.
type UnratedPage struct {
	tollbook.EventPage
	Total int
}

// Unrated returns a page of the unrated queue of one organization, "" for all
// of them. Error: CodeInvalidRequest for a cursor of another queue.
func (op *Operator) Unrated(ctx context.Context, organizationID, after string, limit int) (UnratedPage, error) {
	total, err := op.book.ledger.CountUnrated(ctx, organizationID)
	if err != nil {
		return UnratedPage{}, err
	}
	page, err := op.book.ledger.Events(ctx, tollbook.EventQuery{OrganizationID: organizationID, Unrated: true, After: after, Limit: limit})
	return UnratedPage{page, total}, err
}
