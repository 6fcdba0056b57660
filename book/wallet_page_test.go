package book_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tollbook"
	"tollbook/book"
)

// walletWorld is an alertWorld with wallets of two organizations.
func walletWorld(t *testing.T) *alertWorld {
	t.Helper()
	w := newAlertWorld(t, newLedger(t))
	_, err := w.operator.PutOrganization(t.Context(), tollbook.Organization{ID: "beta", Name: "Beta"})
	w.must(err)
	_, err = w.operator.PutOrganization(t.Context(), tollbook.Organization{ID: "aa-idle", Name: "Idle"})
	w.must(err)
	_, _, err = w.operator.PutAccount(t.Context(), tollbook.Account{ID: "a0-beta", OrganizationID: "beta", Name: "B"})
	w.must(err)
	w.account("a2", "Asia/Tokyo")
	w.post("a1 RECHARGE 100 main 1", "a1 CALL 40 main 2026-08-01T00:00:00Z", "a1 CALL 10 main 2", "a1 CALL 7 - 2",
		"a2 CREDIT_COMMIT 5 main 1", "a2 CALL 8 main 1", "a0-beta RECHARGE 3 side 1")
	return w
}

func (w *alertWorld) treasurer(organization string, scopes ...string) *book.Treasurer {
	w.Helper()
	g := book.Grant{Client: tollbook.Client{ID: "c"}, Scopes: scopes}
	if organization != "" {
		g.Client.OrganizationID = &organization
	}
	t, err := w.book.Treasurer(g)
	w.must(err)
	return t
}

// walletLines follows the pages of a query and returns each wallet's place and
// what is in it.
func walletLines(t *testing.T, of *book.Treasurer, q book.WalletQuery) []string {
	t.Helper()
	lines := []string{}
	for {
		page, err := of.Wallets(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Wallets) > q.Limit || page.Next != "" && len(page.Wallets) < q.Limit {
			t.Fatalf("a page of %d, the limit is %d", len(page.Wallets), q.Limit)
		}
		for _, w := range page.Wallets {
			name := "-"
			if w.WalletName != nil {
				name = *w.WalletName
			}
			lines = append(lines, strings.TrimSpace(fmt.Sprintln(w.OrganizationID, w.AccountID, name, w.Currency, w.Balance, w.PutIn, w.Drawn, w.Charged, len(w.Months))))
		}
		if page.Next == "" {
			return lines
		}
		q.After = page.Next
	}
}

// TestWalletPages: an operator sees all wallets, an organization's client its
// own, narrowed to what is asked for; in pages of any size.
func TestWalletPages(t *testing.T) {
	w := walletWorld(t)
	acme := []string{"acme a1 - USD 0 0 0 7 1", "acme a1 main USD 90 100 10 40 2", "acme a2 main USD 0 5 5 3 1"}
	beta := []string{"beta a0-beta side USD 3 3 0 0 1"}
	operator, own := w.treasurer("", tollbook.ScopeOperator), w.treasurer("acme", tollbook.ScopeUsageRead)
	for _, test := range []struct {
		name string
		of   *book.Treasurer
		q    book.WalletQuery
		want []string
	}{
		{"all", operator, book.WalletQuery{}, slices.Concat(acme, beta)},
		{"an organization's", operator, book.WalletQuery{OrganizationID: "beta"}, beta},
		{"an account's", operator, book.WalletQuery{AccountID: "a2"}, acme[2:]},
		{"an account's of another organization", operator, book.WalletQuery{OrganizationID: "beta", AccountID: "a2"}, []string{}},
		{"no such account", operator, book.WalletQuery{AccountID: "nobody"}, []string{}},
		{"no such organization", operator, book.WalletQuery{OrganizationID: "nobody"}, []string{}},
		{"one's own", own, book.WalletQuery{}, acme},
		{"one's own by name", own, book.WalletQuery{OrganizationID: "acme"}, acme},
		{"one's own account", own, book.WalletQuery{AccountID: "a1"}, acme[:2]},
	} {
		for limit := 1; limit <= 5; limit++ {
			test.q.Limit = limit
			if diff := cmp.Diff(test.want, walletLines(t, test.of, test.q)); diff != "" {
				t.Errorf("%s, %d a page: %s", test.name, limit, diff)
			}
		}
	}
}

// TestWalletsRefused: what belongs to others answers like what does not exist.
func TestWalletsRefused(t *testing.T) {
	w := walletWorld(t)
	own := w.treasurer("acme", tollbook.ScopeUsageRead)
	for _, q := range []book.WalletQuery{{AccountID: "a0-beta"}, {AccountID: "nobody"}} {
		q.Limit = 10
		if _, err := own.Wallets(t.Context(), q); tollbook.CodeOf(err) != tollbook.CodeAccount {
			t.Errorf("%+v: %v", q, err)
		}
	}
	for _, organization := range []string{"beta", "nobody"} {
		_, err := own.Wallets(t.Context(), book.WalletQuery{OrganizationID: organization, Limit: 10})
		if tollbook.CodeOf(err) != tollbook.CodeScope {
			t.Errorf("%s: %v", organization, err)
		}
	}
	page, err := w.treasurer("", tollbook.ScopeOperator).Wallets(t.Context(), book.WalletQuery{Limit: 1})
	w.must(err)
	for _, q := range []book.WalletQuery{{After: page.Next, AccountID: "a1"}, {After: "x"}, {After: strings.Repeat("A", 5000)}} {
		if _, err := own.Wallets(t.Context(), q); tollbook.CodeOf(err) != tollbook.CodeInvalidRequest {
			t.Errorf("%+v: %v", q, err)
		}
	}

	acme := "acme"
	for _, g := range []book.Grant{
		{Client: tollbook.Client{ID: "c"}, Scopes: []string{tollbook.ScopeUsageRead}},
		{Client: tollbook.Client{ID: "c", OrganizationID: &acme}, Scopes: []string{tollbook.ScopeAccountsRead, tollbook.ScopeEventsWrite}},
	} {
		if _, err := w.book.Treasurer(g); tollbook.CodeOf(err) != tollbook.CodeScope {
			t.Errorf("%+v: %v", g, err)
		}
	}
	partner := "p-1"
	_, err = w.operator.PutOrganization(t.Context(), tollbook.Organization{ID: "acme", Name: "Acme", ResellerID: &partner})
	w.must(err)
	_, err = w.book.Treasurer(book.Grant{Client: tollbook.Client{ID: "c", OrganizationID: &acme}, Scopes: []string{tollbook.ScopeUsageRead}})
	if tollbook.CodeOf(err) != tollbook.CodeNotEntitled {
		t.Errorf("not entitled: %v", err)
	}
}
