package api_test

import (
	"fmt"
	"strings"
	"testing"
)

const (
	cardOne = "resource,direction,prefixes,price_per_increment,increment,unit_of_measure,currency\ncall,outbound,351;3519,0.012,1,minutes,USD\ncall,inbound,,0.001,1,minutes,USD\n"
	cardTwo = "resource,direction,prefixes,price_per_increment,increment,unit_of_measure,currency\ncall,outbound,351;3519,0.013,1,minutes,USD\ncall,outbound,4420,0.01,1,minutes,USD\n"
)

// TestCardVersions: each is listed and kept as it was sent.
func TestCardVersions(t *testing.T) {
	w := newWorld(t)
	for _, csv := range []string{cardOne, cardTwo, cardTwo, cardOne} {
		w.do("PUT", "/v1/rate-cards/std", w.operator, "text/csv", []byte(csv))
	}
	var got []string
	for _, v := range w.want(w.get("/v1/rate-cards/std/versions", w.operator), 200).embedded("versions") {
		got = append(got, fmt.Sprint(v["version"], " ", v["rows"], " ", v["actor"] != ""))
	}
	if want := "3 2 true; 2 2 true; 1 2 true"; strings.Join(got, "; ") != want {
		t.Errorf("versions %s, want %s", strings.Join(got, "; "), want)
	}
	if n := len(w.want(w.get("/v1/rate-cards/std/versions?per_page=2&order_by=id:asc", w.operator), 200).embedded("versions")); n != 2 {
		t.Errorf("%d versions on a page of 2", n)
	}
	if a := w.want(w.get("/v1/rate-cards/std/versions/2", w.operator), 200); fmt.Sprint(a.JSON["version"]) != "2" {
		t.Errorf("version 2 is %s", a.Text)
	}
	for version, want := range map[string]string{"1": cardOne, "2": cardTwo, "3": cardOne} {
		if a := w.want(w.do("GET", "/v1/rate-cards/std/versions/"+version, w.operator, "", nil, "Accept", "text/csv"), 200); a.Text != want {
			t.Errorf("version %s is %s", version, a.Text)
		}
	}
	for _, unknown := range []string{"std/versions/4", "std/versions/0", "std/versions/x", "none/versions", "none/versions/1"} {
		w.want(w.get("/v1/rate-cards/"+unknown, w.operator), 404)
	}
	w.want(w.do("GET", "/v1/rate-cards/std/versions/4", w.operator, "", nil, "Accept", "text/csv"), 404)
	w.want(w.do("GET", "/v1/rate-cards/std/versions/1", w.operator, "", nil, "Accept", "text/html"), 406)
}

// TestCardDiff: between two versions, and between one and a file.
func TestCardDiff(t *testing.T) {
	w := newWorld(t)
	w.want(w.do("PUT", "/v1/rate-cards/std", w.operator, "text/csv", []byte(cardOne)), 201)
	w.want(w.get("/v1/rate-cards/std/diff", w.operator), 400) // there is no version before
	w.want(w.do("PUT", "/v1/rate-cards/std", w.operator, "text/csv", []byte(cardTwo)), 200)
	counts := func(a answer) string {
		return spaced(a.JSON["from"], a.JSON["to"], a.JSON["added"], a.JSON["changed"], a.JSON["removed"], len(a.JSON["changes"].([]any)))
	}
	for target, want := range map[string]string{
		"diff":             "1 2 1 1 1 3",
		"diff?from=1&to=2": "1 2 1 1 1 3",
		"diff?from=2&to=1": "2 1 1 1 1 3",
		"diff?to=1&from=1": "1 1 0 0 0 0",
		"diff?limit=1":     "1 2 1 1 1 1",
		"diff?limit=0":     "1 2 1 1 1 0",
	} {
		if got := counts(w.want(w.get("/v1/rate-cards/std/"+target, w.operator), 200)); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	post := func(query, csv string, header ...string) answer {
		return w.do("POST", "/v1/rate-cards/std/diff"+query, w.operator, "text/csv", []byte(csv), header...)
	}
	for query, want := range map[string]string{"": "2 <nil> 1 1 1 3", "?from=1": "1 <nil> 0 0 0 0"} {
		if got := counts(w.want(post(query, cardOne), 200)); got != want {
			t.Errorf("a file, %s: %s, want %s", query, got, want)
		}
	}
	lines := w.want(post("", cardOne, "Accept", "application/x-ndjson"), 200).Text
	if want := `{"kind":"added","new_line":3,"match":[{"column":"resource","value":"CALL"},{"column":"direction","value":"INBOUND"}],"prefixes":[],"columns":[` +
		`{"column":"price_per_increment","old":"","new":"0.001"},{"column":"increment","old":"","new":"1"},{"column":"unit_of_measure","old":"","new":"MINUTES"},{"column":"currency","old":"","new":"USD"}]}
{"kind":"changed","old_line":2,"new_line":2,"match":[{"column":"resource","value":"CALL"},{"column":"direction","value":"OUTBOUND"}],"prefixes":["351","3519"],"columns":[{"column":"price_per_increment","old":"0.013","new":"0.012"}]}
{"kind":"removed","old_line":3,`; !strings.HasPrefix(lines, want) {
		t.Errorf("as JSON lines\n%s\nwant\n%s", lines, want)
	}
	w.want(w.get("/v1/rate-cards/none/diff", w.operator), 404)
	w.want(w.get("/v1/rate-cards/std/diff?from=3", w.operator), 404)
	w.want(w.get("/v1/rate-cards/std/diff?from=0", w.operator), 400)
	w.want(w.do("GET", "/v1/rate-cards/std/diff", w.operator, "", nil, "Accept", "text/csv"), 406)
	w.want(w.do("POST", "/v1/rate-cards/std/diff", w.operator, "application/json", []byte("{}")), 415)
	w.want(post("", "price\n"), 422)
	w.want(post("?from=x", cardOne), 400)
}

// TestCardWarnings: an import tells them, and a dry run does so too and leaves
// everything as it was.
func TestCardWarnings(t *testing.T) {
	w := newWorld(t)
	put := func(query, csv string) answer {
		return w.do("PUT", "/v1/rate-cards/std"+query, w.operator, "text/csv", []byte(csv))
	}
	plan := func(a answer) string {
		return spaced(a.JSON["version"], a.JSON["rows"], a.JSON["replaces"], a.JSON["added"], a.JSON["changed"], a.JSON["removed"], len(a.JSON["warnings"].([]any)))
	}
	if got := plan(w.want(put("?dry_run=true", cardTwo), 200)); got != "1 2 <nil> 2 0 0 1" {
		t.Errorf("a new card would be %s", got)
	}
	w.want(w.get("/v1/rate-cards/std", w.operator), 404)
	if a := w.want(put("?dry_run=false", cardOne), 201); fmt.Sprint(a.JSON["warnings"]) != "[]" {
		t.Errorf("warnings of a card without any: %s", a.Text)
	}
	if got := plan(w.want(put("?dry_run=true", cardTwo), 200)); got != "2 2 1 1 1 1 1" {
		t.Errorf("the next version would be %s", got)
	}
	if got := plan(w.want(put("?dry_run=true", cardOne), 200)); got != "1 2 1 0 0 0 0" {
		t.Errorf("the same again would be %s", got)
	}
	if a := w.get("/v1/rate-cards/std", w.operator); fmt.Sprint(a.JSON["version"]) != "1" {
		t.Errorf("a dry run made it %s", a.Text)
	}
	for range 2 { // the second time nothing changes, and the warning is told again
		a := w.want(put("", cardTwo), 200)
		warning := a.JSON["warnings"].([]any)[0].(map[string]any)
		if warning["name"] != "line 3" || !strings.Contains(warning["description"].(string), "+44") {
			t.Errorf("the warning is %v", warning)
		}
	}
	w.want(put("?dry_run=yes", cardOne), 400)
	w.want(put("?dry_run=true", "price\n"), 422)
	w.want(w.do("PUT", "/v1/rate-cards/a%20b?dry_run=true", w.operator, "text/csv", []byte(cardOne)), 400)
}
