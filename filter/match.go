package filter

import (
	"slices"
	"strings"
)

// Match tells whether e holds for a row; a nil Expr holds for every row.
//
// Null equals only null: on a null field eq, the orderings, in and contains
// are false and ne is true. There is no third truth value, so that not always
// turns false into true.
func (e *Expr) Match(row Row) bool {
	if e == nil {
		return true
	}
	switch e.Op {
	case And:
		for _, arg := range e.Args {
			if !arg.Match(row) {
				return false
			}
		}
		return true
	case Or:
		for _, arg := range e.Args {
			if arg.Match(row) {
				return true
			}
		}
		return false
	case Not:
		return !e.Args[0].Match(row)
	}
	return e.compare(row.Value(e.Field))
}

// compare tells whether a comparison holds for what its field holds.
func (e *Expr) compare(v Value) bool {
	if v.Null || e.Op == Null || e.Op == NotNull {
		return e.Op == Ne && v.Null || e.Op == Null && v.Null || e.Op == NotNull && !v.Null
	}
	switch e.Op {
	case Eq:
		return e.order(v, e.Values[0]) == 0
	case Ne:
		return e.order(v, e.Values[0]) != 0
	case Gt:
		return e.order(v, e.Values[0]) > 0
	case Ge:
		return e.order(v, e.Values[0]) >= 0
	case Lt:
		return e.order(v, e.Values[0]) < 0
	case Le:
		return e.order(v, e.Values[0]) <= 0
	case In:
		return slices.ContainsFunc(e.Values, func(w Value) bool { return e.order(v, w) == 0 })
	case Contains:
		return strings.Contains(v.Text, e.Values[0].Text)
	}
	panic("filter: no such operation")
}

func (e *Expr) order(a, b Value) int {
	if e.Kind == Number {
		return a.Number.Cmp(b.Number)
	}
	return strings.Compare(a.Text, b.Text)
}

// Walk calls visit for e and every Expr below it, a parent before its Args.
func (e *Expr) Walk(visit func(*Expr)) {
	if e == nil {
		return
	}
	visit(e)
	for _, arg := range e.Args {
		arg.Walk(visit)
	}
}

// Only tells whether e looks at no other fields than these, which are places
// in its schema.
func (e *Expr) Only(fields ...int) bool {
	only := true
	e.Walk(func(x *Expr) {
		if len(x.Args) == 0 && !slices.Contains(fields, x.Field) {
			only = false
		}
	})
	return only
}
