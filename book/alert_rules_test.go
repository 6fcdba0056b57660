package book_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tollbook"
	"tollbook/book"
	"tollbook/decimal"
	"tollbook/webhook"
)

// TestPutAlertRefuses: each fault by its name, and all of them together.
func TestPutAlertRefuses(t *testing.T) {
	w := newAlertWorld(t, newLedger(t))
	w.hooks.CheckURL = webhook.Policy{}.CheckURL // as it is where nothing is allowed
	w.start()
	_, err := w.operator.PutOrganization(t.Context(), tollbook.Organization{ID: "other", Name: "Other"})
	w.must(err)
	good := func() book.AlertSpec {
		spec := ofAccount("a1", balance(t, "main", "20"))
		spec.OrganizationID, spec.URL = "acme", "https://receiver.example.com/hook"
		return spec
	}
	text := func(s string) *string { return &s }
	for _, test := range []struct {
		name   string
		change func(*book.AlertSpec)
		want   string // the fields at fault
	}{
		{"nothing", func(*book.AlertSpec) {}, ""},
		{"everything", func(s *book.AlertSpec) { *s = book.AlertSpec{} }, "organization_id kind currency threshold url"},
		{"no such organization", func(s *book.AlertSpec) { s.OrganizationID = "nobody" }, "organization_id"},
		{"no such account", func(s *book.AlertSpec) { s.AccountID = text("nobody") }, "account_id"},
		{"an account of another organization", func(s *book.AlertSpec) { s.OrganizationID = "other" }, "account_id"},
		{"an empty account", func(s *book.AlertSpec) { s.AccountID = text("") }, "account_id"},
		{"an account and each", func(s *book.AlertSpec) { s.EachAccount = true }, "each_account"},
		{"no such kind", func(s *book.AlertSpec) { s.Kind = "balance" }, "kind wallet_name"},
		{"an empty wallet name", func(s *book.AlertSpec) { s.WalletName = text("") }, "wallet_name"},
		{"a long wallet name", func(s *book.AlertSpec) { s.WalletName = text(strings.Repeat("x", 257)) }, "wallet_name"},
		{"a wallet of a month", func(s *book.AlertSpec) { s.Kind = tollbook.AlertMonthToDate }, "wallet_name"},
		{"no currency", func(s *book.AlertSpec) { s.Currency = "usd" }, "currency"},
		{"a balance below 0", func(s *book.AlertSpec) { *s.Threshold = number(t, "-0.01") }, "threshold"},
		{"an amount of 0", func(s *book.AlertSpec) { *s = ofMonth(t, tollbook.AlertMonthToDate, "0") }, "threshold organization_id url"},
		{"a change of -100 percent", func(s *book.AlertSpec) { *s = ofMonth(t, tollbook.AlertMonthChange, "-100") }, "threshold organization_id url"},
		{"too many digits", func(s *book.AlertSpec) { *s.Threshold = number(t, "1000000000000000000") }, "threshold"},
		{"too many places", func(s *book.AlertSpec) { *s.Threshold = number(t, "0.0000000000001") }, "threshold"},
		{"http", func(s *book.AlertSpec) { s.URL = "http://receiver.example.com/" }, "url"},
		{"credentials", func(s *book.AlertSpec) { s.URL = "https://user:password@receiver.example.com/" }, "url"},
		{"a private address", func(s *book.AlertSpec) { s.URL = "https://169.254.169.254/latest" }, "url"},
	} {
		t.Run(test.name, func(t *testing.T) {
			spec := good()
			test.change(&spec)
			_, _, err := w.operator.PutAlert(t.Context(), "x", spec)
			if test.want == "" {
				w.must(err)
				return
			}
			var names []string
			if e, ok := errors.AsType[*tollbook.Error](err); ok {
				for _, f := range e.Fields {
					names = append(names, f.Name)
				}
			}
			want := strings.Fields(test.want)
			slices.Sort(want)
			slices.Sort(names)
			if diff := cmp.Diff(want, names); diff != "" || tollbook.CodeOf(err) != tollbook.CodeInvalidContent {
				t.Errorf("%v: %s", err, diff)
			}
		})
	}
}

// TestAlertBounds: an alert never changes its organization, and an organization
// has only so many; those of others, and those deleted, are not counted.
func TestAlertBounds(t *testing.T) {
	w := newAlertWorld(t, newLedger(t))
	_, err := w.operator.PutOrganization(t.Context(), tollbook.Organization{ID: "other", Name: "Other"})
	w.must(err)
	put := func(id, organization string) tollbook.Code {
		t.Helper()
		spec := balance(t, "main", "20")
		spec.OrganizationID, spec.URL = organization, "https://receiver.example.com/"
		_, _, err := w.operator.PutAlert(t.Context(), id, spec)
		if err == nil {
			return ""
		}
		return tollbook.CodeOf(err)
	}
	for i := range book.MaxAlerts {
		if code := put(fmt.Sprintf("a%d", i), "acme"); code != "" {
			t.Fatal(i, code)
		}
	}
	if code := put("a0", "acme"); code != "" {
		t.Errorf("one that is there: %s", code)
	}
	if code := put("one-more", "acme"); code != tollbook.CodeConflict {
		t.Errorf("one more: %s", code)
	}
	if code := put("b0", "other"); code != "" {
		t.Errorf("another organization's: %s", code)
	}
	if code := put("a0", "other"); code != tollbook.CodeConflict {
		t.Errorf("a change of organization: %s", code)
	}
	w.must(w.operator.DeleteAlert(t.Context(), "a0"))
	if code := put("a0", "other"); code != tollbook.CodeConflict {
		t.Errorf("a deleted one of another organization: %s", code)
	}
	if code := put("one-more", "acme"); code != "" {
		t.Errorf("in place of a deleted one: %s", code)
	}
	if code := put("x y", "acme"); code != tollbook.CodeInvalidRequest {
		t.Errorf("an id that is none: %s", code)
	}
}

// TestPutAlertAgain: the same again changes nothing, and the secret is shown
// only when it is new.
func TestPutAlertAgain(t *testing.T) {
	w := newAlertWorld(t, newLedger(t))
	spec := balance(t, "main", "20")
	if w.alert("low", "https://receiver.example.com/", spec) == "" {
		t.Error("no secret")
	}
	for _, url := range []string{"https://receiver.example.com/", "https://other.example.com/"} {
		if w.alert("low", url, spec) != "" {
			t.Error("the secret is shown again")
		}
	}
	history, _, err := w.operator.History(tollbook.KindAlert, "low", book.PageQuery{PerPage: 10})
	w.must(err)
	if len(history) != 2 {
		t.Errorf("%d changes", len(history))
	}
	for _, f := range []func(string) error{
		func(id string) error { return w.operator.DeleteAlert(t.Context(), id) },
		func(id string) error { _, err := w.operator.RotateAlert(t.Context(), id); return err },
		func(id string) error { _, err := w.operator.TestAlert(t.Context(), id); return err },
		func(id string) error { _, err := w.operator.Alert(id); return err },
		func(id string) error { _, err := w.operator.Delivery(id); return err },
	} {
		if code := tollbook.CodeOf(f("nobody")); code != tollbook.CodeNotFound {
			t.Error(code)
		}
	}
	w.must(w.operator.DeleteAlert(t.Context(), "low"))
	if _, err := w.operator.Alert("low"); tollbook.CodeOf(err) != tollbook.CodeNotFound {
		t.Errorf("a deleted one: %v", err)
	}
	if code := tollbook.CodeOf(w.operator.DeleteAlert(t.Context(), "low")); code != tollbook.CodeNotFound {
		t.Errorf("deleted again: %s", code)
	}
}

// TestNoWebhooks: a server without them has no new alerts, and its work is
// nothing.
func TestNoWebhooks(t *testing.T) {
	w := newAlertWorld(t, newLedger(t))
	w.lowOf("low", w.receiver().URL)
	w.hooks = book.Webhooks{}
	w.start()
	w.work()
	_, _, err := w.operator.PutAlert(t.Context(), "x", balance(t, "main", "20"))
	if code := tollbook.CodeOf(err); code != tollbook.CodeUnavailable {
		t.Error(code)
	}
	if len(w.deliveries("")) != 0 {
		t.Errorf("%+v", w.deliveries(""))
	}
}

// TestCrossingsFollowTheValue compares what fires with what must: whatever a
// balance does, and whenever the server is started again, an alert fires each
// time that it is seen to have got to the threshold.
func TestCrossingsFollowTheValue(t *testing.T) {
	const threshold = 50
	rapid.Check(t, func(rt *rapid.T) {
		w := newAlertWorld(t, newLedger(t))
		w.alert("low", w.receiver().URL, ofAccount("a1", balance(t, "main", fmt.Sprint(threshold))))
		left, fired, below := 0, 0, false
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch amount := rapid.IntRange(1, 60).Draw(rt, "amount"); {
			case left > amount && rapid.Bool().Draw(rt, "drawn"):
				w.post(fmt.Sprintf("a1 CALL %d main 2", amount))
				left -= amount
			default:
				w.post(fmt.Sprintf("a1 RECHARGE %d main 2", amount))
				left += amount
			}
			if rapid.Bool().Draw(rt, "restart") {
				w.start()
			}
			w.work()
			if now := left <= threshold; now != below {
				below = now
				if now {
					fired++
				}
			}
		}
		got := w.deliveries("")
		if len(got) != fired {
			rt.Fatalf("fired %d times, must %d: %+v", len(got), fired, got)
		}
		if fired > 0 {
			last := got[fired-1]
			if (last.ClearedAt == nil) != below || last.Value.Cmp(decimal.FromInt(threshold)) > 0 {
				rt.Fatalf("the last is %+v, the balance %d", last, left)
			}
		}
	})
}
