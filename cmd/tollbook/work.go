package main

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"time"

	"tollbook/book"
	"tollbook/webhook"
)

// workEvery is how often a server does what is due without being asked.
const workEvery = 5 * time.Second

// Definitions that other servers make reach this one within maxDefinitionAge, or
// it answers nothing that depends on them.
const (
	refreshEvery     = time.Second
	maxDefinitionAge = 5 * time.Second
)

// startRefresh reads what others define, until stop is called.
func (n *node) startRefresh(ctx context.Context) (stop func()) {
	return every(ctx, refreshEvery, func(ctx context.Context) {
		if err := n.book.Refresh(ctx); err != nil && ctx.Err() == nil {
			n.cfg.log.Error("the definitions cannot be read", "error", err)
		}
	})
}

// startWork has the book do what is due, until stop is called.
func (n *node) startWork(ctx context.Context) (stop func()) {
	return every(ctx, workEvery, func(ctx context.Context) {
		if err := n.book.Work(ctx); err != nil && ctx.Err() == nil {
			n.cfg.log.Error("work that is due failed; it is tried again", "error", err)
		}
	})
}

// every calls f at once and then in an interval, until ctx ends or stop is
// called, which returns once it has ended.
func every(ctx context.Context, interval time.Duration, f func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			f(ctx)
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// webhooks returns how the server sends webhooks. The key is made when there is
// none, which over a ClickHouse is refused before: alerts whose secrets another one
// made say so when they fire.
func (cfg *nodeConfig) webhooks() (book.Webhooks, error) {
	key, err := webhook.OpenKey(filepath.Join(cfg.data, webhookKeyName), rand.Reader)
	if err != nil {
		return book.Webhooks{}, err
	}
	policy := webhook.Policy{Allow: cfg.webhookAllow}
	sender := webhook.NewSender(webhook.SenderConfig{Policy: policy, UserAgent: "tollbook/" + version()})
	return book.Webhooks{Key: key, CheckURL: policy.CheckURL, Send: sender.Send}, nil
}
