package api_test

import (
	"strings"
	"testing"
)

// rerate asks for a re-rating and returns it once it has ended.
func (w *world) rerate(scope string) answer {
	w.Helper()
	job := w.want(w.do("POST", "/v1/rerates", w.operator, "application/json", []byte(scope)), 202)
	if job.Header.Get("Location") != "/v1/rerates/"+job.JSON["id"].(string) {
		w.Errorf("Location %q of %s", job.Header.Get("Location"), job.Text)
	}
	for job.JSON["state"] == "running" {
		job = w.want(w.get("/v1/rerates/"+job.JSON["id"].(string), w.operator), 200)
	}
	return job
}

// TestRerate changes a price and rates open months again.
func TestRerate(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", minuteCard, "a1")
	w.tally(w.post(token, calls("c1:2026-07-10T00:00:00Z", "c2:2026-08-10T00:00:00Z", "c3:2026-09-10T00:00:00Z")), 3, 0, 0, 0, 0)
	w.want(w.closeMonth("acme", "2026-07"), 200)
	w.want(w.do("PUT", "/v1/rate-cards/acme-card", w.operator, "text/csv", []byte(strings.ReplaceAll(minuteCard, "0.02", "0.03"))), 200)
	if got, want := w.shown(token, ""), "2026-07 1 0.02; 2026-08 1 0.02; 2026-09 1 0.02"; got != want {
		t.Fatalf("before: %s, want %s", got, want)
	}
	job := w.rerate(`{"account_id": "a1", "month": "2026-09"}`)
	if got := spaced(job.JSON["state"], job.JSON["organization_id"], job.JSON["months"], job.JSON["events"], job.JSON["events_changed"]); got != "done acme 1 1 1" {
		t.Errorf("September: %s", job.Text)
	}
	w.rerate(`{}`)
	if got, want := w.shown(token, ""), "2026-07 1 0.02; 2026-08 1 0.03; 2026-09 1 0.03"; got != want {
		t.Errorf("afterwards: %s, want %s", got, want)
	}
	if all := w.want(w.get("/v1/rerates", w.operator), 200).embedded("rerates"); len(all) != 2 {
		t.Errorf("re-ratings %v", all)
	}
	w.want(w.do("DELETE", "/v1/rerates/"+job.JSON["id"].(string), w.operator, "", nil), 409)
	w.want(w.do("DELETE", "/v1/rerates/nothing", w.operator, "", nil), 404)
	w.want(w.get("/v1/rerates/nothing", w.operator), 404)
}

func TestRerateRefuses(t *testing.T) {
	w := newWorld(t)
	token := w.organization("acme", minuteCard, "a1")
	w.tally(w.post(token, calls("c1:2026-07-10T00:00:00Z")), 1, 0, 0, 0, 0)
	w.want(w.closeMonth("acme", "2026-07"), 200)
	for body, status := range map[string]int{
		`{"month": "2026-13"}`:          400,
		`{"month": 7}`:                  400,
		`{"months": "2026-07"}`:         400,
		`[]`:                            400,
		`{"organization_id": "nobody"}`: 404,
		`{"account_id": "nobody"}`:      404,
		`{"organization_id": "acme", "account_id": "other"}`: 404,
		`{"organization_id": "acme", "month": "2026-07"}`:    409,
	} {
		if a := w.do("POST", "/v1/rerates", w.operator, "application/json", []byte(body)); a.Status != status {
			t.Errorf("%s: %d, want %d: %s", body, a.Status, status, a.Text)
		}
	}
	w.want(w.do("POST", "/v1/rerates", token, "application/json", []byte(`{}`)), 403)
	w.want(w.get("/v1/rerates", token), 403)
}
