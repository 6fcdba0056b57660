// Package book holds the use cases of the usage ledger: posting events,
// reading a month's usage, defining organizations, accounts, products, rate
// cards and clients. It decides who may do what.
//
// A caller comes as a Grant and is turned, by View, Sender or Operator, into
// the right to do some of it; without passing that check there is nothing to
// call.
package book

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tollbook"
)

// Options are what a Book needs from outside. All but Webhooks are required.
type Options struct {
	Clock  func() time.Time
	Rand   io.Reader // of cryptographic quality
	Logger *slog.Logger

	Webhooks Webhooks // without them there are no alerts

	// MaxAge is how old the definitions may be that requests are answered by:
	// how long ago Refresh, or whatever else reads them, began to. 0: any age,
	// for a ledger that nobody else defines anything in.
	MaxAge time.Duration

	// LeaseTime is how long others wait for a server that ends without Close
	// until one of them does the work that is due. 0: half a minute.
	LeaseTime time.Duration
}

// Book is the use cases over one ledger. Its methods may be called
// concurrently.
type Book struct {
	ledger tollbook.Ledger
	opt    Options

	defining sync.Mutex // held while a definition is decided and appended
	together together

	lease lease

	working    sync.Mutex // held while Work does what is due
	watchAgain time.Time  // guarded by working

	reloading sync.Mutex // held while definitions are applied
	mu        sync.RWMutex
	state     *state    // guarded by mu; written only under reloading, too
	read      time.Time // guarded by mu: when reading the definitions began last

	batches sync.Pool // of *measured

	// counted tells that something has been counted since the day was marked.
	counted atomic.Bool

	reconciling sync.Mutex // held while a file is compared: that takes much memory

	takeUp       chan struct{} // a change may have made unrated events ratable
	takeUpFailed atomic.Bool
	rerates      chan struct{} // there may be a re-rating to run
	rerating     rerating
	stop         context.CancelFunc
	background   sync.WaitGroup
}

// Open loads the definitions of a ledger and starts taking up unrated events
// and re-rating in the background, where no other server does. Close stops that;
// the ledger stays the caller's.
func Open(ctx context.Context, ledger tollbook.Ledger, opt Options) (*Book, error) {
	b := &Book{ledger: ledger, opt: opt, state: newState(), takeUp: make(chan struct{}, 1), rerates: make(chan struct{}, 1)}
	b.counted.Store(true) // by whoever had the ledger before, as far as is known
	if err := b.reload(ctx); err != nil {
		return nil, err
	}
	if err := b.openLease(ctx); err != nil {
		return nil, err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	b.stop = stop
	b.background.Go(func() { b.takeUpLoop(background) })
	b.background.Go(func() { b.rerateLoop(background) })
	return b, nil
}

// Close stops the work in the background, and lets another server do it. Work
// must have ended.
func (b *Book) Close() {
	b.stop()
	b.background.Wait()
	b.giveUpLease()
}

// Ready returns nil when an event could be made durable now.
func (b *Book) Ready(ctx context.Context) error {
	if err := b.Current(); err != nil {
		return err
	}
	return b.ledger.Ready(ctx)
}

// Refresh applies what others have defined since the last time. It is to be
// called well within MaxAge.
func (b *Book) Refresh(ctx context.Context) error { return b.reload(ctx) }

// Current returns nil while the definitions are not older than MaxAge. An
// *Error with CodeUnavailable: a client may have been revoked, or a card
// changed, and this server would not know.
func (b *Book) Current() error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.opt.MaxAge > 0 && b.opt.Clock().Sub(b.read) > b.opt.MaxAge {
		return tollbook.NewError(tollbook.CodeUnavailable, "The server cannot read what is defined for now.")
	}
	return nil
}

// reload applies the definitions behind those that are known. It goes on when
// ctx is cancelled: a caller who goes away just when a client has been revoked
// must not leave that client in force.
//
// Reading and compiling a large card takes seconds, for which nobody waits but
// who needs it: meanwhile the state is ahead of its position, and what is
// measured under that is refused by the ledger and measured again.
func (b *Book) reload(ctx context.Context) error {
	b.reloading.Lock()
	defer b.reloading.Unlock()
	began := b.opt.Clock()
	pos, priced, asked := b.state.pos, false, false
	var failed error
	for def, err := range b.ledger.Definitions(context.WithoutCancel(ctx), pos) {
		if err != nil {
			failed = fmt.Errorf("load definitions: %w", err)
			break
		}
		asked = asked || def.Kind == tollbook.KindRerate && b.state.rerates[def.ID] == nil
		b.mu.Lock()
		err = b.state.apply(&def)
		b.mu.Unlock()
		if err != nil {
			failed = fmt.Errorf("definition %d (%s %s): %w", def.Pos, def.Kind, def.ID, err)
			break
		}
		pos = def.Pos
		priced = priced || def.Kind == tollbook.KindOrganization || def.Kind == tollbook.KindAccount || def.Kind == tollbook.KindRateCard
	}
	cards, err := b.state.compileStale()
	if err != nil {
		return errors.Join(failed, err)
	}
	b.mu.Lock()
	b.state.settle(pos, cards)
	if failed == nil {
		b.read = began
	}
	b.mu.Unlock()
	if priced {
		b.pokeTakeUp()
	}
	if asked {
		b.pokeRerates()
	}
	return failed
}

// definition is what a decision asks to be appended; a nil value asks for
// nothing, because nothing changes.
type definition struct {
	kind  tollbook.Kind
	id    string
	value any
}

// authored is a definition and whose it is.
type authored struct {
	definition
	actor string
}

// define appends what decide decides on the definitions as they are, and
// decides again whenever they have moved on.
func (b *Book) define(ctx context.Context, actor string, decide func(*state) (definition, error)) error {
	return b.defineAll(ctx, actor, func(s *state) ([]definition, error) {
		d, err := decide(s)
		if err != nil || d.value == nil {
			return nil, err
		}
		return []definition{d}, nil
	})
}

// defineAll is define for several definitions, of which all are appended or
// none.
func (b *Book) defineAll(ctx context.Context, actor string, decide func(*state) ([]definition, error)) error {
	b.defining.Lock()
	defer b.defining.Unlock()
	return b.append(ctx, func(s *state) (all []authored, err error) {
		defs, err := decide(s)
		for _, d := range defs {
			all = append(all, authored{d, actor})
		}
		return all, err
	})
}

// append is defineAll for whoever holds defining.
func (b *Book) append(ctx context.Context, decide func(*state) ([]authored, error)) error {
	for {
		b.mu.RLock()
		head := b.state.pos
		decided, err := decide(b.state)
		b.mu.RUnlock()
		if err != nil || len(decided) == 0 {
			return err
		}
		defs := make([]tollbook.Definition, len(decided))
		for i, d := range decided {
			if defs[i], err = b.encode(d); err != nil {
				return err
			}
		}
		_, err = b.ledger.Define(ctx, head, defs)
		if err != nil && !isMoved(err) {
			return fmt.Errorf("define %s %s: %w", decided[0].kind, decided[0].id, err)
		}
		if reloadErr := b.reload(ctx); reloadErr != nil {
			return reloadErr
		}
		if err == nil {
			return nil
		}
	}
}
