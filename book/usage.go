package book

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tollbook"
	"tollbook/decimal"
	"tollbook/filter"
)

// UsagePage is a page of an organization's usage. Every event acknowledged
// before AsOf is counted in it.
type UsagePage struct {
	Records []tollbook.Record
	AsOf    time.Time
	Mark    *MarkedAt // the page says what held then; nil: what holds now
	PageInfo
}

// Usage returns a page of the usage of all accounts under the organization,
// aggregated by month for each product. Errors: CodeInvalidRequest; CodeAccount
// where the filter names an account that is not under the organization.
func (v *View) Usage(ctx context.Context, q PageQuery) (UsagePage, error) {
	return v.usage(ctx, q, nil)
}

// UsageAsOf is Usage as it was at the last mark at or before an instant that
// is not ahead. Error: CodeInvalidRequest where there is no such mark, too.
func (v *View) UsageAsOf(ctx context.Context, q PageQuery, at time.Time) (UsagePage, error) {
	if at.After(v.book.opt.Clock()) {
		return UsagePage{}, badField("as_of", "has not come yet")
	}
	mark, err := v.markAt(at)
	if err != nil {
		return UsagePage{}, err
	}
	return v.usage(ctx, q, &mark)
}

func (v *View) usage(ctx context.Context, q PageQuery, mark *MarkedAt) (UsagePage, error) {
	query, bound, err := v.query(q, mark)
	if err != nil {
		return UsagePage{}, err
	}
	page := UsagePage{AsOf: v.book.opt.Clock(), Mark: mark}
	if mark != nil {
		page.AsOf = mark.At
	}
	got, err := v.book.ledger.Records(ctx, query)
	if err != nil {
		return UsagePage{}, err
	}
	if mark == nil && !got.AsOf.IsZero() {
		page.AsOf = got.AsOf
	}
	page.Records, page.PageInfo = got.Records, place(q, got.Offset, len(got.Records), got.Total)
	if page.HasNext {
		page.Next = recordCursor(query.Order, &got.Records[len(got.Records)-1], false).encode(bound)
	}
	if page.HasPrev && len(got.Records) > 0 {
		page.Prev = recordCursor(query.Order, &got.Records[0], true).encode(bound)
	}
	return page, nil
}

// query checks a page request and makes it the ledger's.
func (v *View) query(q PageQuery, mark *MarkedAt) (tollbook.Query, [8]byte, error) {
	out := tollbook.Query{OrganizationID: v.organizationID, Limit: q.PerPage}
	if mark != nil {
		out.AsOf = mark.Position
	}
	bound := binding("usage", v.organizationID, q.Filter, q.OrderBy, fmt.Sprint(out.AsOf))
	expr, err := parseFilter(q.Filter, tollbook.RecordSchema())
	if err != nil {
		return out, bound, err
	}
	field, desc, err := parseOrder(q.OrderBy, tollbook.OrderFields())
	if err != nil {
		return out, bound, err
	}
	out.Filter, out.Order = expr, tollbook.Order{Field: tollbook.OrderField(field), Desc: desc}
	if q.Cursor == "" {
		out.Offset = q.offset()
	} else if err := seek(&out, q.Cursor, bound); err != nil {
		return out, bound, err
	}
	return out, bound, v.mayAsk(expr)
}

// mayAsk refuses a filter that names an account which is not under the
// organization. Whether such an account exists elsewhere makes no difference.
func (v *View) mayAsk(expr *filter.Expr) error {
	if expr == nil {
		return nil
	}
	v.book.mu.RLock()
	defer v.book.mu.RUnlock()
	own := v.book.state.organizations[v.organizationID].accounts
	var foreign []string
	expr.Walk(func(e *filter.Expr) {
		names := e.Op == filter.Eq || e.Op == filter.Ne || e.Op == filter.In
		if !names || e.Field != tollbook.FieldAccountID {
			return
		}
		for _, val := range e.Values {
			if own[val.Text] == nil && !slices.Contains(foreign, val.Text) {
				foreign = append(foreign, val.Text)
			}
		}
	})
	if len(foreign) == 0 {
		return nil
	}
	return errForeign(foreign...)
}

// errForeign refuses accounts that are not under the caller's organization.
func errForeign(accountIDs ...string) error {
	err := tollbook.NewError(tollbook.CodeAccount, "This caller is not authorized to query the given accounts.")
	err.Description = "The accounts specified are not under the organization owning the current authentication token."
	for _, id := range accountIDs {
		err.Fields = append(err.Fields, tollbook.FieldError{Name: "account_id", Description: id})
	}
	return err
}

// recordCursor is the place of a record in an order: its id and what it holds
// in the field of the order.
func recordCursor(o tollbook.Order, r *tollbook.Record, before bool) cursor {
	var key string
	switch o.Field {
	case tollbook.OrderMonth:
		key = r.Month.String()
	case tollbook.OrderAccountID:
		key = r.AccountID
	case tollbook.OrderProductID:
		key = r.ProductID
	case tollbook.OrderType:
		key = r.Type.String()
	case tollbook.OrderTotalAmount:
		key = r.TotalAmount.String()
	case tollbook.OrderNumberOfUnits:
		key = r.NumberOfUnits.String()
	}
	return cursor{before: before, key: []string{string(r.ID[:]), key}}
}

// seek sets the place at which the page starts or ends.
func seek(q *tollbook.Query, text string, bound [8]byte) error {
	c, err := decodeCursor(text, bound, 2)
	if err != nil {
		return err
	}
	bad := badField("cursor", "is damaged; follow the links as they are")
	r := &tollbook.Record{}
	if copy(r.ID[:], c.key[0]) != len(r.ID) || len(c.key[0]) != len(r.ID) {
		return bad
	}
	key, ok := c.key[1], true
	switch q.Order.Field {
	case tollbook.OrderMonth:
		r.Month, err = tollbook.ParseMonth(key)
		ok = err == nil
	case tollbook.OrderAccountID:
		r.AccountID = key
	case tollbook.OrderProductID:
		r.ProductID = key
	case tollbook.OrderType:
		r.Type, ok = tollbook.ParseUsageType(key)
	case tollbook.OrderTotalAmount:
		r.TotalAmount, err = decimal.Parse(key, cursorIntDigits, cursorFracDigits)
		ok = err == nil
	case tollbook.OrderNumberOfUnits:
		r.NumberOfUnits, err = decimal.Parse(key, cursorIntDigits, cursorFracDigits)
		ok = err == nil
	}
	if !ok {
		return bad
	}
	if c.before {
		q.Before = r
	} else {
		q.After = r
	}
	return nil
}

// An amount has up to 24 digits after the point (a quantity times a price).
const (
	cursorIntDigits  = 52
	cursorFracDigits = 24
)

// Record returns one record. Error: CodeNotFound, whether the id is foreign,
// unknown or no longer there.
func (v *View) Record(ctx context.Context, id string) (tollbook.Record, error) {
	rid, ok := tollbook.ParseRecordID(id)
	if !ok {
		return tollbook.Record{}, errNoRecord()
	}
	r, err := v.book.ledger.Record(ctx, v.organizationID, rid)
	if tollbook.CodeOf(err) == tollbook.CodeNotFound {
		err = errNoRecord()
	}
	return r, err
}

func errNoRecord() error {
	return tollbook.NewError(tollbook.CodeNotFound, "There is no such usage record.")
}
