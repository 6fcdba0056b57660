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
	"tollbook/decimal"
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
	colMinimumIncrements
	colSetupFee
	colFreeUnits
	colTierUpTo
	numColumns
)

var columnNames = [numColumns]string{
	"resource", "description", "direction", "type", "resolutions", "country_code", "category", "prefixes",
	"price_per_increment", "increment", "unit_of_measure", "currency",
	"product_id", "aggr_product_id", "wallet_name", "effective_from", "effective_to",
	"minimum_increments", "setup_fee", "free_units", "tier_up_to",
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
		p.foldTiers()
		sortCells(p.rows, p.cells)
		tied = p.tieErrors(ties(p.rows, p.cells))
	}
	if p.errs.total+len(tied) > 0 {
		return nil, p.errs.fields(tied)
	}
	for i, t := range p.tariffs {
		if !p.isTier[uint32(i)] {
			p.rows[i].tariff = p.tariff(t)
		}
	}
	p.table.rows = len(p.rows)
	p.table.build(p.rows, p.cells)
	return p.table, nil
}

// shortestRow is how many bytes a row has at least; there is room for no more
// rows than that before they are read.
const shortestRow = len("1,1,USD\n")

// parser reads one card.
type parser struct {
	csv      *csv.Reader
	errs     errorList
	width    int             // cells of the header
	columns  [numColumns]int // where each column is, -1: nowhere
	table    *Table
	rows     []row
	tariffs  []tariff                   // of rows of the same places
	tierEnds map[uint32]decimal.Decimal // of rows that have one, by their places
	isTier   map[uint32]bool            // the rows that another one stands for
	cells    []cell
	places   places[tariff]    // in the table
	terms    places[terms]     // in the table
	tiers    map[string]uint32 // places in the table by their binary form
	texts    map[string]string // one copy of each text that rows share

	prefixes int

	line   int      // of the row being read
	rec    []string // its cells
	digits []digits // its prefixes
}

func newParser(text string) *parser {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\uFEFF")))
	r.FieldsPerRecord = -1 // counted here, as a fault of one line among others
	r.TrimLeadingSpace = true
	r.ReuseRecord = true
	p := &parser{csv: r, table: newTable(), tierEnds: map[uint32]decimal.Decimal{}, isTier: map[uint32]bool{}, tiers: map[string]uint32{}, texts: map[string]string{}}
	for i := range p.columns {
		p.columns[i] = -1
	}
	rows := min(strings.Count(text, "\n"), len(text)/shortestRow, MaxRows)
	p.rows, p.tariffs, p.cells = make([]row, 0, rows), make([]tariff, 0, rows), make([]cell, 0, rows)
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
	c := p.charges()
	if c.description != "" {
		r.filled |= filledDescription
	}
	if c.productID != "" {
		r.filled |= filledProduct
	}
	if p.prefixes += len(prefixes); p.prefixes > MaxPrefixes {
		p.errs.add(p.line, columnNames[colPrefixes], "a card has at most %d prefixes", MaxPrefixes)
		return false
	}
	if p.errs.total == faults {
		p.add(r, prefixes, &c)
	}
	return true
}

// add adds a row without fault to the table.
func (p *parser) add(r row, prefixes []digits, c *charges) {
	if !c.setupFee.IsZero() {
		c.setupTariff = p.tariff(tariff{pricePerIncrement: c.setupFee, terms: p.terms.place(&p.table.terms, c.setup())})
	}
	at := uint32(len(p.rows))
	if !c.tierEnd.IsZero() {
		p.tierEnds[at] = c.tierEnd
	}
	for _, d := range prefixes {
		p.cells = append(p.cells, cell{d, at})
	}
	p.rows = append(p.rows, r)
	p.tariffs = append(p.tariffs, tariff{pricePerIncrement: c.price, terms: p.terms.place(&p.table.terms, c.terms)})
}

// tariff returns the place of a tariff among the table's.
func (p *parser) tariff(t tariff) uint32 { return p.places.place(&p.table.tariffs, t) }

// places knows where values are in a list that has each of them once.
type places[V comparable] struct {
	of   map[V]uint32
	last uint32 // the place that was asked for last: rows are mostly like those before them
}

// place returns the place of v in the list, to which it is added where it is
// not there yet.
func (p *places[V]) place(list *[]V, v V) uint32 {
	if p.of == nil {
		p.of = map[V]uint32{}
	} else if (*list)[p.last] == v {
		return p.last
	}
	place, ok := p.of[v]
	if !ok {
		place = uint32(len(*list))
		p.of[v] = place
		*list = append(*list, v)
	}
	p.last = place
	return place
}
