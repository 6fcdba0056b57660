package wire_test

import (
	"fmt"
	"strings"
	"testing"

	"tollbook"
	"tollbook/wire"
)

const (
	csvHeader = "id,source,account_id,occurred_at,type,quantity,description,attributes.agent\n"
	csvRow    = "e-1,s,a,2026-01-31T22:59:59Z,CALL,1,plain,Ana\n"
)

func TestCSVEmpty(t *testing.T) {
	for _, body := range []string{"", "\r\n\n", "\uFEFF", "\uFEFF\n"} {
		if _, err := wire.Decode(wire.CSV, body, options); err == nil || !strings.Contains(err.Error(), "body: is empty") {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestCSVHeader(t *testing.T) {
	for _, c := range []struct{ header, want string }{
		{strings.Replace(csvHeader, "source,", "", 1), `line 1: column "source" is required`},
		{strings.Replace(csvHeader, "quantity", "Quantity", 1), `line 1: column 6, "Quantity", is not a field of an event; the columns are id, source, `},
		{strings.Replace(csvHeader, "quantity", " quantity", 1), `column 6, " quantity", is not a field`},
		{strings.Replace(csvHeader, "description", "id", 1), `column "id" is given more than once`},
		{strings.Replace(csvHeader, "description", "attributes.agent", 1), `column "attributes.agent" is given more than once`},
		{strings.Replace(csvHeader, "description", "attributes", 1), `column 7, "attributes", is not a field`},
		{strings.Replace(csvHeader, "description", "attributes.", 1), `column "attributes." has a key that no attribute can have`},
		{strings.Replace(csvHeader, "description", "attributes.\xff", 1), "has a key that no attribute can have"},
		{strings.Replace(csvHeader, "description", "attributes."+strings.Repeat("k", 129), 1), "has a key that no attribute can have"},
		{strings.Replace(csvHeader, "description", "", 1), `column 7, "", is not a field`},
		{strings.Replace(csvHeader, "description", "data", 1), `column 7, "data", is not a field`},
		{"\n\r\n" + strings.Repeat("x,", 10_000), "line 3: has more than 84 columns"},
		{`"id`, "line 1: a quote is opened and never closed"},
	} {
		items, err := wire.Decode(wire.CSV, c.header+csvRow, options)
		if items != nil || tollbook.CodeOf(err) != tollbook.CodeInvalidRequest || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: %v; want %s", c.header, err, c.want)
		}
	}
}

// TestCSVWidth checks that a header may have every column and as many
// attributes as an event, but no more.
func TestCSVWidth(t *testing.T) {
	header, row := strings.Join(wire.Fields(), ","), "e,s,a,2026-01-31T22:59:59Z,CALL,1"+strings.Repeat(",", len(wire.Fields())-6)
	for i := range tollbook.MaxAttributes {
		header += fmt.Sprintf(",attributes.%d", i)
		row += ",v"
	}
	item := decodeOne(t, wire.CSV, header+"\n"+row)
	if item.Err != nil || len(item.Event.Attributes) != tollbook.MaxAttributes {
		t.Fatalf("%d attributes, %v", len(item.Event.Attributes), item.Err)
	}
	if _, err := wire.Decode(wire.CSV, header+",attributes.x\n"+row+",v", options); err == nil {
		t.Fatal("one column too many is taken")
	}
}

// TestCSVQuotes checks that quotes that do not match fail the whole body and
// say where.
func TestCSVQuotes(t *testing.T) {
	for _, c := range []struct{ cell, want string }{
		{`"a"b`, "line 3, column 40: expected a comma"},
		{`"never closed`, "line 3: a quote is opened and never closed"},
		{`"never "" closed""`, "line 3: a quote is opened and never closed"},
		{"\"two\nlines\" x", "line 4, column 7: expected a comma"},
	} {
		body := csvHeader + csvRow + strings.Replace(csvRow, "plain", c.cell, 1) + csvRow
		items, err := wire.Decode(wire.CSV, body, options)
		if items != nil || tollbook.CodeOf(err) != tollbook.CodeInvalidRequest || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %s", c.cell, err, c.want)
		}
	}
}

// TestCSVFlawedCell checks that a quote or a carriage return in a cell without
// quotes fails its row alone: where that row ends is clear.
func TestCSVFlawedCell(t *testing.T) {
	for _, c := range []struct{ cell, want string }{
		{`5" pipe`, "line 3, column 38: expected a comma or the end of the line behind a cell"},
		{"a\rb", "line 3, column 38: expected a comma"},
		{`5" and 6" pipes`, "line 3, column 38: expected a comma"},
		{"x\r", "line 3, column 38: expected a comma"},
	} {
		body := csvHeader + csvRow + strings.Replace(csvRow, "plain", c.cell, 1) + csvRow
		items, err := wire.Decode(wire.CSV, body, options)
		if err != nil || len(items) != 3 || items[0].Err != nil || items[2].Err != nil {
			t.Errorf("%q: %d events, %v", c.cell, len(items), err)
			continue
		}
		if e := items[1].Err; e == nil || !strings.Contains(e.Error(), c.want) {
			t.Errorf("%q: %v; want %s", c.cell, e, c.want)
		}
	}
	if _, err := wire.Decode(wire.CSV, strings.Replace(csvHeader, "id", `i"d`, 1)+csvRow, options); tollbook.CodeOf(err) != tollbook.CodeInvalidRequest {
		t.Errorf("a flawed header: %v", err)
	}
}

func TestCSVCells(t *testing.T) {
	for _, c := range []struct{ cell, want string }{
		{"plain", "plain"},
		{" kept ", " kept "},
		{`"a, b"`, "a, b"},
		{`""""`, `"`},
		{`"a ""b"" c"`, `a "b" c`},
		{"\"two\r\nlines\"", "two\r\nlines"},
		{"é", "é"},
		{"", ""},
		{`""`, ""},
	} {
		row := strings.Replace(csvRow, "plain", c.cell, 1)
		items, err := wire.Decode(wire.CSV, csvHeader+row+strings.TrimSuffix(row, "\n"), options)
		if err != nil || len(items) != 2 {
			t.Errorf("%q: %d events, %v", c.cell, len(items), err)
			continue
		}
		for _, item := range items {
			if item.Err != nil || item.Event.Description != c.want {
				t.Errorf("%q reads as %q, %v", c.cell, item.Event.Description, item.Err)
			}
		}
	}
}

// TestCSVFailAlone checks that a row that is no event fails alone, with the
// line where it starts.
func TestCSVFailAlone(t *testing.T) {
	for _, c := range []struct{ row, field, want string }{
		{strings.Replace(csvRow, "plain,", "", 1), "body", "line 5: has 7 cells where the header has 8"},
		{strings.Replace(csvRow, "plain", ",", 1), "body", "line 5: has 9 cells where the header has 8"},
		{strings.Repeat(",", 5000) + "\n", "body", "line 5: has more than 84 cells where the header has 8"},
		{"x\n", "body", "line 5: has 1 cells where the header has 8"},
		{strings.Replace(csvRow, "CALL", "call", 1), "type", "must be one of"},
		{strings.Replace(csvRow, ",1,", ",\"1,5\",", 1), "quantity", `not "1,5"`},
		{strings.Replace(csvRow, "plain", "\xff", 1), "description", "is not valid UTF-8"},
		{strings.Replace(csvRow, "plain", "a\x00b", 1), "description", "holds a NUL character"},
		{strings.Replace(csvRow, "Ana", "\xff", 1), "attributes.agent", "is not valid UTF-8"},
		{strings.Replace(csvRow, "Ana", strings.Repeat("x", 1025), 1), "attributes.agent", "at most 1024"},
	} {
		first := strings.Replace(csvRow, "plain", "\"two\nlines\"", 1) + "\r\n"
		items, err := wire.Decode(wire.CSV, csvHeader+first+c.row+csvRow, options)
		if err != nil || len(items) != 3 {
			t.Errorf("%s: %d events, %v", c.row, len(items), err)
			continue
		}
		wantFault(t, &items[1], c.field, c.want)
		if !strings.Contains(items[1].Err.Message, "line 5") {
			t.Errorf("message %q", items[1].Err.Message)
		}
		if items[0].Err != nil || items[2].Err != nil || items[2].Event.Description != "plain" {
			t.Errorf("%s: its neighbours: %v, %v", c.row, items[0].Err, items[2].Err)
		}
	}
}

// TestFields checks that each column that is named is taken.
func TestFields(t *testing.T) {
	if n := len(wire.Fields()); n != len(usual)-1 {
		t.Fatalf("%d columns", n)
	}
	header := strings.Join(wire.Fields(), ",")
	if items, err := wire.Decode(wire.CSV, header, options); err != nil || len(items) != 0 {
		t.Fatal(err)
	}
}
