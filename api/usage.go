package api

import (
	"net/http"

	"tollbook"
	"tollbook/book"
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
	p, q := pageParams(r, "as_of")
	at := p.instant("as_of")
	if err := p.err(); err != nil {
		return err
	}
	var page book.UsagePage
	if at == nil {
		page, err = view.Usage(r.Context(), q)
	} else {
		page, err = view.UsageAsOf(r.Context(), q, *at)
	}
	if err != nil {
		return err
	}
	base := s.base(r)
	body := make([]byte, 0, 2048+len(page.Records)*1024)
	body = appendPage(body, page.PageInfo, s.linksOf(r, q, page.PageInfo, "as_of"), true)
	body = appendTime(body, "as_of", page.AsOf)
	if page.Mark != nil {
		body = appendValue(body, "mark", page.Mark)
	}
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
