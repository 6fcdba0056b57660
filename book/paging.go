package book

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"

	"tollbook"
	"tollbook/filter"
)

// Bounds on a page request (the public Billing Insights API reference pages
// its results; the numbers are Tollbook's).
const (
	MaxPage        = 1<<31 - 1
	MaxPerPage     = tollbook.MaxPage
	DefaultPerPage = 50
	MaxOrderBy     = 40   // characters
	maxCursor      = 4096 // bytes
)

// PageQuery is what every paged collection takes. The integers have been
// checked against the bounds above; a Page of 0 means that none was given.
type PageQuery struct {
	Page    int
	PerPage int
	Filter  string
	OrderBy string
	Cursor  string
}

// PageInfo tells where a page stands in its collection. Next and Prev are
// cursors; HasNext and HasPrev tell whether there is such a page.
type PageInfo struct {
	Count, Page, PerPage, Total, TotalPages int

	HasNext, HasPrev bool
	Next, Prev       string
}

// place works out a page's place from the number of rows before it.
func place(q PageQuery, offset, count, total int) PageInfo {
	page := q.Page
	if page == 0 {
		page = offset/q.PerPage + 1
	}
	return PageInfo{
		Count: count, Page: page, PerPage: q.PerPage, Total: total,
		TotalPages: (total + q.PerPage - 1) / q.PerPage,
		HasNext:    count > 0 && offset+count < total,
		HasPrev:    offset > 0,
	}
}

// offset is the number of rows before the page that q asks for by number.
func (q PageQuery) offset() int {
	if q.Page <= 1 {
		return 0
	}
	return (q.Page - 1) * q.PerPage
}

func badField(name, why string) error {
	return tollbook.NewError(tollbook.CodeInvalidRequest, "The request is not valid.", tollbook.FieldError{Name: name, Description: why})
}

func parseFilter(text string, schema filter.Schema) (*filter.Expr, error) {
	if text == "" {
		return nil, nil
	}
	e, err := filter.Parse(text, schema)
	if err != nil {
		return nil, badField("filter", err.Error())
	}
	return e, nil
}

// parseOrder reads field:asc or field:desc and returns the field's place in
// fields.
func parseOrder(text string, fields []string) (field int, desc bool, err error) {
	if text == "" {
		text = "id:desc"
	}
	name, dir, _ := strings.Cut(text, ":")
	field = slices.Index(fields, name)
	if field < 0 || dir != "asc" && dir != "desc" {
		return 0, false, badField("order_by", "must be one of "+strings.Join(fields, ", ")+`, followed by ":asc" or ":desc"`)
	}
	return field, dir == "desc", nil
}

// cursor names the place behind or before a row by the row's sort key. It
// carries no authority: it says where to go on, not what may be seen.
type cursor struct {
	before bool
	key    []string
}

// binding ties a cursor to the collection, filter and order it was made for.
func binding(parts ...string) [8]byte {
	var b []byte
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	sum := sha256.Sum256(b)
	return [8]byte(sum[:8])
}

const cursorVersion = 1

// encode writes version, binding, direction and the parts of the key, each
// behind its length, in URL-safe Base64.
func (c cursor) encode(bound [8]byte) string {
	b := append([]byte{cursorVersion}, bound[:]...)
	if c.before {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	for _, k := range c.key {
		b = binary.AppendUvarint(b, uint64(len(k)))
		b = append(b, k...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodeCursor reads a cursor whose key has n parts.
func decodeCursor(text string, bound [8]byte, n int) (c cursor, err error) {
	bad := badField("cursor", "is not a cursor of this collection, filter and order; follow the links as they are")
	if len(text) > maxCursor {
		return c, bad
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 10 || b[0] != cursorVersion || [8]byte(b[1:9]) != bound || b[9] > 1 {
		return c, bad
	}
	c.before, b = b[9] == 1, b[10:]
	for range n {
		size, used := binary.Uvarint(b)
		if used <= 0 || size > uint64(len(b)-used) {
			return c, bad
		}
		c.key = append(c.key, string(b[used:used+int(size)]))
		b = b[used+int(size):]
	}
	if len(b) > 0 {
		return c, bad
	}
	return c, nil
}

// list is a collection small enough to be in memory: the definitions.
type list[T any] struct {
	name   string // of the collection and of whose it is
	schema filter.Schema
	id     func(*T) string
	value  func(row *T, field int) filter.Value
}

type listRow[T any] struct {
	of  *list[T]
	row *T
}

// Value implements filter.Row.
func (r listRow[T]) Value(i int) filter.Value { return r.of.value(r.row, i) }

// page filters, orders by id and cuts a page of rows, which it may reorder.
func (l *list[T]) page(rows []T, q PageQuery) ([]T, PageInfo, error) {
	expr, err := parseFilter(q.Filter, l.schema)
	if err != nil {
		return nil, PageInfo{}, err
	}
	_, desc, err := parseOrder(q.OrderBy, []string{"id"})
	if err != nil {
		return nil, PageInfo{}, err
	}
	sign := 1
	if desc {
		sign = -1
	}
	bound := binding(l.name, q.Filter, q.OrderBy)
	if expr != nil {
		rows = slices.DeleteFunc(rows, func(r T) bool { return !expr.Match(listRow[T]{l, &r}) })
	}
	slices.SortFunc(rows, func(a, b T) int { return sign * cmp.Compare(l.id(&a), l.id(&b)) })
	from := min(q.offset(), len(rows))
	to := min(from+q.PerPage, len(rows))
	if q.Cursor != "" {
		c, err := decodeCursor(q.Cursor, bound, 1)
		if err != nil {
			return nil, PageInfo{}, err
		}
		at, found := slices.BinarySearchFunc(rows, c.key[0], func(r T, key string) int { return sign * cmp.Compare(l.id(&r), key) })
		if c.before {
			from, to = max(at-q.PerPage, 0), at
		} else {
			if found {
				at++
			}
			from, to = at, min(at+q.PerPage, len(rows))
		}
	}
	info := place(q, from, to-from, len(rows))
	page := rows[from:to]
	if info.HasNext {
		info.Next = cursor{key: []string{l.id(&page[len(page)-1])}}.encode(bound)
	}
	if info.HasPrev && len(page) > 0 {
		info.Prev = cursor{before: true, key: []string{l.id(&page[0])}}.encode(bound)
	}
	return page, info, nil
}
