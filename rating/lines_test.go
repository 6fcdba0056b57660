package rating

import (
	"fmt"
	"sync"
	"testing"

	"tollbook"
)

// A sender can make as many lines as he likes; only some of them are kept,
// and they do not push out the lines of plain events.
func TestLineCacheIsBounded(t *testing.T) {
	c := card(t, "price_per_increment,increment,currency", "1,1,USD")
	measure := func(description string) *tollbook.Line {
		e := event("", "", 0)
		e.Description = description
		charges, _, why := c.Measure(nil, e, nil)
		if why != 0 || charges[0].Line.Description != description {
			t.Fatalf("%v, %+v", why, charges)
		}
		return charges[0].Line
	}
	for i := range 10 * maxLinesPerTariff {
		measure(fmt.Sprint(i))
	}
	if n := c.lines.Load(); n != maxLinesPerTariff {
		t.Errorf("%d lines are kept, want %d", n, maxLinesPerTariff)
	}
	if a, b := measure("0"), measure("0"); a != b {
		t.Error("a kept line is made twice")
	}
	if a, b := measure("999"), measure("999"); a == b || a.Key() != b.Key() {
		t.Error("a line beyond the bound is kept, or differs")
	}
	if a, b := measure(""), measure(""); a != b {
		t.Error("the line of a plain event is not kept")
	}
}

// Texts of an event may lie in a buffer that is used again.
func TestLineCacheKeepsNoEventText(t *testing.T) {
	c := card(t, "price_per_increment,increment,currency", "1,1,USD")
	e := event("", "", 0)
	e.ProductID = "P1"
	first, _, _ := c.Measure(nil, e, nil)
	if n := testing.AllocsPerRun(100, func() { first, _, _ = c.Measure(first[:0], e, nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if l := c.offers[0].filled.Load(); l.productID != "P1" || l.line != first[0].Line {
		t.Errorf("kept %+v", l)
	}
}

func TestMeasureConcurrently(t *testing.T) {
	c := card(t, "resource,direction,price_per_increment,increment,currency", "call,,1,1,USD", "call,inbound,2,1,USD")
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 500 {
				e := event("", "", 0)
				e.Direction = tollbook.Direction(i % 4)
				e.Description = fmt.Sprint((i + w) % 100)
				charges, rate, why := c.Measure(nil, e, nil)
				if why != 0 || charges[0].Line.Description != e.Description || (rate.Row == 3) != (e.Direction == tollbook.Inbound) {
					t.Errorf("%v, row %d, %+v", why, rate.Row, charges)
				}
			}
		})
	}
	wg.Wait()
}
