package api_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tollbook"
)

// TestSameEventInEveryFormat: what an event is sent as makes no difference,
// and a repeat is told as one.
func TestSameEventInEveryFormat(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", sipCard, "acme-1")
	fields := `"occurred_at":"2026-08-01T00:00:00Z","account_id":"acme-1","type":"CALL","quantity":1.50,"price":"2","currency":"USD"`
	send := func(contentType, body string, accepted int, header ...string) {
		t.Helper()
		a := w.want(w.do("POST", "/v1/events", token, contentType, []byte(body), header...), 200)
		w.tally(a, accepted, 1-accepted, 0, 0, 0)
	}
	cloudEvent := `{"specversion":"1.0","type":"com.example.call","id":"1","source":"s","subject":"acme-1","time":"2026-08-01T02:00:00+02:00","x":1,` +
		`"data":{"quantity":"15e-1","type":"CALL","unit":"SECONDS","price":2.0,"currency":"USD"}}`
	send("application/cloudevents+json", cloudEvent, 1)
	send("application/cloudevents-batch+json", "["+cloudEvent+"]", 0)
	send("application/json", `{"id":"1","source":"s",`+fields+`}`, 0)
	send("application/json; charset=utf-8", `[{`+fields+`,"source":"s","id":"1"}]`, 0)
	send("application/x-ndjson", `{"id":"1","source":"s",`+fields+"}\r\n\n", 0)
	send("text/csv", "id,source,account_id,occurred_at,type,quantity,price,currency\n1,s,acme-1,2026-08-01T00:00:00Z,CALL,1.5,2,USD", 0)
	send("application/json", gzipped(t, `{"id":"1","source":"s",`+fields+`}`), 0, "Content-Encoding", "gzip")
	send("application/json", zstded(t, `{"id":"1","source":"s",`+fields+`}`), 0, "Content-Encoding", "zstd")

	record := w.get("/express/usage/month", token).embedded("usage")[0]
	events := w.get("/express/usage/month/"+record["id"].(string)+"/events", token).embedded("events")
	if len(events) != 1 || events[0]["cloudevent_type"] != "com.example.call" {
		t.Errorf("the events are %v", events)
	}
}

// TestEventsCountInTheirOrder: the first of two that share a name counts, a
// rejected one claims nothing.
func TestEventsCountInTheirOrder(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", sipCard, "acme-1")
	priced := func(price string) string { return event("price", price, "currency", `"USD"`) }
	a := w.post(token, "["+strings.Join([]string{priced("-1"), priced("1"), priced("1.0"), priced("2")}, ",")+"]")
	w.tally(a, 1, 1, 1, 1, 0)
	results := a.JSON["results"].([]any)
	for i, want := range []string{"0 rejected", "2 duplicate", "3 conflict"} {
		if r := results[i].(map[string]any); spaced(r["index"], r["status"]) != want || r["id"] != "1" || r["source"] != "s" {
			t.Errorf("result %d is %v, want %s", i, r, want)
		}
	}
	if row := w.get("/express/usage/month", token).embedded("usage")[0]; fmt.Sprint(row["total_amount"]) != "1" {
		t.Errorf("the record is %v", row)
	}
}

// TestBoundsOfAnEvent: just within, and just beyond.
func TestBoundsOfAnEvent(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", "resource,price_per_increment,increment,currency\nMESSAGE,1,0.001,USD\n", "acme-1")
	for i, tc := range []struct {
		field, value string
		code         string // "": accepted
	}{
		{"occurred_at", `"2026-09-16T12:00:00Z"`, ""}, // 24 hours ahead
		{"occurred_at", `"2026-09-16T12:00:00.000000001Z"`, "invalid_event"},
		{"occurred_at", `"0001-01-01T00:00:00Z"`, ""},
		{"quantity", `1000000000000`, ""},
		{"quantity", `1000000000000.0001`, "too_many_increments"},
		{"source", `"` + strings.Repeat("s", 256) + `"`, ""},
		{"source", `"` + strings.Repeat("s", 257) + `"`, "invalid_event"},
	} {
		a := w.post(token, event("id", fmt.Sprintf(`"b%d"`, i), "type", `"MESSAGE"`, tc.field, tc.value))
		if results := a.JSON["results"].([]any); (tc.code == "") != (len(results) == 0) || tc.code != "" && results[0].(map[string]any)["code"] != tc.code {
			t.Errorf("%s %.60s: %s", tc.field, tc.value, a.Text)
		}
	}
}

// TestTooManyIncrements: what a rate makes too large is kept unrated, and is
// still the same event when the rate has changed meanwhile.
func TestTooManyIncrements(t *testing.T) {
	w := newWorld(t)
	card := "resource,price_per_increment,increment,currency\nMESSAGE,1,%s,USD\n"
	token := w.organization("acme", fmt.Sprintf(card, "0.001"), "acme-1")
	huge := event("type", `"MESSAGE"`, "quantity", "1000000000001")
	w.tally(w.post(token, huge), 0, 0, 0, 0, 1)
	fits := event("id", `"2"`, "type", `"MESSAGE"`, "quantity", "1000")
	w.tally(w.post(token, fits), 1, 0, 0, 0, 0)
	w.want(w.do("PUT", "/v1/rate-cards/acme-card", w.operator, "text/csv", fmt.Appendf(nil, card, "0.000000000001")), 200)
	w.tally(w.post(token, "["+fits+","+huge+"]"), 0, 2, 0, 0, 0)
	w.want(w.do("PUT", "/v1/rate-cards/acme-card", w.operator, "text/csv", fmt.Appendf(nil, card, "1")), 200)
	_, err := w.book.TakeUp(context.Background())
	w.must(err)
	if total := w.get("/v1/unrated", w.operator).JSON["total"]; fmt.Sprint(total) != "0" {
		t.Errorf("%v events left unrated", total)
	}
}

// TestRecordsOfRates: rates of one price share a record whatever their
// increments, and a record may be of no units.
func TestRecordsOfRates(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", "resource,prefixes,price_per_increment,increment,currency\nCALL,44,1,1,USD\nCALL,49,60,60,USD\nCALL,33,3,1,USD\n", "acme-1")
	for i, to := range []string{"44", "49", "33"} {
		w.tally(w.post(token, event("id", fmt.Sprint(`"`, i, `"`), "to", `"`+to+`"`, "quantity", fmt.Sprint((2-i)*7))), 1, 0, 0, 0, 0)
	}
	rows := w.get("/express/usage/month?order_by=total_amount:desc", token).embedded("usage")
	if len(rows) != 2 {
		t.Fatalf("%d records, want 2", len(rows))
	}
	for i, want := range []string{"1 74 74", "3 0 0"} {
		if got := spaced(rows[i]["price"], rows[i]["number_of_units"], rows[i]["total_amount"]); got != want {
			t.Errorf("price, units, amount are %s, want %s", got, want)
		}
	}
}

// TestCardOfTheAccountComesFirst, then that of its organization.
func TestCardOfTheAccountComesFirst(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", "price_per_increment,increment,currency\n1,1,USD\n", "acme-1", "acme-2")
	w.want(w.do("PUT", "/v1/rate-cards/own", w.operator, "text/csv", []byte("price_per_increment,increment,currency\n7,1,USD\n")), 201)
	w.want(w.put("/v1/accounts/acme-2", `{"organization_id":"acme","name":"two","rate_card_id":"own"}`), 200)
	w.tally(w.post(token, "["+event()+","+event("id", `"2"`, "account_id", `"acme-2"`)+"]"), 2, 0, 0, 0, 0)
	for account, want := range map[string]string{"acme-1": "1", "acme-2": "7"} {
		rows := w.get("/express/usage/month?filter=account_id+eq+'"+account+"'", token).embedded("usage")
		if len(rows) != 1 || fmt.Sprint(rows[0]["total_amount"]) != want {
			t.Errorf("%s: %v, want %s", account, rows, want)
		}
	}
}

// full is a ledger that can take nothing.
type full struct{ tollbook.Ledger }

var errFull = tollbook.NewError(tollbook.CodeUnavailable, "The disk is full.")

func (full) Ready(context.Context) error { return errFull }

func (full) Post(context.Context, tollbook.Pos, []tollbook.Entry) ([]tollbook.Outcome, error) {
	return nil, &tollbook.Error{Code: errFull.Code, Message: errFull.Message, Err: errors.New("write /srv/secret: no space")}
}

// TestUnavailable: what cannot be made durable is a 503 that says when to come
// again and nothing of the machine; what is there can still be read.
func TestUnavailable(t *testing.T) {
	w := newWorldOn(t, full{newLedger(t)})
	token := w.organization("acme", sipCard, "acme-1")
	for _, a := range []answer{
		w.get("/readyz", ""),
		w.do("POST", "/v1/events", token, "application/json", []byte(event("price", "1", "currency", `"USD"`))),
	} {
		if a.Status != 503 || a.code() != "unavailable" || a.Header.Get("Retry-After") == "" || strings.Contains(a.Text, "secret") {
			t.Errorf("%d %v %s", a.Status, a.Header, a.Text)
		}
	}
	w.want(w.get("/healthz", ""), 200)
	w.want(w.get("/express/usage/month", token), 200)
}
