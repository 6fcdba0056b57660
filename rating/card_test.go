package rating

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// dec reads a decimal that the test writes down itself.
func dec(s string) decimal.Decimal {
	d, err := decimal.Parse(s, 38, 38)
	if err != nil {
		panic(err)
	}
	return d
}

// card compiles a card that must be without error.
func card(t testing.TB, lines ...string) *Card {
	t.Helper()
	table, errs := ParseCard(strings.Join(lines, "\n"))
	if len(errs) > 0 {
		t.Fatalf("ParseCard: %v", errs)
	}
	return Compile("standard", 3, table)
}

func calendar(t testing.TB, zone string) *tollbook.Calendar {
	t.Helper()
	c, err := tollbook.NewCalendar([]tollbook.ZoneFrom{{TimeZone: zone}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The example of the public Billing Insights API reference: 5 units of a SIP
// number at 1 USD come to 5.
func TestMeasureReferenceExample(t *testing.T) {
	c := card(t,
		"resource,description,direction,price_per_increment,increment,unit_of_measure,currency,product_id,aggr_product_id,wallet_name",
		"number,SIP Number,inbound,1,1,minutes,usd,TD-LIC-APP-RC-101910,TD-USG-TEL-UG-102213,contact center",
	)
	e := &tollbook.Event{Type: tollbook.Number, Direction: tollbook.Inbound, Quantity: dec("5"), Unit: tollbook.Minutes, OccurredAt: time.Date(2023, 8, 1, 0, 0, 0, 0, time.UTC)}
	charges, rate, why := c.Measure(nil, e, calendar(t, "UTC"))
	if why != 0 || len(charges) != 1 {
		t.Fatalf("%v charges, %v", len(charges), why)
	}
	want := tollbook.Grouping{
		ProductID: "TD-LIC-APP-RC-101910", AggrProductID: "TD-USG-TEL-UG-102213", Type: tollbook.Number, Description: "SIP Number",
		Currency: "USD", Direction: tollbook.Inbound, Unit: tollbook.Minutes, Price: dec("1"), WalletName: "contact center",
	}
	l, n := charges[0].Line, charges[0].Increments
	if l.Grouping != want {
		t.Errorf("grouping %+v\nwant %+v", l.Grouping, want)
	}
	if units, amount := l.Units(n), l.Amount(n); units != dec("5") || amount != dec("5") {
		t.Errorf("%s units cost %s, want 5 and 5", units, amount)
	}
	if want := (tollbook.Rate{CardID: "standard", Version: 3, Row: 2}); rate != want {
		t.Errorf("rate %+v, want %+v", rate, want)
	}
}

func TestMeasureIncrements(t *testing.T) {
	for _, tt := range []struct {
		quantity      string
		unit          tollbook.Unit
		price, step   string
		rateUnit      string
		units, amount string // "" and the reason
	}{
		{"60", tollbook.Seconds, "0.6", "60", "seconds", "60", "0.6"},
		{"61", tollbook.Seconds, "0.6", "60", "seconds", "120", "1.2"},
		{"1", tollbook.Seconds, "0.6", "60", "seconds", "60", "0.6"},
		{"0", tollbook.Seconds, "0.6", "60", "seconds", "0", "0"},
		{"0.000000000001", tollbook.Seconds, "0.6", "60", "seconds", "60", "0.6"},
		{"7", tollbook.Seconds, "0.01", "6", "seconds", "12", "0.02"},
		{"61", tollbook.Seconds, "0.5", "1", "minutes", "2", "1"},
		{"60", tollbook.Seconds, "0.5", "1", "minutes", "1", "0.5"},
		{"6", tollbook.Seconds, "0.001", "0.1", "minutes", "0.1", "0.001"},
		{"6.01", tollbook.Seconds, "0.001", "0.1", "minutes", "0.2", "0.002"},
		{"1", tollbook.Seconds, "3", "0.000000000001", "minutes", "0.016666666667", "50000000001"},
		{"1.5", tollbook.Minutes, "0.02", "6", "seconds", "90", "0.3"},
		{"1.51", tollbook.Minutes, "0.02", "6", "seconds", "96", "0.32"},
		{"3", tollbook.Segments, "0.0075", "1", "", "3", "0.0225"},
		{"2.5", tollbook.GB, "1", "1", "gb", "3", "3"},
		{"3", tollbook.Segments, "1", "1", "minutes", "", "unit_mismatch"},
		{"3", tollbook.Minutes, "1", "1", "gb", "", "unit_mismatch"},
		{"1000000000000000", tollbook.Seconds, "1", "1", "seconds", "1000000000000000", "1000000000000000"},
		{"1000000000000000.1", tollbook.Seconds, "1", "1", "seconds", "", "too_many_increments"},
		{"999999999999999999", tollbook.Seconds, "1", "0.000000000001", "minutes", "", "too_many_increments"},
	} {
		c := card(t, "price_per_increment,increment,unit_of_measure,currency", fmt.Sprintf("%s,%s,%s,EUR", tt.price, tt.step, tt.rateUnit))
		e := &tollbook.Event{Type: tollbook.Call, Quantity: dec(tt.quantity), Unit: tt.unit}
		charges, rate, why := c.Measure(nil, e, calendar(t, "UTC"))
		if tt.units == "" {
			if why.String() != tt.amount || len(charges) != 0 || rate != (tollbook.Rate{}) {
				t.Errorf("%s %v by %s %s: %v, want %s", tt.quantity, tt.unit, tt.step, tt.rateUnit, why, tt.amount)
			}
			continue
		}
		if why != 0 {
			t.Errorf("%s %v by %s %s: %v", tt.quantity, tt.unit, tt.step, tt.rateUnit, why)
			continue
		}
		l, n := charges[0].Line, charges[0].Increments
		if units, amount := l.Units(n), l.Amount(n); units != dec(tt.units) || amount != dec(tt.amount) {
			t.Errorf("%s %v by %s %s: %s units cost %s, want %s and %s", tt.quantity, tt.unit, tt.step, tt.rateUnit, units, amount, tt.units, tt.amount)
		}
	}
}

// Each event is rounded up by itself.
func TestMeasureRoundsEachEvent(t *testing.T) {
	c := card(t, "price_per_increment,increment,unit_of_measure,currency", "0.01,60,seconds,USD")
	var charges []tollbook.Charge
	for range 3 {
		charges, _, _ = c.Measure(charges, &tollbook.Event{Type: tollbook.Call, Quantity: dec("20"), Unit: tollbook.Seconds}, calendar(t, "UTC"))
	}
	sum := decimal.NewInt(0)
	for _, ch := range charges {
		if ch.Line != charges[0].Line {
			t.Error("the same events have different lines")
		}
		sum = sum.Add(ch.Increments)
	}
	if units := charges[0].Line.Units(sum); units != dec("180") {
		t.Errorf("3 × 20 seconds are %s seconds, want 180", units)
	}
}

// rowOf returns the line of the row that prices an event, 0 for none.
func rowOf(t *testing.T, c *Card, e tollbook.Event) (int, string) {
	t.Helper()
	e.Quantity, e.Unit = dec("1"), tollbook.Seconds
	if e.Type == 0 {
		e.Type = tollbook.Call
	}
	_, rate, why := c.Measure(nil, &e, calendar(t, "Europe/Berlin"))
	if (why == 0) != (rate.Row != 0) {
		t.Errorf("row %d, reason %v", rate.Row, why)
	}
	return rate.Row, rate.Prefix
}

func TestPrefixes(t *testing.T) {
	c := card(t,
		"resource,direction,prefixes,price_per_increment,increment,currency", // 1
		"call,outbound,1;+44 20,1,1,USD",                                     // 2
		"call,outbound,44,1,1,USD",                                           // 3
		"call,outbound,4420 7946-0(18),1,1,USD",                              // 4
		"call,,44207,1,1,USD",                                                // 5
		"call,,,1,1,USD",                                                     // 6
		"message,,442079,1,1,USD",                                            // 7
		"call,,12345678901234567890123456789012,1,1,USD",                     // 8
	)
	for _, tt := range []struct {
		to     string
		row    int
		prefix string
	}{
		{"+15551234567", 2, "1"},
		{"15551234567", 2, "1"},
		{"+44 (20) 1234", 2, "4420"},
		{"+44.20-7", 5, "44207"},
		{"+442079", 5, "44207"}, // what is longer is for messages
		{"+44 20 7946 018", 4, "44207946018"},
		{"442079460180000000000000000000000000000000000000000", 4, "44207946018"},
		{"+4", 6, ""},
		{"44", 3, "44"},
		{"+4419", 3, "44"},
		{"49", 6, ""},
		{"", 6, ""},
		{"  ", 6, ""},
		{"sip:44@example.org", 6, ""},
		{"44x", 6, ""},
		{"++44", 6, ""},
		{"4+4", 6, ""},
		{"12345678901234567890123456789012", 8, "12345678901234567890123456789012"},
		{"123456789012345678901234567890129", 8, "12345678901234567890123456789012"},
		{"1234567890123456789012345678901", 2, "1"},
		{"12345678901234567890123456789013", 2, "1"},
	} {
		row, prefix := rowOf(t, c, tollbook.Event{To: tt.to, Direction: tollbook.Outbound})
		if row != tt.row || prefix != tt.prefix {
			t.Errorf("to %q: row %d by prefix %q, want %d by %q", tt.to, row, prefix, tt.row, tt.prefix)
		}
	}
}

// An inbound call takes country and category, else country alone, else the
// row with neither.
func TestPrecedence(t *testing.T) {
	c := card(t,
		"resource,direction,country_code,category,type,resolutions,description,product_id,price_per_increment,increment,currency", // 1
		"call,inbound,US,toll-free,,,,,1,1,USD",        // 2
		"call,inbound,us,,,,,,1,1,USD",                 // 3
		"call,inbound,,,,,,,1,1,USD",                   // 4
		"call,inbound,,Toll-Free,,,,,1,1,USD",          // 5
		"call,inbound,DE,,pstn,,,,1,1,USD",             // 6
		"call,inbound,DE,,,missed;Voicemail,,,1,1,USD", // 7
		"call,outbound,,,,answered,,,1,1,USD",          // 8
		"call,,,,,answered,,,1,1,USD",                  // 9
		"message,,,,,,SMS,,1,1,USD",                    // 10
		"message,,,,,,,P,1,1,USD",                      // 11
		"message,,,,,,,,1,1,USD",                       // 12
		"dialer,,,straße,,,,,1,1,USD",                  // 13
	)
	for _, tt := range []struct {
		event tollbook.Event
		row   int
	}{
		{tollbook.Event{Direction: tollbook.Inbound, Country: "US", Category: "TOLL-FREE"}, 2},
		{tollbook.Event{Direction: tollbook.Inbound, Country: "uS", Category: "local"}, 3},
		{tollbook.Event{Direction: tollbook.Inbound, Country: "US"}, 3},
		{tollbook.Event{Direction: tollbook.Inbound, Country: "FR", Category: "local"}, 4},
		{tollbook.Event{Direction: tollbook.Inbound, Country: "FR", Category: "toll-free"}, 5},
		{tollbook.Event{Direction: tollbook.Inbound}, 4},
		{tollbook.Event{Direction: tollbook.Inbound, Country: "DE", Subtype: "PSTN", Resolution: tollbook.Missed}, 6},
		{tollbook.Event{Direction: tollbook.Inbound, Country: "DE", Resolution: tollbook.Missed}, 7},
		{tollbook.Event{Direction: tollbook.Inbound, Country: "DE", Resolution: tollbook.Voicemail}, 7},
		{tollbook.Event{Direction: tollbook.Inbound, Country: "DE", Resolution: tollbook.Abandoned}, 4},
		{tollbook.Event{Direction: tollbook.Inbound, Country: "DE", Resolution: tollbook.Answered}, 9}, // resolutions before direction
		{tollbook.Event{Direction: tollbook.Outbound, Resolution: tollbook.Answered}, 8},
		{tollbook.Event{Resolution: tollbook.Answered}, 9},
		{tollbook.Event{Direction: tollbook.Outbound, Resolution: tollbook.Missed}, 0},
		{tollbook.Event{}, 0},
		{tollbook.Event{Type: tollbook.Message}, 10},
		{tollbook.Event{Type: tollbook.Message, Description: "SMS"}, 10},
		{tollbook.Event{Type: tollbook.Message, Description: "sms"}, 11},
		{tollbook.Event{Type: tollbook.Message, Description: "MMS", ProductID: "P"}, 11},
		{tollbook.Event{Type: tollbook.Message, Description: "MMS", ProductID: "Q"}, 12},
		{tollbook.Event{Type: tollbook.Dialer, Category: "STRAßE"}, 13},
		{tollbook.Event{Type: tollbook.Dialer, Category: "strasse"}, 0},
		{tollbook.Event{Type: tollbook.Number}, 0},
	} {
		if row, _ := rowOf(t, c, tt.event); row != tt.row {
			t.Errorf("%+v: row %d, want %d", tt.event, row, tt.row)
		}
	}
}

// Dates are days in the account's zone, here Europe/Berlin.
func TestEffectiveDates(t *testing.T) {
	c := card(t,
		"effective_from,effective_to,price_per_increment,increment,currency", // 1
		",2023-01-01,1,1,USD",           // 2
		"2023-03-26,2023-03-27,1,1,USD", // 3
		"2023-01-01,2023-02-01,1,1,USD", // 4
		"2024-01-01,,1,1,USD",           // 5
	)
	for _, tt := range []struct {
		at  string
		row int
	}{
		{"1970-01-01T00:00:00Z", 2},
		{"2022-12-31T22:59:59Z", 2},
		{"2022-12-31T23:00:00Z", 4},
		{"2023-01-31T22:59:59.999999999Z", 4},
		{"2023-01-31T23:00:00Z", 0},
		{"2023-03-25T22:59:59Z", 0},
		{"2023-03-25T23:00:00Z", 3}, // the day on which the clocks change
		{"2023-03-26T21:59:59Z", 3},
		{"2023-03-26T22:00:00Z", 0},
		{"2023-12-31T23:00:00Z", 5},
		{"2099-01-01T00:00:00Z", 5},
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if row, _ := rowOf(t, c, tollbook.Event{OccurredAt: at}); row != tt.row {
			t.Errorf("at %s: row %d, want %d", tt.at, row, tt.row)
		}
	}
}

// What an event carries fills what the row leaves blank.
func TestMeasureFillsBlanks(t *testing.T) {
	c := card(t,
		"resource,description,product_id,aggr_product_id,wallet_name,unit_of_measure,price_per_increment,increment,currency",
		"call,,,,,,0.1,3,USD",
		"message,d,p,a,w,segments,0.1,3,USD",
	)
	e := tollbook.Event{
		Type: tollbook.Call, Quantity: dec("1"), Unit: tollbook.Segments, Direction: tollbook.OtherDirection, Resolution: tollbook.Machine,
		Description: "ed", ProductID: "ep", AggrProductID: "ea", WalletName: "ew",
	}
	want := tollbook.Grouping{
		Type: tollbook.Call, Unit: tollbook.Segments, Direction: tollbook.OtherDirection, Resolution: tollbook.Machine,
		Description: "ed", ProductID: "ep", AggrProductID: "ea", WalletName: "ew", Currency: "USD", Price: dec("0.033333333333"),
	}
	check := func(e tollbook.Event, want tollbook.Grouping) {
		t.Helper()
		for range 2 { // made, then kept
			charges, _, why := c.Measure(nil, &e, nil)
			if why != 0 || charges[0].Line.Grouping != want {
				t.Fatalf("%v, %+v, want %+v", why, charges[0].Line.Grouping, want)
			}
		}
	}
	check(e, want)

	plain := e
	plain.Description, plain.ProductID, plain.AggrProductID, plain.WalletName = "", "", "", ""
	want.Description, want.ProductID, want.AggrProductID, want.WalletName = "", "", "", ""
	check(plain, want)

	e.Type, e.Description, e.ProductID = tollbook.Message, "", "p"
	want.Type, want.Description, want.ProductID, want.AggrProductID, want.WalletName = tollbook.Message, "d", "p", "a", "w"
	check(e, want)
}

func TestMeasureCurrency(t *testing.T) {
	c := card(t, "price_per_increment,increment,currency", "1,1,usd")
	for currency, want := range map[string]tollbook.Unrated{"": 0, "USD": 0, "EUR": tollbook.CurrencyMismatch} {
		e := &tollbook.Event{Type: tollbook.Call, Quantity: dec("1"), Unit: tollbook.Seconds, Currency: currency}
		if _, _, why := c.Measure(nil, e, nil); why != want {
			t.Errorf("currency %q: %v, want %v", currency, why, want)
		}
	}
}

func TestPricer(t *testing.T) {
	e := &tollbook.Event{
		Type: tollbook.Recharge, Quantity: dec("123456789012345678.123456789012"), Unit: tollbook.OtherUnit, Priced: true, Price: dec("0.000000000003"),
		Currency: "EUR", Description: "d", ProductID: "p", AggrProductID: "a", WalletName: "w", Direction: tollbook.Inbound, Resolution: tollbook.Answered,
	}
	p := NewPricer()
	charges := p.Measure(nil, e)
	l, n := charges[0].Line, charges[0].Increments
	want := tollbook.Grouping{
		Type: tollbook.Recharge, Unit: tollbook.OtherUnit, Price: e.Price, Currency: "EUR", Description: "d", ProductID: "p",
		AggrProductID: "a", WalletName: "w", Direction: tollbook.Inbound, Resolution: tollbook.Answered,
	}
	if again := p.Measure(nil, e); again[0].Line != l {
		t.Error("the same event has another line")
	}
	if l.Grouping != want || l.Units(n) != e.Quantity || l.Amount(n) != e.Quantity.Mul(e.Price) {
		t.Errorf("%s units cost %s, grouping %+v", l.Units(n), l.Amount(n), l.Grouping)
	}
	e.WalletName = "other"
	if other := p.Measure(nil, e)[0].Line; other.WalletName != "other" || other.Key() == l.Key() {
		t.Errorf("another wallet: %+v", other.Grouping)
	}
}

func TestProducts(t *testing.T) {
	c := card(t,
		"resource,product_id,aggr_product_id,price_per_increment,increment,currency",
		"call,B,A,1,1,USD", "message,,C,1,1,USD", "dialer,A,B,1,1,USD", "amd,,,1,1,USD",
	)
	if got := fmt.Sprint(c.Products()); got != "[A B C]" {
		t.Errorf("products %s", got)
	}
}
