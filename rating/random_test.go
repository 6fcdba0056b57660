package rating

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tollbook"
	"tollbook/decimal"
)

// Exactly the pairs of rates that some event matches equally well are ties,
// and exactly the rows that are no tiers of theirs are at fault.
func TestErrorsRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := plainCard(t, 6)
		rates, want := plainRates(rows)
		eventsFor(func(e *tollbook.Event, day string) {
			ranks := map[string][]int{}
			for i := range rates {
				ok, rank := rates[i].matches(e, day)
				for _, line := range ranks[rank] {
					want[fmt.Sprintf("line %d ties with line %d", rates[i].line, line)] = true
				}
				if ok {
					ranks[rank] = append(ranks[rank], rates[i].line)
				}
			}
		})
		_, errs := ParseCard(plainCSV(rows))
		got := map[string]bool{}
		for _, e := range errs {
			name := e.Name
			if text, _, ok := strings.Cut(e.Description, ":"); ok && strings.HasPrefix(text, "ties") {
				name += " " + text
			}
			got[name] = true
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("errors %v, want %v in\n%s", got, want, plainCSV(rows))
		}
	})
}

// The row found is the best of those that match, whatever the order of rows.
func TestFindRandom(t *testing.T) {
	cal := calendar(t, "UTC")
	rapid.Check(t, func(t *rapid.T) {
		var rows []plainRow
		for _, r := range plainCard(t, 40) { // as many as go together without an error
			if len(rows) == 0 {
				r[colTierUpTo] = ""
			}
			if table, _ := ParseCard(plainCSV(append(slices.Clone(rows), r))); table != nil {
				rows = append(rows, r)
			}
		}
		table, errs := ParseCard(plainCSV(rows))
		if table == nil {
			t.Fatalf("%v", errs)
		}
		c := Compile("card", 1, table)
		rates, _ := plainRates(rows)
		n := 0
		eventsFor(func(e *tollbook.Event, day string) {
			if n++; n%7 != len(rows)%7 { // a seventh of them, another one each time
				return
			}
			var want plainRate
			best := ""
			for i := range rates {
				if ok, rank := rates[i].matches(e, day); ok && rank > best {
					want, best = rates[i], rank
				}
			}
			e.Quantity = decimal.FromInt(int64(n % 12))
			charges, rate, _ := c.Measure(nil, e, cal)
			if rate.Row != want.line {
				t.Fatalf("%+v: line %d, want %d in\n%s", e, rate.Row, want.line, plainCSV(rows))
			}
			if got, want := describeCharges(charges), want.charges(n%12); got != want {
				t.Fatalf("%+v:\n%s\nwant\n%s\nin\n%s", e, got, want, plainCSV(rows))
			}
		})
	})
}

// Long prefixes of few digits, of which many start with others.
func TestPrefixesRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`[09]{1,3}|[09]{14,18}|[09]{30,32}|[0-9]{1,6}`)
		prefixes := rapid.SliceOfNDistinct(number, 1, 60, rapid.ID[string]).Draw(t, "prefixes")
		csv := "price_per_increment,increment,currency,prefixes\n"
		for _, p := range prefixes {
			csv += "1,1,USD," + p + "\n"
		}
		table, errs := ParseCard(csv)
		if table == nil {
			t.Fatalf("%v", errs)
		}
		c := Compile("card", 1, table)
		for range 50 {
			to := rapid.SampledFrom(append(prefixes, "")).Draw(t, "start") + rapid.StringMatching(`[09]{0,4}`).Draw(t, "rest")
			want, longest := 0, ""
			for i, p := range prefixes {
				if strings.HasPrefix(to, p) && len(p) > len(longest) {
					want, longest = i+2, p
				}
			}
			if _, rate, _ := c.Measure(nil, event(to, "", 0), nil); rate.Row != want || rate.Prefix != longest {
				t.Fatalf("to %s: line %d by %q, want %d by %q", to, rate.Row, rate.Prefix, want, longest)
			}
		}
	})
}
