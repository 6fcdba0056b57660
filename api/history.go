package api

import (
	"context"
	"encoding/json"
	"net/http"

	"tollbook"
	"tollbook/book"
	"tollbook/decimal"
)

// eventReader is the right to see an event by its name.
type eventReader interface {
	Event(ctx context.Context, accountID string, name tollbook.EventName) (book.EventHistory, error)
}

// eventHistory serves GET /v1/events/history: one event, with all that was
// said of it.
func (s *server) eventHistory(w http.ResponseWriter, r *http.Request) error {
	g, err := s.grant(r)
	if err != nil {
		return err
	}
	var reader eventReader
	operator := g.Client.OrganizationID == nil
	if operator {
		reader, err = s.Book.Operator(g)
	} else {
		reader, err = s.Book.View(g, tollbook.ScopeUsageRead)
	}
	if err != nil {
		return err
	}
	p := readParams(r, "source", "id", "account_id")
	name := tollbook.EventName{Source: p.required("source", tollbook.MaxNameBytes), ID: p.required("id", tollbook.MaxNameBytes)}
	account := p.filled("account_id", maxIDChars)
	if operator && !p.values.Has("account_id") {
		p.fault("account_id", "is required of an operator")
	}
	if err := p.err(); err != nil {
		return err
	}
	h, err := reader.Event(r.Context(), account, name)
	if err != nil {
		return err
	}
	writeBody(w, http.StatusOK, typeJSON, append(appendHistory(nil, &h), '\n'))
	return nil
}

func appendHistory(dst []byte, h *book.EventHistory) []byte {
	latest := &h.Words[0]
	dst = append(dst, `{"organization_id":`...)
	dst = appendString(dst, latest.OrganizationID)
	dst = append(dst, `,"status":`...)
	dst = appendString(dst, statusOf(latest))
	dst = append(dst, `,"event":`...)
	dst = append(openEvent(dst, &latest.Event), '}')
	dst = appendMonth(dst, "home_month", latest.Home)
	dst = appendName(dst, "replaces", h.Replaces)
	replacedBy := tollbook.EventName{}
	if latest.Void != nil {
		replacedBy = latest.Void.ReplacedBy
	}
	dst = appendName(dst, "replaced_by", replacedBy)
	dst = append(dst, `,"history":[`...)
	for i := range h.Words {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"word":`...)
		dst = appendString(dst, wordOf(&h.Words[i]))
		dst = append(appendWord(dst, &h.Words[i]), '}')
	}
	return append(dst, ']', '}')
}

// statusOf says what holds of an event.
func statusOf(latest *tollbook.BookedEvent) string {
	switch {
	case latest.Void != nil:
		return "voided"
	case len(latest.Charges) == 0:
		return "unrated"
	}
	return "counted"
}

// wordOf names what was said of an event.
func wordOf(b *tollbook.BookedEvent) string {
	switch {
	case b.Void != nil:
		return "voided"
	case b.Ref == b.Came:
		return "accepted"
	}
	return "rerated"
}

// charge is what an event counts for, in one line of a rate.
type charge struct {
	Type              string           `json:"type"`
	Description       string           `json:"description"`
	ProductID         string           `json:"product_id"`
	Currency          string           `json:"currency"`
	Unit              string           `json:"unit"`
	Increments        json.Number      `json:"increments"`
	Increment         decimal.Decimal  `json:"increment"`
	NumberOfUnits     decimal.Decimal  `json:"number_of_units"`
	PricePerIncrement *decimal.Decimal `json:"price_per_increment"` // null: tiers, which cut a month and not an event
	Amount            *decimal.Decimal `json:"amount"`              // likewise
	RecordIDs         []string         `json:"record_ids"`          // those that the line shows in, one for each tier
}

func chargeOf(b *tollbook.BookedEvent, c tollbook.Charge) charge {
	l := c.Line
	out := charge{
		Type: l.Type.String(), Description: l.Description, ProductID: l.ProductID, Currency: l.Currency, Unit: l.Unit.String(),
		Increments: json.Number(c.Increments.String()), Increment: l.Increment, NumberOfUnits: l.Units(c.Increments),
	}
	if l.Parts() == 1 {
		price, amount := l.PricePerIncrement, l.Amount(c.Increments)
		out.PricePerIncrement, out.Amount = &price, &amount
	}
	for i := range l.Parts() {
		out.RecordIDs = append(out.RecordIDs, tollbook.RecordIDOf(b.AccountID, b.Booked, &l.Part(i).Grouping).String())
	}
	return out
}

// appendWord appends what one word about an event says.
func appendWord(dst []byte, b *tollbook.BookedEvent) []byte {
	dst = appendMonth(dst, "booked_month", b.Booked)
	dst = append(dst, `,"reason":`...)
	if b.Unrated != 0 && b.Void == nil {
		dst = appendString(dst, b.Unrated.String())
	} else {
		dst = append(dst, "null"...)
	}
	if b.Rate == (tollbook.Rate{}) {
		dst = append(dst, `,"rate":null`...)
	} else {
		dst = appendRow(append(dst, `,"rate":{`...), b.Rate)
		dst = append(dst, '}')
	}
	charges := make([]charge, len(b.Charges))
	for i, c := range b.Charges {
		charges[i] = chargeOf(b, c)
	}
	return appendVoid(appendValue(dst, "charges", charges), b.Void)
}
