package demo

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"tollbook"
	"tollbook/client"
	"tollbook/wire"
)

// Bounds of a load.
const (
	batchEvents = 5000
	inFlight    = 2
)

// Access is a client of one of the world's organizations.
type Access struct {
	OrganizationID string
	client.Credentials
	Scopes []string
}

// Load defines the world and sends its events through c, an operator's
// client of an empty server. told hears how many events are counted so far,
// from one goroutine at a time. It returns a client for each organization.
func Load(ctx context.Context, c *client.Client, w *World, told func(events int)) ([]Access, error) {
	if err := define(ctx, c, w); err != nil {
		return nil, err
	}
	if err := post(ctx, c, w, told); err != nil {
		return nil, err
	}
	scopes := []string{tollbook.ScopeUsageRead, tollbook.ScopeAccountsRead, tollbook.ScopeProductsRead, tollbook.ScopeEventsWrite, tollbook.ScopeEventsPrice}
	var all []Access
	for _, o := range w.Organizations {
		cred, err := c.CreateClient(ctx, client.ClientSpec{OrganizationID: &o.ID, Name: "demo", Scopes: scopes})
		if err != nil {
			return nil, fmt.Errorf("demo: client of %s: %w", o.ID, err)
		}
		all = append(all, Access{o.ID, cred, scopes})
	}
	return all, nil
}

// define sends the definitions: cards before they are named, organizations
// before their accounts.
func define(ctx context.Context, c *client.Client, w *World) error {
	for _, card := range w.Cards {
		if _, err := c.PutRateCard(ctx, card.ID, card.CSV); err != nil {
			return fmt.Errorf("demo: rate card %s: %w", card.ID, err)
		}
	}
	for _, p := range w.Products {
		if err := c.PutProduct(ctx, p.ID, p.Spec); err != nil {
			return fmt.Errorf("demo: product %s: %w", p.ID, err)
		}
	}
	for _, o := range w.Organizations {
		if err := c.PutOrganization(ctx, o.ID, o.Spec); err != nil {
			return fmt.Errorf("demo: organization %s: %w", o.ID, err)
		}
	}
	for _, a := range w.Accounts {
		if err := c.PutAccount(ctx, a.ID, a.Spec); err != nil {
			return fmt.Errorf("demo: account %s: %w", a.ID, err)
		}
	}
	return nil
}

// batch is the body of one request.
type batch struct {
	events int
	body   []byte
}

// post sends the events, some requests at once.
func post(ctx context.Context, c *client.Client, w *World, told func(events int)) error {
	g, ctx := errgroup.WithContext(ctx)
	queue := make(chan batch)
	g.Go(func() error {
		defer close(queue)
		return w.batches(func(b batch) error {
			select {
			case queue <- b:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	var mu sync.Mutex
	counted := 0
	for range inFlight {
		g.Go(func() error {
			for b := range queue {
				if err := postBatch(ctx, c, b); err != nil {
					return err
				}
				mu.Lock()
				counted += b.events
				told(counted)
				mu.Unlock()
			}
			return nil
		})
	}
	return g.Wait()
}

// postBatch posts a batch. Every event of a new world is accepted, or there
// already where a request had to be repeated; anything else is a fault.
func postBatch(ctx context.Context, c *client.Client, b batch) error {
	receipt, err := c.Post(ctx, client.Batch{ContentType: client.TypeNDJSON, Body: b.body})
	if err != nil {
		return fmt.Errorf("demo: events: %w", err)
	}
	if receipt.Accepted+receipt.Duplicate != b.events {
		return fmt.Errorf("demo: %d of %d events were accepted; the first that was not: %+v", receipt.Accepted+receipt.Duplicate, b.events, receipt.Results[:min(1, len(receipt.Results))])
	}
	return nil
}

// batches calls send with all events, batch by batch.
func (w *World) batches(send func(batch) error) error {
	var b batch
	for e := range w.Events() {
		b.body = append(wire.AppendEvent(b.body, e), '\n')
		if b.events++; b.events == batchEvents {
			if err := send(b); err != nil {
				return err
			}
			b = batch{}
		}
	}
	if b.events == 0 {
		return nil
	}
	return send(b)
}
