package book

import (
	"context"

	"tollbook"
	"tollbook/filter"
	"tollbook/rating"
)

// Accounts returns a page of the organization's accounts. Errors:
// CodeInvalidRequest; CodeAccount as for Usage does not arise, because ids
// here only select among the caller's own.
func (v *View) Accounts(q PageQuery) ([]tollbook.Account, PageInfo, error) {
	v.book.mu.RLock()
	own := v.book.state.organizations[v.organizationID].accounts
	rows := make([]tollbook.Account, 0, len(own))
	for _, a := range own {
		rows = append(rows, a.value)
	}
	v.book.mu.RUnlock()
	l := accountList("express accounts of " + v.organizationID)
	return l.page(rows, q)
}

func accountList(name string) *list[tollbook.Account] {
	return &list[tollbook.Account]{
		name:   name,
		schema: filter.Schema{{Name: "id"}, {Name: "name"}, {Name: "company_name"}, {Name: "status", Kind: filter.Enum, Values: tollbook.AccountStatuses()}},
		id:     func(a *tollbook.Account) string { return a.ID },
		value: func(a *tollbook.Account, i int) filter.Value {
			return filter.Value{Text: [...]string{a.ID, a.Name, a.CompanyName, a.Status}[i]}
		},
	}
}

// Products returns a page of the products in the organization's records or on
// its accounts' rate cards. One that is not defined has its id alone.
func (v *View) Products(ctx context.Context, q PageQuery) ([]tollbook.Product, PageInfo, error) {
	used, err := v.book.ledger.Products(ctx, v.organizationID)
	if err != nil {
		return nil, PageInfo{}, err
	}
	ids := map[string]bool{}
	for _, id := range used {
		ids[id] = true
	}
	v.book.mu.RLock()
	cards := map[*rating.Card]bool{nil: true}
	for _, a := range v.book.state.organizations[v.organizationID].accounts {
		if c := v.book.state.cardOf(a); !cards[c] {
			cards[c] = true
			for _, id := range c.Products() {
				ids[id] = true
			}
		}
	}
	rows := make([]tollbook.Product, 0, len(ids))
	for id := range ids {
		p := tollbook.Product{ID: id}
		if defined := v.book.state.products[id]; defined != nil {
			p = defined.value
		}
		rows = append(rows, p)
	}
	v.book.mu.RUnlock()
	return productList("express products of "+v.organizationID).page(rows, q)
}

func productList(name string) *list[tollbook.Product] {
	return &list[tollbook.Product]{
		name: name,
		schema: filter.Schema{{Name: "id"}, {Name: "name"},
			{Name: "family", Kind: filter.Enum, Values: tollbook.ProductFamilies()},
			{Name: "unit_of_measure", Kind: filter.Enum, Values: tollbook.ProductUnits()},
			{Name: "charge_type", Kind: filter.Enum, Values: tollbook.ChargeTypes()}},
		id: func(p *tollbook.Product) string { return p.ID },
		value: func(p *tollbook.Product, i int) filter.Value {
			switch i {
			case 0:
				return filter.Value{Text: p.ID}
			case 1:
				return filter.Value{Text: p.Name}
			case 2:
				return nullable(p.Family)
			case 3:
				return nullable(p.UnitOfMeasure)
			}
			return nullable(p.ChargeType)
		},
	}
}
