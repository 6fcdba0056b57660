package decimal_test

import (
	"testing"

	"tollbook/decimal"
)

// BenchmarkAppendBinary writes what nearly every quantity is.
func BenchmarkAppendBinary(b *testing.B) {
	d := decimal.NewSmall(137, 0)
	var buf []byte
	for b.Loop() {
		buf = d.AppendBinary(buf[:0])
	}
}

// BenchmarkNewSmall brings a quantity into its normal form.
func BenchmarkNewSmall(b *testing.B) {
	n := uint64(0)
	for b.Loop() {
		n++
		if decimal.NewSmall(n, 0).IsZero() {
			b.Fatal(n)
		}
	}
}
