package tollbook_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tollbook"
	"tollbook/decimal"
)

func number(t interface{ Fatal(...any) }, s string) decimal.Decimal {
	d, err := decimal.Parse(s, 30, 24)
	if err != nil {
		t.Fatal(s, err)
	}
	return d
}

func drawEvent(t *rapid.T) tollbook.Event {
	text := rapid.StringN(0, 8, 24)
	digits := rapid.StringMatching(`[0-9]{1,18}(\.[0-9]{1,12})?`)
	e := tollbook.Event{
		ID: text.Draw(t, "id"), Source: text.Draw(t, "source"), AccountID: text.Draw(t, "account"),
		OccurredAt:  time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "unix"), rapid.Int64Range(0, 999999999).Draw(t, "nanos")).UTC(),
		Type:        tollbook.UsageType(rapid.IntRange(1, 13).Draw(t, "type")),
		Quantity:    number(t, digits.Draw(t, "quantity")),
		Unit:        tollbook.Unit(rapid.IntRange(1, 11).Draw(t, "unit")),
		Direction:   tollbook.Direction(rapid.IntRange(0, 3).Draw(t, "direction")),
		Resolution:  tollbook.Resolution(rapid.IntRange(0, 6).Draw(t, "resolution")),
		Description: text.Draw(t, "description"), To: text.Draw(t, "to"), WalletName: text.Draw(t, "wallet"),
	}
	if rapid.Bool().Draw(t, "priced") {
		e.Priced, e.Price, e.Currency = true, number(t, digits.Draw(t, "price")), "EUR"
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "attributes") {
		e.Attributes = append(e.Attributes, tollbook.Attribute{Key: string(rune('a' + i)), Value: text.Draw(t, "value")})
	}
	return e
}

func TestNormalFormRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEvent(t)
		form := e.AppendNormal(nil)
		back, rest, err := tollbook.DecodeNormal(append(form, "rest"...))
		if err != nil || string(rest) != "rest" {
			t.Fatalf("%v, rest %q", err, rest)
		}
		if diff := cmp.Diff(e, back, cmp.Comparer(func(a, b decimal.Decimal) bool { return a == b })); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestFingerprintSeesEveryField changes one field at a time.
func TestFingerprintSeesEveryField(t *testing.T) {
	base := func() tollbook.Event {
		return tollbook.Event{ID: "1", Source: "s", AccountID: "a", OccurredAt: time.Unix(1, 0).UTC(), Type: tollbook.Call,
			Quantity: decimal.FromInt(1), Unit: tollbook.Seconds, Attributes: []tollbook.Attribute{{Key: "k", Value: "v"}}}
	}
	changes := map[string]func(*tollbook.Event){
		"account":       func(e *tollbook.Event) { e.AccountID = "b" },
		"second":        func(e *tollbook.Event) { e.OccurredAt = time.Unix(2, 0) },
		"nanosecond":    func(e *tollbook.Event) { e.OccurredAt = time.Unix(1, 1) },
		"type":          func(e *tollbook.Event) { e.Type = tollbook.AMD },
		"quantity":      func(e *tollbook.Event) { e.Quantity = decimal.FromInt(2) },
		"unit":          func(e *tollbook.Event) { e.Unit = tollbook.Minutes },
		"direction":     func(e *tollbook.Event) { e.Direction = tollbook.Inbound },
		"resolution":    func(e *tollbook.Event) { e.Resolution = tollbook.Missed },
		"subtype":       func(e *tollbook.Event) { e.Subtype = "x" },
		"description":   func(e *tollbook.Event) { e.Description = "x" },
		"product":       func(e *tollbook.Event) { e.ProductID = "x" },
		"aggr product":  func(e *tollbook.Event) { e.AggrProductID = "x" },
		"from":          func(e *tollbook.Event) { e.From = "x" },
		"to":            func(e *tollbook.Event) { e.To = "x" },
		"country":       func(e *tollbook.Event) { e.Country = "x" },
		"category":      func(e *tollbook.Event) { e.Category = "x" },
		"free of price": func(e *tollbook.Event) { e.Priced = true },
		"price":         func(e *tollbook.Event) { e.Priced, e.Price = true, decimal.FromInt(1) },
		"currency":      func(e *tollbook.Event) { e.Currency = "USD" },
		"wallet":        func(e *tollbook.Event) { e.WalletName = "x" },
		"attribute":     func(e *tollbook.Event) { e.Attributes[0].Value = "w" },
		"key":           func(e *tollbook.Event) { e.Attributes[0].Key = "l" },
		"no attribute":  func(e *tollbook.Event) { e.Attributes = nil },
	}
	seen := map[uint64]string{}
	e := base()
	seen[tollbook.Fingerprint(e.AppendNormal(nil))] = "nothing"
	for name, change := range changes {
		e := base()
		change(&e)
		fp := tollbook.Fingerprint(e.AppendNormal(nil))
		if other, same := seen[fp]; same {
			t.Errorf("changing %s gives the same fingerprint as changing %s", name, other)
		}
		seen[fp] = name
	}
	e = base()
	e.CloudEventType = "kept, not compared"
	if seen[tollbook.Fingerprint(e.AppendNormal(nil))] != "nothing" {
		t.Error("the CloudEvents type is part of the fingerprint")
	}
}

func TestClaimsKeepTheirPartsApart(t *testing.T) {
	seen := map[tollbook.Claim][3]string{}
	for _, p := range [][3]string{{"a", "b", "c"}, {"ab", "", "c"}, {"a", "bc", ""}, {"", "ab", "c"}, {"a", "b\x01c", ""}, {"abc", "", ""}} {
		c := tollbook.ClaimOf(p[0], p[1], p[2])
		if other, same := seen[c]; same {
			t.Errorf("%q and %q have one claim", p, other)
		}
		seen[c] = p
	}
}

func FuzzDecodeNormal(f *testing.F) {
	e := tollbook.Event{ID: "1", Source: "s", AccountID: "a", Type: tollbook.Call, Unit: tollbook.Seconds, Priced: true,
		Attributes: []tollbook.Attribute{{Key: "k", Value: "v"}}}
	f.Add(e.AppendNormal(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, _, err := tollbook.DecodeNormal(b)
		if err != nil {
			return
		}
		again, rest, err := tollbook.DecodeNormal(e.AppendNormal(nil))
		if err != nil || len(rest) > 0 || !again.OccurredAt.Equal(e.OccurredAt) || again.ID != e.ID {
			t.Fatalf("%+v becomes %+v, %v", e, again, err)
		}
	})
}
