package clickhousestore

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"tollbook"
)

// freshness is up to where everything is folded, and up to when.
type freshness struct {
	instant
	at    time.Time // what was acknowledged before is in; by the clock of the database
	began time.Time // the same instant by the clock of this process
}

// foldDue returns how old the views may be when the next fold begins: a fifth of
// what a page may be. A fold takes much the same time however little it counts, for
// the events of ten seconds are of the same records as those of two: one that takes
// long is done less often, a quarter of the time, as long as it is done in time.
func (s *Store) foldDue() time.Duration {
	f, took := s.opts.Freshness, s.foldTook
	return max(f/5, min(3*took, f*7/10-took))
}

// looksInFreshness is how often is looked, in the time that a page may be old,
// whether it is time for a fold.
const looksInFreshness = 10

// foldLoop folds often enough for Freshness, until the store is closed. Where a fold
// fails it leaves the next one to others for a while.
func (s *Store) foldLoop(ctx context.Context) {
	ticker := time.NewTicker(s.opts.Freshness / looksInFreshness)
	defer ticker.Stop()
	var failed time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := s.opts.Clock()
		if now.Sub(failed) < s.opts.Freshness/5 {
			continue
		}
		switch err := s.keepFresh(ctx); {
		case err == nil:
			failed = time.Time{}
		case ctx.Err() == nil:
			if failed.IsZero() {
				s.opts.Logger.Warn("a fold failed; it is tried again", slog.Any("error", err))
			}
			failed = s.opts.Clock()
		}
	}
}

// keepFresh folds if it is time to, unless another server is about it.
func (s *Store) keepFresh(ctx context.Context) error {
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	defer s.folding.leave()
	if s.lines.thin(s.opts.Clock()) {
		s.hot.forget()
	}
	_, err := s.refresh(ctx, s.foldDue())
	return err
}

// young returns up to where the views are, as far as is known here, nil if that
// is older than so long.
func (s *Store) young(age time.Duration) *freshness {
	if f := s.freshest.Load(); f != nil && s.opts.Clock().Sub(f.began) < age {
		return f
	}
	return nil
}

// refresh has the views younger than so long, for whoever has the turn, and
// returns up to where they are; nil if another server is about to have them so.
func (s *Store) refresh(ctx context.Context, age time.Duration) (*freshness, error) {
	if f := s.young(age); f != nil {
		return f, nil
	}
	f, err := s.lastFold(ctx)
	if err != nil {
		return nil, err
	}
	s.names.folded(f.cut)
	if own := s.freshest.Load(); own == nil || own.began.Before(f.began) {
		s.freshest.Store(f)
	}
	if f := s.young(age); f != nil {
		return f, nil
	}
	began := s.opts.Clock()
	p, err := s.pending(ctx, f.cut)
	if err != nil {
		return nil, err
	}
	if !p.any() {
		f = &freshness{f.instant, p.at, began}
		s.freshest.Store(f)
		return f, nil
	}
	return s.foldAlone(ctx, f.cut)
}

// foldLease is held by the server that folds. It only spares others the work:
// whoever folds, once or twice, comes to the same rows.
const foldLease = "fold"

// noLeaseAfter is for how many times Freshness another server may have the lease
// without a fold: it does not get on, and anybody folds.
const noLeaseAfter = 3

// denied is since when others have had the lease, where nothing has been folded since.
type denied struct {
	cut   uint64
	since time.Time
}

// long tells whether that is for too long.
func (d *denied) long(cut uint64, now time.Time, freshness time.Duration) bool {
	if d.cut != cut || d.since.IsZero() {
		*d = denied{cut, now}
	}
	return now.Sub(d.since) >= noLeaseAfter*freshness
}

// foldAlone folds behind a cut, unless another server has the lease: it returns nil
// then. One whose fold fails gives the lease up.
func (s *Store) foldAlone(ctx context.Context, cut uint64) (f *freshness, err error) {
	length, began := s.opts.Freshness/2, s.opts.Clock()
	if term, err := s.Lease(ctx, foldLease, s.holder, length); err == nil && term == 0 && !s.denied.long(cut, began, s.opts.Freshness) {
		return nil, nil
	}
	ended := make(chan struct{})
	var extending sync.WaitGroup
	defer func() {
		close(ended)
		extending.Wait()
		if err != nil {
			s.extendFold(context.WithoutCancel(ctx), 0)
		}
	}()
	extending.Go(func() {
		ticker := time.NewTicker(length / 2)
		defer ticker.Stop()
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
				s.extendFold(ctx, length)
			}
		}
	})
	return s.foldNow(ctx, began)
}

// extendTime is how long a database may take to extend the lease, which whoever waits
// for the fold waits for too. A statement that is given up costs its connection.
const extendTime = 5 * time.Second

// extendFold extends the lease, or gives it up for a length of 0. Where it fails,
// another server may fold the same.
func (s *Store) extendFold(ctx context.Context, length time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, extendTime)
	defer cancel()
	_, _ = s.Lease(ctx, foldLease, s.holder, length)
}

// errBehind is that the views are older than they may be, though all was done to
// have them fresh.
var errBehind = tollbook.NewError(tollbook.CodeUnavailable, "More comes in than can be counted in time; the records are older than they may be. Try again.")

// lookAgain is between two looks whether another server is done with its fold.
const lookAgain = 50 * time.Millisecond

// fresh has the views as fresh as they must be and returns up to where they are.
// What is younger than Freshness may not be any more when it has been read, so
// that something is done a tenth of it earlier.
func (s *Store) fresh(ctx context.Context) (*freshness, error) {
	if s.opts.Freshness == 0 {
		return s.fold(ctx)
	}
	if f := s.young(s.opts.Freshness * 9 / 10); f != nil {
		return f, nil
	}
	waiting, cancel := context.WithTimeoutCause(ctx, s.opts.Freshness, errBehind)
	defer cancel()
	f, err := s.inTurn(waiting, s.refreshLoop)
	if err != nil && waiting.Err() != nil {
		if young := s.young(s.opts.Freshness); young != nil {
			return young, nil
		}
	}
	return f, err
}

// refreshLoop is fresh for whoever has the turn.
func (s *Store) refreshLoop(ctx context.Context) (*freshness, error) {
	waiting, cancel := context.WithTimeoutCause(ctx, s.opts.Freshness, errBehind)
	defer cancel()
	age := s.opts.Freshness * 9 / 10
	for {
		f, err := s.refresh(ctx, age)
		if err != nil {
			return nil, err
		}
		if young := s.young(age); young != nil {
			return young, nil
		}
		if f != nil { // it took too long
			if young := s.young(s.opts.Freshness); young != nil {
				return young, nil
			}
			return nil, errBehind
		}
		select {
		case <-waiting.Done():
			return nil, context.Cause(waiting)
		case <-time.After(lookAgain):
		}
	}
}

// Settle implements tollbook.Ledger.
func (s *Store) Settle(ctx context.Context) error {
	_, err := s.fold(ctx)
	return unavailable(err)
}
