package wire

import (
	"time"

	"tollbook"
)

// AppendEvent appends an event in its normal form as a JSON object that
// Decode reads back to the same event: the fields in one order, those that
// are absent left out, quantity and price as JSON numbers with all their
// digits, the instant in UTC. CloudEventType is not part of it.
func AppendEvent(dst []byte, e *tollbook.Event) []byte {
	dst = append(dst, '{')
	dst = appendText(dst, fieldID, e.ID)
	dst = appendText(dst, fieldSource, e.Source)
	dst = appendText(dst, fieldAccountID, e.AccountID)
	dst = append(appendName(dst, fieldOccurredAt), '"')
	dst = append(e.OccurredAt.UTC().AppendFormat(dst, time.RFC3339Nano), '"')
	dst = appendText(dst, fieldType, e.Type.String())
	dst = e.Quantity.Append(appendName(dst, fieldQuantity))
	dst = appendText(dst, fieldUnit, e.Unit.String())
	dst = appendText(dst, fieldDirection, e.Direction.String())
	dst = appendText(dst, fieldResolution, e.Resolution.String())
	dst = appendText(dst, fieldSubtype, e.Subtype)
	dst = appendText(dst, fieldDescription, e.Description)
	dst = appendText(dst, fieldProductID, e.ProductID)
	dst = appendText(dst, fieldAggrProductID, e.AggrProductID)
	dst = appendText(dst, fieldFrom, e.From)
	dst = appendText(dst, fieldTo, e.To)
	dst = appendText(dst, fieldCountry, e.Country)
	dst = appendText(dst, fieldCategory, e.Category)
	if e.Priced {
		dst = e.Price.Append(appendName(dst, fieldPrice))
	}
	dst = appendText(dst, fieldCurrency, e.Currency)
	dst = appendText(dst, fieldWalletName, e.WalletName)
	if len(e.Attributes) > 0 {
		dst = appendAttributes(appendName(dst, fieldAttributes), e.Attributes)
	}
	return append(dst, '}')
}

// appendName appends the name of a field and what separates it from its
// value and from the field before.
func appendName(dst []byte, f field) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, eventNames[f]...)
	return append(dst, '"', ':')
}

// appendText appends a field that is text, unless it is absent.
func appendText(dst []byte, f field, s string) []byte {
	if s == "" {
		return dst
	}
	return appendQuoted(appendName(dst, f), s)
}

func appendAttributes(dst []byte, attributes []tollbook.Attribute) []byte {
	dst = append(dst, '{')
	for i, a := range attributes {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendQuoted(dst, a.Key)
		dst = append(dst, ':')
		dst = appendQuoted(dst, a.Value)
	}
	return append(dst, '}')
}
