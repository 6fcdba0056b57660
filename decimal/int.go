package decimal

import (
	"encoding/binary"
	"errors"
	"math/big"
	"math/bits"
	"strings"

	"github.com/holiman/uint256"
)

// Int is an exact signed whole number of up to 255 bits, held in two's
// complement. The zero value is 0, Ints compare with ==, and no operation
// allocates.
//
// The bounds of the field (an event's quantity and price have 30 digits each)
// leave room for 10^16 events of the largest size in one sum, so an overflow
// is a fault in the program: Add, Sub and Mul panic on it rather than wrap.
type Int struct{ u uint256.Int }

// NewInt returns v as an Int.
func NewInt(v int64) Int {
	var x Int
	if v < 0 {
		x.u.SetUint64(uint64(-(v + 1)) + 1)
		x.u.Neg(&x.u)
		return x
	}
	x.u.SetUint64(uint64(v))
	return x
}

// NewUint returns v as an Int.
func NewUint(v uint64) Int {
	var x Int
	x.u.SetUint64(v)
	return x
}

// Sign returns -1, 0 or +1.
func (x Int) Sign() int { return x.u.Sign() }

// Cmp returns -1, 0 or +1 as x is less than, equal to or greater than y.
func (x Int) Cmp(y Int) int {
	switch {
	case x == y:
		return 0
	case x.u.Slt(&y.u):
		return -1
	}
	return 1
}

// Uint64 returns x and true where x fits.
func (x Int) Uint64() (uint64, bool) { return x.u.Uint64(), x.u.IsUint64() }

// Neg returns -x.
func (x Int) Neg() Int {
	x.u.Neg(&x.u)
	return x
}

// Abs returns |x|.
func (x Int) Abs() Int {
	if x.Sign() < 0 {
		return x.Neg()
	}
	return x
}

// Add returns x + y.
func (x Int) Add(y Int) Int {
	var z Int
	z.u.Add(&x.u, &y.u)
	if s := x.Sign(); s != 0 && s == y.Sign() && z.Sign() != s {
		panic("decimal: sum of more than 255 bits")
	}
	return z
}

// Sub returns x - y.
func (x Int) Sub(y Int) Int { return x.Add(y.Neg()) }

// Mul returns x × y.
func (x Int) Mul(y Int) Int {
	z, ok := x.mul(y)
	if !ok {
		panic("decimal: product of more than 255 bits")
	}
	return z
}

func (x Int) mul(y Int) (Int, bool) {
	a, b := x.Abs(), y.Abs()
	var z Int
	_, over := z.u.MulOverflow(&a.u, &b.u)
	if over || z.Sign() < 0 {
		return Int{}, false
	}
	if x.Sign()*y.Sign() < 0 {
		z = z.Neg()
	}
	return z, true
}

// QuoRem returns the quotient of x and y truncated toward zero, and the
// remainder, which has the sign of x. It panics when y is 0.
func (x Int) QuoRem(y Int) (q, r Int) {
	if y.Sign() == 0 {
		panic("decimal: division by zero")
	}
	a, b := x.Abs(), y.Abs()
	q.u.DivMod(&a.u, &b.u, &r.u)
	if x.Sign()*y.Sign() < 0 {
		q = q.Neg()
	}
	if x.Sign() < 0 {
		r = r.Neg()
	}
	return q, r
}

func (x Int) big() *big.Int {
	a := x.Abs()
	b := a.u.ToBig()
	if x.Sign() < 0 {
		b.Neg(b)
	}
	return b
}

// fromBig returns b as an Int, and false where it has more than 255 bits.
func fromBig(b *big.Int) (Int, bool) {
	if b.BitLen() > 255 {
		return Int{}, false
	}
	var x Int
	x.u.SetFromBig(new(big.Int).Abs(b))
	if b.Sign() < 0 {
		x = x.Neg()
	}
	return x, true
}

// String returns x in decimal digits.
func (x Int) String() string {
	if x.Sign() < 0 {
		a := x.Neg()
		return "-" + a.u.Dec()
	}
	return x.u.Dec()
}

// AppendBinary appends a self-delimiting form of x: one byte that holds the
// sign (bit 7) and the number n of bytes that follow (0 to 32), then |x| in n
// big-endian bytes without leading zeros. Equal Ints have equal forms.
func (x Int) AppendBinary(dst []byte) []byte {
	if v, ok := x.Uint64(); ok { // nearly always, and half the work
		n := (bits.Len64(v) + 7) / 8
		dst = binary.BigEndian.AppendUint64(append(dst, byte(n)), v<<(64-8*n))
		return dst[:len(dst)-8+n]
	}
	a := x.Abs()
	n := a.u.ByteLen()
	head := byte(n)
	if x.Sign() < 0 {
		head |= 0x80
	}
	dst = append(dst, head)
	b := a.u.Bytes32()
	return append(dst, b[32-n:]...)
}

var errBinary = errors.New("decimal: malformed binary form")

// DecodeInt reads what AppendBinary wrote and returns the rest of b.
func DecodeInt(b []byte) (Int, []byte, error) {
	if len(b) == 0 {
		return Int{}, nil, errBinary
	}
	n, neg := int(b[0]&0x7f), b[0]&0x80 != 0
	if n > 32 || len(b) < 1+n || n > 0 && b[1] == 0 || n == 0 && neg {
		return Int{}, nil, errBinary
	}
	var x Int
	x.u.SetBytes(b[1 : 1+n])
	if x.Sign() < 0 {
		return Int{}, nil, errBinary
	}
	if neg {
		x = x.Neg()
	}
	return x, b[1+n:], nil
}

// ParseInt reads what String wrote: an optional '-' and digits, at most 76. It
// returns ErrSyntax or ErrRange for anything else.
func ParseInt(s string) (Int, error) {
	if strings.ContainsAny(s, ".eE") {
		return Int{}, ErrSyntax
	}
	d, err := Parse(s, MaxScale, 0)
	if err != nil {
		return Int{}, err
	}
	n, _ := d.Scaled(0)
	return n, nil
}
