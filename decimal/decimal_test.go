package decimal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tollbook/decimal"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		in, want string
		err      error
	}{
		{in: "0", want: "0"},
		{in: "-0", want: "0"},
		{in: "5", want: "5"},
		{in: "5.10", want: "5.1"},
		{in: ".5", want: "0.5"},
		{in: "-0.000000000001", want: "-0.000000000001"},
		{in: "0e400", want: "0"},
		{in: "1e3", want: "1000"},
		{in: "1500e-3", want: "1.5"},
		{in: "1000000000000000000e-30", want: "0.000000000001"},
		{in: "999999999999999999.999999999999", want: "999999999999999999.999999999999"},
		{in: "1.0000000000000000000000000000000", want: "1"},
		{in: strings.Repeat("0", 5000) + "7", want: "7"},
		{in: "1" + strings.Repeat("0", 90) + "e-90", want: "1"},
		{in: "1e400", err: decimal.ErrRange},
		{in: "1e-400", err: decimal.ErrRange},
		{in: "1e99999999999999999999", err: decimal.ErrRange},
		{in: "1000000000000000000", err: decimal.ErrRange},
		{in: "0.0000000000001", err: decimal.ErrRange},
		{in: "", err: decimal.ErrSyntax},
		{in: "-", err: decimal.ErrSyntax},
		{in: ".", err: decimal.ErrSyntax},
		{in: "5.", err: decimal.ErrSyntax},
		{in: "1,5", err: decimal.ErrSyntax},
		{in: "1.5.2", err: decimal.ErrSyntax},
		{in: "NaN", err: decimal.ErrSyntax},
		{in: "Infinity", err: decimal.ErrSyntax},
		{in: "+1", err: decimal.ErrSyntax},
		{in: " 1", err: decimal.ErrSyntax},
		{in: "1e", err: decimal.ErrSyntax},
		{in: "1e+", err: decimal.ErrSyntax},
		{in: "0x10", err: decimal.ErrSyntax},
	} {
		d, err := decimal.Parse(tc.in, 18, 12)
		if !errors.Is(err, tc.err) || err == nil && d.String() != tc.want {
			t.Errorf("Parse(%.40q) = %s, %v; want %s, %v", tc.in, d, err, tc.want, tc.err)
		}
	}
}

func TestQuoHalfEven(t *testing.T) {
	for _, tc := range []struct {
		a, b   string
		places int
		want   string
	}{
		{"1", "3", 12, "0.333333333333"},
		{"2", "3", 12, "0.666666666667"},
		{"1", "8", 2, "0.12"},
		{"3", "8", 2, "0.38"},
		{"-1", "8", 2, "-0.12"},
		{"-3", "8", 2, "-0.38"},
		{"0.02", "60", 12, "0.000333333333"},
		{"5", "5", 12, "1"},
	} {
		if got := parse(t, tc.a).QuoHalfEven(parse(t, tc.b), tc.places); got.String() != tc.want {
			t.Errorf("%s ÷ %s at %d places = %s, want %s", tc.a, tc.b, tc.places, got, tc.want)
		}
	}
}

func TestCeilQuo(t *testing.T) {
	for _, tc := range []struct{ a, b, want string }{
		{"0", "60", "0"}, {"1", "60", "1"}, {"60", "60", "1"}, {"60.000000000001", "60", "2"},
		{"1", "0.5", "2"}, {"999999999999999999", "0.000000000001", "999999999999999999000000000000"},
	} {
		if got := parse(t, tc.a).CeilQuo(parse(t, tc.b)); got.String() != tc.want {
			t.Errorf("⌈%s ÷ %s⌉ = %s, want %s", tc.a, tc.b, got, tc.want)
		}
	}
}

// TestAgainstBig holds every operation to math/big.
func TestAgainstBig(t *testing.T) {
	number := rapid.StringMatching(`-?[0-9]{1,18}(\.[0-9]{1,12})?`)
	rapid.Check(t, func(t *rapid.T) {
		as, bs := number.Draw(t, "a"), number.Draw(t, "b")
		a, b := parse(t, as), parse(t, bs)
		ra, _ := new(big.Rat).SetString(as)
		rb, _ := new(big.Rat).SetString(bs)
		same := func(op string, got decimal.Decimal, want *big.Rat) {
			g, ok := new(big.Rat).SetString(got.String())
			if !ok || g.Cmp(want) != 0 {
				t.Fatalf("%s %s %s = %s, want %s", as, op, bs, got, want.RatString())
			}
		}
		same("+", a.Add(b), new(big.Rat).Add(ra, rb))
		same("-", a.Sub(b), new(big.Rat).Sub(ra, rb))
		same("×", a.Mul(b), new(big.Rat).Mul(ra, rb))
		if a.Cmp(b) != ra.Cmp(rb) {
			t.Fatalf("%s cmp %s = %d, want %d", as, bs, a.Cmp(b), ra.Cmp(rb))
		}
		if (a == b) != (ra.Cmp(rb) == 0) {
			t.Fatalf("%s == %s is %v", as, bs, a == b)
		}
		if b.IsZero() {
			return
		}
		// |a/b - q| ≤ half of the last place.
		q, _ := new(big.Rat).SetString(a.QuoHalfEven(b, 12).String())
		off := new(big.Rat).Sub(new(big.Rat).Quo(ra, rb), q)
		if off.Abs(off).Cmp(big.NewRat(1, 2_000_000_000_000)) > 0 {
			t.Fatalf("%s ÷ %s is off by %s", as, bs, off)
		}
	})
}

func TestMulQuo(t *testing.T) {
	huge := "9" + strings.Repeat("0", 50)
	for _, tc := range []struct {
		d, m, e string
		places  int
		want    string // "": more than a Decimal holds
	}{
		{"1", "1", "3", 12, "0.333333333333"},
		{"2", "100", "3", 0, "67"},
		{"1", "5", "2", 0, "2"},
		{"3", "5", "2", 0, "8"},
		{"-1", "5", "2", 0, "-2"},
		{"-3", "5", "2", 0, "-8"},
		{"3", "5", "-2", 0, "-8"},
		{"0", "5", "2", 0, "0"},
		{"0.000000000001", "1", "1000", 12, "0"},
		{huge, huge, huge, 12, huge},
		{huge, huge, "1", 0, ""},
		{"-" + huge, huge, "1", 0, ""},
		{huge, "0.000000000001", "0.000000000001", 24, huge},
	} {
		got, ok := parse(t, tc.d).MulQuo(parse(t, tc.m), parse(t, tc.e), tc.places)
		if ok != (tc.want != "") || ok && got.String() != tc.want {
			t.Errorf("%s × %s ÷ %s at %d places = %s, %v, want %s", tc.d, tc.m, tc.e, tc.places, got, ok, tc.want)
		}
	}
}

// TestMulQuoAgainstOthers: where there is room for them, Mul and QuoHalfEven
// come to the same.
func TestMulQuoAgainstOthers(t *testing.T) {
	number := rapid.StringMatching(`-?[0-9]{1,10}(\.[0-9]{1,8})?`)
	rapid.Check(t, func(t *rapid.T) {
		d, m, e := parse(t, number.Draw(t, "d")), parse(t, number.Draw(t, "m")), parse(t, number.Draw(t, "e"))
		places := rapid.IntRange(0, 12).Draw(t, "places")
		if e.IsZero() {
			return
		}
		got, ok := d.MulQuo(m, e, places)
		if want := d.Mul(m).QuoHalfEven(e, places); !ok || got != want {
			t.Fatalf("%s × %s ÷ %s at %d places = %s, %v, want %s", d, m, e, places, got, ok, want)
		}
	})
}

// Forms of every length come back as what they were, and are no longer than
// they must be.
func TestBinaryOfEveryLength(t *testing.T) {
	x := decimal.NewUint(1)
	for bits := 1; bits < 255; bits++ {
		for _, v := range []decimal.Int{x, x.Neg(), x.Add(x.Sub(decimal.NewUint(1)))} {
			form := v.AppendBinary([]byte("before"))[len("before"):]
			got, rest, err := decimal.DecodeInt(form)
			if err != nil || len(rest) > 0 || got != v || len(form) != 1+(bits+7)/8 {
				t.Fatalf("%s is written as %x and read as %s, %v", v, form, got, err)
			}
		}
		if bits < 254 {
			x = x.Add(x)
		}
	}
	if form := (decimal.Int{}).AppendBinary(nil); len(form) != 1 || form[0] != 0 {
		t.Errorf("0 is written as %x", form)
	}
}

func TestIntOverflowPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Fatal("a product of 300 bits did not panic")
		}
	}()
	x := parse(t, "1"+strings.Repeat("0", 60)).Coef()
	x.Mul(x)
}

func TestJSON(t *testing.T) {
	var v struct{ A, B decimal.Decimal }
	if err := json.Unmarshal([]byte(`{"A": 0.1234567890123456789, "B": "7"}`), &v); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(v)
	if want := `{"A":0.1234567890123456789,"B":7}`; err != nil || string(got) != want {
		t.Fatalf("got %s, %v; want %s", got, err, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "1.5", "-12e-3", "1e400", "999999999999999999.999999999999"} {
		f.Add(s)
	}
	grammar := regexp.MustCompile(`^-?([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][-+]?[0-9]+)?$`)
	f.Fuzz(func(t *testing.T, s string) {
		d, err := decimal.Parse(s, 18, 12)
		if errors.Is(err, decimal.ErrSyntax) == grammar.MatchString(s) {
			t.Fatalf("Parse(%q): %v", s, err)
		}
		if err != nil {
			return
		}
		back, err := decimal.Parse(d.String(), 18, 12)
		if err != nil || back != d {
			t.Fatalf("%q reads as %s, which reads as %s, %v", s, d, back, err)
		}
		if len(s) < 60 && !strings.ContainsAny(s, "eE") {
			want, _ := new(big.Rat).SetString(s)
			got, _ := new(big.Rat).SetString(d.String())
			if want.Cmp(got) != 0 {
				t.Fatalf("%q reads as %s", s, d)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(decimal.FromInt(-70000).AppendBinary(nil))
	f.Add([]byte{3, 2, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		d, rest, err := decimal.Decode(b)
		if err != nil {
			return
		}
		if again := append(d.AppendBinary(nil), rest...); fmt.Sprintf("%x", again) != fmt.Sprintf("%x", b) {
			t.Fatalf("%x decodes to %s, which encodes to %x", b, d, again)
		}
	})
}

func parse(t interface{ Fatal(...any) }, s string) decimal.Decimal {
	d, err := decimal.Parse(s, 64, 12)
	if err != nil {
		t.Fatal(s, err)
	}
	return d
}
