package rating

import (
	"math/bits"

	"tollbook"
	"tollbook/decimal"
)

// increments returns how many increments of a tariff a quantity makes when it
// is turned into the rate's unit and rounded up, and false where it cannot be
// turned.
func (c *Card) increments(tariff uint32, e *tollbook.Event, unit tollbook.Unit) (decimal.Int, bool) {
	const secondsPerMinute = 60
	// Both are multiplied, neither is divided: a quantity in minutes need not
	// be a decimal.
	times, each := uint64(1), uint64(1)
	switch {
	case e.Unit == unit:
	case e.Unit == tollbook.Seconds && unit == tollbook.Minutes:
		each = secondsPerMinute
	case e.Unit == tollbook.Minutes && unit == tollbook.Seconds:
		times = secondsPerMinute
	default:
		return decimal.Int{}, false
	}
	o := &c.offers[tariff]
	if n, ok := smallCeilQuo(&e.Quantity, times, o.increment, o.incrementScale, each); ok {
		return decimal.NewUint(n), true
	}
	increment := c.table.termsOf(tariff).increment
	return e.Quantity.MulInt(decimal.NewUint(times)).CeilQuo(increment.MulInt(decimal.NewUint(each))), true
}

// smallCeilQuo returns q × times ÷ (d × 10^-dScale × each), rounded up, where
// the terms of the fraction fit 64 bits. Nearly all do, and it is a tenth of
// the work. A d of 0 stands for a number that does not fit.
func smallCeilQuo(q *decimal.Decimal, times, d uint64, dScale uint8, each uint64) (uint64, bool) {
	coef, scale, ok := q.Small()
	places := scale - int(dScale)
	if !ok || d == 0 || max(places, -places) > tollbook.MaxFracDigits {
		return 0, false
	}
	for ; places < 0; places++ {
		times *= 10
	}
	for ; places > 0; places-- {
		each *= 10
	}
	numHi, num := bits.Mul64(coef, times)
	denHi, den := bits.Mul64(d, each)
	if numHi|denHi != 0 {
		return 0, false
	}
	n := num / den
	if num%den != 0 {
		n++
	}
	return n, true
}
