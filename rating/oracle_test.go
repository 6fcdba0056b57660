package rating

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
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

	colPricePerIncrement: {"1", "0.5", "0"},
	colIncrement:         {"1", "2"},
	colMinimumIncrements: {"", "3"},
	colSetupFee:          {"", "0.25"},
	colFreeUnits:         {"", "4"},
	colTierUpTo:          {"", "4", "8", "10"},
}

// plainCard draws rows that often meet: most are those before them with a
// cell or two changed, some of them so that they may be another tier.
func plainCard(t *rapid.T, most int) []plainRow {
	columns := slices.Sorted(maps.Keys(choices))
	rows := make([]plainRow, rapid.IntRange(1, most).Draw(t, "rows"))
	for i := range rows {
		r := &rows[i]
		changed := columns
		if i > 0 {
			switch rapid.IntRange(0, 5).Draw(t, "copy") {
			case 0:
			case 1, 2, 3:
				*r = rows[rapid.IntRange(0, i-1).Draw(t, "of")]
				changed = rapid.SliceOfN(rapid.SampledFrom(columns), 1, 2).Draw(t, "changed")
			default:
				*r = rows[i-1]
				changed = []int{colPricePerIncrement, colTierUpTo}
			}
		}
		for _, c := range changed {
			r[c] = rapid.SampledFrom(choices[c]).Draw(t, columnNames[c])
		}
		if r[colEffectiveTo] != "" && r[colEffectiveFrom] >= r[colEffectiveTo] {
			r[colEffectiveFrom] = ""
		}
		r[colCurrency] = "usd"
	}
	return rows
}

// plainRate is the first of the rows of a rate, its line and all of the rows,
// by where they end.
type plainRate struct {
	plainRow
	line int
	rows []plainRow
}

// plainRates returns the rates of rows and the names of the errors in them.
func plainRates(rows []plainRow) (rates []plainRate, faults map[string]bool) {
	faults = map[string]bool{}
	byMatch := map[plainRow][]int{}
	var order []plainRow
	for i, r := range rows {
		for _, c := range []int{colDescription, colProductID} { // here it counts only that they are filled in
			if r[c] != "" {
				r[c] = "filled"
			}
		}
		for _, c := range []int{colPricePerIncrement, colIncrement, colMinimumIncrements, colSetupFee, colFreeUnits, colTierUpTo} {
			r[c] = ""
		}
		if byMatch[r] == nil {
			order = append(order, r)
		}
		byMatch[r] = append(byMatch[r], i)
	}
	for _, m := range order {
		group := byMatch[m]
		if !slices.ContainsFunc(group, func(i int) bool { return rows[i][colTierUpTo] != "" }) {
			for _, i := range group {
				rates = append(rates, plainRate{rows[i], i + 2, rows[i : i+1]})
			}
			continue
		}
		rates = append(rates, plainRate{rows[group[0]], group[0] + 2, plainTiers(rows, group, faults)})
	}
	slices.SortFunc(rates, func(a, b plainRate) int { return a.line - b.line })
	return rates, faults
}

// plainTiers returns the rows of a group by where they end, and notes the
// names of the errors in them.
func plainTiers(rows []plainRow, group []int, faults map[string]bool) (tiers []plainRow) {
	fault := func(i, c int) { faults[fmt.Sprintf("line %d, %s", i+2, columnNames[c])] = true }
	for _, i := range group {
		for c := range columnNames {
			if c != colPricePerIncrement && c != colTierUpTo && rows[i][c] != rows[group[0]][c] {
				fault(i, c)
			}
		}
	}
	end := func(i int) int {
		if rows[i][colTierUpTo] == "" {
			return math.MaxInt
		}
		return atoi(rows[i][colTierUpTo])
	}
	group = slices.Clone(group)
	slices.SortStableFunc(group, func(i, j int) int { return cmp.Compare(end(i), end(j)) })
	for n, i := range group {
		if n == 0 && end(i) <= atoi(rows[i][colFreeUnits]) || n > 0 && end(i) == end(group[n-1]) || n == len(group)-1 && end(i) != math.MaxInt {
			fault(i, colTierUpTo)
		}
		tiers = append(tiers, rows[i])
	}
	return tiers
}

// atoi reads a number that the test wrote down itself; blank is 0.
func atoi(s string) int {
	n, err := strconv.Atoi("0" + s)
	if err != nil {
		panic(err)
	}
	return n
}

// charges describes what a rate makes of a quantity, in the words of
// describeCharges; the zero rate makes nothing of it.
func (r *plainRate) charges(quantity int) string {
	if r.line == 0 {
		return ""
	}
	increment := atoi(r.plainRow[colIncrement])
	n := (quantity + increment - 1) / increment
	if n > 0 {
		n = max(n, atoi(r.plainRow[colMinimumIncrements]))
	}
	text := fmt.Sprintf("%d of %d", n, increment)
	if free := atoi(r.plainRow[colFreeUnits]); free > 0 {
		text += fmt.Sprintf(" at 0 to %d", free)
	}
	for _, tier := range r.rows {
		text += " at " + tier[colPricePerIncrement]
		if tier[colTierUpTo] != "" {
			text += " to " + tier[colTierUpTo]
		}
	}
	if fee := r.plainRow[colSetupFee]; fee != "" {
		text += fmt.Sprintf("; CALL_SERVICE 1 of 1 at %s", fee)
	}
	return text
}

// describeCharges says of each charge its type, where it is none of the
// event, how many increments it has of how many units, and what they cost up
// to how many units of the month.
func describeCharges(charges []tollbook.Charge) string {
	var all []string
	for _, c := range charges {
		text := fmt.Sprintf("%s of %s", c.Increments, c.Line.Increment)
		if c.Line.Type == tollbook.CallService {
			text = "CALL_SERVICE " + text
		}
		for i := range c.Line.Parts() {
			text += " at " + c.Line.Part(i).PricePerIncrement.String()
			if c.Line.Tiers != nil && c.Line.Tiers[i].UpTo.Sign() > 0 {
				text += " to " + c.Line.Units(c.Line.Tiers[i].UpTo).String()
			}
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
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
