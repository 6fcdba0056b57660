package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollbook"
)

// TestOrganizationsAreApart tries every endpoint with a second organization's
// token: it must neither see, block nor change what is another's.
func TestOrganizationsAreApart(t *testing.T) {
	w := newWorld(t)
	alpha := w.organization("alpha", sipCard, "alpha-1")
	beta := w.organization("beta", "", "beta-1")
	w.tally(w.post(alpha, event("account_id", `"alpha-1"`, "price", "3", "currency", `"EUR"`, "product_id", `"P-ALPHA"`, "description", `"secret-alpha"`)), 1, 0, 0, 0, 0)
	record := w.get("/express/usage/month", alpha).embedded("usage")[0]["id"].(string)
	clientID, _ := w.client("alpha", tollbook.ScopeUsageRead)
	w.want(w.put("/v1/alerts/alert-1", lowAlert("alpha", "alpha-1", "https://receiver.example.com/alpha")), 201)

	for _, target := range []string{
		"/express/usage/month", "/express/usage/month?filter=" + url.QueryEscape("contains(account_id,'alpha')"),
		"/express/usage/month/" + record, "/express/usage/month/" + record + "/events", "/express/usage/month/" + record + "/events?cursor=AAAA",
		"/express/accounts", "/express/products", "/v1/unrated", "/v1/unrated?organization_id=alpha",
		"/v1/months?organization_id=alpha", "/v1/months/2026-08?organization_id=alpha", "/v1/months/2026-08/adjustments?organization_id=alpha",
		"/v1/organizations", "/v1/organizations/alpha", "/v1/organizations/alpha/history",
		"/v1/accounts", "/v1/accounts/alpha-1", "/v1/accounts/alpha-1/history",
		"/v1/products", "/v1/products/P-ALPHA", "/v1/products/P-ALPHA/history",
		"/v1/rate-cards", "/v1/rate-cards/alpha-card", "/v1/rate-cards/alpha-card/history",
		"/v1/clients", "/v1/clients/" + clientID, "/v1/clients/" + clientID + "/history",
		"/v1/wallets?organization_id=alpha", "/v1/alerts", "/v1/alerts/alert-1", "/v1/alerts/alert-1/history",
		"/v1/deliveries", "/v1/deliveries/" + strings.Repeat("0", 32), "/v1/deliveries/" + strings.Repeat("0", 32) + "/history",
	} {
		a := w.get(target, beta)
		if strings.HasPrefix(target, "/v1/") && (a.Status != 403 || a.code() != "insufficient_scope") {
			t.Errorf("GET %s: %d %s", target, a.Status, a.Text)
		}
		body := strings.NewReplacer(url.QueryEscape("contains(account_id,'alpha')"), "", record, "").Replace(a.Text)
		if strings.Contains(strings.ToLower(body), "alpha") {
			t.Errorf("GET %s reveals another organization: %s", target, a.Text)
		}
	}
	for _, call := range []struct{ method, target, contentType, body string }{
		{"PUT", "/v1/organizations/alpha", "application/json", `{"name":"taken"}`},
		{"POST", "/v1/months/2026-08/close", "application/json", `{"organization_id":"alpha"}`},
		{"PUT", "/v1/accounts/alpha-1", "application/json", `{"organization_id":"beta","name":"taken"}`},
		{"PUT", "/v1/products/P", "application/json", `{"name":"taken"}`},
		{"PUT", "/v1/rate-cards/alpha-card", "text/csv", sipCard},
		{"POST", "/v1/clients", "application/json", `{"organization_id":"alpha","name":"x","scopes":["usage-events:write"]}`},
		{"DELETE", "/v1/clients/" + clientID, "", ""},
		{"PUT", "/v1/alerts/alert-1", "application/json", lowAlert("beta", "beta-1", "https://receiver.example.com/")},
		{"POST", "/v1/alerts/alert-1/rotate-secret", "", ""},
		{"POST", "/v1/alerts/alert-1/test", "", ""},
		{"DELETE", "/v1/alerts/alert-1", "", ""},
	} {
		if a := w.do(call.method, call.target, beta, call.contentType, []byte(call.body)); a.Status != 403 {
			t.Errorf("%s %s: %d %s", call.method, call.target, a.Status, a.Text)
		}
	}

	// The same source and id in two organizations are two events.
	w.tally(w.post(beta, event("account_id", `"beta-1"`, "price", "4", "currency", `"EUR"`)), 1, 0, 0, 0, 0)
	w.tally(w.post(beta, event("account_id", `"alpha-1"`, "price", "9", "currency", `"EUR"`)), 0, 0, 0, 1, 0)
	w.tally(w.post(alpha, event("account_id", `"alpha-1"`, "price", "3", "currency", `"EUR"`, "product_id", `"P-ALPHA"`, "description", `"secret-alpha"`)), 0, 1, 0, 0, 0)
	for token, want := range map[string]string{alpha: "3", beta: "4"} {
		rows := w.get("/express/usage/month", token).embedded("usage")
		if len(rows) != 1 || fmt.Sprint(rows[0]["total_amount"]) != want {
			t.Errorf("usage is %v, want one record of %s", rows, want)
		}
	}
	for _, status := range []string{w.get("/express/usage/month/"+record, beta).Text, w.get("/express/usage/month/"+strings.Repeat("0", 32), beta).Text} {
		if !strings.Contains(status, `"not_found"`) {
			t.Errorf("a foreign record: %s", status)
		}
	}
}

// TestScopes: every endpoint under /express and /v1 refuses a token without
// its scope, and an operator's where it is an organization's.
func TestScopes(t *testing.T) {
	w := newWorld(t)
	w.organization("acme", "", "acme-1")
	for _, tc := range []struct{ target, scope string }{
		{"/express/usage/month", tollbook.ScopeUsageRead},
		{"/express/usage/month/" + strings.Repeat("0", 32), tollbook.ScopeUsageRead},
		{"/express/usage/month/" + strings.Repeat("0", 32) + "/events", tollbook.ScopeUsageRead},
		{"/express/accounts", tollbook.ScopeAccountsRead},
		{"/express/products", tollbook.ScopeProductsRead},
	} {
		_, with := w.client("acme", tc.scope)
		var others []string
		for _, s := range tollbook.Scopes() {
			if s != tc.scope && s != tollbook.ScopeOperator {
				others = append(others, s)
			}
		}
		_, without := w.client("acme", others...)
		if a := w.get(tc.target, with); a.Status == 403 || a.Status == 401 {
			t.Errorf("%s with its scope: %s", tc.target, a.Text)
		}
		for _, token := range []string{without, w.operator} {
			a := w.get(tc.target+"?page=0", token) // the scope is looked at before the parameters
			if a.Status != 403 || a.code() != "insufficient_scope" || !strings.Contains(a.Header.Get("WWW-Authenticate"), "insufficient_scope") {
				t.Errorf("%s without its scope: %d %s", tc.target, a.Status, a.Text)
			}
		}
	}
	_, reader := w.client("acme", readScopes...)
	if a := w.do("POST", "/v1/events", reader, "application/json", []byte(event())); a.Status != 403 {
		t.Errorf("posting without the scope: %d", a.Status)
	}
}

// TestEntitlement: a reseller's organization reads only while it is entitled,
// at once; it may post all the time.
func TestEntitlement(t *testing.T) {
	w := newWorld(t)
	put := func(entitled bool) {
		w.put("/v1/organizations/sub", fmt.Sprintf(`{"name":"Sub","reseller_id":"partner-7","entitled":%v,"rate_card_id":null}`, entitled))
	}
	put(false)
	w.want(w.put("/v1/accounts/sub-1", `{"organization_id":"sub","name":"one"}`), 201)
	_, token := w.client("sub", append([]string{tollbook.ScopeEventsWrite, tollbook.ScopeEventsPrice}, readScopes...)...)
	for range 2 {
		for _, target := range []string{"/express/usage/month", "/express/accounts", "/express/products", "/express/usage/month?page=0"} {
			if a := w.want(w.get(target, token), 403); a.code() != "not_entitled" {
				t.Errorf("%s: %s", target, a.Text)
			}
		}
		w.want(w.do("POST", "/v1/events", token, "application/json", []byte(event("account_id", `"sub-1"`, "price", "1", "currency", `"USD"`))), 200)
		put(true)
		if a := w.want(w.get("/express/usage/month", token), 200); fmt.Sprint(a.JSON["total"]) != "1" {
			t.Errorf("entitled: %s", a.Text)
		}
		put(false)
	}
}

func TestRevocationIsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.organization("acme", "", "acme-1")
	id, token := w.client("acme", tollbook.ScopeUsageRead)
	w.want(w.get("/express/usage/month", token), 200)
	w.want(w.do("DELETE", "/v1/clients/"+id, w.operator, "", nil), 204)
	w.want(w.get("/express/usage/month", token), 401)
	w.want(w.do("DELETE", "/v1/clients/"+id, w.operator, "", nil), 204)
	w.want(w.do("DELETE", "/v1/clients/nobody", w.operator, "", nil), 404)
	if a := w.want(w.get("/v1/clients/"+id, w.operator), 200); a.JSON["revoked_at"] == nil {
		t.Errorf("the revoked client: %s", a.Text)
	}
}

// TestOrderOfDecisions: who, whether at all, what, and last whose.
func TestOrderOfDecisions(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", "", "acme-1")
	_, narrow := w.client("acme", "usage-events:write")
	const bad, foreign = "page=0&", "filter=account_id+eq+'beta-1'"
	for _, tc := range []struct {
		token, query string
		want         string
	}{
		{"x", bad + foreign, "401 unauthorized"},
		{narrow, bad + foreign, "403 insufficient_scope"},
		{token, bad + foreign, "400 invalid_request"},
		{token, foreign + "&cursor=x", "400 invalid_request"},
		{token, foreign, "403 account_not_under_organization"},
	} {
		a := w.get("/express/usage/month?"+tc.query, tc.token)
		if got := fmt.Sprint(a.Status, " ", a.code()); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.query, got, tc.want)
		}
	}
}
