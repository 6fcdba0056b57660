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

const (
	// workLease is the lease that whoever does the work that is due has.
	workLease = "work"
	// leaseTime is for how long it is taken: a server that ends without giving
	// it up is missed for so long.
	leaseTime = 30 * time.Second
	// giveUpTime is how long a book that is closed tries to give it up.
	giveUpTime = 2 * time.Second
)

var (
	// errLeaseLost ends work on a server that does not have the lease any more.
	errLeaseLost = errors.New("another server may do the work that is due by now")
	errNoLease   = errors.New("the ledger does not say in time who does the work that is due")
)

// lease is the book's part in the lease on the work that is due.
type lease struct {
	holder [16]byte
	held   atomic.Bool // as far as is known

	mu  sync.Mutex
	now tenure // guarded by mu: the last one
}

// tenure is a term for which this book has the lease.
type tenure struct {
	term tollbook.Term
	// rerates is those that were not done when it began: months may have been
	// restated that nobody has noted.
	rerates map[string]bool
}

// Leads tells whether this server does the work that is due, as far as it knows.
func (b *Book) Leads() bool { return b.lease.held.Load() }

// openLease names the book to the others, and takes the lease where it is free.
func (b *Book) openLease(ctx context.Context) error {
	if b.opt.LeaseTime == 0 {
		b.opt.LeaseTime = leaseTime
	}
	if _, err := io.ReadFull(b.opt.Rand, b.lease.holder[:]); err != nil {
		return err
	}
	if _, err := b.takeLease(ctx); err != nil {
		b.opt.Logger.Warn("the lease on the work that is due cannot be taken; it is tried again", slog.Any("error", err))
	}
	return nil
}

// takeLease takes or extends the lease. Of term 0 it is somebody else's.
//
// Where others may have had it in between, what they have defined is read first,
// and what they may have left is looked through.
func (b *Book) takeLease(ctx context.Context) (tenure, error) {
	l := &b.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	term, err := b.ledger.Lease(ctx, workLease, l.holder, b.opt.LeaseTime)
	if ctx.Err() == nil { // else nobody waits for the answer
		l.held.Store(err == nil && term != 0)
	}
	if err != nil {
		return tenure{}, fmt.Errorf("take the lease on the work that is due: %w", err)
	}
	if term == 0 || term == l.now.term {
		return tenure{term, l.now.rerates}, nil
	}
	if err := b.reload(ctx); err != nil {
		return tenure{}, err
	}
	b.mu.RLock()
	l.now = tenure{term, b.state.runningRerates()}
	b.mu.RUnlock()
	b.pokeTakeUp()
	b.pokeRerates()
	return l.now, nil
}

// giveUpLease lets others have the lease at once.
func (b *Book) giveUpLease() {
	l := &b.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now.term == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), giveUpTime)
	defer cancel()
	if _, err := b.ledger.Lease(ctx, workLease, l.holder, 0); err != nil {
		b.opt.Logger.Warn("the lease on the work that is due cannot be given up; it runs out", slog.Any("error", err))
	}
	l.now = tenure{}
	l.held.Store(false)
}

// alone calls f where this book has the lease, or gets it, and extends that
// meanwhile. The context that f is given ends when the lease may be another's;
// then alone returns errLeaseLost. Not having it is no error.
//
// A server that was stopped and goes on, after its lease has run out, may write
// something before it notices. So may whoever sent something that is on its way.
// All that is done under the lease bears that; see Work.
func (b *Book) alone(ctx context.Context, f func(context.Context, tenure) error) error {
	work, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	// By the ledger's clock the length begins later.
	lost := func() {
		b.lease.held.Store(false)
		lose(errLeaseLost)
	}
	end := time.AfterFunc(b.opt.LeaseTime, lost)
	t, err := b.takeLease(work)
	if err != nil || t.term == 0 {
		end.Stop()
		if context.Cause(work) == errLeaseLost {
			return errNoLease
		}
		return err
	}
	var keeping sync.WaitGroup
	keeping.Go(func() { b.keepLease(work, t, end, lost) })
	err = f(work, t)
	if context.Cause(work) == errLeaseLost {
		err = errLeaseLost // what failed did for that
	}
	lose(nil)
	keeping.Wait()
	return err
}

// keepLease extends the lease every third of its length until ctx ends. It calls
// lost when another has it, and has end call it when it runs out.
func (b *Book) keepLease(ctx context.Context, t tenure, end *time.Timer, lost func()) {
	defer func() { end.Stop() }()
	tick := time.NewTicker(b.opt.LeaseTime / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		next := time.AfterFunc(b.opt.LeaseTime, lost)
		now, err := b.takeLease(ctx)
		switch {
		case err != nil: // it is tried again until the end
			next.Stop()
		case now.term != t.term:
			next.Stop()
			lost()
			return
		default:
			end.Stop()
			end = next
		}
	}
}
