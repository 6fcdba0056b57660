package tollbook_test

import (
	"testing"

	"tollbook"
	"tollbook/decimal"
)

func sipNumber() tollbook.Grouping {
	return tollbook.Grouping{ProductID: "TD-LIC-APP-RC-101910", AggrProductID: "TD-USG-TEL-UG-102213", Type: tollbook.Number,
		Description: "SIP Number", Currency: "USD", Direction: tollbook.Inbound, Unit: tollbook.Minutes, WalletName: "contact center"}
}

// TestReferenceExample is the example of the public Billing Insights API
// reference: 5 units at a price of 1 are 5.
func TestReferenceExample(t *testing.T) {
	l := tollbook.NewLine(sipNumber(), decimal.FromInt(1), decimal.FromInt(1))
	five := decimal.NewInt(5)
	if l.Price.String() != "1" || l.Units(five).String() != "5" || l.Amount(five).String() != "5" {
		t.Errorf("price %s, units %s, amount %s", l.Price, l.Units(five), l.Amount(five))
	}
}

func TestPricedLineRoundsNothing(t *testing.T) {
	l := tollbook.PricedLine(sipNumber(), number(t, "0.000000000003"))
	n, ok := number(t, "999999999999999999.999999999999").Scaled(tollbook.MaxFracDigits)
	if !ok || l.Price.String() != "0.000000000003" || l.Units(n).String() != "999999999999999999.999999999999" ||
		l.Amount(n).String() != "2999999.999999999999999999999997" {
		t.Errorf("price %s, units %s, amount %s", l.Price, l.Units(n), l.Amount(n))
	}
}

func TestLineRoundTrip(t *testing.T) {
	l := tollbook.NewLine(sipNumber(), number(t, "0.02"), number(t, "60"))
	back, rest, err := tollbook.DecodeLine(append(l.AppendBinary(nil), 7))
	if err != nil || len(rest) != 1 || back.Key() != l.Key() || back.Grouping != l.Grouping {
		t.Fatalf("%+v, %v, %v; want %+v", back, rest, err, l)
	}
}

func tiered(t *testing.T) *tollbook.Line {
	return tollbook.NewTieredLine(sipNumber(), number(t, "0.5"), []tollbook.Tier{
		{UpTo: decimal.NewInt(10)}, // free
		{UpTo: decimal.NewInt(100), PricePerIncrement: number(t, "0.02")},
		{PricePerIncrement: number(t, "0.01")},
	})
}

func TestTieredLineRoundTrip(t *testing.T) {
	l := tiered(t)
	back, rest, err := tollbook.DecodeLine(append(l.AppendBinary(nil), 7))
	if err != nil || len(rest) != 1 || back.Key() != l.Key() || back.Parts() != 3 || back.Part(1).Price.String() != "0.04" {
		t.Fatalf("%+v, %v, %v; want %+v", back, rest, err, l)
	}
	for _, tiers := range [][]tollbook.Tier{nil, make([]tollbook.Tier, 1), make([]tollbook.Tier, 2), {{UpTo: decimal.NewInt(1)}, {UpTo: decimal.NewInt(2)}}} {
		bad := *l
		bad.Tiers = tiers
		if got, _, err := tollbook.DecodeLine(bad.AppendBinary(nil)); err == nil && len(tiers) > 0 {
			t.Errorf("%v reads as %+v", tiers, got)
		}
	}
}

func TestShares(t *testing.T) {
	l := tiered(t)
	for _, c := range []struct {
		before, n int64
		want      [3]int64
	}{
		{0, 0, [3]int64{0, 0, 0}},
		{0, 10, [3]int64{10, 0, 0}},
		{0, 11, [3]int64{10, 1, 0}},
		{0, 150, [3]int64{10, 90, 50}},
		{5, 100, [3]int64{5, 90, 5}},
		{120, 7, [3]int64{0, 0, 7}},
		{120, -30, [3]int64{0, -10, -20}},
		{120, -115, [3]int64{-5, -90, -20}},
		{0, -3, [3]int64{-3, 0, 0}},
	} {
		for i, want := range c.want {
			if got := l.Share(i, decimal.NewInt(c.before), decimal.NewInt(c.n)); got != decimal.NewInt(want) {
				t.Errorf("of %d behind %d, part %d has %s, want %d", c.n, c.before, i, got, want)
			}
		}
	}
	plain := tollbook.NewLine(sipNumber(), decimal.FromInt(1), decimal.FromInt(1))
	if plain.Parts() != 1 || plain.Part(0) != plain || plain.Share(0, decimal.NewInt(5), decimal.NewInt(-7)) != decimal.NewInt(-7) {
		t.Error("a line without tiers is not its own one part")
	}
}

// TestRecordIDIsForEver pins an id: a change would rename every record that
// was ever served.
func TestRecordIDIsForEver(t *testing.T) {
	l := tollbook.NewLine(sipNumber(), decimal.FromInt(1), decimal.FromInt(1))
	m, _ := tollbook.ParseMonth("2023-08")
	id := tollbook.RecordIDOf("5ea75fe7aa224700012eae40", m, &l.Grouping)
	if got := id.String(); got != "3da779b2b4761f903b8db4a083b1e50c" {
		t.Errorf("the record's id is %s", got)
	}
	if back, ok := tollbook.ParseRecordID(id.String()); !ok || back != id {
		t.Errorf("%s reads as %s, %v", id, back, ok)
	}
	for _, bad := range []string{"", "8f3e", id.String() + "0", "8F3E643C16671ACAF60E8BCEDDBC1877", "8f3e643c16671acaf60e8bceddbc187g"} {
		if _, ok := tollbook.ParseRecordID(bad); ok {
			t.Errorf("%q reads as a record id", bad)
		}
	}
}

func TestRecordIDSeesEveryPart(t *testing.T) {
	m, _ := tollbook.ParseMonth("2023-08")
	changes := map[string]func(*tollbook.Grouping){
		"nothing":      func(*tollbook.Grouping) {},
		"product":      func(g *tollbook.Grouping) { g.ProductID = "" },
		"aggr product": func(g *tollbook.Grouping) { g.AggrProductID = "" },
		"type":         func(g *tollbook.Grouping) { g.Type = tollbook.Call },
		"description":  func(g *tollbook.Grouping) { g.Description = "" },
		"currency":     func(g *tollbook.Grouping) { g.Currency = "EUR" },
		"direction":    func(g *tollbook.Grouping) { g.Direction = 0 },
		"resolution":   func(g *tollbook.Grouping) { g.Resolution = tollbook.Missed },
		"unit":         func(g *tollbook.Grouping) { g.Unit = tollbook.Seconds },
		"price":        func(g *tollbook.Grouping) { g.Price = decimal.FromInt(2) },
		"wallet":       func(g *tollbook.Grouping) { g.WalletName = "" },
	}
	seen := map[tollbook.RecordID]string{}
	for name, change := range changes {
		g := sipNumber()
		change(&g)
		id := tollbook.RecordIDOf("a", m, &g)
		if other, same := seen[id]; same {
			t.Errorf("changing %s and changing %s give one id", name, other)
		}
		seen[id] = name
	}
	g := sipNumber()
	for name, id := range map[string]tollbook.RecordID{"account": tollbook.RecordIDOf("b", m, &g), "month": tollbook.RecordIDOf("a", m+1, &g)} {
		if seen[id] != "" {
			t.Errorf("changing the %s changes nothing", name)
		}
	}
}
