package localstore

import (
	"encoding/binary"
	"errors"

	"tollbook/decimal"
)

// errMalformed is what decoding bytes that are not ours gives.
var errMalformed = errors.New("malformed")

// cursor takes a binary form apart. After a fault it returns zeros and is
// bad. Counts that it returns never exceed the bytes that are left, so that
// no allocation exceeds what was read.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) fail() { c.b, c.bad = nil, true }

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.fail()
		return nil
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) byte() byte {
	if len(c.b) == 0 {
		c.fail()
		return 0
	}
	v := c.b[0]
	c.b = c.b[1:]
	return v
}

func (c *cursor) uint32() uint32 {
	if b := c.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) uint64() uint64 {
	if b := c.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.fail()
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.b)
	if n <= 0 {
		c.fail()
		return 0
	}
	c.b = c.b[n:]
	return v
}

// number returns a uvarint that must be below limit.
func (c *cursor) number(limit int) uint32 {
	v := c.uvarint()
	if c.bad || v >= uint64(limit) {
		c.fail()
		return 0
	}
	return uint32(v)
}

// count returns how many things follow, each at least one byte long.
func (c *cursor) count() int {
	v := c.uvarint()
	if v > uint64(len(c.b)) {
		c.fail()
		return 0
	}
	return int(v)
}

func (c *cursor) text() string { return string(c.take(c.count())) }

func (c *cursor) id16() (id [16]byte) {
	copy(id[:], c.take(16))
	return id
}

// Bounds on whole numbers that are read, in bytes. One event's increments are
// 10^30 at most, of a quantity that carries its own price, and a tally is a
// sum of those. Beyond, adding up or pricing could overflow.
const (
	maxIncrementBytes = 14
	maxTallyBytes     = 20
)

// int returns a whole number of at most size bytes.
func (c *cursor) int(size int) decimal.Int {
	v, rest, err := decimal.DecodeInt(c.b)
	if err != nil || len(c.b)-len(rest) > 1+size {
		c.fail()
		return decimal.Int{}
	}
	c.b = rest
	return v
}

// end returns an error unless all was read without fault.
func (c *cursor) end() error {
	if c.bad || len(c.b) > 0 {
		return errMalformed
	}
	return nil
}

func appendText(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}
