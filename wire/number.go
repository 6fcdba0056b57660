package wire

import (
	"errors"
	"fmt"

	"tollbook"
	"tollbook/decimal"
)

// shortDigits is a number of digits that fits into 64 bits and, wherever the
// point is, into the bounds of a quantity.
const shortDigits = tollbook.MaxIntDigits

// parseDecimal reads a quantity or a price: a decimal number ≥ 0 within the
// bounds of an event.
func parseDecimal(s string) (d decimal.Decimal, problem string) {
	if coef, scale, ok := parseShort(s); ok {
		return decimal.NewSmall(coef, scale), ""
	}
	d, err := decimal.Parse(s, tollbook.MaxIntDigits, tollbook.MaxFracDigits)
	switch {
	case errors.Is(err, decimal.ErrRange):
		return d, fmt.Sprintf("has more than %d digits before or %d after the point", tollbook.MaxIntDigits, tollbook.MaxFracDigits)
	case err != nil:
		return d, "must be a decimal number such as 12.5, not " + quoted(s)
	case d.Sign() < 0:
		return d, "must not be negative"
	}
	return d, ""
}

// parseShort reads what nearly every number is, a few digits and perhaps a
// point, several times faster than decimal.Parse. What it does not read may
// still be a number.
func parseShort(s string) (coef uint64, scale int, ok bool) {
	point := -1
	for i := range len(s) {
		switch c := s[i] - '0'; {
		case c <= 9:
			coef = coef*10 + uint64(c)
		case s[i] == '.' && point < 0 && i > 0:
			point = i
		default:
			return 0, 0, false
		}
	}
	digits := len(s)
	if point >= 0 {
		digits--
		scale = digits - point
	}
	ok = digits > 0 && digits <= shortDigits && scale <= tollbook.MaxFracDigits && point != len(s)-1
	return coef, scale, ok
}
