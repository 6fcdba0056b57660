package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"tollbook/checktest"
	"tollbook/client"
	"tollbook/decimal"
)

// TestKillDuringRerate kills the server without warning while months are rated
// again. Whenever it is looked at, each account's month is all at the old prices
// or all at the new ones, and in the end all are at the new ones, to the digit.
func TestKillDuringRerate(t *testing.T) {
	t.Parallel()
	checktest.Leave(t)
	accounts, each, kills := 300, 200, 4
	if testing.Short() {
		accounts, kills = 60, 2
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	w := &killWorld{t: t, data: filepath.Join(t.TempDir(), "book"), program: filepath.Join(t.TempDir(), "tollbook"), gate: newGate(t)}
	w.link()
	w.init()
	w.serve()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const card = "resource,direction,price_per_increment,increment,unit_of_measure,currency\ncall,outbound,%d,1,MINUTES,USD\ncall,inbound,%d,1,MINUTES,USD\n"
	operator := func() *client.Client { return w.client(w.operator.ClientID, w.operator.ClientSecret) }
	c, acme, standard := operator(), "acme", "standard"
	_, err := c.PutRateCard(ctx, standard, fmt.Appendf(nil, card, 2, 1))
	must(err)
	must(c.PutOrganization(ctx, acme, client.OrganizationSpec{Name: "Acme", RateCardID: &standard}))
	for a := range accounts {
		id := fmt.Sprintf("a%03d", a)
		must(c.PutAccount(ctx, id, client.AccountSpec{OrganizationID: acme, Name: id}))
		var body bytes.Buffer
		for i := range each {
			direction := [...]string{"OUTBOUND", "INBOUND"}[i%2]
			fmt.Fprintf(&body, `{"id":"%s-%d","source":"s","account_id":%q,"occurred_at":"2024-02-01T00:00:00Z","type":"CALL","direction":%q,"quantity":60}`+"\n", id, i, id, direction)
		}
		_, err = c.Post(ctx, client.Batch{ContentType: client.TypeNDJSON, Body: body.Bytes()})
		must(err)
	}
	reader, err := c.CreateClient(ctx, client.ClientSpec{OrganizationID: &acme, Name: "reader", Scopes: []string{"express-accounts-usage:read"}})
	must(err)
	_, err = c.PutRateCard(ctx, standard, fmt.Appendf(nil, card, 20, 10))
	must(err)
	job, err := c.StartRerate(ctx, client.RerateScope{OrganizationID: &acme})
	must(err)

	// The old and the new sums of an account's two records.
	half := int64(each / 2)
	look := func() (restated int) {
		t.Helper()
		c := w.client(reader.ClientID, reader.ClientSecret)
		for a := range accounts {
			id, sum := fmt.Sprintf("a%03d", a), decimal.Decimal{}
			page, err := c.UsagePage(ctx, client.UsageQuery{Filter: "account_id eq '" + id + "'"}) // one page is of one moment
			must(err)
			for _, r := range page.Records {
				sum = sum.Add(r.TotalAmount)
			}
			switch sum {
			case decimal.FromInt(30 * half):
				restated++
			case decimal.FromInt(3 * half):
			default:
				t.Errorf("account %s: its records come to %s", id, sum)
			}
		}
		return restated
	}
	for k := range kills {
		await(ctx, t, operator(), job.ID, 1+random.IntN(accounts*(k+1)/(kills+1)))
		w.kill(nil)
		w.serve()
		look()
	}
	await(ctx, t, operator(), job.ID, 1<<30)
	if restated := look(); restated != accounts {
		t.Errorf("%d accounts are at the new prices, want %d", restated, accounts)
	}
	must(w.server.stop())
	if out, err := exec.Command(w.program, "verify", "--data", w.data).CombinedOutput(); err != nil {
		t.Errorf("verify: %v: %s", err, out)
	}
}

// await waits until a re-rating has so many months done, or is done.
func await(ctx context.Context, t *testing.T, c *client.Client, id string, months int) {
	t.Helper()
	for {
		job, err := c.Rerate(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if job.MonthsDone >= months || !job.Running() {
			return
		}
	}
}
