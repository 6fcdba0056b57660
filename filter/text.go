package filter

import "strings"

// names are the keywords of the operations that stand between a field and
// its values.
var names = [...]string{Eq: "eq", Ne: "ne", Gt: "gt", Ge: "ge", Lt: "lt", Le: "le", In: "in", Null: "eq null", NotNull: "ne null"}

// String returns e as text that parses to an equal Expr, the same for all
// texts that do; "" for nil. It may be longer than MaxLength where numbers
// were written with an exponent or spaces were left out.
func (e *Expr) String(schema Schema) string {
	if e == nil {
		return ""
	}
	var b strings.Builder
	e.write(&b, schema)
	return b.String()
}

func (e *Expr) write(b *strings.Builder, schema Schema) {
	switch e.Op {
	case And, Or:
		between := map[Op]string{And: " and ", Or: " or "}[e.Op]
		for i, arg := range e.Args {
			if i > 0 {
				b.WriteString(between)
			}
			arg.writeInside(b, schema, arg.Op == Or || arg.Op == e.Op)
		}
	case Not:
		b.WriteString("not ")
		arg := e.Args[0]
		arg.writeInside(b, schema, arg.Op == And || arg.Op == Or)
	case Contains:
		b.WriteString("contains(" + schema[e.Field].Name + ", ")
		e.writeValues(b)
		b.WriteByte(')')
	case In:
		b.WriteString(schema[e.Field].Name + " in (")
		e.writeValues(b)
		b.WriteByte(')')
	default:
		b.WriteString(schema[e.Field].Name + " " + names[e.Op])
		if len(e.Values) > 0 {
			b.WriteByte(' ')
			e.writeValues(b)
		}
	}
}

// writeInside writes an operand, in parentheses where they make a difference.
func (e *Expr) writeInside(b *strings.Builder, schema Schema, parentheses bool) {
	if !parentheses {
		e.write(b, schema)
		return
	}
	b.WriteByte('(')
	e.write(b, schema)
	b.WriteByte(')')
}

func (e *Expr) writeValues(b *strings.Builder) {
	for i, v := range e.Values {
		if i > 0 {
			b.WriteString(", ")
		}
		if e.Kind == Number {
			b.WriteString(quote(v.Number.String()))
		} else {
			b.WriteString(quote(v.Text))
		}
	}
}

// quote returns s as the grammar writes values.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
