package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

const minuteCard = `resource,description,price_per_increment,increment,unit_of_measure,currency,product_id
call,Calls,0.02,1,MINUTES,USD,P-CALL
`

// calls are events of account a1, named by what is behind the colon of an
// instant: "c1:2026-07-10T00:00:00Z".
func calls(at ...string) string {
	var events []string
	for _, s := range at {
		id, instant, _ := strings.Cut(s, ":")
		events = append(events, fmt.Sprintf(`{"id":%q,"source":"pbx","account_id":"a1","occurred_at":%q,"type":"CALL","quantity":60}`, id, instant))
	}
	return "[" + strings.Join(events, ",") + "]"
}

func (w *world) closeMonth(organization, month string) answer {
	w.Helper()
	return w.do("POST", "/v1/months/"+month+"/close", w.operator, "application/json", []byte(`{"organization_id":"`+organization+`"}`))
}

// shown are the records of an organization as "month units total", sorted.
func (w *world) shown(token, query string) string {
	w.Helper()
	var rows []string
	for _, r := range w.want(w.get("/express/usage/month?per_page=250"+query, token), 200).embedded("usage") {
		rows = append(rows, spaced(r["month"], r["number_of_units"], r["total_amount"]))
	}
	return sorted(rows)
}

// sorted joins rows in order.
func sorted(rows []string) string {
	slices.Sort(rows)
	return strings.Join(rows, "; ")
}

// TestMonthsClose: in order, once, not before they have ended; what comes late
// is booked in the first open month and listed as an adjustment.
func TestMonthsClose(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", minuteCard, "a1")
	if why, _ := w.want(w.closeMonth("acme", "2026-07"), 409).field("month"); !strings.Contains(why, "has no records") {
		t.Errorf("closing a month without any records: %s", why)
	}
	if months := w.want(w.get("/v1/months?organization_id=acme", w.operator), 200).embedded("months"); len(months) != 1 || months[0]["month"] != "2026-09" {
		t.Errorf("months without any records: %v", months)
	}
	w.tally(w.post(token, calls("c1:2026-07-10T00:00:00Z", "c2:2026-07-11T00:00:00Z", "c3:2026-08-10T00:00:00Z")), 3, 0, 0, 0, 0)

	for month, says := range map[string]string{"2026-08": "first month with records, which is 2026-07", "2026-06": "first month that has some is 2026-07"} {
		a := w.closeMonth("acme", month)
		if why, _ := a.field("month"); a.Status != 409 || !strings.Contains(why, says) {
			t.Errorf("closing %s: %d %s", month, a.Status, a.Text)
		}
	}
	w.want(w.closeMonth("nobody", "2026-07"), 404)
	w.want(w.closeMonth("acme", "2026-13"), 400)
	if why, _ := w.want(w.do("POST", "/v1/months/2026-07/close", w.operator, "application/json", []byte("{}")), 400).field("organization_id"); why != "is required" {
		t.Errorf("closing a month of nobody: %q", why)
	}

	july := w.want(w.closeMonth("acme", "2026-07"), 200)
	statement := july.JSON["statement"].(map[string]any)
	if july.JSON["state"] != "closed" || spaced(statement["records"], statement["totals"], statement["unrated_events"]) != "1 [map[currency:USD put_in:0 usage:0.04]] 0" {
		t.Errorf("closed as %s", july.Text)
	}
	if again := w.want(w.closeMonth("acme", "2026-07"), 200); again.Text != july.Text {
		t.Errorf("closed again as %s", again.Text)
	}
	if got := w.want(w.get("/v1/months/2026-07?organization_id=acme", w.operator), 200); got.Text != july.Text {
		t.Errorf("the month is %s, want %s", got.Text, july.Text)
	}
	if a := w.closeMonth("acme", "2026-06"); a.Status != 409 {
		t.Errorf("closing a month before the first: %d %s", a.Status, a.Text)
	}

	// A late event is booked in August, a repeat is a repeat.
	w.tally(w.post(token, calls("c1:2026-07-10T00:00:00Z", "late:2026-07-31T23:00:00Z")), 1, 1, 0, 0, 0)
	if got, want := w.shown(token, ""), "2026-07 2 0.04; 2026-08 2 0.04"; got != want {
		t.Errorf("records %s, want %s", got, want)
	}
	list := w.want(w.get("/v1/months/2026-07/adjustments?organization_id=acme", w.operator), 200).embedded("adjustments")
	if len(list) != 1 || list[0]["booked_month"] != "2026-08" || list[0]["event"].(map[string]any)["id"] != "late" || list[0]["void"] != nil {
		t.Errorf("adjustments %v", list)
	}

	w.want(w.closeMonth("acme", "2026-08"), 200)
	if why, _ := w.want(w.closeMonth("acme", "2026-09"), 409).field("month"); !strings.Contains(why, "has not ended yet for account a1: it does at 2026-10-01T00:00:00Z") {
		t.Errorf("September: %s", why)
	}
	states := map[any]any{}
	for _, m := range w.want(w.get("/v1/months?organization_id=acme", w.operator), 200).embedded("months") {
		states[m["month"]] = m["state"]
	}
	if fmt.Sprint(states) != "map[2026-07:closed 2026-08:closed 2026-09:open]" {
		t.Errorf("months %v", states)
	}
	w.want(w.get("/v1/months/2026-10?organization_id=acme", w.operator), 404)
	w.want(w.get("/v1/months/2026-06?organization_id=acme", w.operator), 404)
	page := w.want(w.get("/v1/months?organization_id=acme&per_page=1&filter="+url.QueryEscape("state eq 'closed'"), w.operator), 200)
	if next := w.want(w.get(page.link("next"), w.operator), 200); len(next.embedded("months")) != 1 || next.embedded("months")[0]["month"] != "2026-07" {
		t.Errorf("the second closed month: %s", next.Text)
	}
}

// TestMonthEndsForTheLastAccount: an organization's month has ended when it
// has for the last of its accounts.
func TestMonthEndsForTheLastAccount(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", minuteCard, "a1")
	w.want(w.put("/v1/accounts/a2", `{"organization_id":"acme","name":"far west","time_zone":"Pacific/Pago_Pago"}`), 201)
	w.tally(w.post(token, calls("c1:2026-09-10T00:00:00Z")), 1, 0, 0, 0, 0)
	w.advance(time.Date(2026, 10, 1, 10, 59, 59, 0, time.UTC).Sub(w.clock()))
	w.login()
	why, _ := w.want(w.closeMonth("acme", "2026-09"), 409).field("month")
	if !strings.Contains(why, "account a2: it does at 2026-10-01T11:00:00Z") {
		t.Errorf("refused as %q", why)
	}
	w.advance(time.Second)
	w.want(w.closeMonth("acme", "2026-09"), 200)
}

// TestStatementCanBeRecomputed: whoever has the records can work the hash of
// their canonical form out.
func TestStatementCanBeRecomputed(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", "", "a1")
	var events []string
	for i := range 300 {
		events = append(events, fmt.Sprintf(`{"id":"%d","source":"s","account_id":"a1","occurred_at":"2026-08-03T00:00:00Z","type":%q,"quantity":"%d.50","price":"0.0%d0","currency":%q,"description":%q,"wallet_name":%q}`,
			i, []string{"CALL", "RECHARGE"}[i%2], i, i%10, []string{"EUR", "USD", "GBP"}[i%3], fmt.Sprint("d\t\\\r\n\"", i), []string{"", "w"}[i%2]))
	}
	w.tally(w.post(token, "["+strings.Join(events, ",")+"]"), 300, 0, 0, 0, 0)
	statement := w.want(w.closeMonth("acme", "2026-08"), 200).JSON["statement"].(map[string]any)

	fields := []string{"id", "account_id", "product_id", "aggr_product_id", "month", "type", "description", "currency", "direction", "resolution", "unit", "price", "wallet_name", "number_of_units", "total_amount"}
	escape := strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)
	sum, n := sha256.New(), 0
	for target := "/express/usage/month?order_by=id:asc&filter=" + url.QueryEscape("month eq '2026-08'"); target != ""; {
		page := w.want(w.get(target, token), 200)
		for _, r := range page.embedded("usage") {
			for i, name := range fields {
				if i > 0 {
					fmt.Fprint(sum, "\t")
				}
				if r[name] != nil {
					fmt.Fprint(sum, escape.Replace(fmt.Sprint(r[name])))
				}
			}
			fmt.Fprint(sum, "\n")
			n++
		}
		target = page.link("next")
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != 300 || got != statement["sha256"] {
		t.Errorf("%d records have SHA-256 %s; the statement is %v", n, got, statement)
	}
	if len(statement["totals"].([]any)) != 3 {
		t.Errorf("totals %v", statement["totals"])
	}
}

// TestUnratedAtTheClose: a month with unrated events can be closed, the
// statement says how many there are, and what a rate covers later is booked in
// the first open month.
func TestUnratedAtTheClose(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", minuteCard, "a1")
	dialer := `{"id":"d1","source":"pbx","account_id":"a1","occurred_at":"2026-07-12T00:00:00Z","type":"DIALER","quantity":60}`
	w.post(token, calls("c1:2026-07-10T00:00:00Z"))
	w.tally(w.post(token, dialer), 0, 0, 0, 0, 1)
	statement := w.want(w.closeMonth("acme", "2026-07"), 200).JSON["statement"].(map[string]any)
	if fmt.Sprint(statement["unrated_events"]) != "1" {
		t.Errorf("statement %v", statement)
	}
	w.want(w.do("PUT", "/v1/rate-cards/acme-card", w.operator, "text/csv", []byte(minuteCard+"dialer,Dialer,1,1,MINUTES,USD,P-DIAL\n")), 200)
	_, err := w.book.TakeUp(context.Background())
	w.must(err)
	if got, want := w.shown(token, ""), "2026-07 1 0.02; 2026-08 1 1"; got != want {
		t.Errorf("records %s, want %s", got, want)
	}
	list := w.want(w.get("/v1/months/2026-07/adjustments?organization_id=acme&account_id=a1", w.operator), 200).embedded("adjustments")
	if len(list) != 1 || list[0]["event"].(map[string]any)["id"] != "d1" {
		t.Errorf("adjustments %v", list)
	}
}

// TestUsageAsOf: the past is answered from the last mark at or before it.
func TestUsageAsOf(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", minuteCard, "a1")
	w.organization("other", minuteCard, "b1")
	at := func() string { return "&as_of=" + url.QueryEscape(w.clock().Format(time.RFC3339)) }
	w.post(token, calls("c1:2026-07-10T00:00:00Z", "c2:2026-08-10T00:00:00Z"))
	if a := w.want(w.get("/express/usage/month?"+at(), token), 400); !strings.Contains(a.Text, "nothing has been marked yet") {
		t.Errorf("before any mark: %s", a.Text)
	}
	w.advance(time.Minute)
	w.want(w.closeMonth("acme", "2026-07"), 200)
	first := at()
	w.advance(time.Minute)
	w.post(token, calls("c3:2026-07-10T00:00:00Z", "c4:2026-08-11T00:00:00Z"))
	w.post(w.operator, strings.ReplaceAll(calls("o:2026-08-11T00:00:00Z"), "a1", "b1"))
	w.want(w.closeMonth("other", "2026-08"), 200)
	second := at()
	w.advance(time.Minute)
	w.want(w.closeMonth("acme", "2026-08"), 200)

	for _, tc := range []struct{ query, want, month string }{
		{"", "2026-07 1 0.02; 2026-08 3 0.06", ""},
		{first, "2026-07 1 0.02; 2026-08 1 0.02", "2026-07"},
		{second, "2026-07 1 0.02; 2026-08 1 0.02", "2026-07"}, // the mark of another organization is none
		{at(), "2026-07 1 0.02; 2026-08 3 0.06", "2026-08"},
	} {
		if got := w.shown(token, tc.query); got != tc.want {
			t.Errorf("%q: %s, want %s", tc.query, got, tc.want)
		}
		a := w.want(w.get("/express/usage/month?per_page=1"+tc.query, token), 200)
		mark, _ := a.JSON["mark"].(map[string]any)
		if tc.month == "" != (mark == nil) || mark != nil && (mark["of"] != tc.month || mark["reason"] != "close" || mark["at"] != a.JSON["as_of"]) {
			t.Errorf("%q: mark %v", tc.query, mark)
		}
		next := w.want(w.get(a.link("next"), token), 200)
		if fmt.Sprint(next.JSON["mark"]) != fmt.Sprint(a.JSON["mark"]) {
			t.Errorf("%q: the next page is of %v", tc.query, next.JSON["mark"])
		}
	}
	before := url.QueryEscape(w.clock().Add(-time.Hour).Format(time.RFC3339))
	ahead := url.QueryEscape(w.clock().Add(time.Hour).Format(time.RFC3339))
	for query, says := range map[string]string{"as_of=" + before: "is before the first mark, which is of 2026-09-15T12:01:00Z", "as_of=" + ahead: "has not come yet", "as_of=yesterday": "RFC 3339", "as_of=": "RFC 3339"} {
		if why, _ := w.want(w.get("/express/usage/month?"+query, token), 400).field("as_of"); !strings.Contains(why, says) {
			t.Errorf("%s: %q", query, why)
		}
	}
	moved := strings.Replace(w.get("/express/usage/month?per_page=1"+first, token).link("next"), first[1:], at()[1:], 1)
	if a := w.get(moved, token); a.Status != 400 {
		t.Errorf("a cursor of another mark: %d", a.Status)
	}
}
