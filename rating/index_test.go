package rating

import (
	"fmt"
	"testing"
)

// What a card takes in memory is bounded by how many prefixes it has, however
// long they are and wherever they differ.
func TestIndexIsBounded(t *testing.T) {
	const prefixes = 9000
	for name, form := range map[string]string{"long": "7777777777777777777777777777%d", "short": "%d", "apart": "%d7777777777777777777777777777"} {
		csv := []string{"price_per_increment,increment,currency,prefixes"}
		for i := range prefixes {
			csv = append(csv, "1,1,USD,"+fmt.Sprintf(form, 1000+i))
		}
		x := card(t, csv...).table.index
		if n := prefixes + 1; len(x.keys) != n || len(x.prefixes) != n || len(x.starts) > startsPerPrefix*n+1 || len(x.entries) != 0 {
			t.Errorf("%s: %d keys, %d prefixes, %d starts and %d entries of %d prefixes", name, len(x.keys), len(x.prefixes), len(x.starts), len(x.entries), n)
		}
		for i := range x.keys {
			if got := x.longest(x.keys[i]); int(got) != i {
				t.Fatalf("%s: prefix %d is found as %d", name, i, got)
			}
		}
	}
}
