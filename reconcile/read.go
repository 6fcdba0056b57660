package reconcile

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"tollbook"
)

// File is a file that was read.
type File struct {
	rows   []Row
	header header
}

// Rows returns how many rows the file has.
func (f *File) Rows() int { return len(f.rows) }

// Columns returns which column says what, by the names of fields.
func (f *File) Columns() map[string]string {
	columns := map[string]string{}
	for i := range numFields {
		if f.header.has(i) {
			columns[i.String()] = f.header.names[i]
		}
	}
	return columns
}

// Read reads a file: a header with the names of columns, then a row for each
// use, with commas, semicolons, tabs or bars between the cells. What is wrong
// is returned as fields named "line N" or "line N, COLUMN", at most MaxErrors
// of them; then the file is nil.
func Read(text string, l Layout) (*File, []tollbook.FieldError) {
	text = strings.TrimPrefix(text, "\uFEFF")
	r := &reader{csv: csv.NewReader(strings.NewReader(text)), layout: l, file: &File{}}
	r.csv.Comma = separator(text)
	r.csv.FieldsPerRecord = -1 // counted here, as a fault of one line among others
	r.csv.TrimLeadingSpace = true
	r.csv.ReuseRecord = true
	if l.TimeFormat == "" {
		r.formats = usualFormats()
	} else if f, err := ParseTimeFormat(l.TimeFormat); err != nil {
		r.fault(0, "time_format", err.Error())
	} else {
		r.formats = []timeFormat{f}
	}
	if l.Zone == nil {
		r.layout.Zone = time.UTC
	}
	if r.header() {
		for r.row() {
		}
	}
	if r.total > 0 {
		return nil, r.errors()
	}
	return r.file, nil
}

// separator returns what stands between the cells of the first line.
func separator(text string) rune {
	first, _, _ := strings.Cut(text, "\n")
	best, most := ',', 0
	for _, c := range ",;\t|" {
		if n := strings.Count(first, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}

// reader reads one file.
type reader struct {
	csv     *csv.Reader
	layout  Layout
	formats []timeFormat
	format  int // of the times before: those of a file are mostly alike
	file    *File

	line   int      // of the row being read
	rec    []string // its cells
	faults []tollbook.FieldError
	total  int
}

// fault notes what is wrong with a line; a column of "" is the whole line.
func (r *reader) fault(line int, column, why string) {
	if r.total++; len(r.faults) == MaxErrors {
		return
	}
	name := fmt.Sprintf("line %d", line)
	switch {
	case line == 0:
		name = column
	case column != "":
		name += ", " + column
	}
	r.faults = append(r.faults, tollbook.FieldError{Name: name, Description: why})
}

// errors returns what is wrong; where that is more than was kept, the last one
// says so.
func (r *reader) errors() []tollbook.FieldError {
	if more := r.total - len(r.faults); more > 0 {
		r.faults[len(r.faults)-1].Description = fmt.Sprintf("%d more errors from here on", more+1)
	}
	return r.faults
}

// next reads the next line that is not blank and returns false behind the
// last one. A line that is no CSV is noted and leaves rec nil.
func (r *reader) next() bool {
	rec, err := r.csv.Read()
	if errors.Is(err, io.EOF) {
		return false
	}
	r.rec = rec
	if pe, ok := errors.AsType[*csv.ParseError](err); ok {
		r.rec = nil
		r.fault(pe.Line, "", fmt.Sprintf("byte %d: a quote inside a cell without quotes, or a quoted cell without its closing quote or with text behind it", pe.Column))
		return true
	}
	r.line, _ = r.csv.FieldPos(0)
	for i, cell := range rec {
		if rec[i] = strings.TrimSpace(cell); !utf8.ValidString(cell) || strings.IndexByte(cell, 0) >= 0 {
			r.fault(r.line, "", fmt.Sprintf("cell %d is not plain UTF-8 text", i+1))
			r.rec = nil
			return true
		}
	}
	return true
}

// header reads the first line; it returns false where rows cannot be read for
// it.
func (r *reader) header() bool {
	if !r.next() {
		r.fault(1, "", "the file is empty; its first line names the columns")
		return false
	}
	if r.rec == nil {
		return false
	}
	names := append([]string(nil), r.rec...)
	h, faults := readHeader(names, r.layout.Columns)
	for _, why := range faults {
		r.fault(r.line, "", why)
	}
	r.file.header = h
	if r.layout.Unit == 0 {
		r.layout.Unit = unitOfName(h.names[FieldQuantity])
	}
	if r.layout.Currency == "" {
		r.layout.Currency = currencyOfName(h.names[FieldAmount])
	}
	if !h.has(FieldID) && !(h.has(FieldTo) && h.has(FieldStart)) && len(faults) == 0 {
		r.fault(r.line, "", "neither a column with the id nor columns with the number called (to) and the start are known; name them, as to=NAME,start=NAME; the columns are "+listed(names))
	}
	if h.has(FieldAmount) && !h.has(FieldCurrency) && r.layout.Currency == "" {
		r.fault(r.line, h.names[FieldAmount], "is an amount, but of which currency no column says; name the currency")
	}
	return r.total == 0
}

// row reads a row and returns false behind the last one.
func (r *reader) row() bool {
	if !r.next() {
		return false
	}
	h := &r.file.header
	switch {
	case r.rec == nil:
		return true
	case len(r.file.rows) == MaxRows:
		r.fault(r.line, "", fmt.Sprintf("a file has at most %d rows; compare it in parts", MaxRows))
		return false
	case len(r.rec) != h.width:
		r.fault(r.line, "", fmt.Sprintf("%d cells where the header has %d", len(r.rec), h.width))
		return true
	}
	row := Row{Line: r.line, ID: r.text(FieldID), Source: r.text(FieldSource), To: r.text(FieldTo), From: r.text(FieldFrom), Start: r.start()}
	row.Quantity = r.quantity()
	row.Amount = r.amount()
	r.file.rows = append(r.file.rows, row)
	return true
}

// cell returns the cell of a field, "" where the file has none.
func (r *reader) cell(f Field) string {
	switch places := r.file.header.places[f]; len(places) {
	case 0:
		return ""
	case 1:
		return r.rec[places[0]]
	default:
		return strings.TrimSpace(r.rec[places[0]] + " " + r.rec[places[1]])
	}
}

// fail notes what is wrong with the cell of a field.
func (r *reader) fail(f Field, why string) { r.fault(r.line, r.file.header.names[f], why) }
