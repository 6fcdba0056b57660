// Package filter reads and applies the filter grammar of the Billing Insights
// API (its reference shows eq, and, or, not, contains and parentheses;
// ne gt ge lt le in and null are Tollbook's):
//
//	filter     = or
//	or         = and { "or" and }
//	and        = unary { "and" unary }
//	unary      = "not" unary | "(" or ")" | comparison
//	comparison = field op value | field ("eq" | "ne") "null"
//	           | "contains" "(" field "," value ")" | field "in" "(" value { "," value } ")"
//	op         = "eq" | "ne" | "gt" | "ge" | "lt" | "le"
//	value      = "'" characters "'"      a quote inside is doubled: 'it''s'
//
// Keywords are lower case; "and" binds tighter than "or".
package filter

import "tollbook/decimal"

// Kind is what a field holds.
type Kind uint8

// The kinds of fields. Strings, enumerations and months compare by bytes,
// numbers as decimals.
const (
	String Kind = iota
	Enum
	Month // YYYY-MM
	Number
)

// Field is one name that a filter may use.
type Field struct {
	Name   string
	Kind   Kind
	Values []string // of an Enum: all that it can hold
}

// Schema lists the fields that a filter may use.
type Schema []Field

// Value is what one row holds in one field.
type Value struct {
	Null   bool
	Text   string          // all kinds but Number
	Number decimal.Decimal // Number
}

// Row gives the values of one row.
type Row interface {
	// Value returns the value of the i-th field of the schema.
	Value(i int) Value
}

// Op is what a node of an expression does.
type Op uint8

// The operations. Null and NotNull are "eq null" and "ne null".
const (
	And Op = iota
	Or
	Not
	Eq
	Ne
	Gt
	Ge
	Lt
	Le
	In
	Contains
	Null
	NotNull
)

// Expr is a node of a parsed filter. It is never changed once parsed.
type Expr struct {
	Op     Op
	Args   []*Expr // of And, Or (two or more) and Not (one)
	Field  int     // of the others: its place in the schema
	Kind   Kind    // of that field
	Values []Value // one; In: one or more; Null and NotNull: none
}
