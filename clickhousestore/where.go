package clickhousestore

import (
	"fmt"
	"strings"

	"tollbook"
	"tollbook/decimal"
	"tollbook/filter"
)

// recordFields are the fields of tollbook.RecordSchema as they are compared.
var recordFields = [...]struct {
	text     string // as the record shows it
	nullable bool   // null where the text is empty
}{
	tollbook.FieldID:            {text: "lower(hex(id))"},
	tollbook.FieldAccountID:     {text: "account_id"},
	tollbook.FieldProductID:     {text: "product_id"},
	tollbook.FieldAggrProductID: {text: "aggr_product_id"},
	tollbook.FieldMonth:         {text: "concat(leftPad(toString(intDiv(month, 12)), 4, '0'), '-', leftPad(toString(month % 12 + 1), 2, '0'))"},
	tollbook.FieldType:          {text: "type"},
	tollbook.FieldDescription:   {text: "description"},
	tollbook.FieldCurrency:      {text: "currency"},
	tollbook.FieldDirection:     {text: "direction", nullable: true},
	tollbook.FieldResolution:    {text: "resolution", nullable: true},
	tollbook.FieldUnit:          {text: "unit"},
	tollbook.FieldPrice:         {text: "price"},
	tollbook.FieldWalletName:    {text: "wallet_name", nullable: true},
	tollbook.FieldNumberOfUnits: {text: "number_of_units"},
	tollbook.FieldTotalAmount:   {text: "total_amount"},
}

var comparisons = map[filter.Op]string{filter.Eq: "=", filter.Ne: "!=", filter.Gt: ">", filter.Ge: ">=", filter.Lt: "<", filter.Le: "<="}

// where returns a filter on records as a condition of SQL, which is true for
// exactly those that the filter matches.
func where(e *filter.Expr) string {
	switch e.Op {
	case filter.And, filter.Or:
		args := make([]string, len(e.Args))
		for i, arg := range e.Args {
			args[i] = where(arg)
		}
		return "(" + strings.Join(args, map[filter.Op]string{filter.And: " AND ", filter.Or: " OR "}[e.Op]) + ")"
	case filter.Not:
		return "NOT " + where(e.Args[0])
	}
	field := recordFields[e.Field]
	if e.Op == filter.Null || e.Op == filter.NotNull {
		is := field.nullable
		switch {
		case is && e.Op == filter.Null:
			return "(" + field.text + " = '')"
		case is:
			return "(" + field.text + " != '')"
		case e.Op == filter.Null:
			return "(1 = 0)"
		}
		return "(1 = 1)"
	}
	condition := compare(e, field.text)
	switch {
	case field.nullable && e.Op == filter.Ne:
		return "(" + field.text + " = '' OR " + condition + ")"
	case field.nullable:
		return "(" + field.text + " != '' AND " + condition + ")"
	}
	return "(" + condition + ")"
}

// fewAccounts is of how many accounts all records may be held for a page.
const fewAccounts = 16

// accountsOf returns of how many accounts a filter matches records at most; ok is
// false where it does not say.
func accountsOf(e *filter.Expr) (n int, ok bool) {
	switch e.Op {
	case filter.And:
		for _, arg := range e.Args {
			if of, is := accountsOf(arg); is && (!ok || of < n) {
				n, ok = of, true
			}
		}
		return n, ok
	case filter.Or:
		for _, arg := range e.Args {
			of, is := accountsOf(arg)
			if !is {
				return 0, false
			}
			n += of
		}
		return n, true
	case filter.Eq, filter.In:
		return len(e.Values), e.Field == tollbook.FieldAccountID || e.Field == tollbook.FieldID
	}
	return 0, false
}

// ofFewAccounts tells whether a filter, which may be nil, matches records of a few
// accounts at most.
func ofFewAccounts(e *filter.Expr) bool {
	if e == nil {
		return false
	}
	n, ok := accountsOf(e)
	return ok && n <= fewAccounts
}

// compare returns the comparison of a field that is not null.
func compare(e *filter.Expr, text string) string {
	if e.Kind == filter.Number {
		return compareNumber(e, text)
	}
	column, literals := text, make([]string, len(e.Values))
	months := e.Kind == filter.Month && e.Op != filter.Contains
	for i := range e.Values {
		v := &e.Values[i]
		if months {
			m, err := tollbook.ParseMonth(v.Text)
			literals[i] = fmt.Sprint(int32(m))
			months = err == nil
		}
	}
	ids := e.Field == tollbook.FieldID && (e.Op == filter.Eq || e.Op == filter.In)
	for i := range e.Values {
		v := &e.Values[i]
		id, isID := tollbook.ParseRecordID(v.Text)
		switch {
		case months:
			column = "month"
		case ids && isID:
			column, literals[i] = "id", key16(id)
		case ids:
			return "1 = 0" // not even an id
		default:
			literals[i] = quote(v.Text)
		}
	}
	switch e.Op {
	case filter.In:
		return column + " IN (" + strings.Join(literals, ", ") + ")"
	case filter.Contains:
		return "position(" + column + ", " + literals[0] + ") > 0"
	}
	return column + " " + comparisons[e.Op] + " " + literals[0]
}

// places is how many digits behind the point the numbers of records have room
// for.
const places = 24

// number returns a decimal as a literal of SQL: the largest one that the
// numbers of records may be which is not above it. exact tells whether it is it.
func number(d decimal.Decimal) (literal string, exact bool) {
	floor := d
	if d.Scale() > places {
		q, r := d.Coef().QuoRem(tenTo(d.Scale() - places))
		if r.Sign() < 0 {
			q = q.Sub(decimal.NewInt(1))
		}
		floor = decimal.New(q, places)
	}
	if most := decimal.New(tenTo(decimal.MaxScale-places).Sub(decimal.NewInt(1)), 0); floor.Cmp(most) > 0 {
		floor = most // no record has as much
	} else if floor.Cmp(most.Neg()) < 0 {
		floor = most.Neg()
	}
	return fmt.Sprintf("toDecimal256('%s', %d)", floor, places), floor == d
}

func tenTo(n int) decimal.Int {
	ten := decimal.NewInt(1)
	for range n {
		ten = ten.Mul(decimal.NewInt(10))
	}
	return ten
}

// compareNumber compares a column of numbers with any decimals, also such as it
// cannot hold.
func compareNumber(e *filter.Expr, column string) string {
	if e.Op == filter.In {
		var any []string
		for i := range e.Values {
			if literal, exact := number(e.Values[i].Number); exact {
				any = append(any, literal)
			}
		}
		if len(any) == 0 {
			return "1 = 0"
		}
		return column + " IN (" + strings.Join(any, ", ") + ")"
	}
	literal, exact := number(e.Values[0].Number)
	op := e.Op
	if !exact {
		switch op {
		case filter.Eq:
			return "1 = 0"
		case filter.Ne:
			return "1 = 1"
		case filter.Ge:
			op = filter.Gt
		case filter.Lt:
			op = filter.Le
		}
	}
	return column + " " + comparisons[op] + " " + literal
}

// ordering is an order of records in SQL.
type ordering struct {
	column    string
	direction string // ASC or DESC
	before    string // the comparison of what comes earlier
}

func orderingOf(o tollbook.Order) ordering {
	columns := [...]string{"id", "month", "account_id", "product_id", "type", "total_amount", "number_of_units"}
	if o.Desc {
		return ordering{columns[o.Field], "DESC", ">"}
	}
	return ordering{columns[o.Field], "ASC", "<"}
}

func (o ordering) by() string {
	return fmt.Sprintf("%s %s, id %s", o.column, o.direction, o.direction)
}

// reversed returns the order from the end.
func (o ordering) reversed() ordering {
	if o.direction == "ASC" {
		return ordering{o.column, "DESC", ">"}
	}
	return ordering{o.column, "ASC", "<"}
}

// earlier is true for what comes before a record in the order.
func (o ordering) earlier(field tollbook.OrderField, r *tollbook.Record) string {
	key := ""
	switch field {
	case tollbook.OrderID:
		return fmt.Sprintf("(id %s %s)", o.before, key16(r.ID))
	case tollbook.OrderMonth:
		key = fmt.Sprint(int32(r.Month))
	case tollbook.OrderAccountID:
		key = quote(r.AccountID)
	case tollbook.OrderProductID:
		key = quote(r.ProductID)
	case tollbook.OrderType:
		key = quote(r.Type.String())
	case tollbook.OrderTotalAmount:
		key, _ = number(r.TotalAmount)
	case tollbook.OrderNumberOfUnits:
		key, _ = number(r.NumberOfUnits)
	}
	return fmt.Sprintf("(%[1]s %[2]s %[3]s OR %[1]s = %[3]s AND id %[2]s %[4]s)", o.column, o.before, key, key16(r.ID))
}
