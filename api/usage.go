package api

import (
	"net/http"
	"net/url"
	"strconv"

	"tollbook"
	"tollbook/decimal"
	"tollbook/wire"
)

const usagePath = "/express/usage/month"

// usage serves GET /express/usage/month: the usage of all accounts under the
// caller's organization, aggregated by month for each product (the public
// Billing Insights API reference, Get Monthly Usage).
func (s *server) usage(w http.ResponseWriter, r *http.Request) error {
	start := s.Clock()
	view, err := s.view(r, tollbook.ScopeUsageRead)
	if err != nil {
		return err
	}
	contentType, err := negotiate(r, typeHAL, typeJSON)
	if err != nil {
		return err
	}
	q, err := pageQuery(r)
	if err != nil {
		return err
	}
	page, err := view.Usage(r.Context(), q)
	if err != nil {
		return err
	}
	base := s.base(r)
	body := make([]byte, 0, 2048+len(page.Records)*1024)
	body = appendPage(body, page.PageInfo, s.linksOf(r, q, page.PageInfo), true)
	body = appendTime(body, "as_of", page.AsOf)
	body = appendEmbedded(body, "usage", len(page.Records), func(dst []byte, i int) []byte {
		return appendRecord(dst, base, &page.Records[i])
	})
	writeBody(w, http.StatusOK, contentType, append(body, '}', '\n'))
	s.metrics.page.Observe(s.Clock().Sub(start).Seconds())
	return nil
}

// usageRecord serves GET /express/usage/month/{id}.
func (s *server) usageRecord(w http.ResponseWriter, r *http.Request) error {
	view, err := s.view(r, tollbook.ScopeUsageRead)
	if err != nil {
		return err
	}
	contentType, err := negotiate(r, typeHAL, typeJSON)
	if err != nil {
		return err
	}
	if err := readParams(r).err(); err != nil {
		return err
	}
	record, err := view.Record(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	writeBody(w, http.StatusOK, contentType, append(appendRecord(nil, s.base(r), &record), '\n'))
	return nil
}

// appendRecord appends a usage record with its links.
func appendRecord(dst []byte, base string, rec *tollbook.Record) []byte {
	text := func(name, s string) {
		dst = append(dst, `,"`...)
		dst = append(dst, name...)
		dst = append(dst, `":`...)
		dst = appendString(dst, s)
	}
	nullable := func(name, s string) {
		if s != "" {
			text(name, s)
			return
		}
		dst = append(dst, `,"`...)
		dst = append(dst, name...)
		dst = append(dst, `":null`...)
	}
	id := rec.ID.String()
	dst = append(dst, `{"id":"`...)
	dst = append(dst, id...)
	dst = append(dst, '"')
	text("account_id", rec.AccountID)
	text("product_id", rec.ProductID)
	text("aggr_product_id", rec.AggrProductID)
	text("month", rec.Month.String())
	text("type", rec.Type.String())
	text("description", rec.Description)
	text("currency", rec.Currency)
	nullable("direction", rec.Direction.String())
	nullable("resolution", rec.Resolution.String())
	text("unit", rec.Unit.String())
	dst = appendNumber(dst, "price", rec.Price)
	nullable("wallet_name", rec.WalletName)
	dst = appendNumber(dst, "number_of_units", rec.NumberOfUnits)
	dst = appendNumber(dst, "total_amount", rec.TotalAmount)
	dst = append(dst, `,"_links":{"self":{"href":`...)
	self := base + usagePath + "/" + id
	dst = appendString(dst, self)
	dst = append(dst, '}')
	dst = appendLink(dst, "events", self+"/events")
	return append(dst, '}', '}')
}

// appendNumber appends ,"name":d with all digits of d.
func appendNumber(dst []byte, name string, d decimal.Decimal) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":`...)
	return d.Append(dst)
}

// usageEvents serves GET /express/usage/month/{id}/events: the events that
// make a record up, each with the rate that priced it.
func (s *server) usageEvents(w http.ResponseWriter, r *http.Request) error {
	view, err := s.view(r, tollbook.ScopeUsageRead)
	if err != nil {
		return err
	}
	contentType, err := negotiate(r, typeHAL, typeJSON)
	if err != nil {
		return err
	}
	_, cursor, limit, err := cursorQuery(r)
	if err != nil {
		return err
	}
	page, err := view.RecordEvents(r.Context(), r.PathValue("id"), cursor, limit)
	if err != nil {
		return err
	}
	body := s.appendCursorPage(nil, r, cursor, limit, len(page.Events), page.Next, s.base(r)+usagePath+"/"+r.PathValue("id"))
	body = appendEmbedded(body, "events", len(page.Events), func(dst []byte, i int) []byte {
		return appendBooked(dst, &page.Events[i])
	})
	writeBody(w, http.StatusOK, contentType, append(body, '}', '\n'))
	return nil
}

// appendCursorPage opens a page that is paged by cursor alone.
func (s *server) appendCursorPage(dst []byte, r *http.Request, cursor string, limit, count int, next, record string) []byte {
	to := func(cursor string) string {
		v := r.URL.Query()
		v.Set("per_page", strconv.Itoa(limit))
		v.Del("cursor")
		if cursor != "" {
			v.Set("cursor", cursor)
		}
		return s.base(r) + (&url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath}).EscapedPath() + "?" + v.Encode()
	}
	dst = append(dst, `{"count":`...)
	dst = strconv.AppendInt(dst, int64(count), 10)
	dst = append(dst, `,"per_page":`...)
	dst = strconv.AppendInt(dst, int64(limit), 10)
	dst = append(dst, `,"_links":{"self":{"href":`...)
	dst = append(appendString(dst, to(cursor)), '}')
	dst = appendLink(dst, "first", to(""))
	if next != "" {
		dst = appendLink(dst, "next", to(next))
	}
	dst = appendLink(dst, "record", record)
	return append(dst, '}')
}

// appendBooked appends a counted event: what was sent, then what rating made
// of it.
func appendBooked(dst []byte, b *tollbook.BookedEvent) []byte {
	sent := b.Event
	sent.Priced, sent.Currency = false, "" // said below, as counted
	dst = wire.AppendEvent(dst, &sent)
	dst = dst[:len(dst)-1]
	if b.CloudEventType != "" {
		dst = append(dst, `,"cloudevent_type":`...)
		dst = appendString(dst, b.CloudEventType)
	}
	line := b.Charges[0].Line
	dst = appendRate(dst, b, line)
	dst = append(dst, `,"increments":`...)
	if b.Priced {
		dst = append(dst, "null"...)
	} else {
		dst = append(dst, b.Charges[0].Increments.String()...)
	}
	dst = appendNumber(dst, "number_of_units", line.Units(b.Charges[0].Increments))
	dst = appendNumber(dst, "price", line.Price)
	dst = append(dst, `,"currency":`...)
	dst = appendString(dst, line.Currency)
	dst = appendNumber(dst, "amount", line.Amount(b.Charges[0].Increments))
	return append(dst, '}')
}

// appendRate appends ,"rate": the row that priced an event, or null where the
// event carried its price.
func appendRate(dst []byte, b *tollbook.BookedEvent, line *tollbook.Line) []byte {
	if b.Priced {
		return append(dst, `,"rate":null`...)
	}
	dst = append(dst, `,"rate":{"card_id":`...)
	dst = appendString(dst, b.Rate.CardID)
	dst = append(dst, `,"version":`...)
	dst = strconv.AppendInt(dst, int64(b.Rate.Version), 10)
	dst = append(dst, `,"row":`...)
	dst = strconv.AppendInt(dst, int64(b.Rate.Row), 10)
	dst = append(dst, `,"prefix":`...)
	dst = appendString(dst, b.Rate.Prefix)
	dst = appendNumber(dst, "price_per_increment", line.PricePerIncrement)
	dst = appendNumber(dst, "increment", line.Increment)
	dst = append(dst, `,"unit":`...)
	dst = appendString(dst, line.Unit.String())
	dst = append(dst, `,"currency":`...)
	return append(appendString(dst, line.Currency), '}')
}
