package book

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"tollbook"
)

// alerting is what of the state has to do with alerts.
type alerting struct {
	alerts  map[string]*object[tollbook.Alert]
	firings map[string]*firing
	crossed map[series]*firing // the last one of each
	pending map[string]*firing // those that their receivers are still to be told of
}

type firing struct {
	object[tollbook.Firing]
	delivery object[tollbook.Delivery]
}

// series names the crossings that are numbered together: those of one revision
// of an alert by one value.
type series struct {
	alert    string
	revision int
	account  string         // "": the sum of all accounts
	month    tollbook.Month // 0: of no month
}

func newAlerting() alerting {
	return alerting{map[string]*object[tollbook.Alert]{}, map[string]*firing{}, map[series]*firing{}, map[string]*firing{}}
}

func (s *alerting) apply(def *tollbook.Definition) error {
	switch def.Kind {
	case tollbook.KindAlert:
		a := s.alerts[def.ID]
		if a == nil {
			a = &object[tollbook.Alert]{}
			s.alerts[def.ID] = a
		}
		return set(a, def, nil)
	case tollbook.KindFiring:
		return s.applyFiring(def)
	}
	f := s.firings[def.ID]
	if f == nil {
		return fmt.Errorf("the firing is not defined")
	}
	if err := set(&f.delivery, def, nil); err != nil {
		return err
	}
	if f.delivery.value.State != tollbook.DeliveryPending {
		delete(s.pending, def.ID)
	}
	return nil
}

func (s *alerting) applyFiring(def *tollbook.Definition) error {
	f := s.firings[def.ID]
	isNew := f == nil
	if isNew {
		f = &firing{}
	}
	if err := set(&f.object, def, nil); err != nil || !isNew {
		return err
	}
	v := &f.value
	if s.alerts[v.AlertID] == nil {
		return fmt.Errorf("alert %s is not defined", v.AlertID)
	}
	f.delivery.value = tollbook.Delivery{ID: v.ID, State: tollbook.DeliveryPending}
	s.firings[v.ID] = f
	s.pending[v.ID] = f
	s.crossed[seriesOf(v)] = f
	return nil
}

// live returns an alert that has not been deleted, else nil.
func (s *alerting) live(id string) *tollbook.Alert {
	if a := s.alerts[id]; a != nil && a.value.DeletedAt == nil {
		return &a.value
	}
	return nil
}

func seriesOf(f *tollbook.Firing) series {
	k := series{alert: f.AlertID, revision: f.Revision}
	if f.AccountID != nil {
		k.account = *f.AccountID
	}
	if f.Month != nil {
		k.month = *f.Month
	}
	return k
}

// firingID names a crossing: on every server, and again after a crash, the same
// crossing has the same id.
func (k series) firingID(crossing int) string {
	parts, err := json.Marshal([]any{k.alert, k.revision, k.account, k.month, crossing})
	if err != nil {
		panic(err) // texts and numbers always marshal
	}
	sum := sha256.Sum256(parts)
	return hex.EncodeToString(sum[:16])
}
