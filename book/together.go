package book

import (
	"context"
	"sync"
	"time"

	"tollbook"
)

// Bounds on what is appended at once.
const (
	maxTogether = 256
	appendTime  = time.Minute // that the ledger may take, whoever has gone meanwhile
)

// together is decisions that wait for their turn. What is decided of an account does
// not depend on other accounts, nor that of a product on other products: whoever's
// turn it is decides them for others as well, and a ledger has to append only once.
type together struct {
	mu      sync.Mutex
	waiting []*decision // guarded by mu
}

// decision is a definition that is to be decided.
type decision struct {
	kind      tollbook.Kind
	id, actor string
	decide    func(*state) (definition, error)

	made bool  // guarded by Book.defining, as is err
	err  error // why it was not appended
}

// take takes a decision out of those that wait, and with it others that it can be
// made together with.
func (t *together) take(first *decision) []*decision {
	t.mu.Lock()
	defer t.mu.Unlock()
	group, ids := []*decision{first}, map[string]bool{first.id: true}
	left := t.waiting[:0]
	for _, d := range t.waiting {
		switch {
		case d == first:
		case d.kind == first.kind && !ids[d.id] && len(group) < maxTogether:
			group, ids[d.id] = append(group, d), true
		default:
			left = append(left, d)
		}
	}
	clear(t.waiting[len(left):])
	t.waiting = left
	return group
}

// defineTogether is define for an account or a product of an id.
func (b *Book) defineTogether(ctx context.Context, actor string, kind tollbook.Kind, id string, decide func(*state) (definition, error)) error {
	mine := &decision{kind: kind, id: id, actor: actor, decide: decide}
	b.together.mu.Lock()
	b.together.waiting = append(b.together.waiting, mine)
	b.together.mu.Unlock()
	b.defining.Lock()
	defer b.defining.Unlock()
	if mine.made {
		return mine.err
	}
	group := b.together.take(mine)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTime)
	defer cancel()
	err := b.append(ctx, func(s *state) (all []authored, _ error) {
		for _, d := range group {
			var now definition
			if now, d.err = d.decide(s); d.err == nil && now.value != nil {
				all = append(all, authored{now, d.actor})
			}
		}
		return all, nil
	})
	for _, d := range group {
		if d.made = true; d.err == nil {
			d.err = err
		}
	}
	return mine.err
}
