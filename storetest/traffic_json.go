package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// jsonField is one member of an event's JSON object.
type jsonField struct{ name, value string }

// fields returns an event as JSON members, each spelt in one of the ways that
// mean the same.
func (l *lane) fields(e *tollbook.Event) []jsonField {
	list := []jsonField{
		{"id", l.text(e.ID)}, {"source", l.text(e.Source)}, {"account_id", l.text(e.AccountID)},
		{"occurred_at", l.instant(e.OccurredAt)}, {"type", l.text(e.Type.String())}, {"quantity", l.decimal(e.Quantity)},
	}
	add := func(name, text string) {
		if text != "" {
			list = append(list, jsonField{name, l.text(text)})
		}
	}
	if e.Unit != e.Type.DefaultUnit() || l.random.IntN(2) == 0 {
		add("unit", e.Unit.String())
	}
	add("direction", e.Direction.String())
	add("resolution", e.Resolution.String())
	add("from", e.From)
	add("to", e.To)
	add("country", e.Country)
	add("product_id", e.ProductID)
	add("wallet_name", e.WalletName)
	add("currency", e.Currency)
	if e.Priced {
		list = append(list, jsonField{"price", l.decimal(e.Price)})
	}
	if len(e.Attributes) > 0 {
		var members []jsonField
		for _, a := range e.Attributes {
			members = append(members, jsonField{a.Key, l.text(a.Value)})
		}
		list = append(list, jsonField{"attributes", l.spell(members)})
	}
	return list
}

// spell joins members to an object, in random order and spacing.
func (l *lane) spell(fields []jsonField) string {
	l.random.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	var members []string
	for _, f := range fields {
		members = append(members, l.text(f.name)+pick(l.random, []string{":", ": "})+f.value)
	}
	return "{" + strings.Join(members, pick(l.random, []string{",", ", ", ",\n\t"})) + "}"
}

// text returns a JSON string, one in twenty with all its letters escaped.
func (l *lane) text(s string) string {
	if l.random.IntN(20) > 0 {
		b, err := json.Marshal(s)
		if err != nil {
			panic("storetest: " + err.Error())
		}
		return string(b)
	}
	var b strings.Builder
	for _, r := range s { // all are within sixteen bits
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return `"` + b.String() + `"`
}

// decimal returns a decimal as a JSON number or string, plain or with an
// exponent or zeros that do not count.
func (l *lane) decimal(d decimal.Decimal) string {
	s := d.String()
	switch l.random.IntN(6) {
	case 0:
		s = fmt.Sprintf("%se-%d", d.Coef(), d.Scale())
	case 1:
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		s += "00"
	}
	if l.random.IntN(3) == 0 {
		return `"` + s + `"`
	}
	return s
}

// instant returns an instant in some offset.
func (l *lane) instant(t time.Time) string {
	if minutes := l.random.IntN(28*60) - 14*60; l.random.IntN(3) == 0 {
		t = t.In(time.FixedZone("", minutes*60))
	}
	return `"` + t.Format(time.RFC3339Nano) + `"`
}

// spoil makes an event one that is rejected.
func (l *lane) spoil(fields []jsonField) []jsonField {
	set := func(name, value string) []jsonField {
		i := slices.IndexFunc(fields, func(f jsonField) bool { return f.name == name })
		if i < 0 {
			return append(fields, jsonField{name, value})
		}
		fields[i].value = value
		return fields
	}
	drop := func(name string) []jsonField {
		return slices.DeleteFunc(fields, func(f jsonField) bool { return f.name == name })
	}
	switch l.random.IntN(16) {
	case 0:
		return drop("id")
	case 1:
		return drop("quantity")
	case 2:
		return drop("occurred_at")
	case 3:
		return set("quantity", `"1,5"`)
	case 4:
		return set("quantity", `-1`)
	case 5:
		return set("quantity", `1e400`)
	case 6:
		return set("quantity", `"NaN"`)
	case 7:
		return set("quantity", `0.0000000000001`)
	case 8:
		return set("type", `"FAX"`)
	case 9:
		return set("occurred_at", `"2024-02-30T00:00:00Z"`)
	case 10:
		return set("occurred_at", `"2024-02-03T00:00:00"`)
	case 11:
		return set("occurred_at", `"2999-01-01T00:00:00Z"`)
	case 12:
		return set("colour", `"red"`)
	case 13:
		return set("account_id", `"no-such-account"`)
	case 14:
		return set("source", `"`+strings.Repeat("s", tollbook.MaxNameBytes+1)+`"`)
	}
	return set("price", `"free"`)
}
