package filter

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var testSchema = Schema{
	{Name: "id"},
	{Name: "month", Kind: Month},
	{Name: "type", Kind: Enum, Values: []string{"CALL", "MESSAGE"}},
	{Name: "price", Kind: Number},
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`id eq 'a'`, `id eq 'a'`},
		{"\t id\neq\r\n'a' ", `id eq 'a'`},
		{`id eq'a'and(id ne'b')`, `id eq 'a' and id ne 'b'`},
		{`id eq 'it''s'`, `id eq 'it''s'`},
		{`id eq ''`, `id eq ''`},
		{`id eq ''''`, `id eq ''''`},
		{`id eq 'and or not (null)'`, `id eq 'and or not (null)'`},
		{`id eq 'ü' or id eq 'ü'`, `id eq 'ü' or id eq 'ü'`},
		{`id eq null and id ne null`, `id eq null and id ne null`},
		{`id in('a','b' , 'c')`, `id in ('a', 'b', 'c')`},
		{`contains(id,'a')`, `contains(id, 'a')`},
		{`contains(month, '2023-')`, `contains(month, '2023-')`},
		{`contains(type, 'ALL')`, `contains(type, 'ALL')`},
		{`not contains (id, 'a')`, `not contains(id, 'a')`},
		{`month ge '2023-08' and month lt '2024-01'`, `month ge '2023-08' and month lt '2024-01'`},
		{`type eq 'CALL'`, `type eq 'CALL'`},
		{`price gt '1.50' and price le '-2e3'`, `price gt '1.5' and price le '-2000'`},

		// Precedence: or < and < not.
		{`id eq 'a' or id eq 'b' and id eq 'c'`, `id eq 'a' or id eq 'b' and id eq 'c'`},
		{`id eq 'a' or (id eq 'b' and id eq 'c')`, `id eq 'a' or id eq 'b' and id eq 'c'`},
		{`(id eq 'a' or id eq 'b') and id eq 'c'`, `(id eq 'a' or id eq 'b') and id eq 'c'`},
		{`not id eq 'a' and id eq 'b'`, `not id eq 'a' and id eq 'b'`},
		{`(not id eq 'a') and id eq 'b'`, `not id eq 'a' and id eq 'b'`},
		{`not (id eq 'a' and id eq 'b')`, `not (id eq 'a' and id eq 'b')`},
		{`not not id eq 'a'`, `not not id eq 'a'`},
		{`((id eq 'a'))`, `id eq 'a'`},
		{strings.Repeat("(", MaxDepth) + `id eq 'a'` + strings.Repeat(")", MaxDepth), `id eq 'a'`},
		{`id eq '` + strings.Repeat("ü", MaxLength-8) + `'`, `id eq '` + strings.Repeat("ü", MaxLength-8) + `'`},
	} {
		e, err := Parse(tt.text, testSchema)
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.text, err)
			continue
		}
		if got := e.String(testSchema); got != tt.want {
			t.Errorf("Parse(%q) = %s, want %s", tt.text, got, tt.want)
		}
	}
}

func TestParseTree(t *testing.T) {
	e, err := Parse(`id eq 'a' or id eq 'b' and not id eq 'c' or id eq 'd'`, testSchema)
	if err != nil {
		t.Fatal(err)
	}
	is := func(s string) *Expr { return &Expr{Op: Eq, Values: []Value{{Text: s}}} }
	want := &Expr{Op: Or, Args: []*Expr{
		is("a"),
		{Op: And, Args: []*Expr{is("b"), {Op: Not, Args: []*Expr{is("c")}}}},
		is("d"),
	}}
	if diff := cmp.Diff(want, e, cmp.Comparer(func(a, b Value) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct {
		text   string
		column int
		want   string // a part of the message
	}{
		{``, 1, "the filter is empty"},
		{"  \n", 1, "the filter is empty"},
		{`id`, 3, "expected one of eq, ne, gt, ge, lt, le and in, found end of filter"},
		{`id eq`, 6, "expected a value in quotes, found end of filter"},
		{`id eq a`, 7, `expected a value in quotes, found "a"`},
		{`price gt -1.5e3`, 10, `found "-1.5e3"`},
		{`price gt null`, 10, `expected a value in quotes, found "null"`},
		{`id = 'a'`, 4, `found "="`},
		{`id EQ 'a'`, 4, `found "EQ" (keywords are in lower case)`},
		{`id eq 'a' AND id eq 'b'`, 11, `expected "and", "or" or end of filter, found "AND" (keywords are in lower case)`},
		{`id eq 'a`, 7, "no closing quote"},
		{`id eq 'a''`, 7, "no closing quote"},
		{`id eq 'ü' and id eq 'b`, 21, "no closing quote"},
		{`id eq 'a')`, 10, `found ")"`},
		{`(id eq 'a'`, 11, `expected ")", found end of filter`},
		{`id eq 'a' 'b'`, 11, "found the value 'b'"},
		{`id eq 'a' and`, 14, "expected a field, found end of filter"},
		{`and id eq 'a'`, 1, `expected a field, found "and"`},
		{`()`, 2, `expected a field, found ")"`},
		{`not`, 4, "expected a field"},
		{`mnth eq 'a'`, 1, `unknown field "mnth"; the fields are id, month, type, price`},
		{`contains id, 'a')`, 10, `expected "("`},
		{`contains(id 'a')`, 13, `expected ","`},
		{`contains(id, 'a'`, 17, `expected ")"`},
		{`contains(price, '1')`, 10, "contains does not apply to price"},
		{`id in ()`, 8, "expected a value in quotes"},
		{`id in ('a',)`, 12, "expected a value in quotes"},
		{`id in ('a' 'b')`, 12, `expected ")"`},
		{`id in (null)`, 8, "expected a value in quotes"},
		{`month eq '2023-13'`, 10, "month is a month in the form YYYY-MM, not '2023-13'"},
		{`month in ('2023-12', '2023-1')`, 22, "not '2023-1'"},
		{`type eq 'FAX'`, 9, "type is one of CALL, MESSAGE, not 'FAX'"},
		{`price eq 'NaN'`, 10, "price is a number: 'NaN' is not a decimal number"},
		{`price eq '1e400'`, 10, "'1e400' has too many digits"},
		{"id eq '\xff'", 8, "not valid UTF-8"},
		{"id eq '\uFFFD' \xef\xbf", 11, "not valid UTF-8"},
		{"id eq '\x00' \x00", 11, `found "\x00"`},
		{strings.Repeat("x", MaxLength+1), MaxLength + 1, "at most 1600 characters, this one has 1601"},
		{strings.Repeat("(", MaxDepth+1), MaxDepth + 1, "nested more than 100 levels deep"},
		{strings.Repeat("not ", MaxDepth+1), 4*MaxDepth + 1, "nested more than 100 levels deep"},
		{strings.Repeat("x", 100), 1, `unknown field "` + strings.Repeat("x", 40) + `…"`},
	} {
		_, err := Parse(tt.text, testSchema)
		var fe *Error
		if !errors.As(err, &fe) {
			t.Errorf("Parse(%q): %v, want an *Error", tt.text, err)
			continue
		}
		if fe.Column != tt.column || !strings.Contains(fe.Message, tt.want) {
			t.Errorf("Parse(%q): %v\nwant column %d: … %s", tt.text, err, tt.column, tt.want)
		}
	}
}

// Nesting is bounded by itself and not only by the length of the text.
func TestParseDeep(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("(", 10_000) + `id eq 'a'` + strings.Repeat(")", 10_000),
		strings.Repeat("not ", 10_000) + `id eq 'a'`,
		strings.Repeat("not(", 1_000_000),
	} {
		if _, err := Parse(text, testSchema); err == nil {
			t.Errorf("Parse(%.20q…): no error", text)
		}
		if _, err := parse(text, testSchema); err == nil || !strings.Contains(err.Error(), "nested") {
			t.Errorf("parse(%.20q…): %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`account_id eq 'a'`, `id eq 'it''s' and not (month ge '2023-08' or price in ('1','2e3'))`,
		`contains(id,'x') or type ne null`, `not not id le ''`, `id eq 'ü`, `price eq '1e75' and price lt '-1e-76'`, "((((", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := parse(text, testSchema)
		if err != nil {
			var fe *Error
			if !errors.As(err, &fe) || fe.Column < 1 || fe.Column > len(text)+1 || fe.Message == "" {
				t.Fatalf("error %#v", err)
			}
			return
		}
		printed := e.String(testSchema)
		again, err := parse(printed, testSchema)
		if err != nil {
			t.Fatalf("%q: printed as %q: %v", text, printed, err)
		}
		if diff := cmp.Diff(e, again, cmp.Comparer(func(a, b Value) bool { return a == b })); diff != "" {
			t.Fatalf("%q: printed as %q: %s", text, printed, diff)
		}
	})
}
