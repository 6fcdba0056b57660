package wire

import (
	"fmt"
	"strings"

	"tollbook"
)

// setText gives a field the value that is written as s, which is not empty
// and not what a JSON number wrote.
func (b *builder) setText(f field, s string) {
	b.given |= f.bit()
	if p := b.freeText(f); p != nil {
		*p = s
		if len(s) > min(tollbook.MaxNameBytes, tollbook.MaxTextBytes) {
			b.checkLength(f, s, p)
		}
		return
	}
	var ok bool
	switch e := b.event; f {
	case fieldQuantity, fieldPrice:
		b.setNumber(f, s)
	case fieldOccurredAt:
		b.setInstant(s)
	case fieldType:
		if e.Type, ok = tollbook.ParseUsageType(s); !ok {
			b.notOneOf(f, tollbook.UsageTypes(), s)
		}
	case fieldUnit:
		if e.Unit, ok = tollbook.ParseUnit(s); !ok {
			b.notOneOf(f, tollbook.Units(), s)
		}
	case fieldDirection:
		if e.Direction, ok = tollbook.ParseDirection(s); !ok {
			b.notOneOf(f, tollbook.Directions(), s)
		}
	case fieldResolution:
		if e.Resolution, ok = tollbook.ParseResolution(s); !ok {
			b.notOneOf(f, tollbook.Resolutions(), s)
		}
	case fieldCurrency:
		b.setCurrency(s)
	case fieldSpecVersion:
		if s != "1.0" {
			b.refuse(f, `must be "1.0", not `+quoted(s))
		}
	case fieldDataContentType:
		if !isJSONType(s) {
			b.refuse(f, "must be a JSON media type, not "+quoted(s))
		}
	case fieldDataSchema: // says nothing about usage
	}
}

// freeText returns where a field is kept whose value may be any text, nil for
// other fields.
func (b *builder) freeText(f field) *string {
	e := b.event
	switch f {
	case fieldID:
		return &e.ID
	case fieldSource:
		return &e.Source
	case fieldAccountID:
		return &e.AccountID
	case fieldSubtype:
		return &e.Subtype
	case fieldDescription:
		return &e.Description
	case fieldProductID:
		return &e.ProductID
	case fieldAggrProductID:
		return &e.AggrProductID
	case fieldFrom:
		return &e.From
	case fieldTo:
		return &e.To
	case fieldCountry:
		return &e.Country
	case fieldCategory:
		return &e.Category
	case fieldWalletName:
		return &e.WalletName
	case fieldCloudEventType:
		return &e.CloudEventType
	}
	return nil
}

// checkLength refuses a free text, kept at p, that is too long.
func (b *builder) checkLength(f field, s string, p *string) {
	most := tollbook.MaxTextBytes
	if f == fieldID || f == fieldSource {
		most = tollbook.MaxNameBytes
	}
	if len(s) > most {
		*p = "" // so that the error does not repeat it as the event's name
		b.refuse(f, tooLong(len(s), most))
	}
}

func tooLong(n, most int) string {
	return fmt.Sprintf("has %d bytes; at most %d are taken", n, most)
}

// setNumber sets the quantity or the price.
func (b *builder) setNumber(f field, s string) {
	b.given |= f.bit()
	d, problem := parseDecimal(s)
	switch {
	case problem != "":
		b.refuse(f, problem)
	case f == fieldQuantity:
		b.event.Quantity = d
	default:
		b.event.Price, b.event.Priced = d, true
	}
}

func (b *builder) setCurrency(s string) {
	if s != b.currency {
		if !tollbook.ValidCurrency(s) {
			b.refuse(fieldCurrency, "must be an ISO 4217 code in capital letters such as USD, not "+quoted(s))
			return
		}
		b.currency = s
	}
	b.event.Currency = s
}

func (b *builder) setInstant(s string) {
	t, problem := parseInstant(s)
	switch {
	case problem != "":
		b.refuse(fieldOccurredAt, problem)
	case t.After(b.latest):
		b.refuse(fieldOccurredAt, "is more than 24 hours ahead of the server's clock")
	}
	b.event.OccurredAt = t
}

func (b *builder) notOneOf(f field, allowed []string, s string) {
	b.refuse(f, "must be one of "+strings.Join(allowed, ", ")+", not "+quoted(s))
}
