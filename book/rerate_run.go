package book

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"tollbook"
)

// compare orders months of accounts as they are rated again: an account's in
// order, for tiers go on from one booked month to the next.
func (m *accountMonth) compare(o *accountMonth) int {
	return cmp.Or(strings.Compare(m.OrganizationID, o.OrganizationID), cmp.Compare(m.Month, o.Month), strings.Compare(m.AccountID, o.AccountID))
}

// pokeRerates has it looked for re-ratings that are not done.
func (b *Book) pokeRerates() {
	select {
	case b.rerates <- struct{}{}:
	default:
	}
}

// rerateLoop runs re-ratings, one after the other, until ctx is done. One that
// fails is tried again when it is poked the next time.
func (b *Book) rerateLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.rerates:
		}
		if b.nextRerate() == "" {
			continue
		}
		if err := b.alone(ctx, b.runRerates); err != nil && ctx.Err() == nil {
			b.opt.Logger.Error("a re-rating is interrupted; it will go on", slog.Any("error", err))
		}
	}
}

// runRerates runs the re-ratings that are not done. How far one had come in an
// earlier tenure is forgotten: others may have gone on with it.
func (b *Book) runRerates(ctx context.Context, t tenure) error {
	if b.rerating.tenure.term != t.term {
		b.rerating.tenure = t
		b.rerating.set(nil)
	}
	for id := b.nextRerate(); id != ""; id = b.nextRerate() {
		if err := b.runRerate(ctx, id); err != nil {
			return fmt.Errorf("re-rating %s: %w", id, err)
		}
	}
	return nil
}

// resumeRerates has re-ratings go on that were interrupted.
func (b *Book) resumeRerates(context.Context) error {
	if b.nextRerate() != "" {
		b.pokeRerates()
	}
	return nil
}

// nextRerate returns the first re-rating that is not done, "" where all are.
func (b *Book) nextRerate() string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, id := range b.state.rerateOrder {
		if b.state.rerates[id].value.State == RerateRunning {
			return id
		}
	}
	return ""
}

// runRerate runs a re-rating, from where it was interrupted. After an error it
// is remembered how far it came.
func (b *Book) runRerate(ctx context.Context, id string) (err error) {
	b.mu.RLock()
	job := b.rerating.now(b.state.rerates[id].value)
	b.mu.RUnlock()
	job.Refusals = slices.Clone(job.Refusals)
	defer func() {
		if err == nil {
			b.rerating.set(nil)
		}
	}()
	months, err := b.rerateMonths(ctx, &job.RerateScope)
	if err != nil {
		return err
	}
	done := 0
	if job.Through != nil {
		done, _ = slices.BinarySearchFunc(months, job.Through, func(m accountMonth, through *accountMonth) int {
			return cmp.Or(m.compare(through), -1) // behind it
		})
	}
	job.Months = job.MonthsDone + len(months) - done
	noted := b.opt.Clock()
	b.rerating.set(&job)
	for group, err := range b.measureGroups(ctx, months[done:]) {
		if err != nil {
			return err
		}
		if !b.isRunning(id) {
			return nil
		}
		err := job.countGroup(group.months, b.restateGroup(ctx, group))
		b.rerating.set(&job)
		if err != nil {
			return err
		}
		if now := b.opt.Clock(); now.Sub(noted) >= noteEvery {
			noted = now
			if running, err := b.noteRerate(ctx, &job); err != nil || !running {
				return err
			}
		}
	}
	return b.endRerate(ctx, &job)
}

// countGroup notes what came of months, up to the first that is to be tried
// again. Those behind it are measured again with it; what has changed in them
// does not change then.
func (r *Rerate) countGroup(months []accountMonth, came []remeasured) (err error) {
	for i, m := range months {
		if err != nil {
			if came[i].err == nil {
				r.EventsChanged += came[i].changed
			}
		} else if err = r.count(m, came[i]); err != nil {
			err = fmt.Errorf("%s of account %s: %w", m.Month, m.AccountID, err)
		}
	}
	return err
}

// count notes what came of measuring an account's month again. That it has to
// stay as it is ends nothing.
func (r *Rerate) count(m accountMonth, came remeasured) error {
	switch code := tollbook.CodeOf(came.err); {
	case came.err == nil:
		r.EventsChanged += came.changed
	case code == tollbook.CodeTooManyRecords, code == tollbook.CodeTooLarge:
		if r.Refused++; len(r.Refusals) < maxRefusals {
			r.Refusals = append(r.Refusals, RerateRefusal{m, code, came.err.Error()})
		}
	default:
		return came.err
	}
	r.MonthsDone++
	r.Events += came.events
	r.Through = &m
	return nil
}

// rerateMonths returns the open months with records that a scope covers. What
// has no charges at all is taken up as ever.
func (b *Book) rerateMonths(ctx context.Context, scope *RerateScope) (months []accountMonth, err error) {
	b.mu.RLock()
	ids := slices.Sorted(maps.Keys(b.state.organizations))
	b.mu.RUnlock()
	if err := b.ledger.Settle(ctx); err != nil {
		return nil, err
	}
	for _, id := range ids {
		if scope.OrganizationID != nil && *scope.OrganizationID != id {
			continue
		}
		totals, err := b.ledger.Totals(ctx, id)
		if err != nil {
			return nil, err
		}
		for i := range totals {
			t := &totals[i]
			m := accountMonth{id, t.AccountID, t.Month}
			if scope.AccountID != nil && *scope.AccountID != t.AccountID || scope.Month != nil && *scope.Month != t.Month {
				continue
			}
			if _, _, open := b.ratesNow(m); open && (len(months) == 0 || months[len(months)-1] != m) {
				months = append(months, m)
			}
		}
	}
	slices.SortFunc(months, func(a, b accountMonth) int { return a.compare(&b) })
	return months, nil
}

func (b *Book) isRunning(id string) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.state.rerates[id].value.State == RerateRunning
}

// noteRerate writes down how far a re-rating is, and tells whether it has not
// been canceled. Where the ledger is busy the next note will say it.
func (b *Book) noteRerate(ctx context.Context, job *Rerate) (running bool, err error) {
	err = b.define(ctx, actorServer, func(s *state) (definition, error) {
		if running = s.rerates[job.ID].value.State == RerateRunning; !running {
			return definition{}, nil
		}
		return definition{tollbook.KindRerate, job.ID, *job}, nil
	})
	if isBusy(err) {
		err = nil
	}
	return running, err
}

// endRerate writes down that a re-rating is done, and marks the point where
// what it restated holds. While the ledger is busy each try waits for its turn.
func (b *Book) endRerate(ctx context.Context, job *Rerate) error {
	at := b.opt.Clock().UTC()
	job.State, job.FinishedAt = RerateDone, &at
	err := b.defineEnd(ctx, job)
	for isBusy(err) {
		err = b.defineEnd(ctx, job)
	}
	if err == nil {
		b.opt.Logger.Info("a re-rating is done", slog.String("id", job.ID), slog.Int("months", job.MonthsDone),
			slog.Int64("events", job.Events), slog.Int64("changed", job.EventsChanged), slog.Int("refused", job.Refused))
	}
	return err
}

func (b *Book) defineEnd(ctx context.Context, job *Rerate) error {
	return b.defineAll(ctx, actorServer, func(s *state) ([]definition, error) {
		if s.rerates[job.ID].value.State != RerateRunning {
			return nil, nil
		}
		defs := []definition{{tollbook.KindRerate, job.ID, *job}}
		if job.EventsChanged > 0 || b.rerating.tenure.rerates[job.ID] {
			mark := tollbook.Mark{Reason: tollbook.MarkRestatement, Of: job.ID}
			if job.OrganizationID != nil {
				mark.OrganizationID = *job.OrganizationID
			}
			defs = append(defs, definition{tollbook.KindMark, markID(mark), mark})
		}
		return defs, nil
	})
}
