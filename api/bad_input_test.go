package api_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"tollbook"
)

func event(change ...string) string {
	fields := map[string]any{"id": "1", "source": "s", "account_id": "acme-1", "occurred_at": "2026-08-01T00:00:00Z", "type": "CALL", "quantity": 1}
	for i := 0; i+1 < len(change); i += 2 {
		fields[change[i]] = json.RawMessage(change[i+1])
	}
	b, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// TestBadQueries: each gets the status and code of the contract and names the
// parameter at fault.
func TestBadQueries(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", "", "acme-1")
	w.organization("other", "", "other-1")
	deep := strings.Repeat("(", 790) + "month eq '2026-08'" + strings.Repeat(")", 790)
	for _, tc := range []struct {
		query  string
		status int
		code   string
		field  string
		says   string
	}{
		{"page=0", 400, "invalid_request", "page", "1 to 2147483647"},
		{"page=2147483648", 400, "invalid_request", "page", ""},
		{"page=99999999999999999999", 400, "invalid_request", "page", ""},
		{"page=-1", 400, "invalid_request", "page", ""},
		{"page=1.5", 400, "invalid_request", "page", ""},
		{"page=+1", 400, "invalid_request", "page", ""},
		{"page=", 400, "invalid_request", "page", ""},
		{"per_page=0", 400, "invalid_request", "per_page", "1 to 250"},
		{"per_page=251", 400, "invalid_request", "per_page", ""},
		{"pages=1", 400, "invalid_request", "pages", "is not a parameter here"},
		{"Filter=x", 400, "invalid_request", "Filter", ""},
		{"page=1&page=1", 400, "invalid_request", "page", "more than once"},
		{"page=%zz", 400, "invalid_request", "query", ""},
		{"filter=", 400, "invalid_request", "filter", "column 1"},
		{"filter=month+eq+'2023-13'", 400, "invalid_request", "filter", "2023-13"},
		{"filter=month+eq+'2023-08", 400, "invalid_request", "filter", "column 10"},
		{"filter=months+eq+'2023-08'", 400, "invalid_request", "filter", "column 1"},
		{"filter=type+eq+'PHONE'", 400, "invalid_request", "filter", "PHONE"},
		{"filter=total_amount+gt+'1,5'", 400, "invalid_request", "filter", "1,5"},
		{"filter=" + url.QueryEscape("total_amount gt 'NaN'"), 400, "invalid_request", "filter", ""},
		{"filter=" + strings.Repeat("x", 1601), 400, "invalid_request", "filter", "1600"},
		{"filter=" + url.QueryEscape(deep), 400, "invalid_request", "filter", ""},
		{"filter=" + url.QueryEscape(strings.Repeat("not ", 390)+"month eq '2026-08'"), 400, "invalid_request", "filter", ""},
		{"filter=%ff", 400, "invalid_request", "filter", "UTF-8"},
		{"order_by=price:asc", 400, "invalid_request", "order_by", "total_amount"},
		{"order_by=id", 400, "invalid_request", "order_by", ""},
		{"order_by=id:ASC", 400, "invalid_request", "order_by", ""},
		{"order_by=" + strings.Repeat("i", 41), 400, "invalid_request", "order_by", "40"},
		{"order_by=", 400, "invalid_request", "order_by", "empty"},
		{"cursor=", 400, "invalid_request", "cursor", "empty"},
		{"cursor=xyz", 400, "invalid_request", "cursor", ""},
		{"cursor=" + strings.Repeat("A", 5000), 400, "invalid_request", "cursor", ""},
		{"filter=account_id+eq+'other-1'", 403, "account_not_under_organization", "account_id", "other-1"},
		{"filter=account_id+eq+'no-such'", 403, "account_not_under_organization", "account_id", "no-such"},
		{"filter=month+eq+'2026-08'+or+not+account_id+in+('acme-1','other-1')", 403, "account_not_under_organization", "account_id", "other-1"},
		{"filter=account_id+ne+'other-1'", 403, "account_not_under_organization", "account_id", "other-1"},
		{"page=0&filter=account_id+eq+'other-1'", 400, "invalid_request", "page", ""},
	} {
		a := w.get("/express/usage/month?"+tc.query, token)
		said, named := a.field(tc.field)
		if a.Status != tc.status || a.code() != tc.code || !named || !strings.Contains(said, tc.says) {
			t.Errorf("%.80s: %d %s", tc.query, a.Status, a.Text)
		}
	}
	foreign := w.get("/express/usage/month?filter=account_id+eq+'other-1'", token).Text
	unknown := w.get("/express/usage/month?filter=account_id+eq+'nobody1'", token).Text
	if strings.ReplaceAll(foreign, "other-1", "nobody1") != unknown {
		t.Errorf("a foreign account and an unknown one can be told apart:\n%s\n%s", foreign, unknown)
	}
	for _, ranging := range []string{"account_id gt 'other'", "contains(account_id,'other-1')", "account_id ne null"} {
		w.want(w.get("/express/usage/month?filter="+url.QueryEscape(ranging), token), 200)
	}
	w.want(w.get("/healthz", ""), 200)
}

// TestCursorIsBound: with another filter, order or organization a cursor is a
// 400.
func TestCursorIsBound(t *testing.T) {
	w := newWorld(t)
	token, other := manyRecords(w, "acme", 30), manyRecords(w, "other", 30)
	next, err := url.Parse(w.get("/express/usage/month?per_page=10&order_by=month:asc", token).link("next"))
	w.must(err)
	cursor := next.Query().Get("cursor")
	for _, tc := range []struct{ token, query string }{
		{token, "order_by=month:desc"}, {token, "order_by=id:asc"}, {token, "order_by=month:asc&filter=month+eq+'2026-01'"}, {other, "order_by=month:asc"},
	} {
		a := w.want(w.get("/express/usage/month?"+tc.query+"&cursor="+cursor, tc.token), 400)
		if _, named := a.field("cursor"); !named {
			t.Errorf("%s: %s", tc.query, a.Text)
		}
	}
	w.want(w.get("/express/usage/month?order_by=month:asc&cursor="+cursor, token), 200)
	for i := range cursor {
		damaged := cursor[:i] + string("AB"[b2i(cursor[i] == 'A')]) + cursor[i+1:]
		if a := w.get("/express/usage/month?order_by=month:asc&cursor="+damaged, token); a.Status != 200 && a.Status != 400 {
			t.Fatalf("a damaged cursor: %d %s", a.Status, a.Text)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestBadEvents: each event is rejected alone and names the field.
func TestBadEvents(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", sipCard, "acme-1")
	w.organization("other", "", "other-1")
	for _, tc := range []struct{ change, field string }{
		{`quantity 1e400`, "quantity"}, {`quantity "NaN"`, "quantity"}, {`quantity "1,5"`, "quantity"}, {`quantity -1`, "quantity"},
		{`quantity true`, "quantity"}, {`quantity null`, "quantity"}, {`quantity 0.0000000000001`, "quantity"},
		{`type "PHONE"`, "type"}, {`unit "seconds"`, "unit"}, {`colour "red"`, "colour"}, {`id ""`, "id"},
		{`occurred_at "2026-08-01"`, "occurred_at"}, {`occurred_at "2026-08-01T00:00:00"`, "occurred_at"},
		{`occurred_at "2026-09-16T12:00:01Z"`, "occurred_at"}, {`price 1`, "currency"}, {`attributes {"a":1}`, "attributes"},
		{`account_id "other-1"`, "account_id"}, {`account_id "nobody1"`, "account_id"},
	} {
		name, value, _ := strings.Cut(tc.change, " ")
		a := w.post(token, "["+event(name, value)+"]")
		w.tally(a, 0, 0, 0, 1, 0)
		res := a.JSON["results"].([]any)[0].(map[string]any)
		if !strings.Contains(fmt.Sprint(res["fields"]), "name:"+tc.field) {
			t.Errorf("%s: %s", tc.change, a.Text)
		}
	}
	foreign := w.post(token, event("account_id", `"other-1"`)).Text
	if unknown := w.post(token, event("account_id", `"nobody1"`)).Text; foreign != unknown {
		t.Errorf("a foreign account and an unknown one can be told apart:\n%s\n%s", foreign, unknown)
	}
	_, unpriced := w.client("acme", tollbook.ScopeEventsWrite)
	for _, e := range []string{event("price", "1", "currency", `"USD"`), event("type", `"RECHARGE"`)} {
		a := w.post(unpriced, e)
		if !strings.Contains(a.Text, `"price_not_allowed"`) {
			t.Errorf("%s: %s", e, a.Text)
		}
	}
	// A rejected event claims nothing: corrected, it is taken under its name.
	w.tally(w.post(token, event("type", `"NUMBER"`, "unit", `"MINUTES"`, "direction", `"INBOUND"`)), 1, 0, 0, 0, 0)
}

// TestBadBodies: the request fails as a whole and nothing is taken.
func TestBadBodies(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", "", "acme-1")
	many := "[" + strings.Repeat(event()+",", 10_000) + event() + "]"
	big := `[{"id":"` + strings.Repeat("x", 20<<20) + `"}]`
	for _, tc := range []struct {
		name, contentType, body string
		header                  []string
		status                  int
		code                    string
	}{
		{"truncated", "application/json", "[" + event() + "," + event()[:40], nil, 400, "invalid_request"},
		{"empty", "application/json", "", nil, 400, "invalid_request"},
		{"a number", "application/json", "17", nil, 400, "invalid_request"},
		{"trailing", "application/json", "[]x", nil, 400, "invalid_request"},
		{"10,001 events", "application/json", many, nil, 413, "too_large"},
		{"20 MB", "application/json", big, nil, 413, "too_large"},
		{"20 MB gzip", "application/json", gzipped(t, big), []string{"Content-Encoding", "gzip"}, 413, "too_large"},
		{"20 MB zstd", "application/json", zstded(t, big), []string{"Content-Encoding", "zstd"}, 413, "too_large"},
		{"not gzip", "application/json", event(), []string{"Content-Encoding", "gzip"}, 400, "invalid_request"},
		{"brotli", "application/json", event(), []string{"Content-Encoding", "br"}, 415, "unsupported_media_type"},
		{"no type", "", event(), nil, 415, "unsupported_media_type"},
		{"XML", "application/xml", "<a/>", nil, 415, "unsupported_media_type"},
		{"CSV header", "text/csv", "id,colour\n1,red\n", nil, 400, "invalid_request"},
		{"deep", "application/json", strings.Repeat("[", 100000), nil, 400, "invalid_request"},
	} {
		a := w.do("POST", "/v1/events", token, tc.contentType, []byte(tc.body), tc.header...)
		if a.Status != tc.status || a.code() != tc.code {
			t.Errorf("%s: %d %.300s", tc.name, a.Status, a.Text)
		}
	}
	a := w.want(w.get("/express/usage/month", token), 200)
	if fmt.Sprint(a.JSON["total"]) != "0" || fmt.Sprint(w.get("/v1/unrated", w.operator).JSON["total"]) != "0" {
		t.Errorf("something was taken: %s", a.Text)
	}
	w.want(w.get("/readyz", ""), 200)
}

func gzipped(t *testing.T, s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zstded(t *testing.T, s string) string {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(z.EncodeAll([]byte(s), nil))
}

// TestBadTokens: no token that this issuer did not sign, or signed too long
// ago, opens anything.
func TestBadTokens(t *testing.T) {
	w, stranger := newWorld(t), newWorld(t)
	token := w.organization("acme", "", "acme-1")
	foreign := stranger.organization("acme", "", "acme-1")
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	payload := strings.Split(token, ".")[1]
	for name, bad := range map[string]string{
		"none at all": "", "another issuer's": foreign, "alg none": part(`{"alg":"none","typ":"at+jwt"}`) + "." + payload + ".",
		"tampered": token[:len(token)-4] + "AAAA", "garbage": "x", "huge": strings.Repeat("x", 20000),
	} {
		a := w.get("/express/usage/month", bad)
		if a.Status != 401 || a.code() != "unauthorized" || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: %d %s %s", name, a.Status, a.Header.Get("WWW-Authenticate"), a.Text)
		}
	}
	w.want(w.get("/express/usage/month", token), 200)
	w.advance(time.Hour + 2*time.Minute)
	w.want(w.get("/express/usage/month", token), 401)
}

func TestBadAddresses(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", "", "acme-1")
	for _, tc := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "/express/usage", 404, "not_found"},
		{"GET", "/", 404, "not_found"},
		{"GET", "//express/usage/month", 404, "not_found"},
		{"GET", "/express/../express/usage/month", 404, "not_found"},
		{"GET", "/express/usage/month/", 404, "not_found"},
		{"DELETE", "/express/usage/month", 405, "method_not_allowed"},
		{"PATCH", "/v1/accounts/acme-1", 405, "method_not_allowed"},
		{"GET", "/express/usage/month/x", 404, "not_found"},
		{"GET", "/express/usage/month/00000000000000000000000000000000", 404, "not_found"},
		{"GET", "/express/usage/month/00000000000000000000000000000000/events", 404, "not_found"},
	} {
		a := w.do(tc.method, tc.path, token, "", nil)
		if a.Status != tc.status || a.code() != tc.code {
			t.Errorf("%s %s: %d %s", tc.method, tc.path, a.Status, a.Text)
		}
	}
	if a := w.do("DELETE", "/express/usage/month", token, "", nil); a.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow: %q", a.Header.Get("Allow"))
	}
	for accept, want := range map[string]string{
		"application/json": "application/json", "*/*": "application/hal+json", "application/*;q=0.5, application/json": "application/json",
		"text/html, application/hal+json": "application/hal+json", "text/html": "", "application/hal+json;q=0": "",
	} {
		a := w.do("GET", "/express/usage/month", token, "", nil, "Accept", accept)
		if want == "" && a.Status != 406 || want != "" && a.Header.Get("Content-Type") != want {
			t.Errorf("Accept %s: %d %s", accept, a.Status, a.Header.Get("Content-Type"))
		}
	}
}
