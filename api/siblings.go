package api

import (
	"net/http"

	"tollbook"
)

// expressAccount is an account as the public Billing Insights API reference
// shows it.
type expressAccount struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	CompanyName string `json:"company_name"`
	Status      string `json:"status"`
}

// expressAccounts serves GET /express/accounts.
func (s *server) expressAccounts(w http.ResponseWriter, r *http.Request) error {
	view, err := s.view(r, tollbook.ScopeAccountsRead)
	if err != nil {
		return err
	}
	q, err := pageQuery(r)
	if err != nil {
		return err
	}
	accounts, info, err := view.Accounts(q)
	if err != nil {
		return err
	}
	rows := make([]expressAccount, len(accounts))
	for i, a := range accounts {
		rows[i] = expressAccount{a.ID, a.Name, a.CompanyName, a.Status}
	}
	return writeList(s, w, r, "accounts", q, rows, info)
}

// expressProducts serves GET /express/products.
func (s *server) expressProducts(w http.ResponseWriter, r *http.Request) error {
	view, err := s.view(r, tollbook.ScopeProductsRead)
	if err != nil {
		return err
	}
	q, err := pageQuery(r)
	if err != nil {
		return err
	}
	products, info, err := view.Products(r.Context(), q)
	if err != nil {
		return err
	}
	return writeList(s, w, r, "products", q, products, info)
}
