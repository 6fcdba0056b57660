package decimal

import "math"

// Parse reads a decimal number: an optional '-', digits with at most one
// point among or before them, and an optional exponent. It returns ErrSyntax
// for anything else, and ErrRange where the value has more than intDigits
// digits before or fracDigits after the point; the two add up to 76 at most,
// and leading and trailing zeros do not count.
func Parse(s string, intDigits, fracDigits int) (Decimal, error) {
	i, neg := 0, false
	if len(s) > 0 && s[0] == '-' {
		i, neg = 1, true
	}
	var (
		small    uint64 // the first 19 significant digits
		large    Int    // all of them, once there are more
		kept     int    // significant digits so far, trailing zeros included
		digits   int
		point    = -1 // digits seen when the point came
		overlong bool
	)
	for ; i < len(s); i++ {
		c := s[i]
		if c == '.' && point < 0 {
			point = digits
			continue
		}
		if c -= '0'; c > 9 {
			break
		}
		digits++
		switch {
		case kept == 0 && c == 0:
		case kept < 19:
			small = small*10 + uint64(c)
			kept++
		case kept < 76:
			if kept == 19 {
				large = NewUint(small)
			}
			large = large.Mul(NewUint(10)).Add(NewUint(uint64(c)))
			kept++
		default:
			overlong = overlong || c != 0
			kept++
		}
	}
	if digits == 0 || s[i-1] == '.' {
		return Decimal{}, ErrSyntax
	}
	scale := 0
	if point >= 0 {
		scale = digits - point
	}
	if i < len(s) {
		exp, ok := parseExponent(s[i:])
		if !ok {
			return Decimal{}, ErrSyntax
		}
		scale -= exp
	}
	if kept == 0 {
		return Decimal{}, nil
	}
	if overlong {
		return Decimal{}, ErrRange
	}
	coef := large
	if kept <= 19 {
		coef = NewUint(small)
	} else if kept > 76 {
		scale -= kept - 76
	}
	return fit(coef, scale, neg, intDigits, fracDigits)
}

// fit brings coef × 10^-scale, whose scale may be any number, into bounds.
func fit(coef Int, scale int, neg bool, intDigits, fracDigits int) (Decimal, error) {
	for scale > fracDigits { // trailing zeros may bring it into bounds
		q, r := coef.QuoRem(NewUint(10))
		if r.Sign() != 0 {
			return Decimal{}, ErrRange
		}
		coef, scale = q, scale-1
	}
	if -scale > intDigits {
		return Decimal{}, ErrRange
	}
	if scale < 0 {
		scaled, ok := coef.mul(pow10(-scale))
		if !ok {
			return Decimal{}, ErrRange
		}
		coef, scale = scaled, 0
	}
	d := reduce(coef, scale)
	if d.coef.Cmp(pow10(min(intDigits+int(d.scale), MaxScale))) >= 0 {
		return Decimal{}, ErrRange
	}
	if neg {
		d.coef = d.coef.Neg()
	}
	return d, nil
}

// parseExponent reads 'e' or 'E', an optional sign and digits. An exponent
// beyond any bound is cut to one that is still beyond every bound.
func parseExponent(s string) (int, bool) {
	if s[0] != 'e' && s[0] != 'E' {
		return 0, false
	}
	i, sign := 1, 1
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		if s[i] == '-' {
			sign = -1
		}
		i++
	}
	if i == len(s) {
		return 0, false
	}
	exp := 0
	for ; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		if exp < math.MaxInt32 {
			exp = exp*10 + int(c)
		}
	}
	return sign * exp, true
}
