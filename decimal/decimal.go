// Package decimal holds the exact numbers that quantities, prices and amounts
// are made of: Int, a whole number, and Decimal, a whole number over a power
// of ten. Both are fixed-size values that compare with ==, never allocate in
// arithmetic and never round unless the method's name says so. There is no
// way in or out through a float.
package decimal

import (
	"errors"
	"fmt"
	"math/big"
)

// MaxScale is the largest number of digits after the point that a Decimal
// can hold.
const MaxScale = 76

// Decimal is exactly coef × 10^-scale. It is kept without trailing zeros
// after the point, so equal numbers are equal values; the zero value is 0.
type Decimal struct {
	coef  Int
	scale uint8
}

// New returns coef × 10^-scale. It panics when scale exceeds MaxScale.
func New(coef Int, scale int) Decimal {
	if scale < 0 || scale > MaxScale {
		panic("decimal: scale out of range")
	}
	return reduce(coef, scale)
}

// NewSmall returns coef × 10^-scale. It panics when scale exceeds MaxScale. A
// quantity read from an event takes half the time that it takes New.
func NewSmall(coef uint64, scale int) Decimal {
	if scale < 0 || scale > MaxScale {
		panic("decimal: scale out of range")
	}
	if coef == 0 {
		return Decimal{}
	}
	for scale > 0 && coef%10 == 0 {
		coef /= 10
		scale--
	}
	return Decimal{NewUint(coef), uint8(scale)}
}

// FromInt returns v as a Decimal.
func FromInt(v int64) Decimal { return Decimal{coef: NewInt(v)} }

// reduce takes the trailing zeros off.
func reduce(c Int, scale int) Decimal {
	if v, ok := c.Uint64(); ok {
		return NewSmall(v, scale)
	}
	for scale > 0 {
		q, r := c.QuoRem(NewUint(10))
		if r.Sign() != 0 {
			break
		}
		c, scale = q, scale-1
	}
	return Decimal{c, uint8(scale)}
}

// powers holds 10^n for 0 ≤ n ≤ MaxScale.
var powers = func() (p [MaxScale + 1]Int) {
	p[0] = NewUint(1)
	for n := 1; n <= MaxScale; n++ {
		p[n] = p[n-1].Mul(NewUint(10))
	}
	return p
}()

func pow10(n int) Int { return powers[n] }

// Coef returns the coefficient: d is exactly Coef × 10^-Scale.
func (d Decimal) Coef() Int { return d.coef }

// Scale returns the number of digits after the point.
func (d Decimal) Scale() int { return int(d.scale) }

// Small returns d as coef × 10^-scale where coef fits 64 bits, as that of
// nearly every quantity does.
func (d *Decimal) Small() (coef uint64, scale int, ok bool) {
	return d.coef.u[0], int(d.scale), d.coef.u[1]|d.coef.u[2]|d.coef.u[3] == 0
}

// Scaled returns d × 10^places as a whole number, and false where it is none
// or is too large.
func (d Decimal) Scaled(places int) (Int, bool) {
	if places < int(d.scale) || places > MaxScale {
		return Int{}, false
	}
	return d.coef.mul(pow10(places - int(d.scale)))
}

// Sign returns -1, 0 or +1.
func (d Decimal) Sign() int { return d.coef.Sign() }

// IsZero tells whether d is 0.
func (d Decimal) IsZero() bool { return d.coef == Int{} }

// Cmp returns -1, 0 or +1 as d is less than, equal to or greater than e.
func (d Decimal) Cmp(e Decimal) int {
	if d.scale == e.scale {
		return d.coef.Cmp(e.coef)
	}
	if d.scale > e.scale {
		return -e.Cmp(d)
	}
	scaled, ok := d.coef.mul(pow10(int(e.scale - d.scale)))
	if !ok { // d has so many more digits before the point that its sign decides
		return d.Sign()
	}
	return scaled.Cmp(e.coef)
}

// Neg returns -d.
func (d Decimal) Neg() Decimal { return Decimal{d.coef.Neg(), d.scale} }

// Add returns d + e, exactly.
func (d Decimal) Add(e Decimal) Decimal {
	if d.scale < e.scale {
		d, e = e, d
	}
	c := d.coef.Add(e.coef.Mul(pow10(int(d.scale - e.scale))))
	return reduce(c, int(d.scale))
}

// Sub returns d - e, exactly.
func (d Decimal) Sub(e Decimal) Decimal { return d.Add(e.Neg()) }

// Mul returns d × e, exactly.
func (d Decimal) Mul(e Decimal) Decimal {
	scale := int(d.scale) + int(e.scale)
	if scale > MaxScale {
		panic("decimal: product of more than 76 places")
	}
	return reduce(d.coef.Mul(e.coef), scale)
}

// MulInt returns d × n, exactly.
func (d Decimal) MulInt(n Int) Decimal { return reduce(d.coef.Mul(n), int(d.scale)) }

// QuoHalfEven returns d ÷ e rounded to places digits after the point, a tie
// to the even digit. It panics when e is 0.
func (d Decimal) QuoHalfEven(e Decimal, places int) Decimal {
	// d/e × 10^places = (dc × 10^(places+es)) / (ec × 10^ds)
	num := d.coef.Mul(pow10(places + int(e.scale)))
	den := e.coef.Mul(pow10(int(d.scale)))
	q, r := num.QuoRem(den)
	half := r.Abs().Add(r.Abs()).Cmp(den.Abs())
	if odd := q.u[0]&1 == 1; half > 0 || half == 0 && odd {
		q = q.Add(NewInt(int64(num.Sign() * den.Sign())))
	}
	return reduce(q, places)
}

// MulQuo returns d × m ÷ e rounded to places digits after the point, a tie to
// the even digit, and false where that is more than a Decimal holds. It has room
// for what Mul and QuoHalfEven would panic on, which makes it slower. It panics
// when e is 0.
func (d Decimal) MulQuo(m, e Decimal, places int) (Decimal, bool) {
	num, den := d.coef.big(), e.coef.big()
	num.Mul(num, m.coef.big())
	ten := big.NewInt(10)
	if shift := int64(places + int(e.scale) - int(d.scale) - int(m.scale)); shift >= 0 {
		num.Mul(num, ten.Exp(ten, big.NewInt(shift), nil))
	} else {
		den.Mul(den, ten.Exp(ten, big.NewInt(-shift), nil))
	}
	q, r := new(big.Int).QuoRem(num, den, new(big.Int))
	half := r.Lsh(r.Abs(r), 1).CmpAbs(den)
	if half > 0 || half == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(int64(num.Sign()*den.Sign())))
	}
	c, ok := fromBig(q)
	if !ok {
		return Decimal{}, false
	}
	return reduce(c, places), true
}

// CeilQuo returns the least whole number that is not less than d ÷ e, for
// d ≥ 0 and e > 0.
func (d Decimal) CeilQuo(e Decimal) Int {
	num, den := d.coef, e.coef
	if d.scale < e.scale {
		num = num.Mul(pow10(int(e.scale - d.scale)))
	} else {
		den = den.Mul(pow10(int(d.scale - e.scale)))
	}
	q, r := num.QuoRem(den)
	if r.Sign() > 0 {
		q = q.Add(NewUint(1))
	}
	return q
}

// String returns d in plain decimal digits: no exponent, no trailing zeros
// after the point.
func (d Decimal) String() string { return string(d.Append(nil)) }

// Append appends what String returns.
func (d Decimal) Append(dst []byte) []byte {
	if d.Sign() < 0 {
		dst = append(dst, '-')
	}
	a := d.coef.Abs()
	digits := a.u.Dec()
	point := len(digits) - int(d.scale)
	if point <= 0 {
		dst = append(dst, '0', '.')
		for ; point < 0; point++ {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	dst = append(dst, digits[:point]...)
	if d.scale > 0 {
		dst = append(append(dst, '.'), digits[point:]...)
	}
	return dst
}

// AppendBinary appends a self-delimiting form of d: one byte for the scale,
// then the coefficient as Int.AppendBinary writes it. Equal Decimals have
// equal forms.
func (d Decimal) AppendBinary(dst []byte) []byte {
	return d.coef.AppendBinary(append(dst, d.scale))
}

// Decode reads what AppendBinary wrote and returns the rest of b.
func Decode(b []byte) (Decimal, []byte, error) {
	if len(b) == 0 || b[0] > MaxScale {
		return Decimal{}, nil, errBinary
	}
	c, rest, err := DecodeInt(b[1:])
	if err != nil {
		return Decimal{}, nil, err
	}
	d := reduce(c, int(b[0]))
	if d.scale != b[0] {
		return Decimal{}, nil, errBinary
	}
	return d, rest, nil
}

// MarshalJSON returns d as a JSON number with all its digits.
func (d Decimal) MarshalJSON() ([]byte, error) { return d.Append(nil), nil }

// UnmarshalJSON reads a JSON number, or a string that holds one.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	s := string(b)
	if n := len(s); n >= 2 && s[0] == '"' && s[n-1] == '"' {
		s = s[1 : n-1]
	}
	v, err := Parse(s, 76, MaxScale)
	if err != nil {
		return fmt.Errorf("decimal: %w", err)
	}
	*d = v
	return nil
}

// The two ways in which Parse fails.
var (
	ErrSyntax = errors.New("is not a decimal number")
	ErrRange  = errors.New("has too many digits")
)
