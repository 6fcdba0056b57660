package api_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tollbook/webhook"
)

// lowAlert is the body of an alert on a wallet's balance.
func lowAlert(organization, account, url string) string {
	return fmt.Sprintf(`{"organization_id":%q,"account_id":%q,"kind":"wallet_balance","wallet_name":"main","currency":"USD","threshold":20.5,"url":%q}`, organization, account, url)
}

// receive starts a receiver whose messages are held to openapi.yaml and must be
// signed with the secret; it answers with the status.
func (w *world) receive(secret *string, status int) (url string) {
	w.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.Error(err)
		}
		checker().For(w).Message("alertFired", r.Header, body)
		if _, err := webhook.Verify(*secret, r.Header, body, w.clock()); err != nil {
			w.Error(err)
		}
		rw.WriteHeader(status)
	}))
	w.Cleanup(srv.Close)
	return srv.URL
}

// TestAlerts goes the whole way of an alert: defined, tested, fired, told of,
// rotated, deleted.
func TestAlerts(t *testing.T) {
	w := newWorld(t)
	w.organization("acme", "", "acme-1")
	var secret string
	body := lowAlert("acme", "acme-1", w.receive(&secret, 503))
	created := w.want(w.put("/v1/alerts/low", body), 201)
	secret = created.JSON["secret"].(string)
	got := w.want(w.get("/v1/alerts/low", w.operator), 200)
	if strings.Contains(got.Text, "secret\"") || got.JSON["threshold"].(fmt.Stringer).String() != "20.5" {
		t.Errorf("got %s", got.Text)
	}
	for _, again := range []string{body, got.Text} { // what is got can be put
		if a := w.want(w.put("/v1/alerts/low", again), 200); a.Text != got.Text {
			t.Errorf("put %s, got %s", a.Text, got.Text)
		}
	}
	test := w.want(w.do("POST", "/v1/alerts/low/test", w.operator, "", nil), 200)
	if spaced(test.JSON["received"], test.JSON["status"]) != "false 503" {
		t.Errorf("the test: %s", test.Text)
	}

	w.tally(w.post(w.operator, event("account_id", `"acme-1"`, "type", `"RECHARGE"`, "quantity", "20", "price", "1", "currency", `"USD"`, "wallet_name", `"main"`)), 1, 0, 0, 0, 0)
	w.must(w.book.Work(t.Context()))
	list := w.want(w.get("/v1/deliveries?filter=state+eq+'pending'", w.operator), 200).embedded("deliveries")
	if len(list) != 1 || spaced(list[0]["alert_id"], list[0]["value"], list[0]["attempts"], list[0]["status"]) != "low 20 1 503" {
		t.Fatalf("deliveries: %v", list)
	}
	path := "/v1/deliveries/" + list[0]["id"].(string)
	w.want(w.get(path, w.operator), 200)
	if attempts := w.want(w.get(path+"/history", w.operator), 200).embedded("history"); len(attempts) != 1 || attempts[0]["actor"] != "server" {
		t.Errorf("attempts: %v", attempts)
	}
	if a := w.want(w.get("/metrics", ""), 200); !strings.Contains(a.Text, "\ntollbook_pending_deliveries 1\n") || !strings.Contains(a.Text, "\ntollbook_leads 1\n") {
		t.Error("the metric does not say that one is pending")
	}

	rotated := w.want(w.do("POST", "/v1/alerts/low/rotate-secret", w.operator, "", nil), 200)
	if rotated.JSON["secret"] == secret {
		t.Error("the secret is the same")
	}
	w.want(w.do("POST", "/v1/alerts/low/test", w.operator, "", nil), 200) // signed with both
	w.want(w.do("DELETE", "/v1/alerts/low", w.operator, "", nil), 204)
	for _, path := range []string{"/v1/alerts/low", "/v1/alerts/none/history", "/v1/deliveries/none", "/v1/deliveries/none/history"} {
		w.want(w.get(path, w.operator), 404)
	}
	w.want(w.do("DELETE", "/v1/alerts/low", w.operator, "", nil), 404)
	w.want(w.do("POST", "/v1/alerts/low/rotate-secret", w.operator, "", nil), 404)
	w.want(w.do("POST", "/v1/alerts/low/test", w.operator, "", nil), 404)
	history := w.want(w.get("/v1/alerts/low/history", w.operator), 200)
	if n := len(history.embedded("history")); n != 3 || strings.Contains(history.Text, "sha256") {
		t.Errorf("%d changes: %s", n, history.Text)
	}
	if n := len(w.want(w.get("/v1/alerts", w.operator), 200).embedded("alerts")); n != 0 {
		t.Errorf("%d alerts", n)
	}
}

// TestBadAlerts: each fault has its status and names its field.
func TestBadAlerts(t *testing.T) {
	w := newWorld(t)
	w.organization("acme", "", "acme-1")
	w.organization("other", "", "other-1")
	good := lowAlert("acme", "acme-1", "https://receiver.example.com/")
	w.want(w.put("/v1/alerts/x", good), 201)
	for _, tc := range []struct {
		old, new string
		status   int
		field    string
	}{
		{`"threshold":20.5`, `"threshold":"much"`, 400, "threshold"},
		{`"threshold":20.5`, `"threshold":null`, 422, "threshold"},
		{`"threshold":20.5`, `"threshold":1e400000000`, 400, "threshold"},
		{`"threshold":20.5`, `"threshold":-1`, 422, "threshold"},
		{`"kind":"wallet_balance"`, `"kind":7`, 400, "kind"},
		{`"kind":"wallet_balance"`, `"kind":"balance"`, 422, "kind"},
		{`"account_id":"acme-1"`, `"account_id":"other-1"`, 422, "account_id"},
		{`"organization_id":"acme"`, `"organization_id":"other"`, 422, "account_id"},
		{`"organization_id":"acme","account_id":"acme-1"`, `"organization_id":"other"`, 409, "organization_id"},
		{`https://receiver`, `https://user:secret@receiver`, 422, "url"},
		{`https://receiver.example.com`, `https://10.0.0.1`, 422, "url"},
		{`"kind"`, `"secret":"x","kind"`, 400, "secret"},
		{`"kind"`, `"id":"y","kind"`, 400, "id"},
	} {
		body := strings.Replace(good, tc.old, tc.new, 1)
		a := w.put("/v1/alerts/x", body)
		if _, named := a.field(tc.field); a.Status != tc.status || !named {
			t.Errorf("%s: %d %s", body, a.Status, a.Text)
		}
		if strings.Contains(a.Text, "user:secret") {
			t.Errorf("the answer shows credentials: %s", a.Text)
		}
	}
}

// TestWallets: an operator's and an organization's own.
func TestWallets(t *testing.T) {
	w := newWorld(t)
	alpha := w.organization("alpha", "", "alpha-1", "alpha-2")
	beta := w.organization("beta", "", "beta-1")
	for account, put := range map[string]string{"alpha-1": "100", "alpha-2": "5", "beta-1": "7.25"} {
		w.tally(w.post(w.operator, event("id", `"in"`, "source", `"`+account+`"`, "account_id", `"`+account+`"`, "type", `"RECHARGE"`, "quantity", put, "price", "1", "currency", `"USD"`, "wallet_name", `"main"`, "occurred_at", `"2026-08-01T00:00:00Z"`)), 1, 0, 0, 0, 0)
	}
	w.tally(w.post(alpha, event("account_id", `"alpha-1"`, "quantity", "45", "price", "1", "currency", `"USD"`, "wallet_name", `"main"`, "occurred_at", `"2026-09-01T00:00:00Z"`)), 1, 0, 0, 0, 0)

	a := w.want(w.get("/v1/wallets?per_page=2", w.operator), 200)
	rows := a.embedded("wallets")
	if len(rows) != 2 {
		t.Fatalf("wallets: %s", a.Text)
	}
	// 45 in the 31 days of August and 14.5 of September is about 0.989 a day.
	if got := spaced(rows[0]["balance"], rows[0]["put_in"], rows[0]["used"], rows[0]["drawn"], rows[0]["charged"], rows[0]["burn_rate_per_day"], len(rows[0]["months"].([]any))); got != "55 100 45 45 0 0.989010989011 2" {
		t.Errorf("alpha-1: %s", got)
	}
	next := w.want(w.get(a.link("next"), w.operator), 200)
	if rows := next.embedded("wallets"); len(rows) != 1 || rows[0]["account_id"] != "beta-1" || next.link("next") != "" {
		t.Errorf("the next page: %s", next.Text)
	}
	for target, want := range map[string]string{
		"/v1/wallets": "beta-1", "/v1/wallets?account_id=beta-1": "beta-1", "/v1/wallets?organization_id=beta": "beta-1",
	} {
		if rows := w.want(w.get(target, beta), 200).embedded("wallets"); len(rows) != 1 || rows[0]["account_id"] != want {
			t.Errorf("%s: %v", target, rows)
		}
	}
	for _, target := range []string{"/v1/wallets?account_id=alpha-1", "/v1/wallets?account_id=nobody"} {
		if a := w.want(w.get(target, beta), 403); a.code() != "account_not_under_organization" {
			t.Errorf("%s: %s", target, a.Text)
		}
	}
	for _, query := range []string{"per_page=0", "per_page=251", "cursor=x", "account_id=", "page=1", "filter=x"} {
		w.want(w.get("/v1/wallets?"+query, w.operator), 400)
	}
	_, narrow := w.client("alpha", "usage-events:write")
	w.want(w.get("/v1/wallets?per_page=0", narrow), 403)
	w.want(w.get("/v1/wallets", ""), 401)
	w.want(w.do("GET", "/v1/wallets", w.operator, "", nil, "Accept", "text/html"), 406)
}
