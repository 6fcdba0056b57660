package api_test

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"tollbook/api"
	"tollbook/decimal"
)

const sipCard = `resource,description,direction,price_per_increment,increment,unit_of_measure,currency,product_id,aggr_product_id,wallet_name
number,SIP Number,INBOUND,1,1,MINUTES,USD,TD-LIC-APP-RC-101910,TD-USG-TEL-UG-102213,contact center
`

// TestReferenceExample is the example of the public Billing Insights API
// reference, which must come out exactly.
func TestReferenceExample(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", sipCard, "5ea75fe7aa224700012eae40")
	var events []string
	for i := range 5 {
		events = append(events, fmt.Sprintf(`{"id":"n%d","source":"billing","account_id":"5ea75fe7aa224700012eae40","occurred_at":"2023-08-%02dT00:00:00Z","type":"NUMBER","quantity":1,"unit":"MINUTES","direction":"INBOUND","description":"SIP Number"}`, i, i+1))
	}
	w.tally(w.post(token, "["+strings.Join(events, ",")+"]"), 5, 0, 0, 0, 0)

	a := w.want(w.get("/express/usage/month", token), 200)
	rows := a.embedded("usage")
	if len(rows) != 1 {
		t.Fatalf("%d records: %s", len(rows), a.Text)
	}
	want := map[string]string{
		"id": "3da779b2b4761f903b8db4a083b1e50c", "account_id": "5ea75fe7aa224700012eae40", "product_id": "TD-LIC-APP-RC-101910",
		"aggr_product_id": "TD-USG-TEL-UG-102213", "month": "2023-08", "type": "NUMBER", "description": "SIP Number",
		"currency": "USD", "direction": "INBOUND", "resolution": "<nil>", "unit": "MINUTES", "price": "1",
		"wallet_name": "contact center", "number_of_units": "5", "total_amount": "5",
	}
	for name, value := range want {
		if got := fmt.Sprint(rows[0][name]); got != value {
			t.Errorf("%s is %s, want %s", name, got, value)
		}
	}
	if got := a.Header.Get("Content-Type"); got != "application/hal+json" {
		t.Errorf("Content-Type %q", got)
	}
	one := w.want(w.get(rows[0]["_links"].(map[string]any)["self"].(map[string]any)["href"].(string), token), 200)
	if one.JSON["id"] != rows[0]["id"] || one.JSON["total_amount"] != rows[0]["total_amount"] {
		t.Errorf("the record on its own is %s", one.Text)
	}
}

// manyRecords gives an organization n records of one event each, spread over
// accounts and months, and returns a token.
func manyRecords(w *world, organization string, n int) string {
	w.Helper()
	var accounts []string
	for i := range 7 {
		accounts = append(accounts, fmt.Sprintf("%s-%d", organization, i))
	}
	token := w.organization(organization, "", accounts...)
	var events []string
	for i := range n {
		events = append(events, fmt.Sprintf(`{"id":"%d","source":"s","account_id":"%s","occurred_at":"2026-%02d-03T00:00:00Z","type":"CALL","quantity":%d.5,"price":0.0%d,"currency":"EUR","description":"d%d"}`,
			i, accounts[i%7], 1+i%9, i, i%10, i))
	}
	w.tally(w.post(token, "["+strings.Join(events, ",")+"]"), n, 0, 0, 0, 0)
	return token
}

// TestFollowNext walks every order to the end: each record once, the links
// right at both ends, and back again by prev.
func TestFollowNext(t *testing.T) {
	w := newWorld(t)
	token := manyRecords(w, "acme", 157)
	for _, order := range []string{"", "id:asc", "month:desc", "account_id:asc", "product_id:desc", "type:asc", "total_amount:desc", "number_of_units:asc"} {
		target := "/express/usage/month?per_page=10"
		if order != "" {
			target += "&order_by=" + order
		}
		seen := map[string]bool{}
		var visited []string
		for page := 1; target != ""; page++ {
			a := w.want(w.get(target, token), 200)
			if got := spaced(a.JSON["page"], a.JSON["total"], a.JSON["total_pages"]); got != spaced(page, 157, 16) {
				t.Fatalf("order %q: page, total, total_pages are %s", order, got)
			}
			visited = append(visited, fmt.Sprint(a.embedded("usage")))
			for _, row := range a.embedded("usage") {
				if id := row["id"].(string); seen[id] {
					t.Fatalf("order %q: %s twice", order, id)
				} else {
					seen[id] = true
				}
			}
			if (a.link("prev") == "") != (page == 1) || (a.link("next") == "") != (page == 16) {
				t.Fatalf("order %q, page %d: prev %q, next %q", order, page, a.link("prev"), a.link("next"))
			}
			if top := a.JSON["next"]; (top == nil) != (page == 16) {
				t.Fatalf("order %q, page %d: next at the top level is %v", order, page, top)
			}
			target = a.link("next")
			if page == 16 {
				last := w.want(w.get(a.link("last"), token), 200)
				if fmt.Sprint(last.embedded("usage")) != visited[15] {
					t.Errorf("order %q: last is not where next ends", order)
				}
				walkBack(w, a, token, visited)
			}
		}
		if len(seen) != 157 {
			t.Errorf("order %q: %d records, want 157", order, len(seen))
		}
	}
}

func walkBack(w *world, a answer, token string, visited []string) {
	for page := len(visited) - 1; page > 0; page-- {
		a = w.want(w.get(a.link("prev"), token), 200)
		if fmt.Sprint(a.embedded("usage")) != visited[page-1] {
			w.Fatalf("prev of page %d is not page %d", page+1, page)
		}
	}
	if prev := a.link("prev"); prev != "" {
		w.Errorf("the first page has prev %q", prev)
	}
}

func TestPagesPastTheEndAndNone(t *testing.T) {
	w := newWorld(t)
	token := manyRecords(w, "acme", 30)
	a := w.want(w.get("/express/usage/month?page=2147483647&per_page=250", token), 200)
	if len(a.embedded("usage")) != 0 || a.link("next") != "" || fmt.Sprint(a.JSON["total"]) != "30" {
		t.Errorf("past the end: %s", a.Text)
	}
	a = w.want(w.get("/express/usage/month?filter="+url.QueryEscape("month eq '1999-01'"), token), 200)
	if got := spaced(a.JSON["count"], a.JSON["total"], a.JSON["total_pages"]); got != "0 0 0" {
		t.Errorf("nothing matches: %s", a.Text)
	}
	if last, _ := url.Parse(a.link("last")); last.Query().Get("page") != "1" {
		t.Errorf("last of nothing is %s", a.link("last"))
	}
}

func TestFilters(t *testing.T) {
	w := newWorld(t)
	token := manyRecords(w, "acme", 90)
	for filter, want := range map[string]string{
		"month eq '2026-03'": "10",
		"month in ('2026-03','2026-04') and not (account_id eq 'acme-0')": "17",
		"account_id eq 'acme-1' or account_id eq 'acme-2'":                "26",
		"type eq 'CALL'":                             "90",
		"direction eq null":                          "90",
		"contains(description, 'd8')":                "11",
		"total_amount gt '1.0' and price ne '0.050'": "",
		"currency ne 'EUR'":                          "0",
		"wallet_name ne null":                        "0",
		"product_id eq ''":                           "90",
	} {
		a := w.want(w.get("/express/usage/month?filter="+url.QueryEscape(filter), token), 200)
		if got := fmt.Sprint(a.JSON["total"]); want != "" && got != want {
			t.Errorf("%s: %s records, want %s", filter, got, want)
		}
		if next := a.link("next"); next != "" {
			if u, _ := url.Parse(next); u.Query().Get("filter") != filter {
				t.Errorf("%s: next loses the filter: %s", filter, next)
			}
		}
	}
}

// TestDrillDown: the events of each record add up to it, to the last digit.
func TestDrillDown(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", "resource,direction,prefixes,price_per_increment,increment,unit_of_measure,currency\n"+
		"CALL,OUTBOUND,1;44,0.013,60,SECONDS,USD\nCALL,OUTBOUND,4420,0.0111,6,SECONDS,USD\n", "a1")
	var events []string
	for i := range 120 {
		events = append(events, fmt.Sprintf(`{"id":"%d","source":"pbx","account_id":"a1","occurred_at":"2026-08-%02dT10:00:00Z","type":"CALL","direction":"OUTBOUND","to":"+44 %d","quantity":"%d.7"}`, i, 1+i%28, 20+i%2, i))
	}
	w.tally(w.post(token, "["+strings.Join(events, ",")+"]"), 120, 0, 0, 0, 0)
	rows := w.want(w.get("/express/usage/month", token), 200).embedded("usage")
	if len(rows) != 2 {
		t.Fatalf("%d records, want 2", len(rows))
	}
	for _, row := range rows {
		units, amount, n := decimal.Decimal{}, decimal.Decimal{}, 0
		target := row["_links"].(map[string]any)["events"].(map[string]any)["href"].(string) + "?per_page=7"
		for target != "" {
			a := w.want(w.get(target, token), 200)
			for _, e := range a.embedded("events") {
				units, amount, n = units.Add(dec(t, e["number_of_units"])), amount.Add(dec(t, e["amount"])), n+1
				rate := e["rate"].(map[string]any)
				if rate["card_id"] != "acme-card" || fmt.Sprint(rate["version"]) != "1" || fmt.Sprint(rate["prefix"]) == "" {
					t.Errorf("rate %v", rate)
				}
			}
			target = a.link("next")
		}
		if n != 60 || units != dec(t, row["number_of_units"]) || amount != dec(t, row["total_amount"]) {
			t.Errorf("%d events add up to %s units, %s; the record says %v, %v", n, units, amount, row["number_of_units"], row["total_amount"])
		}
	}
}

func dec(t *testing.T, v any) decimal.Decimal {
	t.Helper()
	d, err := decimal.Parse(fmt.Sprint(v), 50, 24)
	if err != nil {
		t.Fatal(v, err)
	}
	return d
}

// TestLinkBase: links start with the public URL, else with what a trusted
// proxy says, else with the listen address; never with the Host header.
func TestLinkBase(t *testing.T) {
	headers := []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "billing.example.com", "X-Forwarded-Prefix", "/insights"}
	rfc7239 := []string{"Forwarded", `for=10.0.0.1;host=evil.example, for=192.0.2.1;proto=https;host="billing.example.com:8443"`}
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for _, tc := range []struct {
		name    string
		change  func(*api.Config)
		headers []string
		want    string
	}{
		{"nothing", func(*api.Config) {}, headers, ""},
		{"public URL", func(c *api.Config) { c.PublicURL = "https://pub.example/x"; c.Proxies = loopback }, headers, "https://pub.example/x"},
		{"proxy", func(c *api.Config) { c.Proxies = loopback }, headers, "https://billing.example.com/insights"},
		{"proxy, RFC 7239", func(c *api.Config) { c.Proxies = loopback }, rfc7239, "https://billing.example.com:8443"},
		{"proxy says nonsense", func(c *api.Config) { c.Proxies = loopback }, []string{"X-Forwarded-Host", "a/b?c", "X-Forwarded-Proto", "javascript"}, ""},
		{"another proxy", func(c *api.Config) { c.Proxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }, headers, ""},
	} {
		w := newWorld(t, tc.change)
		token := w.organization("acme", "", "a1")
		a := w.want(w.do("GET", "/express/usage/month?per_page=3", token, "", nil, append([]string{"Host", "evil.example"}, tc.headers...)...), 200)
		base := tc.want
		if base == "" {
			base = w.URL
		}
		if want := base + "/express/usage/month?page=1&per_page=3"; a.link("self") != want {
			t.Errorf("%s: self is %s, want %s", tc.name, a.link("self"), want)
		}
	}
}

// TestPageSaysWhenItHolds: as_of is the time of the page, show is self, and
// HEAD answers as GET does, without the body.
func TestPageSaysWhenItHolds(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", "", "acme-1")
	a := w.want(w.get("/express/usage/month", token), 200)
	if want := "2026-09-15T12:00:00Z"; overClickHouse() { // which has a clock of its own
		at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(a.JSON["as_of"]))
		if age := time.Since(at); err != nil || age < 0 || age > time.Minute {
			t.Errorf("as_of is %v, %v", a.JSON["as_of"], err)
		}
	} else if a.JSON["as_of"] != want {
		t.Errorf("as_of is %v, want %s", a.JSON["as_of"], want)
	}
	if got := spaced(a.JSON["page"], a.JSON["per_page"]); got != "1 50" {
		t.Errorf("page and per_page are %s", got)
	}
	if show := a.JSON["show"].(map[string]any)["href"]; show != a.link("self") {
		t.Errorf("show is %v, self %s", show, a.link("self"))
	}
	head := w.want(w.do("HEAD", "/express/usage/month", token, "", nil), 200)
	if head.Text != "" || head.Header.Get("Content-Length") != fmt.Sprint(len(a.Text)) {
		t.Errorf("HEAD: %q, Content-Length %s", head.Text, head.Header.Get("Content-Length"))
	}
}
