package wire

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"tollbook"
	"tollbook/decimal"
)

func TestParseInstant(t *testing.T) {
	for _, c := range []struct{ s, want, problem string }{
		{"2026-01-31T23:59:59Z", "2026-01-31T23:59:59Z", ""},
		{"2026-01-31t23:59:59.120z", "2026-01-31T23:59:59.12Z", ""},
		{"2026-01-31T23:59:59.123456789Z", "2026-01-31T23:59:59.123456789Z", ""},
		{"2026-01-31T23:59:59.123456789000Z", "2026-01-31T23:59:59.123456789Z", ""},
		{"2026-01-31T23:59:59.1234567891Z", "", tooFine},
		{"2026-01-31T23:59:59+02:30", "2026-01-31T21:29:59Z", ""},
		{"2026-01-31T23:59:59-23:59", "2026-02-01T23:58:59Z", ""},
		{"2026-01-31T23:59:59-00:00", "2026-01-31T23:59:59Z", ""},
		{"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z", ""},
		{"2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z", ""},
		{"2026-02-29T00:00:00Z", "", notADate},
		{"1900-02-29T00:00:00Z", "", notADate},
		{"2026-04-31T00:00:00Z", "", notADate},
		{"2026-13-01T00:00:00Z", "", notADate},
		{"2026-00-01T00:00:00Z", "", notADate},
		{"2026-01-00T00:00:00Z", "", notADate},
		{"2026-01-01T24:00:00Z", "", notATime},
		{"2026-01-01T23:60:00Z", "", notATime},
		{"2026-01-01T23:59:61Z", "", notATime},
		{"2016-12-31T23:59:60Z", "", leapSecond},
		{"2026-01-01T00:00:00+24:00", "", notAnOffset},
		{"2026-01-01T00:00:00+00:60", "", notAnOffset},
		{"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", ""},
		{"0001-01-01T00:00:00+00:01", "", notAYear},
		{"0000-12-31T23:59:59Z", "", notAYear},
		{"0000-12-31T23:59:00-00:01", "0001-01-01T00:00:00Z", ""},
		{"9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z", ""},
		{"9999-12-31T23:59:59-00:01", "", notAYear},
		{"2026-01-31T23:59:59", "", notAnInstant},
		{"2026-01-31T23:59:59.", "", notAnInstant},
		{"2026-01-31T23:59:59.Z", "", notAnInstant},
		{"2026-01-31T23:59:59,5Z", "", notAnInstant},
		{"2026-01-31T23:59:59+0230", "", notAnInstant},
		{"2026-01-31T23:59:59+02", "", notAnInstant},
		{"2026-01-31T23:59:59 +02:30", "", notAnInstant},
		{"2026-01-31 23:59:59Z", "", notAnInstant},
		{"2026-01-31T23:59Z", "", notAnInstant},
		{"2026-1-31T23:59:59Z", "", notAnInstant},
		{"+2026-01-31T23:59:59Z", "", notAnInstant},
		{"2026-01-31T23:59:5xZ", "", notAnInstant},
		{"2026-01-31T23:59:59ZZ", "", notAnInstant},
		{"2026-01-31", "", notAnInstant},
		{"", "", notAnInstant},
	} {
		got, problem := parseInstant(c.s)
		if problem != c.problem {
			t.Errorf("%s: %q, want %q", c.s, problem, c.problem)
		} else if problem == "" && got.Format(time.RFC3339Nano) != c.want {
			t.Errorf("%s: %s, want %s", c.s, got.Format(time.RFC3339Nano), c.want)
		}
	}
}

// TestInstantAgainstTime holds parseInstant to time.Parse.
func TestInstantAgainstTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9][Tt][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,9})?(Z|[-+][0-2][0-9]:[0-6][0-9])`).Draw(t, "s")
		want, err := time.Parse(time.RFC3339Nano, s)
		got, problem := parseInstant(s)
		if y := want.UTC().Year(); err == nil && (y < 1 || y > 9999) {
			return
		}
		if s[10] == 't' { // which package time does not know
			return
		}
		if offset := s[len(s)-6:]; offset[1:3] == "24" || offset[4:] == "60" { // which package time takes
			return
		}
		if (err == nil) != (problem == "") || err == nil && got != want.UTC() {
			t.Fatalf("%s: %v, %q; package time says %v, %v", s, got, problem, want, err)
		}
	})
}

// TestParseShort holds the fast way of reading a number to the slow one.
func TestParseShort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[0-9]{0,20}(\.[0-9]{0,14})?[-e]?`).Draw(t, "s")
		if coef, scale, ok := parseShort(s); ok {
			got := decimal.New(decimal.NewUint(coef), scale)
			want, err := decimal.Parse(s, tollbook.MaxIntDigits, tollbook.MaxFracDigits)
			if err != nil || got != want {
				t.Fatalf("%s reads as %s, should be %s, %v", s, got, want, err)
			}
		}
	})
}

// TestNames checks that the switch of names agrees with the table.
func TestNames(t *testing.T) {
	for f, name := range eventNames {
		if got := eventField(name); got != field(f) && name != "" {
			t.Errorf("%s is field %d, want %d", name, got, f)
		}
	}
	for f, name := range cloudNames {
		inData := len(name) > len(dataPrefix) && name[:len(dataPrefix)] == dataPrefix
		switch {
		case name == "":
		case inData && dataField(name[len(dataPrefix):]) != field(f):
			t.Errorf("%s is not field %d", name, f)
		case !inData && envelopeField(name) != field(f):
			t.Errorf("%s is not field %d", name, f)
		}
	}
	if numFields > 32 {
		t.Error("a set of fields has 32 bits")
	}
}
