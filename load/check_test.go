package load

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/client"
)

// TestCheckFindsWhatIsWrong checks records that a server would have to have
// got wrong.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	w := small(t, 8)
	const n = 3000
	totals := w.Totals(0, n)
	type row = map[string]any
	right := func() (rows []row) {
		for record, events := range totals.Events {
			if events == 0 {
				continue
			}
			account, rate := w.RecordOf(record)
			rows = append(rows, row{
				"id": fmt.Sprintf("%032x", record), "account_id": w.AccountID(account), "product_id": productID(rate), "aggr_product_id": aggrProductID,
				"month": w.Month.String(), "type": "CALL", "description": Description(rate), "currency": "USD", "direction": "OUTBOUND", "resolution": "ANSWERED",
				"unit": "MINUTES", "price": Price(rate), "wallet_name": "contact center",
				"number_of_units": totals.Minutes[record], "total_amount": totals.Amount(record),
			})
		}
		return rows
	}
	one := func(change func(row)) func([]row) []row {
		return func(rows []row) []row {
			change(rows[5])
			return rows
		}
	}
	for _, tt := range []struct {
		name                  string
		change                func([]row) []row
		wrong, above, missing int
		says                  string
	}{
		{"nothing", func(rows []row) []row { return rows }, 0, 0, 0, ""},
		{"a minute more", one(func(r row) { r["number_of_units"] = r["number_of_units"].(uint64) + 1 }), 1, 1, 0, "but must be"},
		{"a minute less", one(func(r row) { r["number_of_units"] = r["number_of_units"].(uint64) - 1 }), 1, 0, 0, "but must be"},
		{"a bit less", one(func(r row) { r["total_amount"] = json.Number("0.0001") }), 1, 0, 0, "0.0001 USD"},
		{"one missing", func(rows []row) []row { return rows[1:] }, 0, 0, 1, "is missing"},
		{"one twice", func(rows []row) []row { return append(rows, rows[0]) }, 1, 0, 0, "there twice"},
		{"another price", one(func(r row) { r["price"] = json.Number("9.9") }), 1, 0, 1, "is missing"},
		{"another currency", one(func(r row) { r["currency"] = "EUR" }), 1, 0, 1, "none of this workload's"},
		{"another month", one(func(r row) { r["month"] = "2026-07" }), 1, 0, 1, "none of this workload's"},
		{"no direction", one(func(r row) { r["direction"] = nil }), 1, 0, 1, "none of this workload's"},
		{"a fallback rate", one(func(r row) { r["description"] = "Fallback 1" }), 1, 0, 1, "Fallback 1"},
		{"a rate that is none", one(func(r row) { r["description"] = "Route 99999" }), 1, 0, 1, "Route 99999"},
		{"an odd rate", one(func(r row) { r["description"] = "Route 7" }), 1, 0, 1, "Route 7"},
		{"another account", one(func(r row) { r["account_id"] = small(t, 9).AccountID(0) }), 1, 0, 1, "none of this workload's"},
		{"all", func([]row) []row { return []row{} }, 0, 0, totals.Records(), "is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rows := tt.change(right())
			c := answering(t, func(out http.ResponseWriter, r *http.Request) {
				page := row{"count": len(rows), "total": len(rows), "_links": row{}, "_embedded": row{"usage": rows}}
				if err := json.NewEncoder(out).Encode(page); err != nil {
					t.Error(err)
				}
			})
			told := 0
			v, err := totals.Check(t.Context(), c, time.Time{}, func(records int) { told = records })
			must(t, err)
			if v.Wrong != tt.wrong || v.Above != tt.above || v.Missing != tt.missing || v.Records != len(rows) || told != len(rows) || v.Exact() != (tt.says == "") {
				t.Errorf("%+v, told %d", *v, told)
			}
			if text := strings.Join(v.Differences, "\n"); !strings.Contains(text, tt.says) || len(v.Differences) > maxDifferences {
				t.Errorf("%s", text)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	must(t, Million(1, 2026*12).Validate())
	for _, w := range []Workload{
		{Accounts: 0, PerAccount: 1, Rates: 1}, {Accounts: MaxAccounts + 1, PerAccount: 1, Rates: 1}, {Accounts: 1, PerAccount: 0, Rates: 1},
		{Accounts: 1, PerAccount: 2, Rates: 1}, {Accounts: 1, PerAccount: 1, Rates: MaxRates + 1}, {Accounts: 1, PerAccount: 1, Rates: 1, Repeats: -1},
	} {
		if w.Validate() == nil {
			t.Errorf("%+v is valid", w)
		}
	}
}

// TestSetUpOnlyForOperators: what an operator's client alone may do fails.
func TestSetUpOnlyForOperators(t *testing.T) {
	s, w := newServer(t, nil), small(t, 10)
	c := s.setUp(w, 1)
	_, err := SetUp(t.Context(), c, w)
	if refused, ok := err.(interface{ Unwrap() error }); !ok || refused.Unwrap().(*client.Error).Code != tollbook.CodeScope {
		t.Errorf("an organization's client may set up: %v", err)
	}
}

// TestCheckWaits: pages that are older than the end of the load are not judged.
func TestCheckWaits(t *testing.T) {
	w := small(t, 11)
	ended := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	asked := 0
	c := answering(t, func(out http.ResponseWriter, r *http.Request) {
		asked++
		page := map[string]any{"_links": map[string]any{}, "_embedded": map[string]any{"usage": []any{}}, "as_of": ended.Add(time.Duration(asked-3) * time.Second)}
		if err := json.NewEncoder(out).Encode(page); err != nil {
			t.Error(err)
		}
	})
	if _, err := w.Totals(0, 0).Check(t.Context(), c, ended, nil); err != nil || asked != 4 {
		t.Errorf("%v after %d pages; the third is of the time, and one more is read then", err, asked)
	}
}
