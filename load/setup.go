package load

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"tollbook"
	"tollbook/client"
)

// setUpInFlight is how many accounts are put at once.
const setUpInFlight = 8

// SetUp defines what the workload needs, by an operator's client: its rate
// card, its organization with its accounts, and a client that may send the
// organization's events and read its usage. What is there already stays as it
// is, but for the client, which is a new one each time.
func SetUp(ctx context.Context, operator *client.Client, w *Workload) (client.Credentials, error) {
	var none client.Credentials
	id, card := w.OrganizationID(), w.CardID()
	if _, err := operator.PutRateCard(ctx, card, []byte(w.Card())); err != nil {
		return none, fmt.Errorf("load: rate card %s: %w", card, err)
	}
	if err := operator.PutOrganization(ctx, id, client.OrganizationSpec{Name: w.Name(), RateCardID: &card}); err != nil {
		return none, fmt.Errorf("load: organization %s: %w", id, err)
	}
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(setUpInFlight)
	for i := range w.Accounts {
		if each.Err() != nil {
			break
		}
		g.Go(func() error {
			account := client.AccountSpec{OrganizationID: id, Name: fmt.Sprintf("Account %d", i), Status: "ACTIVE", TimeZone: "UTC"}
			if err := operator.PutAccount(each, w.AccountID(i), account); err != nil {
				return fmt.Errorf("load: account %s: %w", w.AccountID(i), err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return none, err
	}
	cred, err := operator.CreateClient(ctx, client.ClientSpec{
		OrganizationID: &id, Name: "load", Scopes: []string{tollbook.ScopeEventsWrite, tollbook.ScopeUsageRead},
	})
	if err != nil {
		return none, fmt.Errorf("load: client of %s: %w", id, err)
	}
	return cred, nil
}
