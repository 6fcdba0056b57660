package reconcile

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"tollbook"
	"tollbook/decimal"
)

// Layout says how a file is to be read where it does not tell itself. The zero
// Layout leaves everything to the file.
type Layout struct {
	Columns      map[Field]string // the names of columns; "": there is none
	TimeFormat   string           // see ParseTimeFormat; "": those that leave no doubt
	Zone         *time.Location   // of times that tell none; nil: UTC
	DecimalComma bool             // numbers have a comma for a point
	Unit         tollbook.Unit    // of quantities without one
	Currency     string           // of amounts without one
	AmountFactor decimal.Decimal  // that amounts are multiplied by; 0: 1
}

// Field is what a column may say of a row.
type Field int

// The fields.
const (
	FieldID Field = iota
	FieldSource
	FieldTo
	FieldFrom
	FieldStart
	FieldQuantity
	FieldUnit
	FieldAmount
	FieldCurrency
	numFields
)

var fieldNames = [numFields]string{"id", "source", "to", "from", "start", "quantity", "unit", "amount", "currency"}

// String returns the field's name.
func (f Field) String() string { return fieldNames[f] }

// knownColumns are the names by which carriers and platforms call the fields,
// in lower case and without anything but letters and digits. A column of the
// field's own name is preferred, but for source, which to others is a number.
var knownColumns = [numFields]string{
	FieldID:       "id eventid callid callsid calluuid interactionid messageid messagesid uniqueid uuid sid",
	FieldSource:   "eventsource",
	FieldTo:       "to tonumber callto called callednumber callee calleenumber calleeno calleeidnumber dst destination destinationnumber numberdialed dialednumber",
	FieldFrom:     "from fromnumber callfrom caller callernumber callerno calleridnumber callingnumber cli ani src sourcenumber",
	FieldStart:    "start startat starttime startdate startingdate starttimestamp timestart datetimestart callstart callstarttime calldate calldatetime occurredat datetime",
	FieldQuantity: "quantity duration callduration durationsec durationsecs durationseconds billduration billedduration billableduration billsec billseconds billedseconds billableseconds billingseconds billedminutes minutes seconds segments numsegments",
	FieldUnit:     "unit unitofmeasure",
	FieldAmount:   "amount price cost charge charged chargedamount callcost callprice totalamount totalcost totalcharge totalprice",
	FieldCurrency: "currency currencycode priceunit",
}

// maxColumnsText bounds what ParseColumns reads.
const maxColumnsText = 4096

// ParseColumns reads which columns say what: FIELD=NAME, with commas between
// them as in CSV, so that a name with a comma is put in quotes together with its
// field. FIELD= says that no column says it, and start=NAME+NAME that a date
// and a time of day are apart.
func ParseColumns(s string) (map[Field]string, error) {
	if len(s) > maxColumnsText {
		return nil, fmt.Errorf("is longer than %d bytes", maxColumnsText)
	}
	r := csv.NewReader(strings.NewReader(s))
	r.TrimLeadingSpace = true
	items, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, errors.New("is not of the form FIELD=NAME,FIELD=NAME")
	}
	if _, err := r.Read(); !errors.Is(err, io.EOF) {
		return nil, errors.New("is more than one line")
	}
	columns := map[Field]string{}
	for _, item := range items {
		field, name, ok := strings.Cut(item, "=")
		f := Field(slices.Index(fieldNames[:], strings.TrimSpace(field)))
		switch _, twice := columns[f]; {
		case !ok:
			return nil, fmt.Errorf("%q is not of the form FIELD=NAME", clip(item))
		case f < 0:
			return nil, fmt.Errorf("%q is no field; the fields are %s", clip(field), strings.Join(fieldNames[:], ", "))
		case twice:
			return nil, fmt.Errorf("%s is given twice", f)
		}
		columns[f] = strings.TrimSpace(name)
	}
	return columns, nil
}

// header says in which columns of a file the fields are.
type header struct {
	width  int
	places [numFields][]int // of start there may be two: a date and a time of day
	names  [numFields]string
}

func (h *header) has(f Field) bool { return len(h.places[f]) > 0 }

// readHeader finds the fields among the names of columns.
func readHeader(names []string, given map[Field]string) (header, []string) {
	h := header{width: len(names)}
	var faults []string
	for f := range numFields {
		var places []int
		var fault string
		if name, ok := given[f]; ok {
			places, fault = findColumns(names, name, f)
		} else {
			places, fault = recognize(names, f)
		}
		if fault != "" {
			faults = append(faults, fault)
		}
		h.places[f] = places
		for i, at := range places {
			if i > 0 {
				h.names[f] += "+"
			}
			h.names[f] += names[at]
		}
	}
	return h, faults
}

// findColumns returns where the columns are that were named for a field.
func findColumns(names []string, name string, f Field) ([]int, string) {
	if name == "" {
		return nil, ""
	}
	find := func(name string) int {
		return slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, strings.TrimSpace(name)) })
	}
	if at := find(name); at >= 0 {
		return []int{at}, ""
	}
	if date, clock, ok := strings.Cut(name, "+"); ok && f == FieldStart {
		if d, t := find(date), find(clock); d >= 0 && t >= 0 {
			return []int{d, t}, ""
		}
	}
	return nil, fmt.Sprintf("there is no column %q for %s; the columns are %s", clip(name), f, listed(names))
}

// recognize returns the column whose name is one of those that are known for a
// field, and what is wrong where there are several.
func recognize(names []string, f Field) ([]int, string) {
	known := strings.Fields(knownColumns[f])
	var found []int
	for i, name := range names {
		plain := plainName(name)
		if !slices.Contains(known, plain) {
			continue
		}
		if plain == fieldNames[f] {
			return []int{i}, ""
		}
		found = append(found, i)
	}
	if len(found) > 1 {
		return nil, fmt.Sprintf("%q and %q may both be the %s; say which one is, as %s=NAME", clip(names[found[0]]), clip(names[found[1]]), f, f)
	}
	if f == FieldStart && len(found) == 0 {
		found = dateAndTime(names)
	}
	return found, ""
}

// dateAndTime returns the columns Date and Time, or Date alone, where there are
// such.
func dateAndTime(names []string) (places []int) {
	for _, plain := range []string{"date", "time"} {
		at := slices.IndexFunc(names, func(name string) bool { return plainName(name) == plain })
		if at < 0 {
			break
		}
		places = append(places, at)
	}
	return places
}

// plainName returns a column's name in lower case, without what is in
// parentheses and without anything but letters and digits.
func plainName(name string) string {
	if open := strings.IndexByte(name, '('); open >= 0 {
		name = name[:open]
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// unitOfName returns the unit that a column's name tells of a quantity, 0 for
// none: "Duration (secs)", "billed_minutes".
func unitOfName(name string) tollbook.Unit {
	name = strings.ToLower(name)
	switch {
	case strings.Contains(name, "min"):
		return tollbook.Minutes
	case strings.Contains(name, "sec"), strings.Contains(name, "duration"):
		return tollbook.Seconds
	case strings.Contains(name, "segment"):
		return tollbook.Segments
	}
	return 0
}

// currencyOfName returns the currency that a column's name tells of an amount,
// "" for none: "Charged (USD)", "Cost, EUR".
func currencyOfName(name string) string {
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if tollbook.ValidCurrency(word) {
			return word
		}
	}
	return ""
}

// listed lists names for an error.
func listed(names []string) string {
	const most = 40
	clipped := make([]string, 0, min(len(names), most+1))
	for i, name := range names {
		if i == most {
			clipped = append(clipped, "…")
			break
		}
		clipped = append(clipped, clip(name))
	}
	return strings.Join(clipped, ", ")
}

// clip shortens what an error repeats of a file.
func clip(s string) string {
	const longest = 40 // characters
	n := 0
	for i := range s {
		if n++; n > longest {
			return s[:i] + "…"
		}
	}
	return s
}
