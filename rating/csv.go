package rating

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"tollbook"
)

// The columns of a card's CSV. The first twelve are those that rate cards are
// shipped with; the others are Tollbook's.
const (
	colResource = iota
	colDescription
	colDirection
	colType
	colResolutions
	colCountryCode
	colCategory
	colPrefixes
	colPricePerIncrement
	colIncrement
	colUnitOfMeasure
	colCurrency
	colProductID
	colAggrProductID
	colWalletName
	colEffectiveFrom
	colEffectiveTo
	numColumns
)

var columnNames = [numColumns]string{
	"resource", "description", "direction", "type", "resolutions", "country_code", "category", "prefixes",
	"price_per_increment", "increment", "unit_of_measure", "currency",
	"product_id", "aggr_product_id", "wallet_name", "effective_from", "effective_to",
}

// requiredColumns must be there, and filled in in every row.
var requiredColumns = [...]int{colPricePerIncrement, colIncrement, colCurrency}

// ParseCard reads a card's CSV: a header with the names of columns, in any
// order and case, then a row a line. Cells are trimmed; a byte order mark is
// left out. Any column may be missing but price_per_increment, increment and
// currency.
//
// All that is wrong is returned at once, as fields named "line N" or
// "line N, COLUMN" (the line on which a row starts, from 1); then the table
// is nil. More than MaxErrors are counted in the last one.
func ParseCard(text string) (*Table, []tollbook.FieldError) {
	p := newParser(text)
	readable := p.header()
	headed := p.errs.total == 0
	for readable && p.row() {
	}
	if p.errs.total == 0 && len(p.rows) == 0 {
		p.errs.add(1, "", "the card has no rows")
	}
	var tied []lineError
	if headed { // else rows may tie only for want of a column
		sortCells(p.rows, p.cells)
		tied = tieErrors(p.rows, p.table.tariffs, ties(p.rows, p.cells))
	}
	if p.errs.total+len(tied) > 0 {
		return nil, p.errs.fields(tied)
	}
	p.table.rows = len(p.rows)
	p.table.build(p.rows, p.cells)
	return p.table, nil
}

// parser reads one card.
type parser struct {
	csv      *csv.Reader
	errs     errorList
	width    int             // cells of the header
	columns  [numColumns]int // where each column is, -1: nowhere
	table    *Table
	rows     []row
	cells    []cell
	tariffs  map[tariff]uint32
	texts    map[string]string // one copy of each text that rows share
	prefixes int

	line int      // of the row being read
	rec  []string // its cells
}

func newParser(text string) *parser {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\uFEFF")))
	r.FieldsPerRecord = -1 // counted here, as a fault of one line among others
	r.TrimLeadingSpace = true
	r.ReuseRecord = true
	p := &parser{csv: r, table: &Table{symbols: map[string]uint32{}}, tariffs: map[tariff]uint32{}, texts: map[string]string{}}
	for i := range p.columns {
		p.columns[i] = -1
	}
	return p
}

// read reads the next line that is not blank and returns false behind the
// last one. A line that is no CSV is noted and leaves rec nil.
func (p *parser) read() bool {
	rec, err := p.csv.Read()
	if errors.Is(err, io.EOF) {
		return false
	}
	p.rec = rec
	if pe, ok := errors.AsType[*csv.ParseError](err); ok {
		p.rec, p.line = nil, pe.StartLine
		p.errs.add(p.line, "", "%s", describeCSV(pe))
		return true
	}
	p.line, _ = p.csv.FieldPos(0)
	for i, cell := range rec {
		if rec[i] = strings.TrimSpace(cell); !utf8.ValidString(cell) || strings.IndexByte(cell, 0) >= 0 {
			p.errs.add(p.line, "", "cell %d is not plain UTF-8 text", i+1)
			p.rec = nil
		}
	}
	return true
}

// describeCSV says what is wrong with quotes in a line.
func describeCSV(e *csv.ParseError) string {
	if errors.Is(e.Err, csv.ErrBareQuote) {
		return fmt.Sprintf("a quote inside a cell without quotes, at byte %d; quote the cell and double the quote", e.Column)
	}
	return fmt.Sprintf("a quoted cell without its closing quote, or with text behind it, on line %d at byte %d", e.Line, e.Column)
}

// header reads the first line; it returns false where rows cannot be read
// for it.
func (p *parser) header() bool {
	if !p.read() {
		p.errs.add(1, "", "the card is empty; its first line names the columns")
		return false
	}
	if p.rec == nil {
		return false
	}
	p.width = len(p.rec)
	for i, name := range p.rec {
		c := slices.Index(columnNames[:], strings.ToLower(name))
		switch {
		case name == "":
			p.errs.add(p.line, "", "column %d has no name", i+1)
		case c < 0:
			p.errs.add(p.line, clip(name), "unknown column%s", suggest(name))
		case p.columns[c] >= 0:
			p.errs.add(p.line, columnNames[c], "the column is there twice")
		default:
			p.columns[c] = i
		}
	}
	for _, c := range requiredColumns {
		if p.columns[c] < 0 {
			p.errs.add(p.line, columnNames[c], "the column is missing")
		}
	}
	return true
}

// row reads a row and returns false behind the last one.
func (p *parser) row() bool {
	if !p.read() {
		return false
	}
	switch {
	case p.rec == nil:
		return true
	case len(p.rows) == MaxRows:
		p.errs.add(p.line, "", "a card has at most %d rows", MaxRows)
		return false
	case len(p.rec) != p.width:
		p.errs.add(p.line, "", "%d cells where the header has %d", len(p.rec), p.width)
		return true
	}
	faults := p.errs.total
	m, prefixes := p.match()
	r := row{match: m, line: int32(p.line)}
	r.from, r.to = p.dates()
	t := p.tariff()
	if t.description != "" {
		r.filled |= filledDescription
	}
	if t.productID != "" {
		r.filled |= filledProduct
	}
	if p.prefixes += len(prefixes); p.prefixes > MaxPrefixes {
		p.errs.add(p.line, columnNames[colPrefixes], "a card has at most %d prefixes", MaxPrefixes)
		return false
	}
	if p.errs.total == faults {
		p.add(r, prefixes, t)
	}
	return true
}

// add adds a row without fault to the table.
func (p *parser) add(r row, prefixes []digits, t tariff) {
	n, ok := p.tariffs[t]
	if !ok {
		n = uint32(len(p.table.tariffs))
		p.tariffs[t] = n
		p.table.tariffs = append(p.table.tariffs, t)
	}
	r.tariff = n
	for _, d := range prefixes {
		p.cells = append(p.cells, cell{d, uint32(len(p.rows))})
	}
	p.rows = append(p.rows, r)
}
