package demo

import (
	"encoding/csv"
	"slices"
	"strings"

	"tollbook"
	"tollbook/decimal"
)

// Card is a rate card.
type Card struct {
	ID  string
	CSV []byte
}

// currency is one that usage is priced in.
type currency struct {
	code string
	card string // its rate card
	// A US dollar is about times ÷ 100 of it. Cards are price lists of their
	// own, so this is what somebody settled on once, not a rate of exchange.
	times int64
}

var currencies = []currency{
	{"USD", "standard-usd", 100},
	{"EUR", "standard-eur", 92},
	{"GBP", "standard-gbp", 79},
	{"JPY", "standard-jpy", 15000},
}

const (
	walletVoice   = "contact center"
	walletMessage = "messaging"
)

// header are the columns of the cards, in the order of row's fields.
var header = []string{"resource", "description", "direction", "type", "country_code", "category", "prefixes", "price_per_increment", "increment",
	"unit_of_measure", "currency", "product_id", "aggr_product_id", "wallet_name", "effective_from", "effective_to"}

// row is a rate. Its price is in millionths of a dollar for a whole unit, its
// increment in hundredths of a unit.
type row struct {
	resource                          tollbook.UsageType
	description                       string
	direction, subtype, iso, category string
	prefixes                          string
	price                             int64
	increment                         int64
	unit                              tollbook.Unit
	wallet                            string
	from, to                          string
}

// cards returns one card for each currency. New text message prices hold from
// priceChange on, a date.
func cards(priceChange string) []Card {
	rows := append(callRows(), otherRows(priceChange)...)
	var all []Card
	for _, c := range currencies {
		var b strings.Builder
		out := csv.NewWriter(&b)
		_ = out.Write(header) // a strings.Builder takes everything
		for _, r := range rows {
			_ = out.Write(r.cells(c))
		}
		out.Flush()
		all = append(all, Card{c.card, []byte(b.String())})
	}
	return all
}

func (r *row) cells(c currency) []string {
	// Millionths of a dollar, times a hundredth, by hundredths of a unit.
	perIncrement := decimal.New(decimal.NewInt(r.price*c.times*r.increment), 10)
	increment := decimal.New(decimal.NewInt(r.increment), 2)
	p := productOf(r.resource)
	return []string{strings.ToLower(r.resource.String()), r.description, r.direction, r.subtype, r.iso, r.category, r.prefixes, perIncrement.String(),
		increment.String(), r.unit.String(), c.code, p.id, p.aggregated, r.wallet, r.from, r.to}
}

// callRows are the rates of calls to every country: one for its calling codes
// and one for each first digit behind the first of them.
func callRows() []row {
	const dearest = 60 // steps of a price, the last one for places far from everywhere
	all := countries()
	taken := map[string]bool{}
	for _, c := range all {
		for _, code := range c.codes {
			taken[code] = true
		}
	}
	var rows []row
	for i, c := range all {
		base := 9000 + int64(i*37%dearest)*3100 // a minute
		if slices.Contains(oftenCalled, c.iso) {
			base = 9000 + int64(i*37%dearest)*250
		}
		increment := []int64{100, 50, 10}[i%3]
		rate := func(description, prefixes string, price int64) {
			rows = append(rows, row{resource: tollbook.Call, description: description, direction: "outbound", prefixes: prefixes,
				price: price, increment: increment, unit: tollbook.Minutes, wallet: walletVoice})
		}
		name := "Calls to " + c.name
		rate(name, strings.Join(c.codes, ";"), base)
		for digit := '1'; digit <= '9'; digit++ {
			prefix := c.codes[0] + string(digit)
			switch {
			case taken[prefix]: // another country's, such as 77 under 7
			case prefix[0] == '1': // North America's numbers do not tell mobiles
				rate(name, prefix, base)
			case digit == '8':
				rate(name+", shared cost", prefix, base*3/2)
			case digit == '6' || digit == '7' || digit == '9':
				rate(name+", mobile", prefix, base*5/2)
			default:
				rate(name, prefix, base)
			}
		}
	}
	return rows
}

// otherRows are the rates of everything else.
func otherRows(priceChange string) []row {
	sms := func(iso, direction string, price int64) row {
		return row{resource: tollbook.Message, description: "SMS", direction: direction, subtype: "sms", iso: iso, price: price, increment: 100, unit: tollbook.Segments, wallet: walletMessage}
	}
	before, after := sms("", "outbound", 8500), sms("", "outbound", 7900)
	before.to, after.from = priceChange, priceChange
	number := func(description, category string, price int64) row {
		return row{resource: tollbook.Number, description: description, category: category, price: price, increment: 100, unit: tollbook.Numbers, wallet: walletVoice}
	}
	timed := func(t tollbook.UsageType, description, subtype string, price, increment int64) row {
		return row{resource: t, description: description, subtype: subtype, price: price, increment: increment, unit: tollbook.Minutes, wallet: walletVoice}
	}
	inbound := func(description, iso, category string, price int64) row {
		return row{resource: tollbook.Call, description: description, direction: "inbound", iso: iso, category: category, price: price, increment: 100, unit: tollbook.Minutes, wallet: walletVoice}
	}
	return []row{
		inbound("Inbound calls", "", "", 8500),
		inbound("Inbound toll-free calls", "", "toll-free", 22000),
		inbound("Inbound toll-free calls, US", "US", "toll-free", 14000),
		inbound("Inbound toll-free calls, GB", "GB", "toll-free", 31000),
		before, after,
		sms("US", "outbound", 7500), sms("JP", "outbound", 68000), sms("DE", "outbound", 82000),
		sms("", "inbound", 7500),
		{resource: tollbook.Message, description: "MMS", subtype: "mms", price: 20000, increment: 100, unit: tollbook.Segments, wallet: walletMessage},
		number("SIP Number", "", 1_000_000), number("Toll-free number", "toll-free", 2_150_000),
		timed(tollbook.CallService, "Call recording", "recording", 2500, 100),
		timed(tollbook.CallService, "Conference", "conference", 1800, 100),
		timed(tollbook.Dialer, "Dialer", "", 4000, 10),
		timed(tollbook.SpeechTranscription, "Speech transcription", "", 24000, 25),
		timed(tollbook.VoicemailTranscription, "Voicemail transcription", "", 50000, 100),
		{resource: tollbook.AMD, description: "Answering machine detection", price: 1200, increment: 100, unit: tollbook.Seconds, wallet: walletVoice},
		{resource: tollbook.APIRequest, description: "API requests", price: 40, increment: 10_000, unit: tollbook.Requests},
		{resource: tollbook.OtherType, description: "Storage", price: 23000, increment: 10, unit: tollbook.GB},
	}
}
