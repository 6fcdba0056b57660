package book

import (
	"fmt"
	"strconv"
	"time"

	"tollbook"
	"tollbook/decimal"
	"tollbook/filter"
)

// liveAlert returns an alert with the hash of its secret. Error: CodeNotFound.
func (op *Operator) liveAlert(id string) (tollbook.Alert, error) {
	op.book.mu.RLock()
	defer op.book.mu.RUnlock()
	if a := op.book.state.live(id); a != nil {
		return *a, nil
	}
	return tollbook.Alert{}, errNoObject(tollbook.KindAlert)
}

// Alert returns an alert as it may be shown. Error: CodeNotFound.
func (op *Operator) Alert(id string) (tollbook.Alert, error) {
	a, err := op.liveAlert(id)
	return AlertView(a), err
}

// Alerts returns a page of all alerts.
func (op *Operator) Alerts(q PageQuery) ([]tollbook.Alert, PageInfo, error) {
	op.book.mu.RLock()
	rows := make([]tollbook.Alert, 0, len(op.book.state.alerts))
	for id := range op.book.state.alerts {
		if a := op.book.state.live(id); a != nil {
			rows = append(rows, AlertView(*a))
		}
	}
	op.book.mu.RUnlock()
	l := &list[tollbook.Alert]{
		name: "alerts",
		schema: filter.Schema{{Name: "id"}, {Name: "organization_id"}, {Name: "account_id"},
			{Name: "kind", Kind: filter.Enum, Values: tollbook.AlertKinds()},
			{Name: "disabled", Kind: filter.Enum, Values: []string{"true", "false"}}},
		id: func(a *tollbook.Alert) string { return a.ID },
		value: func(a *tollbook.Alert, i int) filter.Value {
			return [...]filter.Value{{Text: a.ID}, {Text: a.OrganizationID}, nullable(a.AccountID), {Text: a.Kind}, {Text: strconv.FormatBool(a.Disabled)}}[i]
		},
	}
	return l.page(rows, q)
}

// DeliveryInfo is a firing, and what came of telling its receiver.
type DeliveryInfo struct {
	ID             string          `json:"id"`
	AlertID        string          `json:"alert_id"`
	OrganizationID string          `json:"organization_id"`
	AccountID      *string         `json:"account_id"`
	Kind           string          `json:"kind"`
	WalletName     *string         `json:"wallet_name"`
	Currency       string          `json:"currency"`
	Threshold      decimal.Decimal `json:"threshold"`
	Month          *tollbook.Month `json:"month"`
	Value          decimal.Decimal `json:"value"`
	FiredAt        time.Time       `json:"fired_at"`
	ClearedAt      *time.Time      `json:"cleared_at"`
	State          string          `json:"state"`
	Attempts       int             `json:"attempts"`
	FirstAttemptAt *time.Time      `json:"first_attempt_at"`
	LastAttemptAt  *time.Time      `json:"last_attempt_at"`
	NextAttemptAt  *time.Time      `json:"next_attempt_at"`
	Status         *int            `json:"status"`
	Error          *string         `json:"error"`

	position tollbook.Pos // at which it fired
}

func (f *firing) info() DeliveryInfo {
	v, d := &f.value, &f.delivery.value
	return DeliveryInfo{
		ID: v.ID, AlertID: v.AlertID, OrganizationID: v.OrganizationID, AccountID: v.AccountID,
		Kind: v.Kind, WalletName: v.WalletName, Currency: v.Currency, Threshold: v.Threshold,
		Month: v.Month, Value: v.Value, FiredAt: v.FiredAt, ClearedAt: v.ClearedAt,
		State: d.State, Attempts: d.Attempts, FirstAttemptAt: d.FirstAttemptAt, LastAttemptAt: d.LastAttemptAt,
		NextAttemptAt: d.NextAttemptAt, Status: d.Status, Error: d.Error,
		position: f.history[0].Position,
	}
}

// Delivery returns a firing, and what came of telling its receiver. Error:
// CodeNotFound.
func (op *Operator) Delivery(id string) (DeliveryInfo, error) {
	op.book.mu.RLock()
	defer op.book.mu.RUnlock()
	if f := op.book.state.firings[id]; f != nil {
		return f.info(), nil
	}
	return DeliveryInfo{}, errNoObject(tollbook.KindDelivery)
}

// Deliveries returns a page of all deliveries, in the order in which they
// fired: the latest first unless ordered otherwise.
func (op *Operator) Deliveries(q PageQuery) ([]DeliveryInfo, PageInfo, error) {
	rows := values(op.book, func(s *state) map[string]*firing { return s.firings }, (*firing).info)
	l := &list[DeliveryInfo]{
		name: "deliveries",
		schema: filter.Schema{{Name: "id"}, {Name: "alert_id"}, {Name: "organization_id"}, {Name: "account_id"},
			{Name: "kind", Kind: filter.Enum, Values: tollbook.AlertKinds()},
			{Name: "state", Kind: filter.Enum, Values: tollbook.DeliveryStates()}},
		id: func(d *DeliveryInfo) string { return fmt.Sprintf("%020d", d.position) },
		value: func(d *DeliveryInfo, i int) filter.Value {
			return [...]filter.Value{{Text: d.ID}, {Text: d.AlertID}, {Text: d.OrganizationID}, nullable(d.AccountID), {Text: d.Kind}, {Text: d.State}}[i]
		},
	}
	return l.page(rows, q)
}

// PendingDeliveries returns how many receivers are still to be told of a
// firing.
func (b *Book) PendingDeliveries() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.state.pending)
}
