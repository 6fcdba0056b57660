package book_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tollbook"
	"tollbook/book"
)

func balance(t *testing.T, wallet, threshold string) book.AlertSpec {
	n := number(t, threshold)
	spec := book.AlertSpec{Kind: tollbook.AlertWalletBalance, Currency: "USD", Threshold: &n}
	if wallet != "" {
		spec.WalletName = &wallet
	}
	return spec
}

func ofMonth(t *testing.T, kind, threshold string) book.AlertSpec {
	n := number(t, threshold)
	return book.AlertSpec{Kind: kind, Currency: "USD", Threshold: &n}
}

func ofAccount(id string, spec book.AlertSpec) book.AlertSpec {
	spec.AccountID = &id
	return spec
}

func in(currency string, spec book.AlertSpec) book.AlertSpec {
	spec.Currency = currency
	return spec
}

func ofEach(spec book.AlertSpec) book.AlertSpec {
	spec.EachAccount = true
	return spec
}

// TestMessage: what a receiver is told.
func TestMessage(t *testing.T) {
	w := newAlertWorld(t, newLedger(t))
	r := w.receiver()
	r.has(w.alert("low", r.URL+"/hook", ofAccount("a1", balance(t, "main", "20"))))
	w.post("a1 RECHARGE 100 main 1", "a1 CALL 80 main 2")
	w.work()
	got := r.one()
	delivery := w.delivery("low")
	want := message{ID: delivery.ID, Type: "alert.fired", At: "2026-09-15T12:00:00Z", Data: map[string]any{
		"id": delivery.ID, "alert_id": "low", "alert_revision": 1.0, "organization_id": "acme", "account_id": "a1",
		"kind": "wallet_balance", "wallet_name": "main", "currency": "USD", "threshold": 20.0, "value": 20.0,
		"month": nil, "crossing": 1.0, "fired_at": "2026-09-15T12:00:00Z",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if delivery.State != tollbook.DeliveryDelivered || delivery.Attempts != 1 || *delivery.Status != 204 || delivery.Error != nil {
		t.Errorf("%+v", delivery)
	}
	w.work()
	r.none()
}

// fired tells what fired, in the order in which it did: alert, account, month,
// value.
func (w *alertWorld) fired() []string {
	w.Helper()
	var all []string
	for _, d := range w.deliveries("") {
		account, month := "-", "-"
		if d.AccountID != nil {
			account = *d.AccountID
		}
		if d.Month != nil {
			month = d.Month.String()
		}
		all = append(all, strings.Join([]string{d.AlertID, account, month, d.Value.String()}, " "))
	}
	return all
}

func (w *alertWorld) wantFired(want ...string) {
	w.Helper()
	w.work()
	if diff := cmp.Diff(want, w.fired()); diff != "" {
		w.Fatal(diff)
	}
}

// TestAlertsFire: each kind of alert, of one account, of each and of the sum of
// all, as what it looks at moves.
func TestAlertsFire(t *testing.T) {
	type step struct {
		now    string // "": as before
		events []string
		fires  []string
	}
	for _, test := range []struct {
		name  string
		spec  book.AlertSpec
		steps []step
	}{
		{"the balance of an account's wallet", ofAccount("a1", balance(t, "main", "20")), []step{
			{"", []string{"a1 RECHARGE 100 main 1", "a1 CALL 79 main 2", "a2 RECHARGE 5 main 1"}, nil},
			{"", []string{"a1 CALL 1 main 3"}, []string{"x a1 - 20"}},
			{"", []string{"a1 CALL 5 main 3"}, nil},
			{"", []string{"a1 CREDIT_COMMIT 50 main 3"}, nil},
			{"", []string{"a1 CALL 100 main 3"}, []string{"x a1 - 0"}},
		}},
		{"the balance of each account's wallet", ofEach(balance(t, "main", "20")), []step{
			{"", []string{"a1 RECHARGE 100 main 1", "a2 RECHARGE 20 main 1", "a1 RECHARGE 1 other 1"}, []string{"x a2 - 20"}},
			{"", []string{"a1 CALL 90 main 1"}, []string{"x a1 - 10"}},
		}},
		{"the sum of the balances", balance(t, "main", "20"), []step{
			{"", []string{"a1 RECHARGE 15 main 1", "a2 RECHARGE 15 main 1"}, nil},
			{"", []string{"a1 CALL 100 main 1"}, []string{"x - - 15"}},
		}},
		{"a wallet without a name", balance(t, "", "20"), []step{
			{"", []string{"a1 RECHARGE 15 main 1", "a1 RECHARGE 18 - 1"}, []string{"x - - 18"}},
		}},
		{"a wallet that nothing was put into is none", balance(t, "main", "20"), []step{
			{"", []string{"a1 CALL 100 main 1"}, nil},
		}},
		{"what a month comes to", ofAccount("a1", ofMonth(t, tollbook.AlertMonthToDate, "50")), []step{
			{"", []string{"a1 CALL 49 main 1", "a1 RECHARGE 100 main 1", "a2 CALL 100 - 1", "a1 CALL 100 - 2026-08-31T23:59:59Z"}, nil},
			{"", []string{"a1 CALL 1 - 2"}, []string{"x a1 2026-09 50"}},
			{"", []string{"a1 CALL 1000 - 2"}, nil},
			{"2026-10-01T00:00:00Z", nil, nil},
			{"2026-10-02T00:00:00Z", []string{"a1 CALL 70 - 1"}, []string{"x a1 2026-10 70"}},
		}},
		{"what a month comes to for each account", ofEach(ofMonth(t, tollbook.AlertMonthToDate, "50")), []step{
			{"", []string{"a1 CALL 49 - 1", "a2 CALL 100 - 1"}, []string{"x a2 2026-09 100"}},
		}},
		{"what a month comes to for all accounts, some of which are in the next one", ofMonth(t, tollbook.AlertMonthToDate, "50"), []step{
			// It is October for tokyo.
			{"2026-09-30T16:00:00Z", []string{"a1 CALL 30 - 30", "tokyo CALL 10 - 2026-09-30T14:59:59Z", "tokyo CALL 40 - 2026-09-30T15:00:00Z"}, nil},
			{"", []string{"a1 CALL 10 - 30"}, []string{"x - 2026-09 50"}},
			{"2026-10-01T00:00:00Z", []string{"a1 CALL 10 - 1"}, []string{"x - 2026-10 50"}},
		}},
		{"a balance in another currency", in("EUR", balance(t, "main", "20")), []step{
			{"", []string{"a1 RECHARGE 10 main 1"}, nil},
		}},
		{"a month in another currency", in("EUR", ofMonth(t, tollbook.AlertMonthToDate, "20")), []step{
			{"", []string{"a1 CALL 100 - 1"}, nil},
		}},
		{"a change in percent", ofAccount("a1", ofMonth(t, tollbook.AlertMonthChange, "20")), []step{
			{"", []string{"a1 CALL 30 - 2026-08-01T00:00:00Z", "a1 CALL 35 - 1"}, nil},
			{"", []string{"a1 CALL 2 - 1"}, []string{"x a1 2026-09 23.333333333333"}},
		}},
		{"there is no change against nothing", ofAccount("a1", ofMonth(t, tollbook.AlertMonthChange, "-10")), []step{
			{"", []string{"a1 CALL 30 - 1"}, nil},
			{"", []string{"a1 CALL 33 - 2026-08-01T00:00:00Z"}, []string{"x a1 2026-09 -9.090909090909"}},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newAlertWorld(t, newLedger(t))
			w.account("a2", "UTC")
			w.account("tokyo", "Asia/Tokyo")
			w.alert("x", w.receiver().URL, test.spec)
			var all []string
			for i, s := range test.steps {
				if s.now != "" {
					w.setClock(at(t, s.now))
				}
				w.post(s.events...)
				w.work()
				all = append(all, s.fires...)
				if diff := cmp.Diff(all, w.fired()); diff != "" {
					t.Fatalf("step %d: %s", i, diff)
				}
			}
		})
	}
}

// TestCrossings: one that came back is told so, and the next one is another.
func TestCrossings(t *testing.T) {
	w := newAlertWorld(t, newLedger(t))
	r := w.receiver()
	r.has(w.alert("low", r.URL, balance(t, "main", "20")))
	w.post("a1 RECHARGE 100 main 1", "a1 CALL 90 main 1")
	w.work()
	first := r.one()
	w.advance(time.Minute)
	w.post("a1 RECHARGE 11 main 1")
	w.work()
	r.none()
	if d := w.delivery("low"); d.ClearedAt == nil || !d.ClearedAt.Equal(w.clock()) {
		t.Errorf("cleared at %v", d.ClearedAt)
	}
	w.post("a1 CALL 1 main 1")
	w.work()
	second := r.one()
	if first.ID == "" || first.ID == second.ID || first.Data["crossing"] != 1.0 || second.Data["crossing"] != 2.0 {
		t.Errorf("%+v, then %+v", first, second)
	}
	w.start() // knows what has been crossed
	w.work()
	r.none()
}

// TestAlertsStartAnew: an alert that asks something else, that is enabled again
// or that takes a deleted one's id tells of what it finds; one with another
// receiver does not.
func TestAlertsStartAnew(t *testing.T) {
	w := newAlertWorld(t, newLedger(t))
	r, elsewhere := w.receiver(), w.receiver()
	w.post("a1 RECHARGE 10 main 1")
	low := balance(t, "main", "20")
	w.alert("low", r.URL, low)
	w.wantFired("low - - 10")
	w.alert("low", elsewhere.URL, low)
	w.wantFired("low - - 10")
	w.alert("low", elsewhere.URL, balance(t, "main", "15"))
	w.wantFired("low - - 10", "low - - 10")
	w.alert("low", elsewhere.URL, low)
	w.wantFired(slices.Repeat([]string{"low - - 10"}, 3)...)

	low.Disabled = true
	w.alert("low", elsewhere.URL, low)
	w.work()
	low.Disabled = false
	w.alert("low", elsewhere.URL, low)
	w.wantFired(slices.Repeat([]string{"low - - 10"}, 4)...)

	w.must(w.operator.DeleteAlert(t.Context(), "low"))
	w.wantFired(slices.Repeat([]string{"low - - 10"}, 4)...)
	w.alert("low", r.URL, low)
	w.wantFired(slices.Repeat([]string{"low - - 10"}, 5)...)
	if a, b := len(r.take()), len(elsewhere.take()); a != 2 || b != 3 {
		t.Errorf("%d and %d messages came", a, b)
	}
	seen := map[string]bool{}
	for _, d := range w.deliveries("") {
		seen[d.ID] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d ids", len(seen))
	}
}

// TestManyAccountsFire: more than are appended at once.
func TestManyAccountsFire(t *testing.T) {
	w := newAlertWorld(t, newLedger(t))
	r := w.receiver()
	r.has(w.alert("much", r.URL, ofEach(ofMonth(t, tollbook.AlertMonthToDate, "1"))))
	const accounts = 2500
	for i := range accounts {
		id := fmt.Sprintf("n%d", i)
		w.account(id, "UTC")
		w.post(id + " CALL 1 - 1")
	}
	w.work()
	seen := map[string]bool{}
	for _, m := range r.take() {
		seen[m.ID] = true
	}
	if len(seen) != accounts || w.book.PendingDeliveries() != 0 {
		t.Errorf("%d were told of, %d are pending", len(seen), w.book.PendingDeliveries())
	}
}
