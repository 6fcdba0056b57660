package wire_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tollbook"
	"tollbook/decimal"
	"tollbook/wire"
)

func TestAppendEvent(t *testing.T) {
	e := decodeOne(t, wire.JSON, eventWith()).Event
	if got, want := string(wire.AppendEvent(nil, &e)), eventWith(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	e = decodeOne(t, wire.CloudEvents, "{"+cloudMembers+","+cloudData+"}").Event
	want := `{"id":"e-1","source":"s","account_id":"a","occurred_at":"2026-01-31T22:59:59Z","type":"CALL","quantity":60,"unit":"SECONDS"}`
	if got := string(wire.AppendEvent([]byte("x"), &e)); got != "x"+want {
		t.Errorf("got  %s\nwant x%s", got, want)
	}
}

// TestRoundTrip writes random events and reads them back.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := randomEvent(t)
		b := wire.AppendEvent(nil, &e)
		if !json.Valid(b) {
			t.Fatalf("not JSON: %s", b)
		}
		for _, f := range []wire.Format{wire.JSON, wire.NDJSON} {
			items, err := wire.Decode(f, string(b), options)
			if err != nil || len(items) != 1 || items[0].Err != nil {
				t.Fatalf("%s\n%d events, %v, %v", b, len(items), err, items)
			}
			if string(items[0].Event.AppendNormal(nil)) != string(e.AppendNormal(nil)) {
				t.Fatalf("%s\nreads as %+v\nwant     %+v", b, items[0].Event, e)
			}
		}
	})
}

// randomEvent draws an event in its normal form.
func randomEvent(t *rapid.T) tollbook.Event {
	text := rapid.StringOfN(rapid.Rune().Filter(func(r rune) bool { return r != 0 }), -1, -1, tollbook.MaxTextBytes)
	name := text.Filter(func(s string) bool { return s != "" })
	number := rapid.Custom(func(t *rapid.T) decimal.Decimal {
		s := rapid.StringMatching(`[0-9]{1,18}(\.[0-9]{1,12})?`).Draw(t, "number")
		d, err := decimal.Parse(s, tollbook.MaxIntDigits, tollbook.MaxFracDigits)
		if err != nil {
			t.Fatal(s, err)
		}
		return d
	})
	earliest := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	latest := options.Now.Add(tollbook.MaxFutureSkew).Unix() - 1
	e := tollbook.Event{
		ID: name.Draw(t, "id"), Source: name.Draw(t, "source"), AccountID: name.Draw(t, "account"),
		OccurredAt: time.Unix(rapid.Int64Range(earliest, latest).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nano")).UTC(),
		Type:       tollbook.UsageType(rapid.IntRange(1, len(tollbook.UsageTypes())).Draw(t, "type")),
		Quantity:   number.Draw(t, "quantity"),
		Unit:       tollbook.Unit(rapid.IntRange(1, len(tollbook.Units())).Draw(t, "unit")),
		Direction:  tollbook.Direction(rapid.IntRange(0, len(tollbook.Directions())).Draw(t, "direction")),
		Resolution: tollbook.Resolution(rapid.IntRange(0, len(tollbook.Resolutions())).Draw(t, "resolution")),
	}
	for _, p := range []*string{&e.Subtype, &e.Description, &e.ProductID, &e.AggrProductID, &e.From, &e.To, &e.Country, &e.Category, &e.WalletName} {
		*p = text.Draw(t, "text")
	}
	if rapid.Bool().Draw(t, "priced") {
		e.Priced, e.Price, e.Currency = true, number.Draw(t, "price"), "CHF"
	}
	for i := range rapid.IntRange(0, 5).Draw(t, "attributes") {
		e.Attributes = append(e.Attributes, tollbook.Attribute{Key: string(rune('a' + i)), Value: text.Draw(t, "value")})
	}
	return e
}
