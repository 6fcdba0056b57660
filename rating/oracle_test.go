package rating

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tollbook"
)

// event returns a call of one second.
func event(to, country string, unix int64) *tollbook.Event {
	return &tollbook.Event{Type: tollbook.Call, Quantity: dec("1"), Unit: tollbook.Seconds, To: to, Country: country, OccurredAt: time.Unix(unix, 0)}
}

// plainRow is a row as a card's CSV has it, matched by the letter of the
// rules. All cells are in lower case.
type plainRow [numColumns]string

func (r *plainRow) list(c int) []string {
	if r[c] == "" {
		return nil
	}
	return strings.Split(r[c], ";")
}

// matches tells whether a row matches an event and how it ranks: what comes
// later in the order is the better row.
func (r *plainRow) matches(e *tollbook.Event, day string) (bool, string) {
	is := func(c int, s string) bool { return r[c] == "" || strings.EqualFold(r[c], s) }
	mayBe := func(c int, s string) bool { return r[c] == "" || s == "" || r[c] == s }
	in := func(c int, s string) bool { return r[c] == "" || slices.Contains(r.list(c), strings.ToLower(s)) }
	if !is(colResource, e.Type.String()) || !is(colDirection, e.Direction.String()) || !is(colType, e.Subtype) ||
		!is(colCountryCode, e.Country) || !is(colCategory, e.Category) || !mayBe(colDescription, e.Description) || !mayBe(colProductID, e.ProductID) ||
		!in(colResolutions, e.Resolution.String()) || day < r[colEffectiveFrom] || r[colEffectiveTo] != "" && day >= r[colEffectiveTo] {
		return false, ""
	}
	longest := 0
	prefixes := r.list(colPrefixes)
	for _, p := range prefixes {
		if strings.HasPrefix(e.To, p) {
			longest = max(longest, len(p))
		}
	}
	if prefixes != nil && longest == 0 {
		return false, ""
	}
	rank := string(rune('0' + longest))
	for _, c := range []int{colCountryCode, colCategory, colType, colResolutions, colDirection, colDescription, colProductID} {
		if r[c] == "" {
			rank += "0"
		} else {
			rank += "1"
		}
	}
	return true, rank
}

// choices are the cells that plainCard draws from; blank comes first.
var choices = map[int][]string{
	colResource:      {"", "call", "message"},
	colDirection:     {"", "inbound", "outbound"},
	colType:          {"", "t", "u"},
	colResolutions:   {"", "answered", "missed", "answered;missed"},
	colCountryCode:   {"", "us", "de"},
	colCategory:      {"", "c", "d"},
	colDescription:   {"", "x", "y"},
	colProductID:     {"", "p"},
	colPrefixes:      {"", "1", "12", "1;12", "2", "123;2"},
	colEffectiveFrom: {"", "2023-01-02"},
	colEffectiveTo:   {"", "2023-01-02", "2023-01-03"},
}

// plainCard draws rows that often meet: most are those before them with a
// cell or two changed.
func plainCard(t *rapid.T, most int) []plainRow {
	columns := slices.Sorted(maps.Keys(choices))
	rows := make([]plainRow, rapid.IntRange(1, most).Draw(t, "rows"))
	for i := range rows {
		r := &rows[i]
		changed := columns
		if i > 0 && rapid.IntRange(0, 3).Draw(t, "copy") > 0 {
			*r = rows[rapid.IntRange(0, i-1).Draw(t, "of")]
			changed = rapid.SliceOfN(rapid.SampledFrom(columns), 1, 2).Draw(t, "changed")
		}
		for _, c := range changed {
			r[c] = rapid.SampledFrom(choices[c]).Draw(t, columnNames[c])
		}
		if r[colEffectiveTo] != "" && r[colEffectiveFrom] >= r[colEffectiveTo] {
			r[colEffectiveFrom] = ""
		}
		r[colCurrency], r[colPricePerIncrement], r[colIncrement] = "usd", "1", "1"
	}
	return rows
}

func plainCSV(rows []plainRow) string {
	lines := []string{strings.Join(columnNames[:], ",")}
	for _, r := range rows {
		lines = append(lines, strings.Join(r[:], ","))
	}
	return strings.Join(lines, "\n")
}

// eventsFor calls each for every event that rows of plainCard can tell apart.
func eventsFor(each func(e *tollbook.Event, day string)) {
	e := event("", "", 0)
	for _, day := range []string{"2023-01-01", "2023-01-02", "2023-01-03"} {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			panic(err)
		}
		e.OccurredAt = at.Add(12 * time.Hour)
		for _, e.To = range []string{"", "1", "12", "123", "2"} {
			for _, e.Country = range []string{"", "US", "de"} {
				for _, e.Direction = range []tollbook.Direction{0, tollbook.Inbound, tollbook.Outbound} {
					for _, e.Resolution = range []tollbook.Resolution{0, tollbook.Answered, tollbook.Missed} {
						for n := range 2 * 3 * 3 * 3 * 2 {
							e.Type = []tollbook.UsageType{tollbook.Call, tollbook.Message}[n%2]
							e.Subtype = []string{"", "T", "u"}[n/2%3]
							e.Category = []string{"", "C", "d"}[n/6%3]
							e.Description = []string{"", "x", "y"}[n/18%3]
							e.ProductID = []string{"", "p"}[n/54]
							each(e, day)
						}
					}
				}
			}
		}
	}
}

// Exactly the pairs of rows that some event matches equally well are ties.
func TestTiesRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := plainCard(t, 6)
		want := map[tie]bool{}
		eventsFor(func(e *tollbook.Event, day string) {
			var ranks [6]string
			for i := range rows {
				_, ranks[i] = rows[i].matches(e, day)
				for j := range i {
					if ranks[i] != "" && ranks[i] == ranks[j] {
						want[tie{uint32(j), uint32(i)}] = true
					}
				}
			}
		})
		_, errs := ParseCard(plainCSV(rows))
		got := map[tie]bool{}
		for _, e := range errs {
			var p tie
			if n, err := fmt.Sscanf(e.Name+" "+e.Description, "line %d ties with line %d", &p.b, &p.a); n != 2 || err != nil {
				t.Fatalf("error %+v", e)
			}
			got[tie{p.a - 2, p.b - 2}] = true
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("ties %v, want %v in\n%s", got, want, plainCSV(rows))
		}
	})
}

// The row found is the best of those that match, whatever the order of rows.
func TestFindRandom(t *testing.T) {
	cal := calendar(t, "UTC")
	rapid.Check(t, func(t *rapid.T) {
		var rows []plainRow
		for _, r := range plainCard(t, 40) { // as many as go together without a tie
			if table, _ := ParseCard(plainCSV(append(slices.Clone(rows), r))); table != nil {
				rows = append(rows, r)
			}
		}
		table, errs := ParseCard(plainCSV(rows))
		if table == nil {
			t.Fatalf("%v", errs)
		}
		c := Compile("card", 1, table)
		n := 0
		eventsFor(func(e *tollbook.Event, day string) {
			if n++; n%7 != len(rows)%7 { // a seventh of them, another one each time
				return
			}
			want, best := 0, ""
			for i := range rows {
				if ok, rank := rows[i].matches(e, day); ok && rank > best {
					want, best = i+2, rank
				}
			}
			if _, rate, _ := c.Measure(nil, e, cal); rate.Row != want {
				t.Fatalf("%+v: line %d, want %d in\n%s", e, rate.Row, want, plainCSV(rows))
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
