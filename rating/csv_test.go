package rating

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tollbook"
)

// describe lists errors one a line.
func describe(errs []tollbook.FieldError) string {
	var b strings.Builder
	for _, e := range errs {
		fmt.Fprintf(&b, "%s: %s\n", e.Name, e.Description)
	}
	return b.String()
}

// faultyCards are cards and the errors that they give.
var faultyCards = []struct{ name, csv, want string }{
	{"empty", "", "line 1: the card is empty; its first line names the columns\n"},
	{"blank lines", "\n\n", "line 1: the card is empty; its first line names the columns\n"},
	{"no rows", faultyHead + "type\n", "line 1: the card has no rows\n"},
	{"header", "resource,Country Code,prefix,frobnication,,Increment,increment,currency\n" +
		"call,,44,,,1,1,USD\n" + "call,,45,,,1,1,USD\n" + "fax,,46,,,1,1,USD\n", `line 1, Country Code: unknown column; did you mean country_code?
line 1, prefix: unknown column; did you mean prefixes?
line 1, frobnication: unknown column; the columns are resource, description, direction, type, resolutions, country_code, category, prefixes, price_per_increment, increment, unit_of_measure, currency, product_id, aggr_product_id, wallet_name, effective_from, effective_to, minimum_increments, setup_fee, free_units, tier_up_to
line 1: column 5 has no name
line 1, increment: the column is there twice
line 1, price_per_increment: the column is missing
line 4, resource: "fax" is none of AMD, API_REQUEST, CALL, CALL_SERVICE, CREDIT_COMMIT, DIALER, MESSAGE, NUMBER, PRODUCT_SERVICE, RECHARGE, SPEECH_TRANSCRIPTION, VOICEMAIL_TRANSCRIPTION, OTHER
`},
	{"cells", faultyHead + "resource,direction,resolutions,unit_of_measure\n" +
		"\n" +
		"1,1,USD,fax,sideways,missed;sad,hours\n", // on line 3
		`line 3, resource: "fax" is none of AMD, API_REQUEST, CALL, CALL_SERVICE, CREDIT_COMMIT, DIALER, MESSAGE, NUMBER, PRODUCT_SERVICE, RECHARGE, SPEECH_TRANSCRIPTION, VOICEMAIL_TRANSCRIPTION, OTHER
line 3, direction: "sideways" is none of INBOUND, OUTBOUND, OTHER
line 3, resolutions: "sad" is none of ABANDONED, ANSWERED, MACHINE, MISSED, VOICEMAIL, OTHER
line 3, unit_of_measure: "hours" is none of CHARS, CONVERSATIONS, GB, MINUTES, NUMBERS, PAGES, REQUESTS, SECONDS, SEGMENTS, SESSIONS, OTHER
`},
	{"numbers", faultyHead + "type\n" + "-1,0,USD,a\n" + `"1,5",-1,USD,b` + "\n" + "1e400,0.0000000000001,EURO,c\n" + ",,,d\n" + "NaN,1,ZZZ,e\n",
		`line 2, price_per_increment: must not be negative
line 2, increment: must be more than 0
line 3, price_per_increment: "1,5" is not a decimal number (at most 18 digits before the point and 12 after it)
line 3, increment: must be more than 0
line 4, price_per_increment: "1e400" has too many digits (at most 18 digits before the point and 12 after it)
line 4, increment: "0.0000000000001" has too many digits (at most 18 digits before the point and 12 after it)
line 4, currency: "EURO" is not an ISO 4217 currency code
line 5, price_per_increment: must be filled in
line 5, increment: must be filled in
line 5, currency: must be filled in
line 6, price_per_increment: "NaN" is not a decimal number (at most 18 digits before the point and 12 after it)
line 6, currency: "ZZZ" is not an ISO 4217 currency code
`},
	{"prefixes", faultyHead + "prefixes,resolutions\n" + "1,1,USD,44;+;4x;123456789012345678901234567890123,;\n",
		`line 2, resolutions: a list of no items; leave the cell blank to match anything
line 2, prefixes: "+" is not a prefix: digits, with a leading '+' or not
line 2, prefixes: "4x" is not a prefix: digits, with a leading '+' or not
line 2, prefixes: "123456789012345678901234567890123" has more than 32 digits
`},
	{"dates", faultyHead + "effective_from,effective_to\n" + "1,1,USD,2023-01-01,2023-01-01\n" + "1,1,USD,2023-02-30,01.03.2023\n",
		`line 2, effective_to: must be after effective_from, which is the first day on which the row holds; effective_to is the first on which it does not
line 3, effective_from: "2023-02-30" is not a date in the form YYYY-MM-DD
line 3, effective_to: "01.03.2023" is not a date in the form YYYY-MM-DD
`},
	{"CSV", faultyHead + "description\n" + "1,1,USD\n" + `1,1,USD,a "b" c` + "\n" + "1,1,USD,\xff\n" + "1,1,USD,a\x00b\n" + "1,1,USD,\"two\nlines\",5\n" + `1,1,USD,"open` + "\n",
		`line 2: 3 cells where the header has 4
line 3: a quote inside a cell without quotes, at byte 11; quote the cell and double the quote
line 4: cell 4 is not plain UTF-8 text
line 5: cell 4 is not plain UTF-8 text
line 6: 5 cells where the header has 4
line 8: a quoted cell without its closing quote, or with text behind it, on line 8 at byte 15
`},
	{"texts", faultyHead + "description,country_code\n" + "1,1,USD," + strings.Repeat("x", 257) + "," + strings.Repeat("y", 257) + "\n",
		"line 2, country_code: 257 bytes, at most 256 are allowed\nline 2, description: 257 bytes, at most 256 are allowed\n"},
	{"ties beside other faults", faultyHead + "prefixes\n" + "1,1,USD,44\n" + "x,1,USD,44\n" + "1,1,USD,43;44\n",
		`line 3, price_per_increment: "x" is not a decimal number (at most 18 digits before the point and 12 after it)
line 4: ties with line 2: some event matches both equally well
`},
	{"ties in what an event may leave out", faultyHead + "description\n" + "1,1,USD,a\n" + "1,1,USD,b\n",
		"line 3: ties with line 2: some event matches both equally well (an event may come without a description or product_id, so these do not tell them apart)\n"},
}

const faultyHead = "price_per_increment,increment,currency,"

func TestParseCardErrors(t *testing.T) {
	for _, tt := range faultyCards {
		table, errs := ParseCard(tt.csv)
		if table != nil {
			t.Errorf("%s: a table", tt.name)
		}
		if diff := cmp.Diff(tt.want, describe(errs)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestParseCardAccepts(t *testing.T) {
	const head = "price_per_increment,increment,currency,resource,prefixes,resolutions,type,effective_from,effective_to,description\n"
	for _, tt := range []struct {
		name, csv string
		rows      int
	}{
		{"byte order mark, case, spaces, CRLF", "\uFEFF Price_Per_Increment , INCREMENT,Currency\r\n 1 , 0.50 ,\teur\r\n", 1},
		{"quotes", "\"price_per_increment\",\"increment\",\"currency\",description\n1,1,USD, \"a, \"\"b\"\"\nc\"\n", 1},
		{"numbers at their bounds", "price_per_increment,increment,currency\n123456789012345678.123456789012,1e-12,USD\n", 1},
		{"no tie: longer prefix", head + "1,1,USD,,44,,,,,\n1,1,USD,,442,,,,,\n1,1,USD,,,,,,,\n", 3},
		{"no tie: other resource", head + "1,1,USD,call,44,,,,,\n1,1,USD,message,44,,,,,\n", 2},
		{"no tie: other resolutions", head + "1,1,USD,call,44,missed;answered,,,,\n1,1,USD,call,44,machine,,,,\n1,1,USD,call,44,,,,,\n", 3},
		{"no tie: other dates", head + "1,1,USD,,,,,,2023-01-01,\n1,1,USD,,,,,2023-01-01,2024-01-01,\n1,1,USD,,,,,2024-01-01,,\n", 3},
		{"no tie: other type", head + "1,1,USD,,,,a,,,\n1,1,USD,,,,b,,,\n", 2},
		{"no tie: filled in and blank", head + "1,1,USD,,,,,,,a\n1,1,USD,,,,,,,\n", 2},
		{"the same prefix twice in a row", head + "1,1,USD,,44;+44;4-4;,,,,,\n", 1},
	} {
		table, errs := ParseCard(tt.csv)
		if len(errs) > 0 {
			t.Errorf("%s: %s", tt.name, describe(errs))
			continue
		}
		if table.Rows() != tt.rows {
			t.Errorf("%s: %d rows, want %d", tt.name, table.Rows(), tt.rows)
		}
	}
}

func TestParseCardBoundsErrors(t *testing.T) {
	for name, row := range map[string]string{"bad cells": "x,1,USD\n", "ties": "1,1,USD\n"} {
		const rows = 2 * MaxErrors
		_, errs := ParseCard("price_per_increment,increment,currency\n" + strings.Repeat(row, rows))
		if len(errs) != MaxErrors {
			t.Fatalf("%s: %d errors", name, len(errs))
		}
		if name == "bad cells" {
			want := tollbook.FieldError{Name: "line 10001", Description: "at least 10001 more errors from this line on"}
			if last := errs[MaxErrors-1]; last != want {
				t.Errorf("last error %v, want %v", last, want)
			}
		}
	}
}

func FuzzParseCard(f *testing.F) {
	f.Add("price_per_increment,increment,currency\n1,1,USD\n", "+44 20", "US", int64(1_700_000_000))
	f.Add("resource,direction,prefixes,country_code,price_per_increment,increment,unit_of_measure,currency,effective_from\n"+
		"call,,1;12;+44,de,0.01,60,minutes,usd,2023-01-01\ncall,,,DE,1,1,,EUR,\n", "123", "de", int64(0))
	f.Add("price_per_increment,increment,currency,tier_up_to,free_units,setup_fee,minimum_increments\n1,1,USD,10,5,1,2\n2,1,USD,,5,1,2\n", "", "", int64(0))
	f.Add("a\"b\n\"", "", "", int64(0))
	f.Fuzz(func(t *testing.T, csv, to, country string, at int64) {
		table, errs := ParseCard(csv)
		if (table == nil) != (len(errs) > 0) {
			t.Fatalf("table %v with %d errors", table != nil, len(errs))
		}
		for _, e := range errs {
			var line int
			if n, err := fmt.Sscanf(e.Name, "line %d", &line); n != 1 || err != nil || line < 1 || line > strings.Count(csv, "\n")+1 || e.Description == "" {
				t.Errorf("error %+v", e)
			}
		}
		if table == nil {
			return
		}
		c := Compile("card", 1, table)
		e := event(to, country, at)
		charges, rate, why := c.Measure(nil, e, calendar(t, "UTC"))
		if (why == 0) != (len(charges) == 1 || len(charges) == 2) || (why == 0) != (rate.Row > 1) {
			t.Errorf("%d charges, row %d, reason %v", len(charges), rate.Row, why)
		}
	})
}
