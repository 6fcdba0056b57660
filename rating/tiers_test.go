package rating

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tollbook"
)

// measureOne measures a quantity of seconds that must have a rate.
func measureOne(t *testing.T, c *Card, quantity string) []tollbook.Charge {
	t.Helper()
	charges, _, why := c.Measure(nil, &tollbook.Event{Type: tollbook.Call, Direction: tollbook.Outbound, Resolution: tollbook.Answered, Quantity: dec(quantity), Unit: tollbook.Seconds, Description: "its own"}, nil)
	if why != 0 {
		t.Fatal(why)
	}
	return charges
}

// 60/6: a minute at least, then steps of six seconds.
func TestMinimumIncrements(t *testing.T) {
	c := card(t, "price_per_increment,increment,unit_of_measure,currency,minimum_increments", "0.002,6,seconds,USD,10")
	for quantity, want := range map[string]string{"0": "0", "0.1": "10", "59": "10", "60": "10", "60.1": "11", "61": "11", "67": "12"} {
		if charges := measureOne(t, c, quantity); len(charges) != 1 || charges[0].Increments.String() != want {
			t.Errorf("%s seconds are %v, want %s", quantity, charges[0].Increments, want)
		}
	}
}

// A setup fee is a service of its own, in all else like what it is for.
func TestSetupFee(t *testing.T) {
	c := card(t, "resource,product_id,aggr_product_id,wallet_name,price_per_increment,increment,unit_of_measure,currency,setup_fee",
		"call,P,A,w,0.01,1,minutes,USD,0.05")
	for _, quantity := range []string{"61", "0"} {
		charges := measureOne(t, c, quantity)
		if len(charges) != 2 {
			t.Fatalf("%d charges", len(charges))
		}
		want := charges[0].Line.Grouping
		want.Type, want.Unit, want.Price = tollbook.CallService, tollbook.OtherUnit, dec("0.05")
		if fee := charges[1]; fee.Line.Grouping != want || fee.Line.Units(fee.Increments) != dec("1") || fee.Line.Amount(fee.Increments) != dec("0.05") {
			t.Errorf("%s of %+v, want %+v", fee.Increments, fee.Line.Grouping, want)
		}
		if want.Description != "its own" || want.ProductID != "P" || want.Direction != tollbook.Outbound {
			t.Errorf("%+v", want)
		}
	}
	charges := measureOne(t, c, "1")
	if n := testing.AllocsPerRun(100, func() {
		charges, _, _ = c.Measure(charges[:0], &tollbook.Event{Type: tollbook.Call, Quantity: dec("1"), Unit: tollbook.Seconds}, nil)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if got := fmt.Sprint(c.Products()); got != "[A P]" {
		t.Errorf("products %s", got)
	}
}

// The rows of a rate may be in any order; its first one names it.
func TestTiers(t *testing.T) {
	c := card(t,
		"prefixes,price_per_increment,increment,unit_of_measure,currency,free_units,tier_up_to", // 1
		"44;49,0.01,0.5,minutes,USD,100,",     // 2
		"1,7,1,minutes,USD,,",                 // 3
		"49;44,0.03,0.5,minutes,USD,100,1000", // 4
		"49;44,0.02,0.5,minutes,USD,100,5000", // 5
		"33,0.01,1,minutes,USD,100,",          // 6
	)
	for _, tt := range []struct {
		to   string
		row  int
		want string
	}{
		{"+44 20", 2, "3 of 0.5 at 0 to 100 at 0.03 to 1000 at 0.02 to 5000 at 0.01"},
		{"+49 30", 2, "3 of 0.5 at 0 to 100 at 0.03 to 1000 at 0.02 to 5000 at 0.01"},
		{"+1 202", 3, "2 of 1 at 7"},
		{"+33 1", 6, "2 of 1 at 0 to 100 at 0.01"},
	} {
		e := event(tt.to, "", 0)
		e.Quantity = dec("61")
		charges, rate, why := c.Measure(nil, e, nil)
		if got := describeCharges(charges); why != 0 || rate.Row != tt.row || got != tt.want {
			t.Errorf("to %s: row %d, %v, %s, want %d and %s", tt.to, rate.Row, why, got, tt.row, tt.want)
		}
	}
	if n := c.table.Rows(); n != 5 {
		t.Errorf("%d rows", n)
	}
}

// All that a card says of a rate's price is in the rate's line.
func TestLinesOfTiersDiffer(t *testing.T) {
	seen := map[[16]byte]string{}
	for _, rows := range []string{
		"0.03,1,USD,,",
		"0.03,1,USD,10,",
		"0.03,1,USD,20,",
		"0.03,1,USD,,100;0.02,1,USD,,",
		"0.03,1,USD,,200;0.02,1,USD,,",
		"0.03,1,USD,,100;0.01,1,USD,,",
		"0.03,1,USD,10,100;0.02,1,USD,10,",
		"0.03,1,USD,,100;0.03,1,USD,,",
	} {
		c := card(t, "price_per_increment,increment,currency,free_units,tier_up_to", strings.ReplaceAll(rows, ";", "\n"))
		key := measureOne(t, c, "1")[0].Line.Key()
		if other, ok := seen[key]; ok {
			t.Errorf("%s has the line of %s", rows, other)
		}
		seen[key] = rows
	}
}

func TestParseTierErrors(t *testing.T) {
	for _, tt := range []struct{ name, csv, want string }{
		{"numbers", "minimum_increments,setup_fee,free_units,tier_up_to\n" +
			"1,1,USD,1.5,-1,-1,0\n" + "1,1,USD,-1,x,0.5,0.5\n" + "1,0.4,USD,1000000000000001,,1,1\n" + "x,1,USD,1e40,,,10\n",
			`line 2, minimum_increments: must be a whole number that is not negative
line 2, setup_fee: must not be negative
line 2, free_units: must not be negative
line 2, tier_up_to: must be more than 0; leave it blank in the last tier
line 3, minimum_increments: must be a whole number that is not negative
line 3, setup_fee: "x" is not a decimal number (at most 18 digits before the point and 12 after it)
line 3, free_units: 0.5 is not a whole multiple of the increment, 1
line 3, tier_up_to: 0.5 is not a whole multiple of the increment, 1
line 4, minimum_increments: must be at most 1000000000000000, the most increments that an event may have
line 4, free_units: 1 is not a whole multiple of the increment, 0.4
line 4, tier_up_to: 1 is not a whole multiple of the increment, 0.4
line 5, price_per_increment: "x" is not a decimal number (at most 18 digits before the point and 12 after it)
line 5, minimum_increments: "1e40" has too many digits (at most 18 digits before the point and 12 after it)
`},
		{"ends", "prefixes,free_units,tier_up_to\n" +
			"1,1,USD,1,,10\n" + "1,1,USD,1,,10\n" + "1,1,USD,1,,\n" + "1,1,USD,1,,\n" + "1,1,USD,2,,5\n" + "1,1,USD,2,,7\n" + "1,1,USD,3,10,10\n" + "1,1,USD,3,10,\n",
			`line 3, tier_up_to: ends where line 2 does, a tier of the same rate
line 5, tier_up_to: must be filled in in all tiers of a rate but one, the last; it is blank on line 4 too
line 7, tier_up_to: no row goes on behind 7; leave it blank in the last tier
line 8, tier_up_to: must be more than free_units, 10: a month's units are counted with those that are free
`},
		{"a tier at fault", "tier_up_to\n" + "1,1,USD,10\n" + "x,1,USD,\n",
			"line 3, price_per_increment: \"x\" is not a decimal number (at most 18 digits before the point and 12 after it)\n"},
		{"other terms", "tier_up_to,free_units,setup_fee,minimum_increments,unit_of_measure,description\n" +
			"1,1,USD,10,,,,,a\n" + "1,2,EUR,,2,2,2,gb,b\n",
			strings.ReplaceAll(`line 3, increment: DIFFERS
line 3, unit_of_measure: DIFFERS
line 3, currency: DIFFERS
line 3, description: DIFFERS
line 3, minimum_increments: DIFFERS
line 3, setup_fee: DIFFERS
line 3, free_units: DIFFERS
`, "DIFFERS", "differs from line 2; rows that match the same are tiers of one rate and agree in all but price_per_increment and tier_up_to")},
		{"not the same prefixes", "prefixes,tier_up_to\n" + "1,1,USD,44;49,10\n" + "1,1,USD,44,\n",
			`line 2, tier_up_to: no row goes on behind 10; leave it blank in the last tier
line 3: ties with line 2: some event matches both equally well
`},
		{"too many", "tier_up_to,free_units\n" + manyTiers(31),
			"line 33, tier_up_to: a rate has at most 32 tiers, its free units among them\n"},
	} {
		table, errs := ParseCard(faultyHead + tt.csv)
		if diff := cmp.Diff(tt.want, describe(errs)); diff != "" || table != nil {
			t.Errorf("%s: a table %v, %s", tt.name, table != nil, diff)
		}
	}
}

// manyTiers returns the rows of a rate with n tiers that end.
func manyTiers(n int) (rows string) {
	for i := range n {
		rows += fmt.Sprintf("1,1,USD,%d,1\n", i+2)
	}
	return rows + "1,1,USD,,1\n"
}
