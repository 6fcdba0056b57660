package rating

import (
	"math/bits"

	"tollbook"
	"tollbook/decimal"
)

// increments returns how many increments a quantity makes when it is turned
// into the rate's unit and rounded up, and false where it cannot be turned.
func increments(quantity decimal.Decimal, from, to tollbook.Unit, increment decimal.Decimal) (decimal.Int, bool) {
	const secondsPerMinute = 60
	// Both are multiplied, neither is divided: a quantity in minutes need not
	// be a decimal.
	times, each := uint64(1), uint64(1)
	switch {
	case from == to:
	case from == tollbook.Seconds && to == tollbook.Minutes:
		each = secondsPerMinute
	case from == tollbook.Minutes && to == tollbook.Seconds:
		times = secondsPerMinute
	default:
		return decimal.Int{}, false
	}
	if n, ok := smallCeilQuo(quantity, times, increment, each); ok {
		return decimal.NewUint(n), true
	}
	return quantity.MulInt(decimal.NewUint(times)).CeilQuo(increment.MulInt(decimal.NewUint(each))), true
}

// smallCeilQuo returns q × times ÷ (d × each), rounded up, where the terms of
// the fraction fit 64 bits. Nearly all do, and it is a tenth of the work.
func smallCeilQuo(q decimal.Decimal, times uint64, d decimal.Decimal, each uint64) (uint64, bool) {
	num, ok1 := q.Coef().Uint64()
	den, ok2 := d.Coef().Uint64()
	places := q.Scale() - d.Scale()
	if !ok1 || !ok2 || max(places, -places) > tollbook.MaxFracDigits {
		return 0, false
	}
	for ; places < 0; places++ {
		times *= 10
	}
	for ; places > 0; places-- {
		each *= 10
	}
	numHi, num := bits.Mul64(num, times)
	denHi, den := bits.Mul64(den, each)
	if numHi|denHi != 0 {
		return 0, false
	}
	n := num / den
	if num%den != 0 {
		n++
	}
	return n, true
}
