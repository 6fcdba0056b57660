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

// startWork has the book do what is due until ctx ends or stop is called,
// which returns once it has ended.
func (n *node) startWork(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(workEvery)
		defer ticker.Stop()
		for {
			if err := n.book.Work(ctx); err != nil && ctx.Err() == nil {
				n.cfg.log.Error("work that is due failed; it is tried again", "error", err)
			}
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
// none: alerts whose secrets another one made say so when they fire.
func (cfg *nodeConfig) webhooks() (book.Webhooks, error) {
	key, err := webhook.OpenKey(filepath.Join(cfg.data, webhookKeyName), rand.Reader)
	if err != nil {
		return book.Webhooks{}, err
	}
	policy := webhook.Policy{Allow: cfg.webhookAllow}
	sender := webhook.NewSender(webhook.SenderConfig{Policy: policy, UserAgent: "tollbook/" + version()})
	return book.Webhooks{Key: key, CheckURL: policy.CheckURL, Send: sender.Send}, nil
}
