package clickhousestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tollbook"
)

// errOvertaken is that another server has folded further meanwhile.
var errOvertaken = errors.New("another server has folded further")

// fold has everything folded that was written before the call, and returns the
// instant up to which it is. An epoch ends where the next cut or mark is; epochs
// are folded one after the other, and whoever folds one comes to the same rows.
func (s *Store) fold(ctx context.Context) (*freshness, error) {
	began := s.opts.Clock()
	return s.inTurn(ctx, func(ctx context.Context) (*freshness, error) { return s.foldNow(ctx, began) })
}

// turn is had by one at a time.
type turn chan struct{}

// takeTurn waits for the turn to fold. Who waits goes when the context ends.
func (s *Store) takeTurn(ctx context.Context) error {
	select {
	case <-s.closing:
		return errClosed
	default:
	}
	select {
	case s.folding <- struct{}{}:
		return nil
	case <-s.closing:
		return errClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t turn) leave() { <-t }

// inTurn waits for the turn, and for what is done in it. That goes on when the
// context ends, and until the store is closed: a fold is of use to all, and one
// that is broken off is to be begun anew.
func (s *Store) inTurn(ctx context.Context, do func(ctx context.Context) (*freshness, error)) (*freshness, error) {
	if err := s.takeTurn(ctx); err != nil {
		return nil, err
	}
	var f *freshness
	var err error
	done := make(chan struct{})
	go func() {
		defer s.folding.leave()
		defer close(done)
		f, err = do(s.alive)
	}()
	select {
	case <-done:
		if err != nil && s.alive.Err() != nil {
			err = errClosed
		}
		return f, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// foldNow is fold for whoever has the turn, of what was written before an instant.
func (s *Store) foldNow(ctx context.Context, wanted time.Time) (*freshness, error) {
	f := s.freshest.Load()
	var o overtaking
	for f == nil || f.began.Before(wanted) {
		began := s.opts.Clock()
		if f == nil {
			var err error
			if f, err = s.lastFold(ctx); err != nil {
				return nil, err
			}
		}
		p, err := s.endEpochs(ctx, f.cut)
		if err == nil && p.any() {
			err = s.foldEpochs(ctx, p.ends)
			s.foldTook = s.opts.Clock().Sub(began)
			s.metrics.fold.Observe(s.foldTook.Seconds())
		}
		switch {
		case errors.Is(err, errOvertaken):
			if err := o.wait(ctx, f.cut); err != nil {
				return nil, err
			}
			f = nil
			continue
		case err != nil:
			return nil, err
		}
		f = &freshness{f.instant, p.at, began}
		if p.any() {
			if f.instant, err = s.instantAt(ctx, p.last); err != nil {
				return nil, err
			}
		}
		s.freshest.Store(f)
	}
	return f, nil
}

// overtaking is the wait for another server that has views of what is not written
// down to be folded yet. It is in a moment, or there was a rebuild that nobody has
// ended.
type overtaking struct {
	cut   uint64 // behind what was folded at the last wait
	pause time.Duration
}

// wait waits a while, and returns errAhead where nothing has been folded for long.
func (o *overtaking) wait(ctx context.Context, folded uint64) error {
	if folded > o.cut || o.pause == 0 {
		*o = overtaking{folded, 2 * time.Millisecond}
	}
	if o.pause *= 2; o.pause > patience/4 {
		return errAhead
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(o.pause):
		return nil
	}
}

// errAhead is that there are views of what has not been folded.
var errAhead = errors.New("there are views of what is not folded: if no other server is at it, stop all and run tollbook clickhouse rebuild")

// lastFold returns up to where and when any server has folded; where none has,
// that began at the zero time.
func (s *Store) lastFold(ctx context.Context) (*freshness, error) {
	f, now := &freshness{}, s.opts.Clock()
	err := s.query(ctx, "SELECT cut, at, toUnixTimestamp64Micro(now64(6, 'UTC')) - toUnixTimestamp64Micro(at) FROM folds ORDER BY cut DESC LIMIT 1", func(rows driver.Rows) error {
		var age int64
		err := rows.Scan(&f.cut, &f.at, &age)
		if age < 0 { // by a clock that was ahead; who knows how old it is
			age = s.opts.Freshness.Microseconds()
		}
		f.began = now.Add(-time.Duration(age) * time.Microsecond)
		return err
	})
	if err != nil {
		return nil, err
	}
	f.instant, err = s.instantAt(ctx, f.cut)
	return f, err
}

// pending is what has been written since a fold.
type pending struct {
	at     time.Time // by the clock of the database: what was acknowledged before is in
	last   uint64    // the last end of an epoch
	ends   []uint64  // all of them
	behind bool      // rows have been written since the last one
	end    end       // of the log
}

// any tells whether there is something to be folded.
func (p *pending) any() bool { return p.behind || len(p.ends) > 0 }

// pending finds out what has been written since everything before a cut was
// folded.
func (s *Store) pending(ctx context.Context, folded uint64) (*pending, error) {
	p := &pending{last: folded}
	// The time first, by a statement of its own: what is acknowledged meanwhile may be
	// in, or not.
	if err := s.one(ctx, "SELECT now64(6, 'UTC')", &p.at); err != nil {
		return nil, err
	}
	// Scalar subqueries in the place of a union take twice as long.
	sql := fmt.Sprintf(`SELECT pos, head, toUInt8(kind IN (0, %[2]d)) FROM log WHERE pos >= %[1]d
		UNION ALL SELECT max(epoch + 1), 0, %[3]d FROM events WHERE epoch >= %[1]d
		UNION ALL SELECT max(epoch + 1), 0, %[3]d FROM bookings WHERE epoch >= %[1]d`, folded, tollbook.KindMark, rowsEnd)
	err := again(ctx, func() error { return s.readPending(ctx, sql, folded, p) }, nil)
	return p, err
}

// What a row is that tells what is pending; 0: another entry of the log.
const epochEnd, rowsEnd = 1, 2

func (s *Store) readPending(ctx context.Context, sql string, folded uint64, p *pending) error {
	var entries, written uint64 // behind the last epoch that has rows
	p.ends, p.end = nil, end{}
	err := s.query(ctx, sql, func(rows driver.Rows) error {
		var pos, head uint64
		var what uint8
		if err := rows.Scan(&pos, &head, &what); err != nil {
			return err
		}
		switch {
		case what == rowsEnd:
			written = max(written, pos)
			return nil
		case what == epochEnd && pos > folded:
			p.ends = append(p.ends, pos)
		}
		entries++
		p.end = end{max(p.end.pos, pos), max(p.end.head, head)}
		return nil
	})
	if err == nil && entries != p.end.pos-folded+1 {
		err = errGap
	}
	if err != nil {
		return err
	}
	slices.Sort(p.ends)
	if len(p.ends) > 0 {
		p.last = p.ends[len(p.ends)-1]
	}
	p.behind = written > p.last
	return nil
}

// endEpochs ends the epoch in hand, if anything has been written in it, waits
// until nobody writes any more in those that have ended, and returns those behind a
// cut.
func (s *Store) endEpochs(ctx context.Context, folded uint64) (*pending, error) {
	p, err := s.pending(ctx, folded)
	if err != nil || !p.any() {
		return p, err
	}
	if p.behind {
		cut, err := s.cut(ctx, p.end)
		if err != nil {
			return nil, err
		}
		if cut == p.last+1 {
			p.ends = append(p.ends, cut)
		} else { // others may have made ends in between
			err = s.endsBetween(ctx, p, cut)
		}
		if err != nil {
			return nil, err
		}
		p.last = cut
	}
	return p, s.drain(ctx)
}

// endsBetween adds the ends of epochs up to a cut.
func (s *Store) endsBetween(ctx context.Context, p *pending, cut uint64) error {
	sql := fmt.Sprintf("SELECT arraySort(groupArrayIf(pos, kind IN (0, %d))), count() FROM log WHERE pos > %d AND pos <= %d", tollbook.KindMark, p.last, cut)
	return again(ctx, func() error {
		var ends []uint64
		var n uint64
		if err := s.one(ctx, sql, &ends, &n); err != nil {
			return err
		}
		if n != cut-p.last {
			return errGap
		}
		p.ends = append(p.ends, ends...)
		return nil
	}, nil)
}

// foldEpochs folds the epochs that end at ends, but for those that others have
// folded by now.
func (s *Store) foldEpochs(ctx context.Context, ends []uint64) error {
	from, err := s.marks.load(ctx, s, ends[len(ends)-1])
	if err != nil {
		return err
	}
	for _, to := range ends {
		if to <= from {
			continue
		}
		f := &folding{store: s, from: from, to: to, marked: s.marks.last(from)}
		if err := f.run(ctx); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// folding is the fold of what was written in the epochs from a cut to the next
// end.
type folding struct {
	store    *Store
	from, to uint64
	marked   uint64 // the last mark at or before from
}

// written is the rows of the epochs, in events or bookings.
func (f *folding) written() string { return fmt.Sprintf("epoch >= %d AND epoch < %d", f.from, f.to) }

func (f *folding) run(ctx context.Context) error {
	s, done := f.store, false
	defer func() {
		if !done { // what was counted now is counted again
			s.hot.forget()
		}
	}()
	var events, bookings, looked uint64
	sql := fmt.Sprintf("SELECT count(), min(looked), (SELECT count() FROM bookings WHERE %[1]s) FROM events WHERE %[1]s", f.written())
	if err := s.one(ctx, sql, &events, &looked, &bookings); err != nil {
		return err
	}
	if events > 0 {
		if err := f.claim(ctx, looked); err != nil {
			return err
		}
	}
	if events+bookings > 0 {
		if err := f.count(ctx); err != nil {
			return err
		}
		if err := s.awaitViews(ctx); err != nil {
			return err
		}
	}
	if err := s.exec(ctx, fmt.Sprintf("INSERT INTO folds SELECT pos, inserted FROM log WHERE pos = %d", f.to)); err != nil {
		return err
	}
	done = true
	s.hot.folded(f.from, f.to)
	return nil
}

// claim finds out which events came a second time, on servers that did not see
// each other's, and writes down the claims of the others. Whoever wrote an event
// had looked up what was there before the epoch looked; so the first of two is
// not before it.
func (f *folding) claim(ctx context.Context, looked uint64) error {
	looking := fmt.Sprintf("events WHERE epoch >= %d AND epoch < %d", min(looked, f.from), f.to)
	sql := fmt.Sprintf(`INSERT INTO repeats SELECT claim, again.2, again.3, again.1 FROM (
			SELECT claim, arraySort(groupArray((epoch, batch, item))) AS came FROM %[1]s
			AND claim GLOBAL IN (SELECT claim FROM %[1]s GROUP BY claim HAVING count() > 1) GROUP BY claim
		) ARRAY JOIN arraySlice(came, 2) AS again WHERE again.1 >= %[2]d`, looking, f.from)
	if err := f.store.exec(ctx, sql); err != nil {
		return err
	}
	return f.store.exec(ctx, fmt.Sprintf(`INSERT INTO claims (claim, fingerprint, organization, account, booked, epoch, batch, item)
		SELECT claim, fingerprint, organization, account, booked, epoch, batch, item FROM events WHERE %s AND %s`, f.written(), notIn(identifier(f.store.name)+".repeats")))
}

// notRepeated leaves out rows of events that came a second time.
var notRepeated = notIn("repeats")

// notIn leaves out the rows of events that a table lists.
func notIn(table string) string {
	return "(claim, batch, item) GLOBAL NOT IN (SELECT claim, batch, item FROM " + table + ")"
}

// count counts what was written.
func (f *folding) count(ctx context.Context) error {
	deltas, err := f.deltas(ctx)
	if err != nil {
		return err
	}
	if done, err := f.countHot(ctx, deltas); done || err != nil {
		return err
	}
	before, counted, err := f.tallies(ctx, deltas)
	if err != nil {
		return err
	}
	if !counted {
		if err := f.keepPast(ctx, f.recordsBefore(before, deltas)); err != nil {
			return err
		}
	}
	after := before.plus(deltas, f.to)
	if err := f.putTallies(ctx, after, deltas); err != nil {
		return err
	}
	return f.putRecords(ctx, after.records(&f.store.lines, deltas))
}
