package book

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tollbook"
	"tollbook/decimal"
)

const (
	// restAfterWatching is how many times as long as the last look at all
	// alerts took there is none: an organization's totals may be long.
	restAfterWatching = 9
	// maxFired is how many firings are appended at once.
	maxFired = 1000
)

// reading is the value that an alert looks at, as it is now.
type reading struct {
	series
	value  decimal.Decimal
	beyond bool // at the threshold or beyond
}

// watch looks at all alerts, and fires those whose values have crossed their
// thresholds since the last look.
func (b *Book) watch(ctx context.Context) error {
	now := b.opt.Clock().UTC()
	if b.opt.Webhooks.Send == nil || now.Before(b.watchAgain) {
		return nil
	}
	var failed error
	for organizationID, alerts := range b.activeAlerts() {
		if err := b.watchOrganization(ctx, organizationID, alerts, now); err != nil {
			failed = errors.Join(failed, fmt.Errorf("look at the alerts of %s: %w", organizationID, err))
		}
	}
	after := b.opt.Clock().UTC()
	b.watchAgain = after.Add(restAfterWatching * after.Sub(now))
	return failed
}

// activeAlerts returns the alerts that may fire, by organization.
func (b *Book) activeAlerts() map[string][]tollbook.Alert {
	b.mu.RLock()
	defer b.mu.RUnlock()
	alerts := map[string][]tollbook.Alert{}
	for _, a := range b.state.alerts {
		if a.value.Active() {
			alerts[a.value.OrganizationID] = append(alerts[a.value.OrganizationID], a.value)
		}
	}
	return alerts
}

func (b *Book) watchOrganization(ctx context.Context, organizationID string, alerts []tollbook.Alert, now time.Time) error {
	totals, calendars, err := b.totals(ctx, organizationID)
	if err != nil {
		return err
	}
	seen := newGauges(totals, calendars, now)
	var readings []reading
	for i := range alerts {
		seen.read(&alerts[i], func(r reading) {
			if r.beyond || b.isOpen(r.series) {
				readings = append(readings, r)
			}
		})
	}
	for some := range slices.Chunk(readings, maxFired) {
		if err := b.fire(ctx, some, now); err != nil {
			return err
		}
	}
	return nil
}

func (b *Book) isOpen(k series) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.state.crossed[k].open()
}

// open tells whether the value has not come back since; nil is no firing.
func (f *firing) open() bool { return f != nil && f.value.ClearedAt == nil }

// fire appends what readings come to: firings of values that have crossed
// their thresholds, and that others have come back.
func (b *Book) fire(ctx context.Context, readings []reading, now time.Time) error {
	var fired []tollbook.Firing
	err := b.defineAll(ctx, actorServer, func(s *state) (defs []definition, err error) {
		fired = nil
		for _, r := range readings {
			a, last := s.live(r.alert), s.crossed[r.series]
			switch {
			case a == nil || a.Disabled || a.Revision != r.revision: // changed since it was looked at
			case r.beyond && !last.open():
				f := firingOf(a, &r, now)
				if last != nil {
					f.Crossing = last.value.Crossing + 1
				}
				f.ID = r.firingID(f.Crossing)
				fired = append(fired, f)
				defs = append(defs, definition{tollbook.KindFiring, f.ID, f})
			case !r.beyond && last.open():
				f := last.value
				f.ClearedAt = &now
				defs = append(defs, definition{tollbook.KindFiring, f.ID, f})
			}
		}
		return defs, nil
	})
	if err != nil {
		return err
	}
	for i := range fired {
		b.opt.Logger.Info("an alert fired", "alert", fired[i].AlertID, "organization", fired[i].OrganizationID, "delivery", fired[i].ID)
	}
	return nil
}

// firingOf returns the first firing of a reading's series, without its id. It
// is not before the alert, which may be of a server whose clock is ahead.
func firingOf(a *tollbook.Alert, r *reading, now time.Time) tollbook.Firing {
	if now.Before(a.CreatedAt) {
		now = a.CreatedAt
	}
	f := tollbook.Firing{
		AlertID: a.ID, Revision: a.Revision, OrganizationID: a.OrganizationID, AlertCondition: a.AlertCondition,
		Crossing: 1, Value: r.value, FiredAt: now,
	}
	if r.account != "" {
		f.AccountID = &r.account
	}
	if r.month != 0 {
		f.Month = &r.month
	}
	return f
}
