package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

const callCard = `resource,direction,prefixes,price_per_increment,increment,unit_of_measure,currency
call,outbound,351,0.012,1,minutes,USD
`

// sixCalls gives an organization five calls in August 2026 and one in September.
func sixCalls(w *world) (token string) {
	w.Helper()
	token = w.organization("acme", callCard, "acme-1", "acme-2")
	call := func(id, account, at, to string, quantity int) string {
		return fmt.Sprintf(`{"id":%q,"source":"pbx","account_id":%q,"occurred_at":%q,"type":"CALL","direction":"OUTBOUND","from":"+12025550100","to":%q,"quantity":%d,"attributes":{"sid":"CA-%s"}}`,
			id, account, at, to, quantity, id)
	}
	w.post(token, "["+strings.Join([]string{
		call("c1", "acme-1", "2026-08-01T10:00:00Z", "+351210001234", 61),
		call("c2", "acme-1", "2026-08-02T10:00:00Z", "+351210001234", 30),
		call("c3", "acme-2", "2026-08-03T10:00:00Z", "+351210001234", 90),
		call("c4", "acme-1", "2026-08-04T10:00:00Z", "+44 20 7946 0000", 45), // no rate
		call("c5", "acme-1", "2026-08-31T23:00:00Z", "+351210001234", 60),
		call("c6", "acme-1", "2026-09-01T00:00:00Z", "+351210001234", 60),
		`{"id":"r1","source":"wallet","account_id":"acme-1","occurred_at":"2026-08-04T00:00:00Z","type":"RECHARGE","quantity":1,"price":100,"currency":"USD"}`,
	}, ",")+"]")
	return token
}

const carrierFile = `Call Sid,From,To,Start Time,Duration,Price,Price Unit
CA-c1,+12025550100,+351210001234,2026-08-01 10:00:02,61,-0.024,USD
CA-c2,+12025550100,+351210001234,2026-08-02 10:00:02,31,-0.012,USD
CA-c3,+12025550100,+351210001234,2026-08-03 10:00:02,90,-0.024,USD
CA-c4,+12025550100,+442079460000,2026-08-04 10:00:02,45,-0.02,USD
CA-c6,+12025550100,+351210001234,2026-09-01 00:00:02,60,-0.012,USD
CA-x1,+12025550100,+351210009999,2026-08-05 10:00:02,5,-0.012,USD
`

// summary is the classes of a report and how many of them there are.
func summary(a answer) string {
	var b strings.Builder
	for _, c := range a.JSON["classes"].([]any) {
		c := c.(map[string]any)
		fmt.Fprintf(&b, "%s %s-%s; ", c["class"], c["rows"], c["events"])
	}
	return b.String()
}

func TestReconcile(t *testing.T) {
	w := newWorld(t)
	sixCalls(w)
	for _, tt := range []struct {
		query string
		want  string
	}{
		{"account_id=acme-1&month=2026-08&match=call", "matched 1-1; differing 2-2; missing_here 2-0; missing_there 0-1; outside 1-0; "},
		{"organization_id=acme&month=2026-08&match=call", "matched 2-2; differing 2-2; missing_here 1-0; missing_there 0-1; outside 1-0; "},
		{"organization_id=acme&month=2026-08&match=id&event_id=attributes.sid", "matched 2-2; differing 2-2; missing_here 1-0; missing_there 0-1; outside 1-0; "},
		{"organization_id=acme&month=2026-08", "matched 0-0; differing 0-0; missing_here 5-0; missing_there 0-5; outside 1-0; "},
		{"organization_id=acme&from=2026-08-01T00:00:00Z&to=2026-09-01T00:00:01Z&match=call", "matched 3-3; differing 2-2; missing_here 1-0; missing_there 0-1; outside 0-0; "},
		{"organization_id=acme&from=2026-08-01T00:00:00Z&to=2026-09-01T00:00:00Z&match=call", "matched 2-2; differing 2-2; missing_here 1-0; missing_there 0-1; outside 1-0; "},
		{"organization_id=acme&from=2026-08-02T00:00:00Z&to=2026-08-03T00:00:00Z&match=call", "matched 0-0; differing 1-1; missing_here 0-0; missing_there 0-0; outside 5-0; "},
		{"organization_id=acme&month=2026-08&match=call&compare=quantity&quantity_within=1", "matched 4-4; differing 0-0; missing_here 1-0; missing_there 0-1; outside 1-0; "},
		{"organization_id=acme&month=2026-08&match=call&sources=other,none", "matched 0-0; differing 0-0; missing_here 5-0; missing_there 0-0; outside 1-0; "},
		{"organization_id=acme&month=2026-08&match=call&types=RECHARGE", "matched 0-0; differing 0-0; missing_here 5-0; missing_there 0-1; outside 1-0; "},
		{"organization_id=acme&month=2026-08&match=call&within=1", "matched 0-0; differing 0-0; missing_here 5-0; missing_there 0-5; outside 1-0; "},
		{"organization_id=acme&month=2026-08&events=booked&match=call", "matched 2-2; differing 2-2; missing_here 1-0; missing_there 0-1; outside 1-0; "},
	} {
		a := w.want(w.do("POST", "/v1/reconcile?amount_factor=-1&"+tt.query, w.operator, "text/csv", []byte(carrierFile)), 200)
		if got := summary(a); got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.query, got, tt.want)
		}
	}
	a := w.do("POST", "/v1/reconcile?amount_factor=-1&organization_id=acme&month=2026-08&match=call", w.operator, "text/csv", []byte(carrierFile))
	if got := fmt.Sprint(a.JSON["total"]); got != "map[amounts:[map[currency:USD difference:0.02 ours:0.072 theirs:0.092]] quantities:[map[difference:-54 ours:286 theirs:232 unit:SECONDS]]]" {
		t.Errorf("total %s", got)
	}
}

// TestReconcileEverything: all differences as CSV and as JSON lines.
func TestReconcileEverything(t *testing.T) {
	w := newWorld(t)
	sixCalls(w)
	const target = "/v1/reconcile?amount_factor=-1&organization_id=acme&month=2026-08&match=call&limit=0"
	a := w.want(w.do("POST", target, w.operator, "text/csv", []byte(carrierFile)), 200)
	if got := fmt.Sprint(a.JSON["differing"], a.JSON["missing_there"]); got != "[] []" {
		t.Errorf("listed %s", got)
	}
	a = w.want(w.do("POST", target, w.operator, "text/csv", []byte(carrierFile), "Accept", "text/csv"), 200)
	const want = `class,differs,repeats,line,their_id,their_start,their_to,their_from,their_quantity,their_unit,their_amount,their_currency,source,id,account_id,start,to,from,quantity,unit,amount,currency,unrated
differing,quantity,,3,CA-c2,2026-08-02T10:00:02Z,+351210001234,+12025550100,31,SECONDS,0.012,USD,pbx,c2,acme-1,2026-08-02T10:00:00Z,+351210001234,+12025550100,30,SECONDS,0.012,USD,
differing,amount,,5,CA-c4,2026-08-04T10:00:02Z,+442079460000,+12025550100,45,SECONDS,0.02,USD,pbx,c4,acme-1,2026-08-04T10:00:00Z,+44 20 7946 0000,+12025550100,45,SECONDS,,,no_rate
missing_here,,,7,CA-x1,2026-08-05T10:00:02Z,+351210009999,+12025550100,5,SECONDS,0.012,USD,,,,,,,,,,,
missing_there,,,,,,,,,,,,pbx,c5,acme-1,2026-08-31T23:00:00Z,+351210001234,+12025550100,60,SECONDS,0.012,USD,
outside,,,6,CA-c6,2026-09-01T00:00:02Z,+351210001234,+12025550100,60,SECONDS,0.012,USD,,,,,,,,,,,
`
	if a.Text != want {
		t.Errorf("as CSV\n%s\nwant\n%s", a.Text, want)
	}
	a = w.want(w.do("POST", target, w.operator, "text/csv", []byte(carrierFile), "Accept", "application/x-ndjson"), 200)
	if n := strings.Count(a.Text, "\n"); n != 5 || !strings.HasPrefix(a.Text, `{"class":"differing","differs":["quantity"],"theirs":{"line":3,`) {
		t.Errorf("as JSON lines\n%s", a.Text)
	}
}

func TestReconcileRefuses(t *testing.T) {
	w := newWorld(t)
	token := sixCalls(w)
	post := func(query, body string, header ...string) answer {
		return w.do("POST", "/v1/reconcile?"+query, w.operator, "text/csv", []byte(body), header...)
	}
	for query, field := range map[string]string{
		"":                          "organization_id",
		"account_id=acme-1":         "month",
		"account_id=a&month=august": "month",
		"account_id=a&month=2026-08&from=2026-08-01T00:00:00Z":                         "month",
		"account_id=a&from=2026-08-01T00:00:00Z":                                       "from",
		"account_id=a&from=2026-08-01&to=2026-08-02T00:00:00Z":                         "from",
		"account_id=acme-1&from=2026-08-02T00:00:00Z&to=2026-08-02T00:00:00Z":          "to",
		"account_id=acme-1&from=2026-01-02T00:00:00Z&to=2026-08-02T00:00:00Z":          "to",
		"account_id=a&events=booked&from=2026-08-01T00:00:00Z&to=2026-08-02T00:00:00Z": "events",
		"account_id=a&month=2026-08&types=CALLS":                                       "types",
		"account_id=a&month=2026-08&event_id=name":                                     "event_id",
		"account_id=a&month=2026-08&event_id=attributes.":                              "event_id",
		"account_id=a&month=2026-08&columns=" + url.QueryEscape("colour=x"):            "columns",
		"account_id=a&month=2026-08&time_format=DD":                                    "time_format",
		"account_id=a&month=2026-08&time_zone=Local":                                   "time_zone",
		"account_id=a&month=2026-08&unit=FURLONGS":                                     "unit",
		"account_id=a&month=2026-08&currency=XXX":                                      "currency",
		"account_id=a&month=2026-08&amount_factor=0":                                   "amount_factor",
		"account_id=a&month=2026-08&amount_factor=x":                                   "amount_factor",
		"account_id=a&month=2026-08&amount_within=-1":                                  "amount_within",
		"account_id=a&month=2026-08&within=3601":                                       "within",
		"account_id=a&month=2026-08&match=luck":                                        "match",
		"account_id=a&month=2026-08&compare=quality":                                   "compare",
		"account_id=a&month=2026-08&decimal_comma=yes":                                 "decimal_comma",
	} {
		a := w.want(post(query, carrierFile), 400)
		if _, ok := a.field(field); !ok {
			t.Errorf("%s: no field %s in %s", query, field, a.Text)
		}
	}
	w.want(w.do("POST", "/v1/reconcile?account_id=acme-1&month=2026-08", token, "text/csv", []byte(carrierFile)), 403)
	w.want(w.do("POST", "/v1/reconcile?account_id=acme-1&month=2026-08", w.operator, "application/json", []byte("{}")), 415)
	w.want(post("account_id=acme-1&month=2026-08", carrierFile, "Accept", "text/html"), 406)
	w.want(post("account_id=nobodys&month=2026-08", carrierFile), 404)
	w.want(post("organization_id=nobody&month=2026-08", carrierFile), 404)
	w.want(post("organization_id=other&account_id=acme-1&month=2026-08", carrierFile), 404)
	a := w.want(post("account_id=acme-1&month=2026-08", "Call Sid,Duration\nx,long\n"), 422)
	if why, _ := a.field("line 2, Duration"); !strings.Contains(why, "not a decimal number") {
		t.Errorf("the fault is %s", a.Text)
	}
}
