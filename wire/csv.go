package wire

import (
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"

	"tollbook"
)

// maxColumns is the most columns that a CSV may have: every field once and as
// many attributes as an event may have.
const maxColumns = int(fieldAttributes-fieldID) + tollbook.MaxAttributes

// byteOrderMark is what some spreadsheets put in front of UTF-8.
const byteOrderMark = "\uFEFF"

// column is what a column of a CSV holds: a field, or the attribute of a key.
type column struct {
	field field
	key   string
}

// csvDecoder reads events from CSV (RFC 4180): cells between commas, quoted
// where they hold a comma, a quote (doubled) or the end of a line; lines end
// with LF or CR LF. Blank lines are passed over.
//
// A row with too few or too many cells fails alone, and so does one with a
// quote or a carriage return inside a cell that is not in quotes. Quotes that
// do not match fail the whole body: where a cell that was opened ends cannot
// be known, so neither can the rows behind it.
type csvDecoder struct {
	builder
	s       string
	pos     int
	line    int      // the line at pos, from 1
	clean   bool     // all of s is UTF-8 without NUL: cells need no look
	cells   []string // of the row in hand, at most maxColumns + 1
	flaw    string   // what is wrong with a cell of the row in hand, ""
	columns []column
}

func decodeCSV(b builder, body string) ([]Item, error) {
	body = strings.TrimPrefix(body, byteOrderMark)
	d := &csvDecoder{builder: b, s: body, line: 1, clean: textFlaw(body) == ""}
	line, problem := d.row()
	switch {
	case problem != "":
	case line == 0:
		problem = isEmpty
	case d.flaw != "":
		problem = d.flaw
	default:
		problem = d.header(line)
	}
	if problem != "" {
		return nil, badBody(problem)
	}
	for start := d.pos; ; {
		line, problem := d.row()
		if problem != "" {
			return nil, badBody(problem)
		}
		if line == 0 {
			return d.items, nil
		}
		if !d.begin(&eventNames) {
			return nil, d.tooMany()
		}
		d.fill(line)
		if len(d.items) == 1 { // the other rows are likely to be about as long
			d.expect((len(d.s)-d.pos)/(d.pos-start) + 1)
		}
	}
}

// textFlaw returns what keeps s from being text.
func textFlaw(s string) string {
	switch {
	case !utf8.ValidString(s):
		return notUTF8
	case strings.IndexByte(s, 0) >= 0:
		return holdsNUL
	}
	return ""
}

// header reads the names of the columns from the cells of the first row.
func (d *csvDecoder) header(line int) (problem string) {
	at := "line " + strconv.Itoa(line) + ": "
	if len(d.cells) > maxColumns {
		return at + "has more than " + strconv.Itoa(maxColumns) + " columns"
	}
	var have uint32
	keys := map[string]bool{}
	for i, name := range d.cells {
		c := column{field: eventField(name)}
		key, isAttribute := strings.CutPrefix(name, attributePrefix)
		switch {
		case isAttribute:
			c = column{field: fieldAttributes, key: key}
			if keys[key] {
				return at + "column " + quoted(name) + " " + isRepeated
			}
			keys[key] = true
			if key == "" || len(key) > tollbook.MaxAttributeKeyBytes || textFlaw(key) != "" {
				return at + "column " + quoted(name) + " has a key that no attribute can have"
			}
		case c.field == unknown || c.field == fieldAttributes:
			return at + "column " + strconv.Itoa(i+1) + ", " + quoted(name) + ", " + isUnknown +
				"; the columns are " + strings.Join(Fields(), ", ") + " and " + attributePrefix + "KEY"
		case have&c.field.bit() != 0:
			return at + "column " + quoted(name) + " " + isRepeated
		}
		have |= c.field.bit()
		d.columns = append(d.columns, c)
	}
	for f := fieldID; f <= fieldQuantity; f++ {
		if have&f.bit() == 0 {
			return at + "column " + quoted(eventNames[f]) + " " + isRequired
		}
	}
	return ""
}

// fill makes an event of the cells of a row.
func (d *csvDecoder) fill(line int) {
	if d.flaw != "" {
		d.fault("body", d.flaw)
		d.drop(line, "", "")
		return
	}
	if len(d.cells) != len(d.columns) {
		n := strconv.Itoa(len(d.cells))
		if len(d.cells) > maxColumns {
			n = "more than " + strconv.Itoa(maxColumns)
		}
		d.fault("body", "line "+strconv.Itoa(line)+": has "+n+" cells where the header has "+strconv.Itoa(len(d.columns)))
		d.drop(line, "", "")
		return
	}
	for i, cell := range d.cells {
		c := &d.columns[i]
		if cell == "" {
			continue
		}
		flaw := ""
		if !d.clean {
			flaw = textFlaw(cell)
		}
		switch {
		case c.field != fieldAttributes && flaw == "":
			d.setText(c.field, cell)
		case c.field != fieldAttributes:
			d.refuse(c.field, flaw)
		case flaw == "":
			d.addAttribute(c.key, cell)
		default:
			d.refuseAttribute(c.key, flaw)
		}
	}
	d.end(required, line)
}

// row reads the next row that is not blank into cells and returns the line
// where it starts, 0 at the end. The problem is with the quotes.
func (d *csvDecoder) row() (line int, problem string) {
	for d.pos < len(d.s) && d.lineEnd() {
	}
	if d.pos == len(d.s) {
		return 0, ""
	}
	line = d.line
	d.cells, d.flaw = d.cells[:0], ""
	for {
		inQuotes := d.pos < len(d.s) && d.s[d.pos] == '"'
		cell, problem := d.cell()
		if problem != "" {
			return 0, problem
		}
		if len(d.cells) <= maxColumns {
			d.cells = append(d.cells, cell)
		}
		if !d.atCellEnd() {
			if d.flaw == "" || inQuotes { // to say where takes a look at the whole line
				d.flaw = d.misquoted("expected a comma or the end of the line behind a cell; a cell that holds a quote or a carriage return must be in quotes")
			}
			if inQuotes {
				return 0, d.flaw
			}
			for !d.atCellEnd() {
				d.pos = cellEnd(d.s, d.pos+1)
			}
		}
		if d.pos == len(d.s) || d.lineEnd() {
			return line, ""
		}
		d.pos++ // the comma
	}
}

// atCellEnd tells whether a cell ends at pos.
func (d *csvDecoder) atCellEnd() bool {
	return d.pos == len(d.s) || d.s[d.pos] == ',' || d.s[d.pos] == '\n' || strings.HasPrefix(d.s[d.pos:], "\r\n")
}

// lineEnd goes behind the end of a line where one is next.
func (d *csvDecoder) lineEnd() bool {
	switch {
	case d.s[d.pos] == '\n':
		d.pos++
	case strings.HasPrefix(d.s[d.pos:], "\r\n"):
		d.pos += 2
	default:
		return false
	}
	d.line++
	return true
}

// cell reads a cell. What follows it is not looked at.
func (d *csvDecoder) cell() (cell, problem string) {
	start := d.pos
	if start < len(d.s) && d.s[start] == '"' {
		return d.quotedCell()
	}
	d.pos = cellEnd(d.s, start)
	return d.s[start:d.pos], ""
}

// cellEnd returns the place of the first byte from i on that cannot be in a
// cell without quotes. It works as plainEnd does.
func cellEnd(s string, i int) int {
	for ; i+8 <= len(s); i += 8 {
		x := eightBytes(s, i)
		comma, quote, feed, back := x^','*lowBits, x^'"'*lowBits, x^'\n'*lowBits, x^'\r'*lowBits
		found := (comma-lowBits)&^comma | (quote-lowBits)&^quote | (feed-lowBits)&^feed | (back-lowBits)&^back
		if found &= highBits; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && s[i] != ',' && s[i] != '"' && s[i] != '\n' && s[i] != '\r' {
		i++
	}
	return i
}

// quotedCell reads a cell in quotes.
func (d *csvDecoder) quotedCell() (cell, problem string) {
	start, doubled := d.pos+1, false
	opened := d.line
	for i := start; ; i += 2 {
		n := strings.IndexByte(d.s[i:], '"')
		if n < 0 {
			return "", "line " + strconv.Itoa(opened) + ": a quote is opened and never closed"
		}
		i += n
		if !strings.HasPrefix(d.s[i:], `""`) {
			cell = d.s[start:i]
			d.pos = i + 1
			break
		}
		doubled = true
	}
	d.line += strings.Count(cell, "\n")
	if doubled {
		cell = strings.ReplaceAll(cell, `""`, `"`)
	}
	return cell, ""
}

// misquoted describes a problem at pos.
func (d *csvDecoder) misquoted(problem string) string {
	column := 1 + utf8.RuneCountInString(d.s[strings.LastIndexByte(d.s[:d.pos], '\n')+1:d.pos])
	return "line " + strconv.Itoa(d.line) + ", column " + strconv.Itoa(column) + ": " + problem
}
