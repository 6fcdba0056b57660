package book

import (
	"context"
	"maps"
	"slices"
	"time"

	"tollbook"
)

// Treasurer is the right to look into wallets.
type Treasurer struct {
	book           *Book
	organizationID string // "": those of every organization
}

// Treasurer returns the caller's right to look into wallets: an organization's
// into its own, an operator's into all. Errors: as for View.
func (b *Book) Treasurer(g Grant) (*Treasurer, error) {
	if g.Client.OrganizationID == nil {
		if _, err := b.Operator(g); err != nil {
			return nil, err
		}
		return &Treasurer{book: b}, nil
	}
	v, err := b.View(g, tollbook.ScopeUsageRead)
	if err != nil {
		return nil, err
	}
	return &Treasurer{b, v.organizationID}, nil
}

// WalletQuery asks for a page of wallets; "" is no limit.
type WalletQuery struct {
	OrganizationID string
	AccountID      string
	After          string // a page's Next; "": from the start
	Limit          int
}

// WalletPage is a page of wallets, in the order of organization, account, name
// and currency. Every event acknowledged before AsOf is counted in it. Next is
// "" on the last page.
type WalletPage struct {
	Wallets []Wallet
	AsOf    time.Time
	Next    string
}

// Wallets returns a page of wallets. Errors: CodeInvalidRequest for a cursor of
// another query; CodeScope where an organization's client names another
// organization, CodeAccount where it names an account that is not its own.
func (t *Treasurer) Wallets(ctx context.Context, q WalletQuery) (WalletPage, error) {
	bound := binding("wallets", t.organizationID, q.OrganizationID, q.AccountID)
	var after []string
	if q.After != "" {
		c, err := decodeCursor(q.After, bound, 4)
		if err != nil {
			return WalletPage{}, err
		}
		after = c.key
	}
	organizations, err := t.organizations(q)
	if err != nil {
		return WalletPage{}, err
	}
	page := WalletPage{AsOf: t.book.opt.Clock()}
	for _, id := range organizations {
		if after != nil && id < after[0] {
			continue
		}
		wallets, err := t.book.wallets(ctx, id, q.AccountID, page.AsOf)
		if err != nil {
			return WalletPage{}, err
		}
		for i := range wallets {
			if slices.Compare(wallets[i].place(), after) <= 0 {
				continue
			}
			if len(page.Wallets) == q.Limit {
				page.Next = cursor{key: page.Wallets[q.Limit-1].place()}.encode(bound)
				return page, nil
			}
			page.Wallets = append(page.Wallets, wallets[i])
		}
	}
	return page, nil
}

// place is where a wallet stands in the order of all.
func (w *Wallet) place() []string {
	k := w.key()
	return []string{w.OrganizationID, k.account, k.wallet, k.currency}
}

// organizations returns those whose wallets a query may have, sorted.
func (t *Treasurer) organizations(q WalletQuery) ([]string, error) {
	if t.organizationID != "" && q.OrganizationID != "" && q.OrganizationID != t.organizationID {
		return nil, errScope(tollbook.ScopeOperator)
	}
	t.book.mu.RLock()
	defer t.book.mu.RUnlock()
	s := t.book.state
	all := slices.Sorted(maps.Keys(s.organizations))
	if t.organizationID != "" {
		all = []string{t.organizationID}
		if q.AccountID != "" && s.organizations[t.organizationID].accounts[q.AccountID] == nil {
			return nil, errForeign(q.AccountID)
		}
	}
	return slices.DeleteFunc(all, func(id string) bool {
		return q.OrganizationID != "" && q.OrganizationID != id || q.AccountID != "" && s.organizations[id].accounts[q.AccountID] == nil
	}), nil
}

// wallets returns the wallets of an organization, or of one of its accounts.
func (b *Book) wallets(ctx context.Context, organizationID, accountID string, now time.Time) ([]Wallet, error) {
	totals, calendars, err := b.totals(ctx, organizationID)
	if err != nil {
		return nil, err
	}
	if accountID != "" {
		totals = slices.DeleteFunc(totals, func(t tollbook.Total) bool { return t.AccountID != accountID })
	}
	return walletsOf(organizationID, totals, func(id string) moment { return momentOf(calendars[id], now) }), nil
}

// totals returns the totals of an organization, and the calendars of its
// accounts. An account that another server has defined just now counts once
// this one knows of it.
func (b *Book) totals(ctx context.Context, organizationID string) ([]tollbook.Total, map[string]*tollbook.Calendar, error) {
	totals, err := b.ledger.Totals(ctx, organizationID)
	if err != nil {
		return nil, nil, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	calendars := map[string]*tollbook.Calendar{}
	if o := b.state.organizations[organizationID]; o != nil {
		for id, a := range o.accounts {
			calendars[id] = a.calendar
		}
	}
	return slices.DeleteFunc(totals, func(t tollbook.Total) bool { return calendars[t.AccountID] == nil }), calendars, nil
}
