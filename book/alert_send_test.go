package book_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tollbook"
	"tollbook/book"
	"tollbook/webhook"
)

// lowOf makes an alert that fires at once.
func (w *alertWorld) lowOf(id, url string) (secret string) {
	w.Helper()
	if w.events == 0 {
		w.post("a1 RECHARGE 1 main 1")
	}
	return w.alert(id, url, balance(w.T, "main", "20"))
}

// TestSentAgain: a receiver that fails is told again, at ever longer intervals,
// for a day; then the delivery is given up. Its history has every attempt.
func TestSentAgain(t *testing.T) {
	w := newAlertWorld(t, newLedger(t))
	r := w.receiver()
	r.has(w.lowOf("low", r.URL))
	r.answers(http.StatusInternalServerError)
	w.work()
	first := r.one()
	start := w.clock()
	attempts := 1
	for d := w.delivery("low"); d.State == tollbook.DeliveryPending; d = w.delivery("low") {
		if d.Attempts != attempts || !d.FirstAttemptAt.Equal(start) || !d.LastAttemptAt.Equal(w.clock()) || *d.Status != 500 || *d.Error != "the receiver answered 500" {
			t.Fatalf("after %d attempts: %+v", attempts, d)
		}
		w.setClock(d.NextAttemptAt.Add(-time.Millisecond))
		w.work()
		r.none()
		w.setClock(*d.NextAttemptAt)
		w.work()
		if again := r.one(); again.ID != first.ID || again.At != first.At {
			t.Fatalf("%+v, before it was %+v", again, first)
		}
		attempts++
	}
	d := w.delivery("low")
	if took := d.LastAttemptAt.Sub(start); d.State != tollbook.DeliveryGivenUp || d.NextAttemptAt != nil || attempts < 12 || took > webhook.GiveUpAfter || took < webhook.GiveUpAfter-5*time.Hour {
		t.Errorf("%d attempts in %v: %+v", attempts, took, d)
	}
	history, _, err := w.operator.History(tollbook.KindDelivery, d.ID, book.PageQuery{PerPage: book.MaxPerPage})
	w.must(err)
	if len(history) != attempts || history[0].Actor != "server" {
		t.Errorf("%d entries for %d attempts: %+v", len(history), attempts, history[0])
	}
	if !strings.Contains(w.log.String(), `"level":"WARN","msg":"a delivery was given up","delivery":"`+d.ID) {
		t.Errorf("no word of it in %s", w.log)
	}
	w.advance(48 * time.Hour)
	w.work()
	r.none()
}

// TestReceivedInTheEnd: a change of the URL holds for what is pending too.
func TestReceivedInTheEnd(t *testing.T) {
	w := newAlertWorld(t, newLedger(t))
	gone := httptest.NewServer(nil)
	gone.Close()
	w.lowOf("low", gone.URL)
	w.work()
	if d := w.delivery("low"); d.Status != nil || !strings.Contains(*d.Error, "refused") || d.Attempts != 1 {
		t.Errorf("%+v", d)
	}
	r := w.receiver()
	w.lowOf("low", r.URL)
	w.advance(time.Minute)
	w.work()
	r.one()
	if d := w.delivery("low"); d.State != tollbook.DeliveryDelivered || d.Attempts != 2 || d.Error != nil || d.NextAttemptAt != nil {
		t.Errorf("%+v", d)
	}
}

// unwritable is a ledger that can be told to take no definitions.
type unwritable struct {
	tollbook.Ledger
	broken atomic.Bool
}

func (l *unwritable) Define(ctx context.Context, head tollbook.Pos, defs []tollbook.Definition) (tollbook.Pos, error) {
	if l.broken.Load() {
		return 0, errDiskFull
	}
	return l.Ledger.Define(ctx, head, defs)
}

var errDiskFull = errors.New("the disk is full")

// TestCutOff: a server that dies between sending and writing that down sends
// again after a restart, under the same id.
func TestCutOff(t *testing.T) {
	ledger := &unwritable{Ledger: newLedger(t)}
	w := newAlertWorld(t, ledger)
	r := w.receiver()
	r.has(w.lowOf("low", r.URL))
	r.answers(http.StatusInternalServerError)
	w.work()
	first := r.one()
	r.answers(http.StatusOK)
	w.advance(time.Minute)
	ledger.broken.Store(true)
	if err := w.book.Work(t.Context()); !errors.Is(err, errDiskFull) {
		t.Fatalf("Work: %v", err)
	}
	r.one()
	ledger.broken.Store(false)
	w.start()
	w.work()
	if again := r.one(); again.ID != first.ID {
		t.Errorf("%+v, before it was %+v", again, first)
	}
	if d := w.delivery("low"); d.State != tollbook.DeliveryDelivered || d.Attempts != 2 {
		t.Errorf("%+v", d)
	}
	w.start()
	w.work()
	r.none()
}

// TestKilledBeforeFiring: an alert that could not be written down as fired
// fires after the restart.
func TestKilledBeforeFiring(t *testing.T) {
	ledger := &unwritable{Ledger: newLedger(t)}
	w := newAlertWorld(t, ledger)
	r := w.receiver()
	r.has(w.lowOf("low", r.URL))
	ledger.broken.Store(true)
	if err := w.book.Work(t.Context()); !errors.Is(err, errDiskFull) {
		t.Fatalf("Work: %v", err)
	}
	r.none()
	ledger.broken.Store(false)
	w.start()
	w.work()
	r.one()
}

// TestSlowReceivers: those that do not answer hold up no other, and neither
// does one of them that has much to be told.
func TestSlowReceivers(t *testing.T) {
	w := newAlertWorld(t, newLedger(t))
	w.hooks = webhooks(t, webhook.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, time.Second)
	w.start()
	release := make(chan struct{})
	silent := make([]*httptest.Server, 8)
	var asked atomic.Int32
	for i := range silent {
		silent[i] = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			asked.Add(1)
			<-release
		}))
		t.Cleanup(silent[i].Close)
		for j := range 10 {
			w.lowOf(fmt.Sprintf("silent-%d-%d", i, j), silent[i].URL)
		}
	}
	t.Cleanup(func() { close(release) })
	r := w.receiver()
	r.has(w.lowOf("x-last", r.URL))
	w.work()
	r.one()
	if asked.Load() != 8 { // each once, for ten messages
		t.Errorf("the silent ones were asked %d times", asked.Load())
	}
	for _, d := range w.deliveries("state eq 'pending'") {
		if d.Attempts > 1 || d.Attempts == 1 && *d.Error != "the receiver did not answer in time" {
			t.Errorf("%+v", d)
		}
	}
	if n := len(w.deliveries("state eq 'pending'")); n != 80 {
		t.Errorf("%d are pending", n)
	}
}

// TestSilentForADay: what a host that does not answer was to be told is given
// up after a day, also where there was too much of it to try each.
func TestSilentForADay(t *testing.T) {
	w := newAlertWorld(t, newLedger(t))
	gone := httptest.NewServer(nil)
	gone.Close()
	for i := range 5 {
		w.lowOf(fmt.Sprint("low-", i), gone.URL)
	}
	w.work()
	w.advance(24 * time.Hour)
	w.work()
	if n := len(w.deliveries("state eq 'pending'")); n != 5 {
		t.Errorf("%d are pending", n)
	}
	w.advance(time.Second)
	w.work()
	for _, d := range w.deliveries("") {
		triedNow := d.LastAttemptAt != nil && d.LastAttemptAt.After(w.clock().Add(-time.Minute))
		if (d.State == tollbook.DeliveryPending) != triedNow || !triedNow && !strings.Contains(*d.Error, "not answered for a day") {
			t.Errorf("%+v", d)
		}
	}
	if n := w.book.PendingDeliveries(); n > 2 {
		t.Errorf("%d are pending", n)
	}
}

// TestOneOrganizationFails: what keeps one organization's totals from being
// read keeps no other's alerts from firing.
func TestOneOrganizationFails(t *testing.T) {
	w := newAlertWorld(t, &untotalled{newLedger(t), "other"})
	_, err := w.operator.PutOrganization(t.Context(), tollbook.Organization{ID: "other", Name: "Other"})
	w.must(err)
	r := w.receiver()
	r.has(w.lowOf("low", r.URL))
	spec := ofMonth(t, tollbook.AlertMonthToDate, "1")
	spec.OrganizationID, spec.URL = "other", r.URL
	_, _, err = w.operator.PutAlert(t.Context(), "much", spec)
	w.must(err)
	if err := w.book.Work(t.Context()); !errors.Is(err, errDiskFull) || !strings.Contains(err.Error(), "alerts of other") {
		t.Errorf("Work: %v", err)
	}
	r.one()
}

// untotalled is a ledger that cannot tell the totals of one organization.
type untotalled struct {
	tollbook.Ledger
	organization string
}

func (l *untotalled) Totals(ctx context.Context, organizationID string) ([]tollbook.Total, error) {
	if organizationID == l.organization {
		return nil, errDiskFull
	}
	return l.Ledger.Totals(ctx, organizationID)
}

// TestStopped: a server that is told to stop does not wait for a receiver, and
// holds that against nobody.
func TestStopped(t *testing.T) {
	w := newAlertWorld(t, newLedger(t))
	ctx, stop := context.WithCancel(t.Context())
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		stop()
		<-release
	}))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(release) })
	w.lowOf("low", slow.URL)
	if err := w.book.Work(ctx); err != nil {
		t.Errorf("Work: %v", err)
	}
	if d := w.delivery("low"); d.Attempts != 0 || d.State != tollbook.DeliveryPending {
		t.Errorf("%+v", d)
	}
}

// TestNoLongerTold: what is pending of an alert that is deleted or disabled is
// given up.
func TestNoLongerTold(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(w *alertWorld, url string)
	}{
		{"deleted", func(w *alertWorld, _ string) { w.must(w.operator.DeleteAlert(w.Context(), "low")) }},
		{"deleted and created again", func(w *alertWorld, url string) {
			w.must(w.operator.DeleteAlert(w.Context(), "low"))
			w.advance(time.Second)
			w.alert("low", url, ofMonth(w.T, tollbook.AlertMonthToDate, "1000000"))
		}},
		{"disabled", func(w *alertWorld, url string) {
			spec := balance(w.T, "main", "20")
			spec.Disabled = true
			w.alert("low", url, spec)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newAlertWorld(t, newLedger(t))
			r := w.receiver()
			r.answers(http.StatusBadGateway)
			w.lowOf("low", r.URL)
			w.work()
			r.one()
			test.end(w, r.URL)
			w.advance(time.Minute)
			w.work()
			r.none()
			if d := w.delivery("low"); d.State != tollbook.DeliveryGivenUp || d.Attempts != 1 || !strings.Contains(*d.Error, "deleted or disabled") || w.book.PendingDeliveries() != 0 {
				t.Errorf("%+v", d)
			}
		})
	}
}
