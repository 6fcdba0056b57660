package api

import (
	"net/http"
	"net/url"
	"strconv"

	"tollbook"
	"tollbook/book"
	"tollbook/decimal"
	"tollbook/wire"
)

// usageEvents serves GET /express/usage/month/{id}/events: the events that
// make a record up, each with the rate that priced it, and where tiers cut the
// month.
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
	body = append(body, `,"cuts":[`...)
	for i := range page.Cuts {
		if i > 0 {
			body = append(body, ',')
		}
		body = appendCut(body, &page.Cuts[i])
	}
	body = append(body, ']')
	body = appendEmbedded(body, "events", len(page.Events), func(dst []byte, i int) []byte {
		return appendRecordEvent(dst, &page.Events[i])
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

// appendRecordEvent appends an event of a record: what was sent, then what
// rating made of it and what of that counts in the record.
func appendRecordEvent(dst []byte, e *book.RecordEvent) []byte {
	sent := e.Event
	sent.Priced, sent.Currency = false, "" // said below, as counted
	dst = openEvent(dst, &sent)
	dst = appendMonth(dst, "home_month", e.Home)
	dst = appendRate(dst, e.BookedEvent, e.Line)
	dst = append(dst, `,"increments":`...)
	if e.Priced || e.Increments == nil {
		dst = append(dst, "null"...)
	} else {
		dst = append(dst, e.Increments.String()...)
	}
	dst = appendNumber(dst, "number_of_units", e.Units)
	dst = appendNumber(dst, "price", e.Line.Price)
	dst = append(dst, `,"currency":`...)
	dst = appendString(dst, e.Line.Currency)
	dst = appendNullableNumber(dst, "amount", e.Amount)
	dst = appendVoid(dst, e.Void)
	return append(dst, '}')
}

// openEvent opens an event with what was sent of it.
func openEvent(dst []byte, e *tollbook.Event) []byte {
	dst = wire.AppendEvent(dst, e)
	dst = dst[:len(dst)-1]
	if e.CloudEventType != "" {
		dst = append(dst, `,"cloudevent_type":`...)
		dst = appendString(dst, e.CloudEventType)
	}
	return dst
}

// appendRate appends ,"rate": the row that priced an event, or null where the
// event carried its price.
func appendRate(dst []byte, b *tollbook.BookedEvent, line *tollbook.Line) []byte {
	if b.Priced {
		return append(dst, `,"rate":null`...)
	}
	dst = appendRow(append(dst, `,"rate":{`...), b.Rate)
	dst = appendNumber(dst, "price_per_increment", line.PricePerIncrement)
	dst = appendNumber(dst, "increment", line.Increment)
	dst = append(dst, `,"unit":`...)
	dst = appendString(dst, line.Unit.String())
	dst = append(dst, `,"currency":`...)
	return append(appendString(dst, line.Currency), '}')
}

// appendRow appends which row of which card priced an event.
func appendRow(dst []byte, r tollbook.Rate) []byte {
	dst = append(dst, `"card_id":`...)
	dst = appendString(dst, r.CardID)
	dst = append(dst, `,"version":`...)
	dst = strconv.AppendInt(dst, int64(r.Version), 10)
	dst = append(dst, `,"row":`...)
	dst = strconv.AppendInt(dst, int64(r.Row), 10)
	dst = append(dst, `,"prefix":`...)
	return appendString(dst, r.Prefix)
}

// appendVoid appends ,"void": why an event counts no more, or null.
func appendVoid(dst []byte, v *tollbook.Void) []byte {
	if v == nil {
		return append(dst, `,"void":null`...)
	}
	dst = append(dst, `,"void":{"reason":`...)
	dst = appendString(dst, v.Reason)
	dst = append(dst, `,"actor":`...)
	dst = appendString(dst, v.Actor)
	dst = appendTime(dst, "at", v.At)
	return append(appendName(dst, "replaced_by", v.ReplacedBy), '}')
}

// appendName appends ,"name": how an event is named, or null for none.
func appendName(dst []byte, name string, n tollbook.EventName) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	if n == (tollbook.EventName{}) {
		return append(dst, `":null`...)
	}
	dst = append(dst, `":{"source":`...)
	dst = appendString(dst, n.Source)
	dst = append(dst, `,"id":`...)
	return append(appendString(dst, n.ID), '}')
}

// appendCut appends which part of a rate's month a record is. Everything but
// units and amount is in increments.
func appendCut(dst []byte, c *tollbook.Cut) []byte {
	part := c.Line.Part(c.Part)
	start := decimal.Int{}
	if c.Part > 0 {
		start = c.Line.Tiers[c.Part-1].UpTo
	}
	dst = append(dst, `{"tier":`...)
	dst = strconv.AppendInt(dst, int64(c.Part+1), 10)
	dst = append(dst, `,"tiers":`...)
	dst = strconv.AppendInt(dst, int64(c.Line.Parts()), 10)
	dst = append(append(dst, `,"starts_after":`...), start.String()...)
	dst = append(dst, `,"ends_at":`...)
	if end := c.Line.Tiers[c.Part].UpTo; end.Sign() != 0 {
		dst = append(dst, end.String()...)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(append(dst, `,"booked_before":`...), c.Before.String()...)
	dst = append(append(dst, `,"increments":`...), c.Increments.String()...)
	dst = append(append(dst, `,"in_tier":`...), c.Share.String()...)
	dst = appendNumber(dst, "price_per_increment", part.PricePerIncrement)
	dst = appendNumber(dst, "increment", part.Increment)
	dst = appendNumber(dst, "number_of_units", part.Units(c.Share))
	return append(appendNumber(dst, "amount", part.Amount(c.Share)), '}')
}
