package storetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tollbook"
)

// WireRecord returns a record as GET /express/usage/month must show it, as
// json.Decoder.UseNumber decodes it, without its links.
func WireRecord(r *tollbook.Record) map[string]any {
	nullable := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	return map[string]any{
		"id": r.ID.String(), "account_id": r.AccountID, "product_id": r.ProductID, "aggr_product_id": r.AggrProductID, "month": r.Month.String(),
		"type": r.Type.String(), "description": r.Description, "currency": r.Currency, "direction": nullable(r.Direction.String()),
		"resolution": nullable(r.Resolution.String()), "unit": r.Unit.String(), "price": json.Number(r.Price.String()), "wallet_name": nullable(r.WalletName),
		"number_of_units": json.Number(r.NumberOfUnits.String()), "total_amount": json.Number(r.TotalAmount.String()),
	}
}

// Diff compares what the pages of an organization held in _embedded.usage, as
// json.Decoder.UseNumber decodes it, with the records that must come out. It
// returns "" where they are the same in any order, else the lines that are
// only in got (+) or only wanted (-). Members that begin with "_" and numbers'
// spelling do not count.
func (t *Traffic) Diff(organizationID string, got []map[string]any) string {
	var gotText, wantText []string
	for _, r := range got {
		gotText = append(gotText, wireText(r))
	}
	for _, r := range t.Records(organizationID) {
		wantText = append(wantText, wireText(WireRecord(&r)))
	}
	slices.Sort(gotText)
	slices.Sort(wantText)
	return diffLines(strings.Join(gotText, ""), strings.Join(wantText, ""))
}

// wireText returns a decoded record on one line, which begins with its id.
func wireText(r map[string]any) string {
	names := slices.Sorted(maps.Keys(r))
	var b strings.Builder
	fmt.Fprintf(&b, "%v ", r["id"])
	for _, name := range names {
		if strings.HasPrefix(name, "_") {
			continue
		}
		switch v := r[name].(type) {
		case json.Number:
			fmt.Fprintf(&b, "%s=%s ", name, dec(v.String()))
		default:
			fmt.Fprintf(&b, "%s=%#v ", name, v)
		}
	}
	return b.String() + "\n"
}
