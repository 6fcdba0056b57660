package rating

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tenBelow returns rows for all prefixes of one digit more than one.
func tenBelow(prefix, cells string) (rows string) {
	for digit := range 10 {
		rows += fmt.Sprintf("1,1,USD,%s%d,%s\n", prefix, digit, cells)
	}
	return rows
}

func TestWarnings(t *testing.T) {
	for _, tt := range []struct{ name, csv, want string }{
		{"nothing", "prefixes,resource\n" + "1,1,USD,44,call\n" + "1,1,USD,4420,call\n" + "1,1,USD,1,\n" + "1,1,USD,1202,message\n", ""},
		{"versions", "prefixes,effective_from,effective_to,resource\n" +
			"1,1,USD,44;49,,2024-01-01,call\n" + // 2
			"1,1,USD,44;49,2024-01-01,2024-02-01,call\n" + // 3
			"1,1,USD,44,2024-03-01,,call\n" + // 4
			"1,1,USD,49;33,2024-02-01,2025-01-01,call\n" + // 5
			"1,1,USD,,2024-01-15,,message\n", // 6
			`line 3: from 2024-02-01 until 2024-03-01, when line 4 begins, no row follows on it: what it priced may stay unrated (prefix 44)
line 5: from 2025-01-01 on no row follows on it: what it priced may stay unrated (prefix 33 and 1 more)
`},
		{"versions with others behind them", "prefixes,effective_from,effective_to,resource,description\n" +
			"1,1,USD,44,,2024-02-01,call,UK\n" + // 2
			"1,1,USD,44,2024-03-01,,call,UK\n" + // 3
			"1,1,USD,4420,,2024-02-15,call,\n" + // 4
			"1,1,USD,4420,2024-02-20,2024-05-01,call,\n" + // 5
			"1,1,USD,,2020-01-01,,,\n", // 6
			`line 2: from 2024-02-01 until 2024-03-01, when line 3 begins, no row follows on it, and line 6 prices what it priced (prefix 44)
line 4: from 2024-02-15 until 2024-02-20, when line 5 begins, no row follows on it, and line 6 prices what it priced (prefix 4420)
line 5: from 2024-05-01 on no row follows on it, and line 6 prices what it priced (prefix 4420)
`},
		{"countries", "prefixes,resource\n" +
			"1,1,USD,4421,call\n" + "1,1,USD,4420;447,call\n" + "1,1,USD,35,call\n" + "1,1,USD,4420,message\n" +
			"1,1,USD,35191;35192;0800,\n" + "1,1,USD,1202,message\n" + "1,1,USD,1,\n" + "1,1,USD,7495,message\n" + tenBelow("49", "call"),
			`line 2: usage with resource CALL is priced by no row for numbers of +44 but those of 3 prefixes, 4420 the first of them
line 5: usage with resource MESSAGE is priced by no row for numbers of +44 but those of the prefix 4420
line 6: usage of any kind is priced by no row for numbers of +351 but those of 2 prefixes, 35191 the first of them
line 9: usage with resource MESSAGE is priced by no row for numbers of +7 but those of the prefix 7495
`},
		{"hidden", "prefixes,resource,effective_from,description\n" + "1,1,USD,44,call,,\n" + "1,1,USD,44,message,,\n" + "1,1,USD,44,call,,x\n" + tenBelow("44", "call,2024-01-01,") +
			"1,1,USD,49,call,,\n" + strings.ReplaceAll(tenBelow("49", "call,,"), "497", "4977") + // not the other numbers of 497
			"1,1,USD,33,call,,\n" + strings.ReplaceAll(tenBelow("33", ",,"), "1,1,USD,337,,,\n", tenBelow("337", ",,")),
			"line 26: is never reached: longer prefixes price all numbers that start with its own (prefix 33)\n"},
		{"hidden by another description", "prefixes,description\n" + "1,1,USD,44,\n" + "1,1,USD,44,x\n" + tenBelow("44", "x"),
			"line 3: is never reached: longer prefixes price all numbers that start with its own (prefix 44)\n"},
		{"tiers", "resource,direction,resolutions,unit_of_measure,free_units\n" +
			"1,1,USD,call,,missed;answered,,10\n" + "1,1,USD,call,inbound,missed,seconds,10\n" + "1,1,USD,message,,,segments,\n",
			"line 2: free units and tiers are counted apart for each value of direction, resolutions, unit_of_measure, as the row does not name one\n"},
	} {
		table, errs := ParseCard(faultyHead + tt.csv)
		if table == nil {
			t.Fatalf("%s: %s", tt.name, describe(errs))
		}
		if diff := cmp.Diff(tt.want, describe(table.Warnings())); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestWarningsAreBounded(t *testing.T) {
	csv := "price_per_increment,increment,currency,prefixes,effective_to\n"
	for i := range MaxWarnings + 1 {
		csv += fmt.Sprintf("1,1,USD,%d,2024-01-01\n", 1_000_000+i)
	}
	warnings := card(t, strings.TrimSpace(csv)).table.Warnings()
	if last := warnings[MaxWarnings-1]; len(warnings) != MaxWarnings || last.Name != "line 1000" || last.Description != "3 more warnings from this line on" {
		t.Errorf("%d warnings, the last %v", len(warnings), last)
	}
}

// BenchmarkWarnings looks over a card of 260,000 prefixes.
func BenchmarkWarnings(b *testing.B) {
	csv, _ := bigCSV(260_000, 1_000_000_000, rand.New(rand.NewPCG(1, 2)))
	table := card(b, strings.TrimSpace(csv)).table
	for b.Loop() {
		table.Warnings()
	}
}
