package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tollbook"
	"tollbook/book"
	"tollbook/decimal"
	"tollbook/filter"
)

// params reads the query string of a request and collects what is wrong with
// it. A parameter that the route does not take, or that is given twice, is an
// error: a misspelt filter must never widen the answer.
type params struct {
	values url.Values
	faults []tollbook.FieldError
}

func readParams(r *http.Request, allowed ...string) *params {
	p := &params{}
	var err error
	if p.values, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		p.fault("query", "is not a well-formed query string")
	}
	for name, values := range p.values {
		switch {
		case !slices.Contains(allowed, name):
			p.fault(name, "is not a parameter here; "+listOr(allowed, "there are none"))
		case len(values) > 1:
			p.fault(name, "is given more than once")
		case !utf8.ValidString(values[0]):
			p.fault(name, "is not UTF-8")
		}
	}
	slices.SortFunc(p.faults, func(a, b tollbook.FieldError) int { return strings.Compare(a.Name, b.Name) })
	return p
}

// listOr names what there is, or says that there is nothing.
func listOr(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return "there are " + strings.Join(names, ", ")
}

func (p *params) fault(name, why string) {
	p.faults = append(p.faults, tollbook.FieldError{Name: name, Description: why})
}

func (p *params) err() error {
	if len(p.faults) == 0 {
		return nil
	}
	return tollbook.NewError(tollbook.CodeInvalidRequest, "The request is not valid.", p.faults...)
}

func (p *params) text(name string, maxChars int) string {
	s := p.values.Get(name)
	if utf8.RuneCountInString(s) > maxChars {
		p.fault(name, fmt.Sprintf("has more than %d characters", maxChars))
	}
	return s
}

// filled is text for a parameter that is left out where it says nothing.
func (p *params) filled(name string, maxChars int) string {
	s := p.text(name, maxChars)
	if s == "" && p.values.Has(name) {
		p.fault(name, "is empty; leave it out or fill it in")
	}
	return s
}

// required is filled for a parameter that must be there.
func (p *params) required(name string, maxChars int) string {
	if !p.values.Has(name) {
		p.fault(name, "is required")
	}
	return p.filled(name, maxChars)
}

// instant reads a point in time; nil where it is absent.
func (p *params) instant(name string) *time.Time {
	if !p.values.Has(name) {
		return nil
	}
	at, err := time.Parse(time.RFC3339Nano, p.values.Get(name))
	if err != nil {
		p.fault(name, "must be an instant as in RFC 3339, such as 2026-09-01T00:00:00Z")
	}
	return &at
}

// integer reads a number from 1 to max; absent is def.
func (p *params) integer(name string, max, def int) int {
	if !p.values.Has(name) {
		return def
	}
	s := p.values.Get(name)
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || n < 1 || int(n) > max {
		p.fault(name, fmt.Sprintf("must be a whole number from 1 to %d", max))
		return def
	}
	return int(n)
}

// oneOf reads one of a few words; absent is the first of them.
func (p *params) oneOf(name string, words ...string) string {
	s := p.values.Get(name)
	if !p.values.Has(name) {
		return words[0]
	}
	if !slices.Contains(words, s) {
		p.fault(name, "must be one of "+strings.Join(words, ", "))
	}
	return s
}

// list reads words with commas between them, of which there is at least one.
func (p *params) list(name string, maxChars int) []string {
	s := p.filled(name, maxChars)
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// decimal reads a decimal number; absent is def.
func (p *params) decimal(name string, def decimal.Decimal) decimal.Decimal {
	if !p.values.Has(name) {
		return def
	}
	const digits = 12 // before the point and behind it
	d, err := decimal.Parse(p.values.Get(name), digits, digits)
	if err != nil {
		p.fault(name, err.Error())
		return def
	}
	return d
}

// whole reads a number from 0 to max; absent is def.
func (p *params) whole(name string, max, def int) int {
	if p.values.Get(name) == "0" {
		return 0
	}
	return p.integer(name, max, def)
}

// maxCursorChars bounds a cursor before it is decoded.
const maxCursorChars = 4096

// pageQuery reads the parameters of a paged collection.
func pageQuery(r *http.Request) (book.PageQuery, error) {
	p, q := pageParams(r)
	return q, p.err()
}

// pageParams reads the parameters of a paged collection that takes more than
// those of every page.
func pageParams(r *http.Request, more ...string) (*params, book.PageQuery) {
	p := readParams(r, append([]string{"page", "per_page", "filter", "order_by", "cursor"}, more...)...)
	q := book.PageQuery{
		Page:    p.integer("page", book.MaxPage, 0),
		PerPage: p.integer("per_page", book.MaxPerPage, book.DefaultPerPage),
		Filter:  p.text("filter", filter.MaxLength),
		OrderBy: p.filled("order_by", book.MaxOrderBy),
		Cursor:  p.filled("cursor", maxCursorChars),
	}
	if p.values.Has("filter") && q.Filter == "" {
		p.fault("filter", "column 1: expected a comparison, found end of filter")
	}
	return p, q
}

// maxIDChars bounds the id of an object in a query.
const maxIDChars = book.MaxIDBytes

// cursorQuery reads the parameters of a collection that is paged by cursor
// alone; ids are those that it may be narrowed to.
func cursorQuery(r *http.Request, ids ...string) (p *params, cursor string, limit int, err error) {
	p, cursor, limit = cursorParams(r, ids...)
	return p, cursor, limit, p.err()
}

// cursorParams is cursorQuery where more is to be checked.
func cursorParams(r *http.Request, ids ...string) (p *params, cursor string, limit int) {
	p = readParams(r, append([]string{"per_page", "cursor"}, ids...)...)
	for _, name := range ids {
		p.filled(name, maxIDChars)
	}
	cursor, limit = p.filled("cursor", maxCursorChars), p.integer("per_page", book.MaxPerPage, book.DefaultPerPage)
	return p, cursor, limit
}
