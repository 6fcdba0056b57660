package clickhousestore

import (
	"context"
	"time"
)

// pace slows writes down where folds do not keep up with them: without it, a
// database that is given all that it takes has no time left to fold, and pages are
// refused once they are too old.
type pace struct {
	cut   uint64    // up to where everything had been folded, when it was last seen
	since time.Time // about when the first event was written here that is not folded; zero: there is none
	last  time.Time // when the last one was
}

// folded notes up to where everything has been folded, and how long ago that was
// all that there was.
func (p *pace) folded(cut uint64, now time.Time, age time.Duration) {
	if cut == p.cut && !p.since.IsZero() {
		return
	}
	p.cut, p.since = cut, time.Time{}
	if then := now.Add(-age); p.last.After(then) {
		p.since = then
	}
}

// wrote notes that events have been written.
func (p *pace) wrote(now time.Time) {
	if p.last = now; p.since.IsZero() {
		p.since = now
	}
}

// wait returns how long to wait before more is written: what events have waited to
// be folded beyond seven tenths of what pages may be old, and at most a fifth of
// that, for where nobody folds at all events are taken all the same. A fold that
// begins when it is due, and takes as long as the last one, is done by then.
func (p *pace) wait(now time.Time, freshness time.Duration) time.Duration {
	if p.since.IsZero() || freshness == 0 {
		return 0
	}
	over := now.Sub(p.since) - freshness*7/10
	return min(max(over, 0), freshness/5)
}

// keepPace waits as long as pace says, and tells whether it has waited.
func (s *Store) keepPace(ctx context.Context, k *known) (bool, error) {
	now := s.opts.Clock()
	s.pace.folded(k.folded, now, time.Duration(k.age)*time.Microsecond)
	wait := s.pace.wait(now, s.opts.Freshness)
	if wait == 0 {
		return false, nil
	}
	s.metrics.paced.Add(wait.Seconds())
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.closing: // what is in hand is written
	case <-ctx.Done():
		return true, context.Cause(ctx)
	}
	return true, nil
}
