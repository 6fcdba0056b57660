package storetest

import (
	"cmp"
	"fmt"
	"math/big"
	"strings"

	"tollbook"
	"tollbook/decimal"
)

// trafficRow is one row of the traffic's rate card. It knows no more columns
// than the traffic needs, so that a scan of the rows is all that rating takes.
type trafficRow struct {
	resource    tollbook.UsageType
	direction   tollbook.Direction // 0: any
	country     string             // "": any
	prefix      string             // "": any
	description string
	product     string
	aggr        string
	wallet      string
	price       decimal.Decimal // of an increment
	increment   decimal.Decimal
	unit        tollbook.Unit
	currency    string
}

// trafficRows returns the traffic's card: calls by prefix and by country,
// messages by country, numbers, transcriptions and requests; no row for AMD,
// so that some events are unrated.
func trafficRows() []trafficRow {
	call := trafficRow{resource: tollbook.Call, direction: tollbook.Outbound, product: "P-CALL", aggr: "P-VOICE", wallet: "voice", unit: tollbook.Minutes, currency: "USD", description: "World", price: dec("0.5"), increment: dec("1")}
	rows := []trafficRow{call}
	for i, prefix := range []string{"1", "351", "3519", "35191", "44", "447", "44791", "4420", "81", "8190", "977"} {
		r := call
		r.prefix, r.description = prefix, "Prefix "+prefix
		r.price = decimal.New(decimal.NewUint(uint64(7*i+3)), 3)
		// One in three is billed by six seconds, at a price of its own.
		if i%3 == 0 {
			r.price, r.increment = r.price.Mul(dec("0.1")), dec("0.1")
		}
		// Two prefixes of one price and description share their records.
		if prefix == "44791" {
			r.description, r.price, r.increment = rows[len(rows)-1].description, rows[len(rows)-1].price.Mul(dec("0.5")), rows[len(rows)-1].increment.Mul(dec("0.5"))
		}
		rows = append(rows, r)
	}
	inbound := trafficRow{resource: tollbook.Call, direction: tollbook.Inbound, product: "P-CALL", unit: tollbook.Seconds, currency: "EUR", price: dec("1"), increment: dec("3")}
	for _, country := range []string{"", "GB", "PT"} {
		r := inbound
		r.country, r.description = country, "Inbound "+country
		r.description = strings.TrimSpace(r.description)
		rows = append(rows, r)
	}
	return append(rows,
		trafficRow{resource: tollbook.Message, product: "P-SMS", unit: tollbook.Segments, currency: "JPY", price: dec("3.000000000001"), increment: dec("1")},
		trafficRow{resource: tollbook.Message, country: "GB", product: "P-SMS", unit: tollbook.Segments, currency: "GBP", price: dec("0.04"), increment: dec("1")},
		trafficRow{resource: tollbook.Number, description: "SIP Number", product: "TD-LIC-APP-RC-101910", aggr: "TD-USG-TEL-UG-102213", wallet: "contact center", unit: tollbook.Numbers, currency: "USD", price: dec("1"), increment: dec("1")},
		trafficRow{resource: tollbook.SpeechTranscription, unit: tollbook.Minutes, currency: "USD", price: dec("0.0001"), increment: dec("0.25")},
		trafficRow{resource: tollbook.VoicemailTranscription, unit: tollbook.Seconds, currency: "USD", price: dec("0"), increment: dec("1")},
		trafficRow{resource: tollbook.APIRequest, product: "P-API", unit: tollbook.Requests, currency: "USD", price: dec("0.01"), increment: dec("1000")},
		trafficRow{resource: tollbook.CallService, direction: tollbook.OtherDirection, description: "Recording", unit: tollbook.Seconds, currency: "USD", price: dec("0.00002"), increment: dec("6")},
		trafficRow{resource: tollbook.Dialer, unit: tollbook.Seconds, currency: "USD", price: dec("0.03"), increment: dec("7")},
		trafficRow{resource: tollbook.ProductService, description: "Service", unit: tollbook.OtherUnit, currency: "EUR", price: dec("12.5"), increment: dec("1")},
		trafficRow{resource: tollbook.OtherType, unit: tollbook.OtherUnit, currency: "EUR", price: dec("0.1"), increment: dec("0.3")},
	)
}

// trafficCSV writes rows as a rate card.
func trafficCSV(rows []trafficRow) string {
	var b strings.Builder
	b.WriteString("resource,direction,country_code,prefixes,description,product_id,aggr_product_id,wallet_name,price_per_increment,increment,unit_of_measure,currency\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s\n", strings.ToLower(r.resource.String()), r.direction, r.country, r.prefix, r.description, r.product, r.aggr, r.wallet, r.price, r.increment, r.unit, r.currency)
	}
	return b.String()
}

// rate charges an event by the row that matches best: the longer prefix, then
// a country, then a direction. It is no rating.Card on purpose, which it
// checks.
func rate(rows []trafficRow, e *tollbook.Event) tollbook.Measured {
	var best *trafficRow
	for i := range rows {
		r := &rows[i]
		if r.resource != e.Type || r.direction != 0 && r.direction != e.Direction || r.country != "" && r.country != e.Country || !strings.HasPrefix(numberDigits(e.To), r.prefix) {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(len(r.prefix), len(best.prefix)), cmp.Compare(len(r.country), len(best.country)), cmp.Compare(r.direction, best.direction)) > 0 {
			best = r
		}
	}
	if best == nil {
		return tollbook.Measured{Unrated: tollbook.NoRate}
	}
	quantity := ratOf(e.Quantity)
	switch {
	case e.Unit == best.unit:
	case e.Unit == tollbook.Seconds && best.unit == tollbook.Minutes:
		quantity.Quo(quantity, big.NewRat(60, 1))
	case e.Unit == tollbook.Minutes && best.unit == tollbook.Seconds:
		quantity.Mul(quantity, big.NewRat(60, 1))
	default:
		return tollbook.Measured{Unrated: tollbook.UnitMismatch}
	}
	line := tollbook.NewLine(tollbook.Grouping{
		ProductID: cmp.Or(best.product, e.ProductID), AggrProductID: cmp.Or(best.aggr, e.AggrProductID), Type: e.Type, Description: cmp.Or(best.description, e.Description),
		Currency: best.currency, Direction: e.Direction, Resolution: e.Resolution, Unit: best.unit, WalletName: cmp.Or(best.wallet, e.WalletName),
	}, best.price, best.increment)
	return tollbook.Measured{Charges: []tollbook.Charge{{Line: line, Increments: ceil(quantity.Quo(quantity, ratOf(best.increment)))}}}
}

// numberDigits leaves out of a telephone number what rating leaves out.
func numberDigits(to string) string {
	return strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "").Replace(strings.TrimPrefix(to, "+"))
}

// ceil returns the least whole number that is not less than r ≥ 0.
func ceil(r *big.Rat) decimal.Int {
	n, rest := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		n.Add(n, big.NewInt(1))
	}
	return dec(n.String()).Coef()
}
