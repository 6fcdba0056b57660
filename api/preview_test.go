package api_test

import (
	"strings"
	"testing"
)

func TestPreview(t *testing.T) {
	w := newWorld(t)
	sixCalls(w)
	const dearer = "resource,direction,prefixes,price_per_increment,increment,unit_of_measure,currency\ncall,outbound,351,0.013,1,minutes,USD\ncall,outbound,44,0.02,1,minutes,USD\n"
	post := func(query string, header ...string) answer {
		return w.do("POST", "/v1/rate-cards/acme-card/preview"+query, w.operator, "text/csv", []byte(dearer), header...)
	}
	a := w.want(post("?month=2026-08"), 200)
	got := spaced(a.JSON["version"], a.JSON["accounts"], a.JSON["closed_accounts"], a.JSON["events"], a.JSON["changed_events"], a.JSON["unrated_before"], a.JSON["unrated_after"],
		a.JSON["changed_records"], len(a.JSON["records"].([]any)), a.JSON["net_sums"], a.JSON["totals"])
	if want := "2 2 0 6 5 1 0 5 5 2 [map[after:0.098 before:0.072 change:0.026 currency:USD]]"; got != want {
		t.Errorf("previewed %s, want %s", got, want)
	}
	a = w.want(post("?month=2026-08&account_id=acme-2&limit=1"), 200)
	if got := spaced(a.JSON["events"], a.JSON["changed_records"], len(a.JSON["records"].([]any)), a.JSON["net"]); got != "1 2 1 [map[account_id:acme-2 after:0.026 before:0.024 change:0.002 currency:USD organization_id:acme product_id:]]" {
		t.Errorf("of one account: %s", got)
	}
	lines := w.want(post("?month=2026-08&organization_id=acme", "Accept", "application/x-ndjson"), 200).Text
	if n := strings.Count(lines, "\n"); n != 5 || !strings.Contains(lines, `"price":0.012,"wallet_name":null,"before":{"number_of_units":4,"total_amount":0.048,"events":3},"after":null}`) {
		t.Errorf("as JSON lines: %s", lines)
	}
	if got := w.want(w.get("/v1/rate-cards/acme-card", w.operator), 200).JSON["version"]; spaced(got) != "1" {
		t.Errorf("the card is at version %v", got)
	}
	w.want(post(""), 400)
	w.want(post("?month=August"), 400)
	w.want(post("?month=2026-08&account_id=nobody"), 404)
	w.want(post("?month=2026-08&organization_id=nobody"), 404)
	w.want(post("?month=2026-08", "Accept", "text/csv"), 406)
	w.want(w.do("POST", "/v1/rate-cards/acme-card/preview?month=2026-08", w.operator, "text/csv", []byte("price\n")), 422)
	w.want(w.do("POST", "/v1/rate-cards/a%20b/preview?month=2026-08", w.operator, "text/csv", []byte(dearer)), 400)
}
