package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"

	"tollbook"
	"tollbook/client"
	"tollbook/decimal"
	"tollbook/webhook"
)

// TestKillWhileTelling kills the server without warning while a receiver is
// being told, again and again: the message comes until it has been answered,
// under one id, and then no more.
func TestKillWhileTelling(t *testing.T) {
	t.Parallel()
	const kills = 3
	w := &killWorld{t: t, data: filepath.Join(t.TempDir(), "book"), program: filepath.Join(t.TempDir(), "tollbook"), gate: newGate(t)}
	w.link()
	w.init()
	w.serve("--webhook-allow", "127.0.0.0/8")

	ids, release := make(chan string), make(chan struct{})
	var answering atomic.Bool
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ids <- r.Header.Get(webhook.HeaderID)
		if !answering.Load() {
			<-release // the server is killed meanwhile
		}
	}))
	t.Cleanup(receiver.Close)
	t.Cleanup(func() { close(release) })
	ctx, c := t.Context(), w.client(w.operator.ClientID, w.operator.ClientSecret)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.PutOrganization(ctx, "acme", client.OrganizationSpec{Name: "Acme"}))
	must(c.PutAccount(ctx, "a1", client.AccountSpec{OrganizationID: "acme", Name: "One"}))
	_, err := c.Post(ctx, client.Batch{ContentType: client.TypeJSON, Body: []byte(`{"id":"1","source":"s","account_id":"a1","occurred_at":"2024-02-01T00:00:00Z","type":"RECHARGE","quantity":10,"price":1,"currency":"USD"}`)})
	must(err)
	threshold := decimal.FromInt(20)
	_, err = c.Define(ctx, client.Alerts, "low", client.AlertSpec{OrganizationID: "acme", Kind: tollbook.AlertWalletBalance, Currency: "USD", Threshold: &threshold, URL: receiver.URL})
	must(err)

	first := <-ids
	for range kills {
		w.kill(nil)
		w.serve("--webhook-allow", "127.0.0.0/8")
		if again := <-ids; again != first {
			t.Errorf("the message is %s, before it was %s", again, first)
		}
	}
	w.kill(nil)
	answering.Store(true)
	w.serve("--webhook-allow", "127.0.0.0/8")
	if again := <-ids; again != first {
		t.Errorf("the message is %s, before it was %s", again, first)
	}
	c = w.client(w.operator.ClientID, w.operator.ClientSecret)
	for delivered := false; !delivered; {
		for _, err := range c.Deliveries(ctx, client.Query{Filter: "state eq 'delivered' and id eq '" + first + "'"}) {
			must(err)
			delivered = true
		}
	}
	must(w.server.stop())
}
