package filter

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tollbook/decimal"
)

// testRow is a row of testSchema: a null is a nil.
type testRow [4]*string

func (r testRow) Value(i int) Value {
	switch {
	case r[i] == nil:
		return Value{Null: true}
	case testSchema[i].Kind == Number:
		d, err := decimal.Parse(*r[i], 38, 38)
		if err != nil {
			panic(err)
		}
		return Value{Number: d}
	}
	return Value{Text: *r[i]}
}

func TestMatch(t *testing.T) {
	row := testRow{new("it's"), new("2023-08"), nil, new("10.50")}
	for _, tt := range []struct {
		text string
		want bool
	}{
		{`id eq 'it''s'`, true},
		{`id eq 'IT''S'`, false},
		{`contains(id, 't''')`, true},
		{`contains(id, '')`, true},
		{`contains(id, 'T')`, false},
		{`month ge '2023-08' and month le '2023-08'`, true},
		{`month gt '2023-08' or month lt '2023-08'`, false},
		{`month in ('2022-08', '2023-08')`, true},
		{`not month in ('2022-08', '2023-08')`, false},
		{`month ne null and not month eq null`, true},

		// Null equals only null.
		{`type eq null`, true},
		{`type ne null`, false},
		{`type eq 'CALL'`, false},
		{`not type eq 'CALL'`, true},
		{`type ne 'CALL'`, true},
		{`type gt 'CALL' or type ge 'CALL' or type lt 'CALL' or type le 'CALL'`, false},
		{`type in ('CALL', 'MESSAGE')`, false},
		{`contains(type, '')`, false},

		// Numbers compare as numbers.
		{`price eq '10.5'`, true},
		{`price eq '1050e-2'`, true},
		{`price gt '9'`, true},
		{`price lt '1e75'`, true},
		{`price gt '-1e75'`, true},
		{`price in ('1', '10.500')`, true},
	} {
		e, err := Parse(tt.text, testSchema)
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.text, err)
			continue
		}
		if got := e.Match(row); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.text, got, tt.want)
		}
	}
}

func TestNilExpr(t *testing.T) {
	var e *Expr
	e.Walk(func(*Expr) { t.Error("Walk visits nil") })
	if !e.Match(testRow{}) || !e.Only() || e.String(testSchema) != "" {
		t.Error("a nil Expr must hold, look at nothing and print as nothing")
	}
}

func TestOnly(t *testing.T) {
	e, err := Parse(`not month eq '2023-08' and (id eq null or contains(id, 'a'))`, testSchema)
	if err != nil {
		t.Fatal(err)
	}
	if !e.Only(0, 1) || !e.Only(3, 1, 0) || e.Only(0) || e.Only(1) || e.Only() {
		t.Error("Only does not tell the fields id and month")
	}
	var ops []Op
	e.Walk(func(x *Expr) { ops = append(ops, x.Op) })
	if want := []Op{And, Not, Eq, Or, Null, Contains}; !slices.Equal(ops, want) {
		t.Errorf("Walk visits %v, want %v", ops, want)
	}
}

// naive is an Expr that was made together with its text, with what it should
// be for a row.
type naive struct {
	text  string
	holds func(testRow) bool
}

// testValues are what random rows and filters hold, ascending.
var testValues = map[Kind][]string{
	String: {"", "a", "ab", "b"}, Month: {"2023-08", "2023-09"}, Enum: {"CALL", "MESSAGE"}, Number: {"-1", "0", "1.5", "10"},
}

// orderings are what the operators make of the order of field and value, and
// of a null field.
var orderings = map[string]struct {
	holds func(order int) bool
	null  bool
}{
	"eq": {func(c int) bool { return c == 0 }, false},
	"ne": {func(c int) bool { return c != 0 }, true},
	"gt": {func(c int) bool { return c > 0 }, false},
	"ge": {func(c int) bool { return c >= 0 }, false},
	"lt": {func(c int) bool { return c < 0 }, false},
	"le": {func(c int) bool { return c <= 0 }, false},
}

func drawComparison(t *rapid.T) naive {
	i := rapid.IntRange(0, len(testSchema)-1).Draw(t, "field")
	f := testSchema[i]
	values := testValues[f.Kind]
	v := rapid.SampledFrom(values).Draw(t, "value")
	op := rapid.SampledFrom([]string{"eq", "ne", "gt", "ge", "lt", "le", "in", "contains", "null"}).Draw(t, "op")
	if o, ok := orderings[op]; ok {
		return naive{f.Name + " " + op + " '" + v + "'", func(r testRow) bool {
			if r[i] == nil {
				return o.null
			}
			return o.holds(slices.Index(values, *r[i]) - slices.Index(values, v))
		}}
	}
	if op == "in" {
		return naive{f.Name + " in ('" + v + "', '" + values[0] + "')", func(r testRow) bool { return r[i] != nil && (*r[i] == v || *r[i] == values[0]) }}
	}
	if op == "contains" && f.Kind != Number {
		return naive{"contains(" + f.Name + ", '" + v + "')", func(r testRow) bool { return r[i] != nil && strings.Contains(*r[i], v) }}
	}
	return naive{f.Name + " eq null", func(r testRow) bool { return r[i] == nil }}
}

func drawTree(t *rapid.T, depth int) naive {
	kind := rapid.SampledFrom([]string{"comparison", "and", "or", "not"}).Draw(t, "kind")
	if depth == 0 || kind == "comparison" {
		return drawComparison(t)
	}
	a := drawTree(t, depth-1)
	if kind == "not" {
		return naive{"not (" + a.text + ")", func(r testRow) bool { return !a.holds(r) }}
	}
	b := drawTree(t, depth-1)
	if kind == "and" {
		return naive{"(" + a.text + ") and (" + b.text + ")", func(r testRow) bool { return a.holds(r) && b.holds(r) }}
	}
	return naive{"(" + a.text + ") or (" + b.text + ")", func(r testRow) bool { return a.holds(r) || b.holds(r) }}
}

func TestMatchRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawTree(t, 3)
		var row testRow
		for i, f := range testSchema {
			if v := rapid.SampledFrom(append([]string{"null"}, testValues[f.Kind]...)).Draw(t, f.Name); v != "null" {
				row[i] = &v
			}
		}
		e, err := Parse(want.text, testSchema)
		if err != nil {
			t.Fatalf("%s: %v", want.text, err)
		}
		if got := e.Match(row); got != want.holds(row) {
			t.Errorf("%s: %v", want.text, got)
		}
		again, err := Parse(e.String(testSchema), testSchema)
		if err != nil || again.Match(row) != e.Match(row) {
			t.Errorf("%s: printed as %s: %v", want.text, e.String(testSchema), err)
		}
	})
}
