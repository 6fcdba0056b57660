package client_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tollbook"
	"tollbook/client"
)

// TestMonthsAndCorrections: each call asks for what it says and reads what is
// answered.
func TestMonthsAndCorrections(t *testing.T) {
	t.Parallel()
	const month = `{"organization_id":"a","month":"2026-08","state":"closed","ends_at":"2026-09-01T00:00:00Z","closes_at":null,"closed_at":"2026-09-02T00:00:00Z","closed_by":"op",
		"statement":{"position":7,"stated_at":"2026-09-02T00:00:01Z","records":3,"totals":[{"currency":"EUR","usage":1.50,"put_in":0}],"unrated_events":1,"sha256":"ab"}}`
	const word = `"booked_month":"2026-09","reason":null,"rate":{"card_id":"c","version":1,"row":2,"prefix":"44"},"void":{"reason":"r","actor":"x","at":"2026-09-03T00:00:00Z","replaced_by":{"source":"s","id":"2"}},
		"charges":[{"type":"CALL","description":"d","product_id":"p","currency":"EUR","unit":"MINUTES","increments":-2,"increment":1,"number_of_units":-2,"price_per_increment":null,"amount":null,"record_ids":["r1","r2"]}]`
	answers := map[string]string{
		"/v1/months":                     `{"_embedded":{"months":[` + month + `]}}`,
		"/v1/months/2026-08":             month,
		"/v1/months/2026-08/close":       month,
		"/v1/months/2026-08/adjustments": `{"_embedded":{"adjustments":[{"event":{"id":"1"},` + word + `}]}}`,
		"/v1/events/void":                `{"voided":1,"results":[{"index":0,"source":"s","id":"1","status":"voided","booked_month":"2026-09","adjusts":true}]}`,
		"/v1/events/history":             `{"organization_id":"a","status":"voided","event":{"id":"1"},"home_month":"2026-08","replaces":null,"replaced_by":{"source":"s","id":"2"},"history":[{"word":"voided",` + word + `}]}`,
		"/express/usage/month":           `{"mark":{"position":9,"at":"2026-09-02T00:00:01Z","reason":"close","of":"2026-08"},"_embedded":{"usage":[]}}`,
		"/express/usage/month/r1/events": `{"cuts":[{"tier":2,"tiers":3,"starts_after":10,"ends_at":null,"booked_before":0,"increments":12,"in_tier":2,"price_per_increment":0.5,"increment":1,"number_of_units":2,"amount":1}],"_embedded":{"events":[]}}`,
	}
	var asked []string
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		asked = append(asked, fmt.Sprint(r.URL, " ", string(body)))
		_, _ = io.WriteString(w, answers[r.URL.Path])
	})
	c, _ := connect(t, s)
	ctx, august := t.Context(), tollbook.NewMonth(2026, time.August)

	m, err := c.CloseMonth(ctx, "a", august)
	if err != nil || m.Statement.Position != 7 || m.Statement.Totals[0].Usage.String() != "1.5" || *m.ClosedBy != "op" {
		t.Errorf("CloseMonth: %+v, %v", m, err)
	}
	if again, err := c.Month(ctx, "a", august); err != nil || !cmp.Equal(again.Statement.Records, 3) {
		t.Errorf("Month: %+v, %v", again, err)
	}
	for got, err := range c.Months(ctx, "a b") {
		if err != nil || got.Month != august || got.State != "closed" {
			t.Errorf("Months: %+v, %v", got, err)
		}
	}
	for got, err := range c.Adjustments(ctx, "a", "a1", august) {
		if err != nil || got.Event.ID != "1" || got.BookedMonth != august+1 || got.Void.ReplacedBy.ID != "2" || got.Charges[0].Amount != nil || got.Charges[0].Increments.String() != "-2" {
			t.Errorf("Adjustments: %+v, %v", got, err)
		}
	}
	receipt, err := c.VoidEvents(ctx, []client.VoidRequest{{EventName: client.EventName{Source: "s", ID: "1"}, Reason: "r", ReplacedBy: &client.EventName{Source: "s", ID: "2"}}})
	if err != nil || receipt.Voided != 1 || !receipt.Results[0].Adjusts || *receipt.Results[0].BookedMonth != august+1 {
		t.Errorf("VoidEvents: %+v, %v", receipt, err)
	}
	h, err := c.EventHistory(ctx, "", client.EventName{Source: "s/1", ID: "1"})
	if err != nil || h.ReplacedBy.ID != "2" || h.History[0].Word != "voided" || h.History[0].Rate.Row != 2 {
		t.Errorf("EventHistory: %+v, %v", h, err)
	}
	page, err := c.UsagePage(ctx, client.UsageQuery{AsOf: time.Date(2026, 9, 5, 0, 0, 0, 0, time.UTC)})
	if err != nil || page.Mark.Of != "2026-08" {
		t.Errorf("UsagePage: %+v, %v", page, err)
	}
	if cuts, err := c.Cuts(ctx, "r1"); err != nil || len(cuts) != 1 || cuts[0].EndsAt != nil || cuts[0].Amount.String() != "1" {
		t.Errorf("Cuts: %+v, %v", cuts, err)
	}
	want := []string{
		`/v1/months/2026-08/close {"organization_id":"a"}`,
		`/v1/months/2026-08?organization_id=a `,
		`/v1/months?order_by=id%3Aasc&organization_id=a+b&per_page=250 `,
		`/v1/months/2026-08/adjustments?account_id=a1&organization_id=a&per_page=250 `,
		`/v1/events/void [{"source":"s","id":"1","reason":"r","replaced_by":{"source":"s","id":"2"}}]`,
		`/v1/events/history?id=1&source=s%2F1 `,
		`/express/usage/month?as_of=2026-09-05T00%3A00%3A00Z `,
		`/express/usage/month/r1/events?per_page=1 `,
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}
