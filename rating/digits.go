package rating

import "math/bits"

// digits are the first MaxPrefixDigits digits of a telephone number, four
// bits each from the top: the digit plus one, or 0 behind the last. They
// compare as their texts do, and a prefix is a range of them.
type digits struct{ hi, lo uint64 }

// parseDigits reads a number as it is written: one leading '+', spaces and
// -.() are left out. It returns how many digits there are, which may be more
// than fit, and false where there is any other character.
func parseDigits(s string) (d digits, n int, ok bool) {
	plus := false
	for i := range len(s) {
		c := s[i]
		switch {
		case c-'0' <= 9:
			nibble := uint64(c-'0') + 1
			if n < 16 {
				d.hi = d.hi<<4 | nibble
			} else if n < MaxPrefixDigits {
				d.lo = d.lo<<4 | nibble
			}
			n++
		case c == ' ' || c == '-' || c == '.' || c == '(' || c == ')':
		case c == '+' && n == 0 && !plus:
			plus = true
		default:
			return digits{}, 0, false
		}
	}
	d.hi <<= 4 * (16 - min(n, 16))
	d.lo <<= 4 * (32 - min(max(n, 16), 32))
	return d, n, true
}

// compare returns -1, 0 or +1.
func (d digits) compare(e digits) int {
	switch {
	case d == e:
		return 0
	case d.hi < e.hi || d.hi == e.hi && d.lo < e.lo:
		return -1
	}
	return 1
}

// isPrefixOf tells whether e starts with d. The last digit of d, which is not
// zero, tells how many there are to compare.
func (d digits) isPrefixOf(e digits) bool {
	if d.lo == 0 {
		return (d.hi^e.hi)>>(bits.TrailingZeros64(d.hi)&^3) == 0
	}
	return d.hi == e.hi && (d.lo^e.lo)>>(bits.TrailingZeros64(d.lo)&^3) == 0
}

// digitBase is how many values four bits of digits may have.
const digitBase = 11

// number reads the first n digits, at most 16, as a number of that base. The
// numbers of digits ascend as the digits do.
func (d digits) number(n int) (v int) {
	for rest := d.hi; n > 0; n-- {
		v = v*digitBase + int(rest>>60)
		rest <<= 4
	}
	return v
}

// String returns the digits as text.
func (d digits) String() string {
	var buf [MaxPrefixDigits]byte
	text := buf[:0]
	for _, v := range [...]uint64{d.hi, d.lo} {
		for ; v != 0; v <<= 4 {
			text = append(text, '0'+byte(v>>60)-1)
		}
	}
	return string(text)
}
