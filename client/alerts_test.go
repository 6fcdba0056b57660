package client_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tollbook/client"
	"tollbook/decimal"
)

func TestAlerts(t *testing.T) {
	t.Parallel()
	var bodies []string
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies = append(bodies, string(body))
		answers := map[string]string{
			"/v1/wallets": `{"_links": {}, "_embedded": {"wallets": [{"organization_id": "o", "account_id": "a", "wallet_name": null, "currency": "USD", "balance": 1.5, "put_in": 2, "used": 0.5,
				"drawn": 0.5, "charged": 0, "burn_rate_per_day": 0.1, "exhausted_at": "2026-08-16T00:00:00Z", "months": [{"month": "2026-08", "carried_over": 0, "put_in": 2, "used": 0.5, "drawn": 0.5, "charged": 0, "balance": 1.5}]}]}}`,
			"/v1/alerts/low/rotate-secret": `{"id": "low", "secret": "whsec_x"}`,
			"/v1/alerts/low/test":          `{"id": "m", "received": false, "status": 500, "error": "the receiver answered 500"}`,
			"/v1/deliveries":               `{"_links": {}, "_embedded": {"deliveries": [{"id": "d"}]}}`,
		}
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = io.WriteString(w, answers[r.URL.Path])
	})
	c, _ := connect(t, s)
	for w, err := range c.Wallets(t.Context(), client.WalletQuery{OrganizationID: "o", AccountID: "a&b"}) {
		if err != nil || w.WalletName != nil || w.Balance.String() != "1.5" || w.ExhaustedAt == nil || w.Months[0].Month.String() != "2026-08" {
			t.Errorf("Wallets = %+v, %v", w, err)
		}
	}
	twenty := decimal.FromInt(20)
	if _, err := c.Define(t.Context(), client.Alerts, "low", client.AlertSpec{OrganizationID: "o", Kind: "wallet_balance", Currency: "USD", Threshold: &twenty, URL: "https://r"}); err != nil {
		t.Error(err)
	}
	if secret, err := c.RotateAlertSecret(t.Context(), "low"); err != nil || secret.Secret != "whsec_x" {
		t.Errorf("RotateAlertSecret = %+v, %v", secret, err)
	}
	if test, err := c.TestAlert(t.Context(), "low"); err != nil || test.Received || *test.Status != 500 {
		t.Errorf("TestAlert = %+v, %v", test, err)
	}
	for d, err := range c.Deliveries(t.Context(), client.Query{Filter: "state eq 'pending'"}) {
		if err != nil || string(d) != `{"id": "d"}` {
			t.Errorf("Deliveries = %s, %v", d, err)
		}
	}
	if err := c.DeleteAlert(t.Context(), "low"); err != nil {
		t.Error(err)
	}
	want := []string{
		"GET /v1/wallets?account_id=a%26b&organization_id=o&per_page=250", "PUT /v1/alerts/low", "POST /v1/alerts/low/rotate-secret", "POST /v1/alerts/low/test",
		"GET /v1/deliveries?filter=state+eq+%27pending%27", "DELETE /v1/alerts/low",
	}
	if diff := cmp.Diff(want, s.paths); diff != "" {
		t.Error(diff)
	}
	if want := `{"organization_id":"o","account_id":null,"each_account":false,"kind":"wallet_balance","wallet_name":null,"currency":"USD","threshold":20,"url":"https://r","disabled":false}`; bodies[1] != want {
		t.Errorf("body %s, want %s", bodies[1], want)
	}
}
