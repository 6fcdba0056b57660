package api_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tollbook"
)

func TestDefinitions(t *testing.T) {
	w := newWorld(t)
	w.want(w.do("PUT", "/v1/rate-cards/std", w.operator, "text/csv", []byte(sipCard)), 201)
	for _, tc := range []struct{ path, body string }{
		{"/v1/organizations/acme", `{"name":"Acme","reseller_id":"p-1","entitled":true,"rate_card_id":"std"}`},
		{"/v1/accounts/a1", `{"organization_id":"acme","name":"One","company_name":"Acme Ltd","status":"IN_TRIAL","time_zone":"Europe/Paris","rate_card_id":null}`},
		{"/v1/products/P-1", `{"name":"Minutes","family":"CONSUMPTION","unit_of_measure":"PER_MINUTE","charge_type":"USAGE"}`},
	} {
		created := w.want(w.put(tc.path, tc.body), 201)
		same := w.want(w.put(tc.path, tc.body), 200)
		got := w.want(w.get(tc.path, w.operator), 200)
		if created.Text != got.Text || same.Text != got.Text {
			t.Errorf("%s: put %s, again %s, got %s", tc.path, created.Text, same.Text, got.Text)
		}
		w.want(w.put(tc.path, got.Text), 200) // what is got can be put
		changed := strings.Replace(tc.body, `"name":"`, `"name":"New `, 1)
		w.want(w.put(tc.path, changed), 200)
		history := w.want(w.get(tc.path+"/history", w.operator), 200).embedded("history")
		if len(history) != 2 {
			t.Fatalf("%s: %d changes, want 2", tc.path, len(history))
		}
		for i, want := range []string{"New ", ""} {
			name := history[i]["value"].(map[string]any)["name"].(string)
			if strings.HasPrefix(name, "New ") != (want != "") || history[i]["at"] != "2026-09-15T12:00:00Z" || !strings.HasPrefix(history[i]["actor"].(string), "tb-") {
				t.Errorf("%s: change %d is %v", tc.path, i, history[i])
			}
		}
		collection := tc.path[:strings.LastIndex(tc.path, "/")]
		list := w.want(w.get(collection, w.operator), 200)
		if rows := list.embedded(strings.TrimPrefix(collection, "/v1/")); len(rows) != 1 || rows[0]["id"] != got.JSON["id"] {
			t.Errorf("%s: %s", collection, list.Text)
		}
	}
	for _, unknown := range []string{"/v1/organizations/x", "/v1/accounts/x", "/v1/products/x", "/v1/rate-cards/x", "/v1/clients/x", "/v1/accounts/x/history"} {
		w.want(w.get(unknown, w.operator), 404)
	}
}

func TestBadDefinitions(t *testing.T) {
	w := newWorld(t)
	w.organization("acme", "", "a1")
	w.organization("other", "", "b1")
	for _, tc := range []struct {
		path, body string
		status     int
		field      string
	}{
		{"/v1/organizations/x", `{"name":""}`, 422, "name"},
		{"/v1/organizations/x", `{"name":"X","rate_card_id":"none"}`, 422, "rate_card_id"},
		{"/v1/organizations/x", `{"name":"X","colour":1}`, 400, "colour"},
		{"/v1/organizations/x", `{"name":"X","Name":"Y"}`, 400, "Name"},
		{"/v1/organizations/x", `{"name":"X","name":"Y"}`, 400, "name"},
		{"/v1/organizations/x", `{"name":"X","entitled":"yes"}`, 400, "entitled"},
		{"/v1/organizations/x", `{"name":"X"`, 400, "body"},
		{"/v1/organizations/x", "{\"name\":\"\xff\"}", 400, "name"},
		{"/v1/organizations/x", `{"name":"\ud800"}`, 422, "name"},
		{"/v1/organizations/x", `[]`, 400, "body"},
		{"/v1/organizations/x", `{"name":"X"}{}`, 400, "body"},
		{"/v1/organizations/x%20y", `{"name":"X"}`, 400, "id"},
		{"/v1/organizations/" + strings.Repeat("x", 65), `{"name":"X"}`, 400, "id"},
		{"/v1/organizations/x", `{"id":"y","name":"X"}`, 400, "id"},
		{"/v1/accounts/x", `{"organization_id":"nobody","name":"X"}`, 422, "organization_id"},
		{"/v1/accounts/x", `{"organization_id":"acme","name":"X","time_zone":"Mars/Olympus"}`, 422, "time_zone"},
		{"/v1/accounts/x", `{"organization_id":"acme","name":"X","status":"active"}`, 422, "status"},
		{"/v1/accounts/a1", `{"organization_id":"other","name":"X"}`, 409, "organization_id"},
		{"/v1/products/x", `{"name":"X","family":"FRUIT"}`, 422, "family"},
		{"/v1/products/x", `{"name":"X","unit_of_measure":"","charge_type":"NEVER"}`, 422, "charge_type"},
	} {
		a := w.put(tc.path, tc.body)
		if _, named := a.field(tc.field); a.Status != tc.status || !named {
			t.Errorf("PUT %s %s: %d %s", tc.path, tc.body, a.Status, a.Text)
		}
	}
	for _, tc := range []struct{ path, body, field, says string }{
		{"/v1/organizations/x", `{"name":[]}`, "name", "must be a string, not a list"},
		{"/v1/organizations/x", `{"name":true}`, "name", "must be a string, not a boolean"},
		{"/v1/organizations/x", `{"name":{}}`, "name", "must be a string, not an object"},
		{"/v1/organizations/x", `{"close_after_days":1.5}`, "close_after_days", "must be a whole number, not a number 1.5"},
		{"/v1/alerts/x", `{"threshold":"much"}`, "threshold", "is not a decimal number"},
		{"/v1/alerts/x", `{"threshold":1e999}`, "threshold", "has too many digits"},
	} {
		if said, _ := w.want(w.put(tc.path, tc.body), 400).field(tc.field); said != tc.says {
			t.Errorf("PUT %s %s: %q, want %q", tc.path, tc.body, said, tc.says)
		}
	}
	w.want(w.do("PUT", "/v1/rate-cards/x", w.operator, "text/csv", []byte("xyz"), "Content-Encoding", "br"), 415)
	w.want(w.do("PUT", "/v1/rate-cards/x", w.operator, "text/csv", []byte(gzipped(t, sipCard)), "Content-Encoding", "gzip"), 201)
	w.want(w.do("PUT", "/v1/organizations/x", w.operator, "text/plain", []byte(`{}`)), 415)
	w.want(w.do("PUT", "/v1/organizations/x", w.operator, "application/json", []byte(`{"name":"`+strings.Repeat("x", 2<<20)+`"}`)), 413)
	for _, tc := range []struct{ body, field string }{
		{`{"organization_id":null,"name":"x","scopes":["express-accounts:read"]}`, "scopes"},
		{`{"organization_id":"acme","name":"x","scopes":["operator"]}`, "scopes"},
		{`{"organization_id":"acme","name":"x","scopes":[]}`, "scopes"},
		{`{"organization_id":"nobody","name":"x","scopes":["express-accounts:read"]}`, "organization_id"},
		{`{"organization_id":"acme","name":"x","scopes":["express-accounts:read"],"jwks":{"keys":[{"kty":"oct","k":"AAAA"}]}}`, "jwks"},
	} {
		a := w.want(w.do("POST", "/v1/clients", w.operator, "application/json", []byte(tc.body)), 422)
		if _, named := a.field(tc.field); !named {
			t.Errorf("POST /v1/clients %s: %s", tc.body, a.Text)
		}
	}
}

// TestUnknownParametersEverywhere: no operation overlooks a parameter that it
// does not take.
func TestUnknownParametersEverywhere(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", sipCard, "a1")
	id, _ := w.client("acme", tollbook.ScopeUsageRead)
	for _, tc := range []struct{ method, path, token, contentType, body string }{
		{"GET", "/express/usage/month/" + strings.Repeat("0", 32), token, "", ""},
		{"GET", "/express/usage/month/" + strings.Repeat("0", 32) + "/events", token, "", ""},
		{"GET", "/express/accounts", token, "", ""},
		{"POST", "/v1/events", token, "application/json", event()},
		{"POST", "/v1/events/void", token, "application/json", `[{"source":"s","id":"1","reason":"r"}]`},
		{"GET", "/v1/events/history", token, "", ""},
		{"GET", "/v1/months", w.operator, "", ""},
		{"GET", "/v1/months/2026-08", w.operator, "", ""},
		{"POST", "/v1/months/2026-08/close", w.operator, "application/json", `{"organization_id":"acme"}`},
		{"GET", "/v1/months/2026-08/adjustments", w.operator, "", ""},
		{"GET", "/v1/unrated", w.operator, "", ""},
		{"PUT", "/v1/organizations/acme", w.operator, "application/json", `{"name":"x"}`},
		{"PUT", "/v1/rate-cards/acme-card", w.operator, "text/csv", sipCard},
		{"GET", "/v1/rate-cards/acme-card", w.operator, "", ""},
		{"DELETE", "/v1/clients/" + id, w.operator, "", ""},
		{"GET", "/v1/wallets", w.operator, "", ""},
		{"PUT", "/v1/alerts/x", w.operator, "application/json", lowAlert("acme", "a1", "https://receiver.example.com/")},
		{"POST", "/v1/alerts/x/rotate-secret", w.operator, "", ""},
		{"POST", "/v1/alerts/x/test", w.operator, "", ""},
		{"DELETE", "/v1/alerts/x", w.operator, "", ""},
		{"GET", "/v1/deliveries", w.operator, "", ""},
	} {
		a := w.do(tc.method, tc.path+"?colour=red", tc.token, tc.contentType, []byte(tc.body), "Accept", "text/csv, application/json")
		if _, named := a.field("colour"); a.Status != 400 || !named {
			t.Errorf("%s %s: %d %s", tc.method, tc.path, a.Status, a.Text)
		}
	}
}

// TestRateCardErrorsAllAtOnce: every error in the file, each with its line;
// none of the file applied.
func TestRateCardErrorsAllAtOnce(t *testing.T) {
	w := newWorld(t)
	bad := "resource,prefixes,price_per_increment,increment,currency\nCALL,44,0.1,60,USD\nFAX,1,x,0,USDD\nCALL,+44,0.2,60,USD\n"
	a := w.want(w.do("PUT", "/v1/rate-cards/std", w.operator, "text/csv", []byte(bad)), 422)
	for _, name := range []string{"line 3, resource", "line 3, price_per_increment", "line 3, increment", "line 3, currency"} {
		if _, named := a.field(name); !named {
			t.Errorf("no %q in %s", name, a.Text)
		}
	}
	if !strings.Contains(a.Text, "line 4") {
		t.Errorf("no tie in %s", a.Text)
	}
	w.want(w.get("/v1/rate-cards/std", w.operator), 404)

	good := strings.Replace(bad, "FAX,1,x,0,USDD\nCALL,+44,0.2,60,USD\n", "CALL,1,0.2,60,USD\n", 1)
	w.want(w.do("PUT", "/v1/rate-cards/std", w.operator, "text/csv", []byte(good)), 201)
	w.want(w.do("PUT", "/v1/rate-cards/std", w.operator, "text/csv", []byte(good)), 200)
	again := w.want(w.get("/v1/rate-cards/std", w.operator), 200)
	if spaced(again.JSON["version"], again.JSON["rows"]) != "1 2" {
		t.Errorf("the card is %s", again.Text)
	}
	w.want(w.do("PUT", "/v1/rate-cards/std", w.operator, "text/csv", []byte(sipCard)), 200)
	text := w.want(w.do("GET", "/v1/rate-cards/std", w.operator, "", nil, "Accept", "text/csv"), 200)
	if text.Text != sipCard {
		t.Errorf("the card's text is %q", text.Text)
	}
	if n := len(w.get("/v1/rate-cards/std/history", w.operator).embedded("history")); n != 2 {
		t.Errorf("%d versions in the history, want 2", n)
	}
}

// TestUnratedAreTakenUp: an event without a rate is kept, listed, and counted
// as soon as a card covers it.
func TestUnratedAreTakenUp(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", "", "acme-1")
	e := event("type", `"NUMBER"`, "unit", `"MINUTES"`, "direction", `"INBOUND"`, "quantity", "5")
	a := w.post(token, "["+e+","+e+"]")
	w.tally(a, 0, 1, 0, 0, 1)
	if !strings.Contains(a.Text, `"no_rate_card"`) {
		t.Errorf("no reason in %s", a.Text)
	}
	queue := w.want(w.get("/v1/unrated", w.operator), 200)
	if rows := queue.embedded("events"); len(rows) != 1 || rows[0]["reason"] != "no_rate_card" || rows[0]["organization_id"] != "acme" {
		t.Fatalf("the queue is %s", queue.Text)
	}
	if total := w.get("/express/usage/month", token).JSON["total"]; fmt.Sprint(total) != "0" {
		t.Errorf("%v records before there is a rate", total)
	}
	w.want(w.do("PUT", "/v1/rate-cards/late", w.operator, "text/csv", []byte(sipCard)), 201)
	w.want(w.put("/v1/accounts/acme-1", `{"organization_id":"acme","name":"one","rate_card_id":"late"}`), 200)
	_, err := w.book.TakeUp(context.Background())
	w.must(err)
	rows := w.get("/express/usage/month", token).embedded("usage")
	if len(rows) != 1 || fmt.Sprint(rows[0]["total_amount"]) != "5" {
		t.Errorf("taken up: %v", rows)
	}
	w.want(w.get("/v1/unrated?organization_id=", w.operator), 400) // not all organizations'
	if total := w.get("/v1/unrated?organization_id=acme", w.operator).JSON["total"]; fmt.Sprint(total) != "0" {
		t.Errorf("%v left in the queue", total)
	}
	w.tally(w.post(token, e), 0, 1, 0, 0, 0)
}

// TestProducts: those in the records or on the accounts' cards, defined or not.
func TestProducts(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", sipCard, "acme-1")
	w.post(token, event("price", "1", "currency", `"USD"`, "product_id", `"P-9"`))
	w.want(w.put("/v1/products/P-9", `{"name":"Nine","family":null,"unit_of_measure":"EACH","charge_type":null}`), 201)
	w.want(w.put("/v1/products/P-0", `{"name":"unused"}`), 201)
	a := w.want(w.get("/express/products?order_by=id:asc", token), 200)
	var got []string
	for _, p := range a.embedded("products") {
		got = append(got, fmt.Sprint(p["id"], "/", p["name"], "/", p["unit_of_measure"]))
	}
	if want := []string{"P-9/Nine/EACH", "TD-LIC-APP-RC-101910//<nil>", "TD-USG-TEL-UG-102213//<nil>"}; !slices.Equal(got, want) {
		t.Errorf("products %q, want %q", got, want)
	}
	accounts := w.want(w.get("/express/accounts?filter=status+eq+'ACTIVE'", token), 200).embedded("accounts")
	if len(accounts) != 1 || len(accounts[0]) != 4 || accounts[0]["id"] != "acme-1" {
		t.Errorf("accounts %v", accounts)
	}
	w.want(w.get("/express/accounts?filter=colour+eq+'x'", token), 400)
}

// TestOperatorPosts for every organization, price and all.
func TestOperatorPosts(t *testing.T) {
	w := newWorld(t)
	alpha, beta := w.organization("alpha", "", "alpha-1"), w.organization("beta", "", "beta-1")
	w.tally(w.post(w.operator, "["+event("account_id", `"alpha-1"`, "price", "1", "currency", `"USD"`)+","+event("account_id", `"beta-1"`, "price", "2", "currency", `"USD"`, "type", `"RECHARGE"`)+"]"), 2, 0, 0, 0, 0)
	for token, want := range map[string]string{alpha: "1", beta: "2"} {
		if rows := w.get("/express/usage/month", token).embedded("usage"); len(rows) != 1 || fmt.Sprint(rows[0]["total_amount"]) != want {
			t.Errorf("%v, want %s", rows, want)
		}
	}
}
