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

// length returns how many digits there are.
func (d digits) length() int {
	if d.lo == 0 {
		return 16 - bits.TrailingZeros64(d.hi)/4
	}
	return 32 - bits.TrailingZeros64(d.lo)/4
}

// child returns d with one more digit, and false where there is no room.
func (d digits) child(digit int) (digits, bool) {
	n := d.length()
	switch nibble := uint64(digit + 1); {
	case n < 16:
		d.hi |= nibble << (4 * (15 - n))
	case n < MaxPrefixDigits:
		d.lo |= nibble << (4 * (31 - n))
	default:
		return digits{}, false
	}
	return d, true
}

// countryCode returns the country code that a number of the international
// plan (ITU-T E.164) starts with, and false where d is too short to have one
// or begins with 0, as none of these numbers does.
func (d digits) countryCode() (digits, bool) {
	n := 3
	switch first, second := int(d.hi>>60)-1, int(d.hi>>56&15)-1; {
	case first <= 0 || first != 1 && first != 7 && second < 0:
		return digits{}, false
	case first == 1 || first == 7:
		n = 1
	case twoDigitCodes[first]&(1<<second) != 0:
		n = 2
	}
	return digits{hi: d.hi &^ (1<<(64-4*n) - 1)}, d.length() >= n
}

// twoDigitCodes has, for each first digit, a bit for each second digit with
// which it is a country code. Others but 1 and 7 have three digits.
var twoDigitCodes = [10]uint16{
	2: 1<<0 | 1<<7,
	3: 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<6 | 1<<9,
	4: 1<<0 | 1<<1 | 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<8 | 1<<9,
	5: 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<8,
	6: 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<6,
	8: 1<<1 | 1<<2 | 1<<4 | 1<<6,
	9: 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<8,
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
