package tollbook

import (
	"slices"
	"testing"
)

func TestValidCurrency(t *testing.T) {
	if !slices.IsSorted(currencies) || len(slices.Compact(slices.Clone(currencies))) != len(currencies) {
		t.Fatal("the codes are not sorted, or one is there twice")
	}
	for s, want := range map[string]bool{
		"USD": true, "EUR": true, "AED": true, "ZWL": true, "HRK": true, "XCG": true,
		"usd": false, "": false, "US": false, "USDX": false, "ZZZ": false, "XXX": false, "XTS": false, "DEM": false,
	} {
		if got := ValidCurrency(s); got != want {
			t.Errorf("ValidCurrency(%q) = %v", s, got)
		}
	}
}
