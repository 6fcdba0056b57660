package storetest

import (
	"fmt"
	"strings"

	"tollbook"
	"tollbook/filter"
)

// oneOf returns a comparison of a record's field; values of numbers are read
// as decimals.
func oneOf(field int, op filter.Op, values ...string) *filter.Expr {
	kind := tollbook.RecordSchema()[field].Kind
	e := &filter.Expr{Op: op, Field: field, Kind: kind}
	for _, text := range values {
		v := filter.Value{Text: text}
		if kind == filter.Number {
			v = filter.Value{Number: dec(text)}
		}
		e.Values = append(e.Values, v)
	}
	return e
}

func both(args ...*filter.Expr) *filter.Expr   { return &filter.Expr{Op: filter.And, Args: args} }
func either(args ...*filter.Expr) *filter.Expr { return &filter.Expr{Op: filter.Or, Args: args} }
func not(arg *filter.Expr) *filter.Expr {
	return &filter.Expr{Op: filter.Not, Args: []*filter.Expr{arg}}
}

// filters returns filters of every operation on every field, with values that
// are in the records and some that are not, and combinations of them: those
// that a store will want to answer from an index first.
func filters(records []tollbook.Record) []*filter.Expr {
	var list []*filter.Expr
	for field, f := range tollbook.RecordSchema() {
		for n, op := range []filter.Op{filter.Eq, filter.Ne, filter.Gt, filter.Ge, filter.Lt, filter.Le} {
			list = append(list, oneOf(field, op, valueText(&records[n*7%len(records)], field)))
		}
		list = append(list, oneOf(field, filter.In, valueText(&records[3%len(records)], field), valueText(&records[8%len(records)], field)))
		list = append(list, &filter.Expr{Op: filter.Null, Field: field, Kind: f.Kind}, &filter.Expr{Op: filter.NotNull, Field: field, Kind: f.Kind})
		if f.Kind != filter.Number {
			list = append(list, oneOf(field, filter.Contains, "A"), oneOf(field, filter.Contains, ""))
		}
	}
	account := func(op filter.Op, i int) *filter.Expr {
		return oneOf(tollbook.FieldAccountID, op, records[i].AccountID)
	}
	month := func(op filter.Op, i int) *filter.Expr {
		return oneOf(tollbook.FieldMonth, op, records[i].Month.String())
	}
	i, j := 0, len(records)/2
	return append(list,
		both(account(filter.Eq, i), month(filter.Eq, i)),
		both(month(filter.Eq, i), account(filter.Eq, j)),
		both(account(filter.Eq, i), account(filter.Ne, i)),
		both(account(filter.Eq, i), account(filter.Eq, j), month(filter.Ge, j)),
		both(month(filter.Ge, i), month(filter.Le, j)),
		both(month(filter.Gt, i), month(filter.Lt, i)),
		either(account(filter.Eq, i), month(filter.Eq, j)),
		either(both(account(filter.Eq, i), month(filter.Eq, i)), both(account(filter.Eq, j), month(filter.Eq, j))),
		not(account(filter.Eq, i)),
		not(either(account(filter.Eq, i), not(month(filter.Eq, j)))),
		both(account(filter.In, i), not(oneOf(tollbook.FieldType, filter.Eq, "CALL"))),
		both(month(filter.Eq, i), oneOf(tollbook.FieldTotalAmount, filter.Gt, "1")),
		oneOf(tollbook.FieldAccountID, filter.Eq, "no-such-account"),
		oneOf(tollbook.FieldMonth, filter.Eq, "0001-01"),
		oneOf(tollbook.FieldMonth, filter.Lt, "9999-12"),
		oneOf(tollbook.FieldAccountID, filter.Eq, ""),
	)
}

// valueText returns a field of a record as a filter writes it.
func valueText(r *tollbook.Record, field int) string {
	v := r.Value(field)
	if tollbook.RecordSchema()[field].Kind == filter.Number {
		return v.Number.String()
	}
	return v.Text
}

// exprText returns a filter in its grammar.
func exprText(e *filter.Expr) string {
	var args, values []string
	for _, a := range e.Args {
		args = append(args, exprText(a))
	}
	for _, v := range e.Values {
		text := v.Text
		if e.Kind == filter.Number {
			text = v.Number.String()
		}
		values = append(values, "'"+strings.ReplaceAll(text, "'", "''")+"'")
	}
	name := tollbook.RecordSchema()[e.Field].Name
	switch e.Op {
	case filter.And:
		return "(" + strings.Join(args, " and ") + ")"
	case filter.Or:
		return "(" + strings.Join(args, " or ") + ")"
	case filter.Not:
		return "not " + args[0]
	case filter.Null:
		return name + " eq null"
	case filter.NotNull:
		return name + " ne null"
	case filter.In:
		return fmt.Sprintf("%s in (%s)", name, strings.Join(values, ", "))
	case filter.Contains:
		return fmt.Sprintf("contains(%s, %s)", name, values[0])
	}
	ops := map[filter.Op]string{filter.Eq: "eq", filter.Ne: "ne", filter.Gt: "gt", filter.Ge: "ge", filter.Lt: "lt", filter.Le: "le"}
	return fmt.Sprintf("%s %s %s", name, ops[e.Op], values[0])
}
