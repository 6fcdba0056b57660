package rating

import (
	"cmp"
	"fmt"
	"slices"

	"tollbook"
)

// lineError is a fault of a line of the CSV.
type lineError struct {
	line int
	tollbook.FieldError
}

// errorList collects the faults of a card, of which it keeps MaxErrors.
type errorList struct {
	kept  []lineError
	total int
}

// add notes a fault; column is "" for one of the whole line.
func (l *errorList) add(line int, column, format string, args ...any) {
	if l.total++; l.total > MaxErrors {
		return
	}
	name := fmt.Sprintf("line %d", line)
	if column != "" {
		name += ", " + column
	}
	l.kept = append(l.kept, lineError{line, tollbook.FieldError{Name: name, Description: fmt.Sprintf(format, args...)}})
}

// fields returns the faults together with those of other lines, ascending by
// line. Where there are more than MaxErrors, the last entry says so.
func (l *errorList) fields(others []lineError) []tollbook.FieldError {
	all := append(l.kept, others...)
	slices.SortStableFunc(all, func(a, b lineError) int { return cmp.Compare(a.line, b.line) })
	total := l.total + len(others)
	fields := make([]tollbook.FieldError, 0, min(len(all), MaxErrors))
	for i, e := range all {
		if i == MaxErrors-1 && total > MaxErrors {
			more := fmt.Sprintf("at least %d more errors from this line on", total-len(fields))
			return append(fields, tollbook.FieldError{Name: fmt.Sprintf("line %d", e.line), Description: more})
		}
		fields = append(fields, e.FieldError)
	}
	return fields
}
