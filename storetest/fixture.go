package storetest

import (
	"fmt"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// NewEntry returns the entry of an event that was measured: what a caller of
// Post makes of it where no month is closed.
func NewEntry(organizationID string, e *tollbook.Event, month tollbook.Month, m tollbook.Measured) tollbook.Entry {
	normal := e.AppendNormal(nil)
	return tollbook.Entry{
		Event: e, OrganizationID: organizationID, Claim: tollbook.ClaimOf(organizationID, e.Source, e.ID),
		Fingerprint: tollbook.Fingerprint(normal), Normal: normal, Home: month, Booked: month, Measured: m,
	}
}

// The two organizations of the conformance tests, with an account each, and
// their months: calls are made in august, where nothing else is said.
const (
	acme       = "acme"
	acmeOffice = "acme-office"
	globex     = "globex"
	globexShop = "globex-shop"

	july      = "2023-07"
	august    = "2023-08"
	september = "2023-09"
	october   = "2023-10"
)

// instant reads RFC 3339; the tests' own texts are well-formed.
func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

// dec reads a decimal; the tests' own texts are well-formed.
func dec(s string) decimal.Decimal {
	d, err := decimal.Parse(s, decimal.MaxScale/2, decimal.MaxScale/2)
	if err != nil {
		panic(fmt.Sprintf("%q: %v", s, err))
	}
	return d
}

// call returns an outbound call of acme's office in August 2023, 90 s long.
func call(id string, change ...func(e *tollbook.Event)) *tollbook.Event {
	e := &tollbook.Event{
		ID: id, Source: "switch-1", AccountID: acmeOffice, OccurredAt: instant("2023-08-10T12:00:00.000000001Z"),
		Type: tollbook.Call, Quantity: dec("90"), Unit: tollbook.Seconds, Direction: tollbook.Outbound, Resolution: tollbook.Answered,
		From: "+351210000000", To: "+442079460000", Country: "GB",
		Attributes: []tollbook.Attribute{{Key: "queue", Value: "sales"}, {Key: "trunk", Value: "7"}},
	}
	for _, f := range change {
		f(e)
	}
	return e
}

// ofGlobex makes an event one of globex's shop.
func ofGlobex(e *tollbook.Event) { e.AccountID = globexShop }

// at moves an event to another instant.
func at(s string) func(e *tollbook.Event) {
	return func(e *tollbook.Event) { e.OccurredAt = instant(s) }
}

// in moves an event to another month.
func in(month string) func(e *tollbook.Event) { return at(month + "-10T12:00:00Z") }

// lasting gives an event another quantity.
func lasting(quantity string) func(e *tollbook.Event) {
	return func(e *tollbook.Event) { e.Quantity = dec(quantity) }
}

// callGroup returns what the records of outbound calls agree in.
func callGroup(product string) tollbook.Grouping {
	return tollbook.Grouping{
		ProductID: product, AggrProductID: "TD-USG-TEL-UG-102213", Type: tollbook.Call, Description: "Outbound call", Currency: "USD",
		Direction: tollbook.Outbound, Resolution: tollbook.Answered, Unit: tollbook.Minutes, WalletName: "contact center",
	}
}

// perMinute is the line of calls that cost 0.012 a minute, in whole minutes.
func perMinute() *tollbook.Line { return tollbook.NewLine(callGroup("P-CALL"), dec("0.012"), dec("1")) }

// perTenth costs the same, in steps of 6 seconds.
func perTenth() *tollbook.Line {
	return tollbook.NewLine(callGroup("P-CALL"), dec("0.0012"), dec("0.1"))
}

// rated returns an entry with one charge. The organization and the month
// follow from the event, whose account is in UTC.
func rated(e *tollbook.Event, l *tollbook.Line, increments uint64) tollbook.Entry {
	return charged(e, tollbook.Charge{Line: l, Increments: decimal.NewUint(increments)})
}

func charged(e *tollbook.Event, charges ...tollbook.Charge) tollbook.Entry {
	rate := tollbook.Rate{CardID: "standard", Version: 3, Row: 17, Prefix: "44"}
	return entry(e, tollbook.Measured{Charges: charges, Rate: rate})
}

// inTiers is the line of calls of which the first 10 minutes of a month are
// free and the next 90 cost 0.02; those behind them 0.012, as perMinute does.
func inTiers() *tollbook.Line {
	return tollbook.NewTieredLine(callGroup("P-CALL"), dec("1"), []tollbook.Tier{
		{UpTo: decimal.NewInt(10)}, {UpTo: decimal.NewInt(100), PricePerIncrement: dec("0.02")}, {PricePerIncrement: dec("0.012")},
	})
}

// fee is the line of a setup fee: 0.5 for each call.
func fee() *tollbook.Line { return tollbook.NewLine(callGroup("P-FEE"), dec("0.5"), dec("1")) }

// withFee returns an entry with two charges: increments of a line, and a fee.
func withFee(e *tollbook.Event, l *tollbook.Line, increments int64) tollbook.Entry {
	return charged(e, tollbook.Charge{Line: l, Increments: decimal.NewInt(increments)}, tollbook.Charge{Line: fee(), Increments: decimal.NewInt(1)})
}

// unrated returns an entry without charges.
func unrated(e *tollbook.Event) tollbook.Entry {
	return entry(e, tollbook.Measured{Unrated: tollbook.NoRate})
}

func entry(e *tollbook.Event, m tollbook.Measured) tollbook.Entry {
	org := acme
	if e.AccountID == globexShop {
		org = globex
	}
	return NewEntry(org, e, tollbook.MonthOf(e.OccurredAt), m)
}

// bookedIn makes an entry one that counts in the records of a later month.
func bookedIn(month string, e tollbook.Entry) tollbook.Entry {
	e.Booked = mustMonth(month)
	return e
}

// mustMonth reads YYYY-MM; the tests' own texts are well-formed.
func mustMonth(s string) tollbook.Month {
	m, err := tollbook.ParseMonth(s)
	if err != nil {
		panic(err)
	}
	return m
}
