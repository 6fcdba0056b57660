package rating

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// table reads a card that must be without error.
func table(t testing.TB, csv string) *Table {
	t.Helper()
	table, errs := ParseCard(csv)
	if table == nil {
		t.Fatal(describe(errs))
	}
	return table
}

func TestDiff(t *testing.T) {
	const head = faultyHead + "prefixes,resource,country_code,description,effective_from,free_units,tier_up_to,setup_fee\n"
	before := table(t, head+
		"0.02,1,USD,44;49;33,call,,,,,,\n"+ // 2
		"0.10,1,USD,351,call,,Mobile,,,,\n"+ // 3
		"0.10,1,USD,352,call,,Mobile,,,,\n"+ // 4
		"0.50,1,USD,,call,de,,,,,\n"+ // 5
		"0.60,1,USD,,call,US,,,,,\n"+ // 6
		"3,1,USD,,message,,,2020-01-01,5,10,\n"+ // 7
		"2,1,USD,,message,,,2020-01-01,5,,\n"+ // 8
		"9,1,USD,,dialer,,,,,,\n") // 9
	after := table(t, head+
		"9.0,1,USD,,dialer,,,,0,,0\n"+ // 2
		"0.03,1,USD,49;44,call,,,,,,\n"+ // 3
		"0.02,1,USD,33,call,,,,,,\n"+ // 4
		"0.12,1,USD,351,call,,Mobile,,,,0.5\n"+ // 5
		"0.12,1,USD,352,call,,Mobile,,,,0.5\n"+ // 6
		"0.50,1,USD,,call,DE,,,,,\n"+ // 7
		"0.60,1,USD,,call,FR,,,,,\n"+ // 8
		"3,1,USD,,message,,,2020-01-01,5,10,\n"+ // 9
		"1,1,USD,,message,,,2020-01-01,5,20,\n"+ // 10
		"0.5,1,USD,,message,,,2020-01-01,5,,\n"+ // 11
		"1,1,USD,49,amd,,,,,,\n") // 12
	var got strings.Builder
	for _, c := range Diff(before, after) {
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(append(text, '\n'))
	}
	if diff := cmp.Diff(`{"kind":"added","new_line":8,"match":[{"column":"resource","value":"CALL"},{"column":"country_code","value":"FR"}],"prefixes":[],"columns":[{"column":"price_per_increment","old":"","new":"0.6"},{"column":"increment","old":"","new":"1"},{"column":"currency","old":"","new":"USD"}]}
{"kind":"added","new_line":12,"match":[{"column":"resource","value":"AMD"}],"prefixes":["49"],"columns":[{"column":"price_per_increment","old":"","new":"1"},{"column":"increment","old":"","new":"1"},{"column":"currency","old":"","new":"USD"}]}
{"kind":"changed","old_line":2,"new_line":3,"match":[{"column":"resource","value":"CALL"}],"prefixes":["44","49"],"columns":[{"column":"price_per_increment","old":"0.02","new":"0.03"}]}
{"kind":"changed","old_line":3,"new_line":5,"match":[{"column":"resource","value":"CALL"},{"column":"description","value":"Mobile"}],"prefixes":["351","352"],"columns":[{"column":"price_per_increment","old":"0.1","new":"0.12"},{"column":"setup_fee","old":"","new":"0.5"}]}
{"kind":"changed","old_line":7,"new_line":9,"match":[{"column":"resource","value":"MESSAGE"},{"column":"effective_from","value":"2020-01-01"}],"prefixes":[],"columns":[{"column":"price_per_increment","old":"3;2","new":"3;1;0.5"},{"column":"tier_up_to","old":"10","new":"10;20"}]}
{"kind":"removed","old_line":6,"match":[{"column":"resource","value":"CALL"},{"column":"country_code","value":"US"}],"prefixes":[],"columns":[{"column":"price_per_increment","old":"0.6","new":""},{"column":"increment","old":"1","new":""},{"column":"currency","old":"USD","new":""}]}
`, got.String()); diff != "" {
		t.Error(diff)
	}
}

// plainDiff says of each prefix of each rate what became of it.
func plainDiff(before, after []plainRow) []string {
	was, is := plainCharges(before), plainCharges(after)
	both := maps.Clone(was)
	maps.Copy(both, is)
	var all []string
	for id := range both {
		from, to := "", ""
		for _, c := range chargeColumns {
			if old, now := was[id][c], is[id][c]; old != now {
				from += plainCell(columnNames[c], old)
				to += plainCell(columnNames[c], now)
			}
		}
		if from != to {
			all = append(all, fmt.Sprintf("%s: %q to %q", id, from, to))
		}
	}
	slices.Sort(all)
	return all
}

// plainCharges returns what rates charge, by what they match, a prefix at a
// time.
func plainCharges(rows []plainRow) map[string]plainRow {
	charges := map[string]plainRow{}
	rates, _ := plainRates(rows)
	for _, r := range rates {
		cells := map[string]string{}
		for _, c := range matchColumns {
			cells[columnNames[c]] = r.plainRow[c]
		}
		var cell plainRow
		for _, c := range chargeColumns {
			var each []string
			for _, row := range r.rows {
				if row[c] != "" && (each == nil || c == colPricePerIncrement || c == colTierUpTo) {
					each = append(each, row[c])
				}
			}
			cell[c] = strings.Join(each, ";")
		}
		prefixes := r.list(colPrefixes)
		if prefixes == nil {
			prefixes = []string{""}
		}
		for _, p := range prefixes {
			charges[plainID(p, cells)] = cell
		}
	}
	return charges
}

func plainCell(column, value string) string {
	if value == "" {
		return ""
	}
	return column + "=" + value + " "
}

func plainID(prefix string, cells map[string]string) string {
	id := "to " + prefix + " "
	for _, column := range slices.Sorted(maps.Keys(cells)) {
		id += plainCell(column, strings.ToLower(cells[column]))
	}
	return id
}

// What Diff tells is what becomes of each prefix, told once for those alike.
func TestDiffRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(rows []plainRow) ([]plainRow, *Table) {
			var kept []plainRow
			for _, r := range append(rows, plainCard(t, 12)...) {
				if len(kept) == 0 {
					r[colTierUpTo] = ""
				}
				if table, _ := ParseCard(plainCSV(append(slices.Clone(kept), r))); table != nil {
					kept = append(kept, r)
				}
			}
			table, _ := ParseCard(plainCSV(kept))
			return kept, table
		}
		before, old := draw(nil)
		after, now := draw(slices.Clone(before[:rapid.IntRange(0, len(before)).Draw(t, "kept")]))
		var got []string
		seen := map[string]bool{}
		for _, c := range Diff(old, now) {
			cells := map[string]string{}
			for _, cell := range c.Match {
				cells[cell.Column] = cell.Value
			}
			from, to := "", ""
			for _, column := range c.Columns {
				from += plainCell(column.Column, strings.ToLower(column.Old))
				to += plainCell(column.Column, strings.ToLower(column.New))
			}
			prefixes := c.Prefixes
			if len(prefixes) == 0 {
				prefixes = []string{""}
			}
			alike := fmt.Sprint(c.Kind, c.Match, c.Columns, len(c.Prefixes) > 0)
			if seen[alike] {
				t.Fatalf("%+v is told apart from others alike", c)
			}
			seen[alike] = true
			for _, p := range prefixes {
				got = append(got, fmt.Sprintf("%s: %q to %q", plainID(p, cells), from, to))
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(plainDiff(before, after), got); diff != "" {
			t.Fatalf("%s\nfrom\n%s\nto\n%s", diff, plainCSV(before), plainCSV(after))
		}
		if same := Diff(old, old); len(same) > 0 {
			t.Fatalf("a card differs from itself: %+v", same)
		}
	})
}

// BenchmarkDiff compares cards of 260,000 prefixes, of which all prices, or
// none, differ.
func BenchmarkDiff(b *testing.B) {
	var tables []*Table
	for _, seed := range []uint64{1, 1, 2} {
		csv, _ := bigCSV(260_000, 1_000_000_000, rand.New(rand.NewPCG(1, 2)))
		csv = strings.ReplaceAll(csv, ",0.", fmt.Sprintf(",%d.", seed))
		tables = append(tables, table(b, csv))
	}
	for name, after := range map[string]*Table{"same": tables[1], "other prices": tables[2]} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Diff(tables[0], after)
			}
		})
	}
}
