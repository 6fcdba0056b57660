package api_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tollbook"
)

func (w *world) void(token, list string) answer {
	w.Helper()
	return w.do("POST", "/v1/events/void", token, "application/json", []byte(list))
}

// voided sends one item and returns what became of it as "status month adjusts".
func (w *world) voided(token, item string) string {
	w.Helper()
	a := w.want(w.void(token, "["+item+"]"), 200)
	r := a.JSON["results"].([]any)[0].(map[string]any)
	return spaced(r["status"], r["booked_month"], r["adjusts"])
}

func (w *world) history(token, query string) answer {
	w.Helper()
	return w.want(w.get("/v1/events/history?"+query, token), 200)
}

// words are those of a history, the latest first.
func words(a answer) string {
	var all []string
	for _, h := range a.JSON["history"].([]any) {
		h := h.(map[string]any)
		amounts := []any{h["word"], h["booked_month"]}
		for _, c := range h["charges"].([]any) {
			amounts = append(amounts, c.(map[string]any)["amount"])
		}
		all = append(all, spaced(amounts...))
	}
	return strings.Join(all, "; ")
}

// TestVoid: an event of an open month is taken out of it, once; that of a
// closed month stays and is taken back in the first open one.
func TestVoid(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", minuteCard, "a1", "a2")
	w.post(token, calls("c1:2026-07-10T00:00:00Z", "c2:2026-07-11T00:00:00Z", "c3:2026-08-10T00:00:00Z"))
	w.post(token, `{"id":"d1","source":"pbx","account_id":"a1","occurred_at":"2026-07-12T00:00:00Z","type":"DIALER","quantity":60}`)

	for _, tc := range []struct{ item, want string }{
		{`{"source":"pbx","id":"c1","reason":"twice"}`, "voided 2026-07 false"},
		{`{"source":"pbx","id":"c1","reason":"again"}`, "already_voided <nil> false"},
		{`{"source":"pbx","id":"c9","reason":"x"}`, "not_found <nil> false"},
		{`{"source":"pbx","id":"c2","account_id":"a2","reason":"another account's"}`, "not_found <nil> false"},
		{`{"source":"pbx","id":"c2","account_id":"nobodys","reason":"x"}`, "not_found <nil> false"},
		{`{"source":"pbx","id":"d1","reason":"unrated"}`, "voided <nil> false"},
	} {
		if got := w.voided(token, tc.item); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.item, got, tc.want)
		}
	}
	if got := w.shown(token, ""); got != "2026-07 1 0.02; 2026-08 1 0.02" {
		t.Errorf("records %s", got)
	}
	if total := w.get("/v1/unrated", w.operator).JSON["total"]; fmt.Sprint(total) != "0" {
		t.Errorf("%v unrated", total)
	}
	w.tally(w.post(token, calls("c1:2026-07-10T00:00:00Z")), 0, 1, 0, 0, 0) // its name is taken for ever
	w.tally(w.post(token, calls("c1:2026-07-10T00:00:01Z")), 0, 0, 1, 0, 0)

	w.want(w.closeMonth("acme", "2026-07"), 200)
	a := w.want(w.void(w.operator, `[{"source":"pbx","id":"c2","account_id":"a1","reason":"wrong duration","replaced_by":{"source":"pbx","id":"c2-b"}},
		{"source":"pbx","id":"c2","account_id":"a1","reason":"in the same request"},{"source":"pbx","id":"nothing","account_id":"a1","reason":"x"}]`), 200)
	if got := spaced(a.JSON["voided"], a.JSON["already_voided"], a.JSON["not_found"], a.JSON["rejected"]); got != "1 1 1 0" {
		t.Errorf("receipt %s", a.Text)
	}
	if r := a.JSON["results"].([]any)[0].(map[string]any); r["booked_month"] != "2026-08" || r["adjusts"] != true {
		t.Errorf("result %v", r)
	}
	if got := w.shown(token, ""); got != "2026-07 1 0.02; 2026-08 0 0" {
		t.Errorf("records %s", got)
	}
	list := w.want(w.get("/v1/months/2026-07/adjustments?organization_id=acme", w.operator), 200).embedded("adjustments")
	if len(list) != 1 || list[0]["void"].(map[string]any)["reason"] != "wrong duration" || fmt.Sprint(list[0]["charges"].([]any)[0].(map[string]any)["amount"]) != "-0.02" {
		t.Errorf("adjustments %v", list)
	}
	w.drillDown(token, "2026-07", "c2 0.02")
	w.drillDown(token, "2026-08", "c2 -0.02; c3 0.02")
}

// drillDown wants the events of the records of a month to be these.
func (w *world) drillDown(token, month, want string) {
	w.Helper()
	var got []string
	for _, r := range w.get("/express/usage/month?filter="+url.QueryEscape("month eq '"+month+"'"), token).embedded("usage") {
		for _, e := range w.want(w.get("/express/usage/month/"+r["id"].(string)+"/events", token), 200).embedded("events") {
			got = append(got, spaced(e["id"], e["amount"]))
		}
	}
	if sorted(got) != want {
		w.Errorf("the events of %s are %s, want %s", month, sorted(got), want)
	}
}

// TestEventHistory: everything that was said of an event, and which stands for
// which.
func TestEventHistory(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", minuteCard, "a1")
	other := w.organization("other", "", "b1")
	w.post(token, calls("c1:2026-07-10T00:00:00Z"))
	if a := w.history(token, "source=pbx&id=c1"); a.JSON["status"] != "counted" || words(a) != "accepted 2026-07 0.02" {
		t.Errorf("counted: %s", a.Text)
	}
	w.want(w.closeMonth("acme", "2026-07"), 200)
	w.voided(token, `{"source":"pbx","id":"c1","reason":"wrong","replaced_by":{"source":"pbx","id":"c1/b"}}`)
	w.post(token, calls("c1/b:2026-07-10T00:00:00Z"))

	a := w.history(token, "source=pbx&id=c1&account_id=a1")
	if a.JSON["status"] != "voided" || words(a) != "voided 2026-08 -0.02; accepted 2026-07 0.02" || a.JSON["home_month"] != "2026-07" {
		t.Errorf("voided: %s", a.Text)
	}
	if by := a.JSON["replaced_by"].(map[string]any); by["id"] != "c1/b" || a.JSON["replaces"] != nil {
		t.Errorf("replaced by %v: %s", by, a.Text)
	}
	void := a.JSON["history"].([]any)[0].(map[string]any)["void"].(map[string]any)
	if void["reason"] != "wrong" || void["at"] != "2026-09-15T12:00:00Z" || !strings.HasPrefix(void["actor"].(string), "tb-") {
		t.Errorf("void %v", void)
	}
	b := w.history(w.operator, "source=pbx&id=c1/b&account_id=a1")
	if b.JSON["replaces"].(map[string]any)["id"] != "c1" || b.JSON["replaced_by"] != nil || words(b) != "accepted 2026-08 0.02" {
		t.Errorf("the replacement: %s", b.Text)
	}

	for _, tc := range []struct {
		query, token string
		status       int
	}{
		{"source=pbx&id=c9", token, 404},
		{"source=pbx&id=c1&account_id=b1", token, 404},
		{"source=pbx&id=c1", other, 404},
		{"source=pbx&id=c1&account_id=nobodys", w.operator, 404},
		{"source=pbx&id=c1", w.operator, 400},
		{"source=pbx", token, 400},
		{"source=&id=c1", token, 400},
	} {
		if a := w.get("/v1/events/history?"+tc.query, tc.token); a.Status != tc.status {
			t.Errorf("%s: %d, want %d: %s", tc.query, a.Status, tc.status, a.Text)
		}
	}
	_, writer := w.client("acme", tollbook.ScopeEventsWrite)
	w.want(w.get("/v1/events/history?source=pbx&id=c1", writer), 403)
}

// TestBadVoids: a list that is not valid voids nothing, and says all that is
// wrong with it.
func TestBadVoids(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", minuteCard, "a1")
	w.post(token, calls("c1:2026-07-10T00:00:00Z"))
	good := `{"source":"pbx","id":"c1","reason":"r"}`
	for _, tc := range []struct{ body, field string }{
		{`{}`, "body"},
		{`[]`, "body"},
		{`[1]`, "body"},
		{`[` + good, "body"},
		{`[` + good + `] x`, "body"},
		{`[` + good + `,{"source":"pbx","id":"c2"}]`, "[1].reason"},
		{`[` + good + `,{"id":"c2","reason":"r"}]`, "[1].source"},
		{`[` + good + `,{"source":"pbx","id":"","reason":"r"}]`, "[1].id"},
		{`[` + good + `,{"source":"pbx","id":"c2","reason":"r","colour":"red"}]`, "[1].colour"},
		{`[` + good + `,{"source":"pbx","id":"c2","id":"c3","reason":"r"}]`, "[1].id"},
		{`[{"source":"pbx","id":"c1","reason":"` + strings.Repeat("r", 257) + `"}]`, "[0].reason"},
		{`[{"source":"pbx","id":"c1","reason":"r","replaced_by":{"source":"pbx","id":"c1"}}]`, "[0].replaced_by"},
		{`[{"source":"pbx","id":"c1","reason":"r","replaced_by":{"source":"pbx"}}]`, "[0].replaced_by.id"},
		{`[{"source":"pbx","id":"c1","reason":"r","replaced_by":{"source":"pbx","ID":"x"}}]`, "[0].replaced_by"},
		{`[{"source":"pbx","id":"c1","reason":"r","replaced_by":"c2"}]`, "[0].replaced_by"},
		{`[{"source":"pbx","id":"c1","reason":"r","replaced_by":{}}]`, "[0].replaced_by.id"},
		{`[{"source":"pbx","id":"c1` + "\xff" + `","reason":"r"}]`, "[0].id"},
	} {
		a := w.void(token, tc.body)
		if _, named := a.field(tc.field); a.Status != 400 || !named {
			t.Errorf("%s: %d %s", tc.body, a.Status, a.Text)
		}
	}
	if _, named := w.want(w.void(w.operator, "["+good+"]"), 400).field("[0].account_id"); !named {
		t.Error("an operator may leave the account out")
	}
	w.want(w.void(token, "["+strings.Repeat(good+",", 1000)+good+"]"), 413)
	w.want(w.do("POST", "/v1/events/void", token, "text/csv", []byte(good)), 415)
	_, reader := w.client("acme", readScopes...)
	w.want(w.void(reader, "["+good+"]"), 403)
	if got := w.voided(token, `{"source":"pbx","id":"c1","reason":"r","replaced_by":null}`); got != "voided 2026-07 false" {
		t.Errorf("at last: %s", got)
	}
}

// TestTiersInDrillDown: each tier is a record; its events are those of the
// rate, and the cuts say what of them is in it.
func TestTiersInDrillDown(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", "resource,description,direction,resolutions,price_per_increment,increment,unit_of_measure,currency,free_units,tier_up_to,setup_fee\n"+
		"call,Calls,outbound,answered,0.03,1,MINUTES,USD,10,100,0.5\ncall,Calls,outbound,answered,0.01,1,MINUTES,USD,10,,0.5\ncall,Calls,,,0.03,1,MINUTES,USD,,,\n", "a1")
	var events []string
	for i := range 3 {
		events = append(events, fmt.Sprintf(`{"id":"%d","source":"pbx","account_id":"a1","occurred_at":"2026-08-0%dT00:00:00Z","type":"CALL","direction":"OUTBOUND","resolution":"ANSWERED","quantity":2400}`, i, i+1))
	}
	w.tally(w.post(token, "["+strings.Join(events, ",")+"]"), 3, 0, 0, 0, 0)
	got := map[string]string{}
	for _, r := range w.get("/express/usage/month", token).embedded("usage") {
		page := w.want(w.get("/express/usage/month/"+r["id"].(string)+"/events", token), 200)
		var shown []string
		for _, c := range page.JSON["cuts"].([]any) {
			c := c.(map[string]any)
			shown = append(shown, spaced("tier", c["tier"], "of", c["tiers"], c["starts_after"], c["ends_at"], c["booked_before"], c["increments"], c["in_tier"], c["amount"]))
		}
		var events []string // in an order of the ledger's own
		for _, e := range page.embedded("events") {
			events = append(events, spaced(e["id"], e["increments"], e["price"], e["amount"]))
		}
		shown = append(shown, slices.Sorted(slices.Values(events))...)
		got[spaced(r["type"], r["price"], r["number_of_units"], r["total_amount"])] = strings.Join(shown, "; ")
	}
	want := map[string]string{
		"CALL 0 10 0":            "tier 1 of 3 0 10 0 120 10 0; 0 40 0 <nil>; 1 40 0 <nil>; 2 40 0 <nil>",
		"CALL 0.03 90 2.7":       "tier 2 of 3 10 100 0 120 90 2.7; 0 40 0.03 <nil>; 1 40 0.03 <nil>; 2 40 0.03 <nil>",
		"CALL 0.01 20 0.2":       "tier 3 of 3 100 <nil> 0 120 20 0.2; 0 40 0.01 <nil>; 1 40 0.01 <nil>; 2 40 0.01 <nil>",
		"CALL_SERVICE 0.5 3 1.5": "0 1 0.5 0.5; 1 1 0.5 0.5; 2 1 0.5 0.5",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q", got)
	}
	charges := w.history(token, "source=pbx&id=1").JSON["history"].([]any)[0].(map[string]any)["charges"].([]any)
	if c := charges[0].(map[string]any); len(charges) != 2 || len(c["record_ids"].([]any)) != 3 || c["amount"] != nil {
		t.Errorf("charges %v", charges)
	}
}
