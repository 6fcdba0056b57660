package reconcile

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// maxText bounds a text of a row.
const maxText = tollbook.MaxNameBytes

// text reads a cell of text.
func (r *reader) text(f Field) string {
	s := r.cell(f)
	if len(s) > maxText {
		r.fail(f, fmt.Sprintf("has more than %d bytes", maxText))
		return ""
	}
	return strings.Clone(s) // the whole row would stay in memory
}

// start reads when the use began.
func (r *reader) start() time.Time {
	s := r.cell(FieldStart)
	if s == "" {
		return time.Time{}
	}
	if r.layout.TimeFormat == "" {
		if t, ok := parseUnix(s); ok {
			return t
		}
		s = withoutWeekday(s)
	}
	for i := range r.formats {
		i = (r.format + i) % len(r.formats)
		if t, ok := r.formats[i].parse(s, r.layout.Zone); ok {
			r.format = i
			return t
		}
	}
	if r.layout.TimeFormat != "" {
		r.fail(FieldStart, fmt.Sprintf("%q is not a time of the form %s", clip(s), r.layout.TimeFormat))
	} else {
		r.fail(FieldStart, fmt.Sprintf("%q is not a time that leaves no doubt, such as 2026-08-31 23:59:59; say what it looks like, as DD/MM/YYYY hh:mm:ss", clip(s)))
	}
	return time.Time{}
}

// withoutWeekday takes off the day that a time by RFC 2822 starts with.
func withoutWeekday(s string) string {
	const day = len("Mon, ")
	if len(s) > day && s[3] == ',' && s[4] == ' ' {
		return s[day:]
	}
	return s
}

// number reads a decimal number.
func (r *reader) number(f Field, s string) (decimal.Decimal, bool) {
	if r.layout.DecimalComma {
		s = strings.Replace(strings.ReplaceAll(s, ".", ""), ",", ".", 1)
	}
	d, err := decimal.Parse(s, tollbook.MaxIntDigits, tollbook.MaxFracDigits)
	switch {
	case errors.Is(err, decimal.ErrRange):
		r.fail(f, fmt.Sprintf("has more than %d digits before or %d after the point", tollbook.MaxIntDigits, tollbook.MaxFracDigits))
	case err != nil:
		r.fail(f, fmt.Sprintf("%q is not a decimal number", clip(s)))
	}
	return d, err == nil
}

// quantity reads how much was used; a blank cell says nothing.
func (r *reader) quantity() *Quantity {
	s, unit := r.cell(FieldQuantity), r.unit()
	if s == "" {
		return nil
	}
	if d, ok := clock(s); ok {
		return &Quantity{d, tollbook.Seconds}
	}
	d, ok := r.number(FieldQuantity, s)
	if !ok {
		return nil
	}
	return &Quantity{d, unit}
}

// unit reads the unit of a quantity.
func (r *reader) unit() tollbook.Unit {
	s := r.cell(FieldUnit)
	if s == "" {
		return r.layout.Unit
	}
	if u, ok := tollbook.ParseUnit(strings.ToUpper(s)); ok {
		return u
	}
	if u := unitOfName(s); u != 0 {
		return u
	}
	r.fail(FieldUnit, fmt.Sprintf("%q is no unit; the units are %s", clip(s), strings.Join(tollbook.Units(), ", ")))
	return 0
}

// clock reads a duration as a clock shows it, h:mm:ss or m:ss, in seconds.
func clock(s string) (decimal.Decimal, bool) {
	parts := strings.Split(s, ":")
	if len(parts) != 2 && len(parts) != 3 {
		return decimal.Decimal{}, false
	}
	total := 0
	for i, part := range parts {
		least, most := 1, 6
		if i > 0 {
			least, most = 2, 2
		}
		n, rest, ok := number(part, least, most)
		if !ok || rest != "" || i > 0 && n > 59 {
			return decimal.Decimal{}, false
		}
		total = total*60 + n
	}
	return decimal.FromInt(int64(total)), true
}

// amount reads what the use cost; a blank cell says nothing.
func (r *reader) amount() *Amount {
	s, currency := r.cell(FieldAmount), r.currency()
	if s == "" {
		return nil
	}
	d, ok := r.number(FieldAmount, s)
	if !ok {
		return nil
	}
	if !r.layout.AmountFactor.IsZero() {
		d = d.Mul(r.layout.AmountFactor)
	}
	if currency == "" && r.cell(FieldCurrency) == "" { // else that cell is at fault
		r.fail(FieldAmount, "is an amount, but of no currency")
	}
	return &Amount{d, currency}
}

// currency reads the currency of an amount.
func (r *reader) currency() string {
	s := r.cell(FieldCurrency)
	if s == "" {
		return r.layout.Currency
	}
	code := strings.ToUpper(s)
	if !tollbook.ValidCurrency(code) {
		r.fail(FieldCurrency, fmt.Sprintf("%q is no currency; ISO 4217 has codes such as USD", clip(s)))
		return ""
	}
	return strings.Clone(code)
}
