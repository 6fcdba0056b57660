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

// TestRerates: each call asks for what it says and reads what is answered.
func TestRerates(t *testing.T) {
	t.Parallel()
	const job = `{"id":"j","organization_id":"a","account_id":null,"month":"2026-08","state":"running","requested_at":"2026-09-05T06:00:00Z","requested_by":"op","finished_at":null,
		"months":3,"months_done":2,"events":9,"events_changed":7,"refused":1,"refusals":[{"organization_id":"a","account_id":"a1","month":"2026-08","code":"too_many_records","message":"m"}],
		"through":{"organization_id":"a","account_id":"a2","month":"2026-08"}}`
	var asked []string
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		asked = append(asked, fmt.Sprint(r.Method, " ", r.URL, " ", string(body)))
		if r.Method == http.MethodGet && r.URL.Path == "/v1/rerates" {
			_, _ = io.WriteString(w, `{"_embedded":{"rerates":[`+job+`]}}`)
			return
		}
		_, _ = io.WriteString(w, job)
	})
	c, _ := connect(t, s)
	ctx, acme, august := t.Context(), "a", tollbook.NewMonth(2026, time.August)
	check := func(what string, got client.Rerate, err error) {
		t.Helper()
		if err != nil || !got.Running() || *got.Month != august || got.EventsChanged != 7 || got.Refusals[0].AccountID != "a1" || got.Through.AccountID != "a2" {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	got, err := c.StartRerate(ctx, client.RerateScope{OrganizationID: &acme, Month: &august})
	check("StartRerate", got, err)
	got, err = c.Rerate(ctx, "j 1")
	check("Rerate", got, err)
	got, err = c.CancelRerate(ctx, "j")
	check("CancelRerate", got, err)
	for got, err := range c.Rerates(ctx) {
		check("Rerates", got, err)
	}
	want := []string{
		`POST /v1/rerates {"organization_id":"a","account_id":null,"month":"2026-08"}`,
		"GET /v1/rerates/j%201 ",
		"DELETE /v1/rerates/j ",
		"GET /v1/rerates?per_page=250 ",
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked for (+) other than wanted (-):\n%s", diff)
	}
}
