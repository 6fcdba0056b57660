package rating

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tollbook"
)

// MaxWarnings is how many warnings are given of one card.
const MaxWarnings = 1000

// warningSteps bounds how many rows are looked at for warnings. Each row of a
// usual card is looked at a few times.
const warningSteps = 50_000_000

// Warnings returns what is likely not meant in a card that is without error,
// ascending by line, as fields named "line N":
//
//   - a row ends, and no row that matches the same follows at once, or at all;
//   - numbers of a country are priced by prefixes longer than its country
//     code, and no row prices its other numbers;
//   - a row is never reached, since longer prefixes price all numbers that
//     start with its own. Under one prefix no row hides another: the better
//     one asks for something that the other does not;
//   - free units and tiers are counted apart for each value of a column that
//     the row leaves open.
//
// Where there are more than MaxWarnings, the last one says so. What is found
// of a card that was made to take long is less than there is.
func (t *Table) Warnings() []tollbook.FieldError {
	w := &warner{table: t, found: map[warning]*spread{}, gaps: map[kindInCountry]*countryGap{}, steps: warningSteps}
	for at := range t.prefixes {
		at := uint32(at)
		w.endings(at)
		w.countries(at)
		w.hidden(at)
		w.openTiers(at)
	}
	w.addCountries()
	return w.fields()
}

// warner collects the warnings of a table.
type warner struct {
	table *Table
	found map[warning]*spread
	gaps  map[kindInCountry]*countryGap // nil: there is none
	steps int                           // rows that may still be looked at
}

// warning is what is told of a row, once for all prefixes of which it holds.
type warning struct {
	line int32
	text string
}

// spread is the prefixes of which a warning holds.
type spread struct {
	first string
	count int
}

// add notes a warning of a row under a prefix.
func (w *warner) add(r *row, at uint32, format string, args ...any) {
	key := warning{r.line, fmt.Sprintf(format, args...)}
	if w.found[key] == nil {
		w.found[key] = &spread{first: w.table.prefixes[at].text}
	}
	w.found[key].count++
}

// fields returns the warnings that were found.
func (w *warner) fields() []tollbook.FieldError {
	all := make([]warning, 0, len(w.found))
	for key := range w.found {
		all = append(all, key)
	}
	slices.SortFunc(all, func(a, b warning) int {
		return cmp.Or(cmp.Compare(a.line, b.line), strings.Compare(w.found[a].first, w.found[b].first), strings.Compare(a.text, b.text))
	})
	var fields []tollbook.FieldError
	for i, key := range all {
		field := tollbook.FieldError{Name: fmt.Sprintf("line %d", key.line)}
		if i == MaxWarnings-1 && len(all) > MaxWarnings {
			field.Description = fmt.Sprintf("%d more warnings from this line on", len(all)-i)
			return append(fields, field)
		}
		field.Description = key.text + w.found[key].String()
		fields = append(fields, field)
	}
	return fields
}

// String tells of which prefixes a warning holds.
func (s *spread) String() string {
	switch {
	case s.first == "":
		return ""
	case s.count == 1:
		return fmt.Sprintf(" (prefix %s)", s.first)
	}
	return fmt.Sprintf(" (prefix %s and %d more)", s.first, s.count-1)
}

// covers tells whether a row matches every event that another one does, as far
// as prefix and dates allow.
func (w *warner) covers(s, r *row) bool {
	if !s.asksNoMoreThan(&r.match) {
		return false
	}
	if s.filled&(filledDescription|filledProduct) == 0 {
		return true
	}
	of, its := w.table.termsOf(s.tariff), w.table.termsOf(r.tariff)
	return (of.description == "" || of.description == its.description) && (of.productID == "" || of.productID == its.productID)
}

// asksNoMoreThan tells whether m matches whatever o does, description and
// product apart.
func (m *match) asksNoMoreThan(o *match) bool {
	return (m.resource == 0 || m.resource == o.resource) &&
		(m.direction == 0 || m.direction == o.direction) &&
		(m.country == 0 || m.country == o.country) &&
		(m.category == 0 || m.category == o.category) &&
		(m.subtype == 0 || m.subtype == o.subtype) &&
		(m.resolutions == 0 || o.resolutions != 0 && o.resolutions&^m.resolutions == 0)
}

// describe names what a row asks for, besides its prefix and dates.
func (w *warner) describe(r *row) string {
	var asked []string
	for _, c := range matchColumns {
		if text := w.table.matchText(r, c); text != "" && c != colEffectiveFrom && c != colEffectiveTo && c != colDescription && c != colProductID {
			asked = append(asked, columnNames[c]+" "+text)
		}
	}
	if asked == nil {
		return "of any kind"
	}
	return "with " + strings.Join(asked, ", ")
}
