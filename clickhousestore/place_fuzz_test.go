package clickhousestore

import (
	"strings"
	"testing"

	"tollbook"
)

// FuzzReadPlace: what a place makes of any text is an error or a condition that
// holds nothing but hexadecimal digits and a number of it.
func FuzzReadPlace(f *testing.F) {
	q := tollbook.EventQuery{OrganizationID: "acme", Unrated: true, Limit: 10}
	e := &tollbook.BookedEvent{Claim: tollbook.ClaimOf("acme", "s", "1"), Ref: bookingRef(7, 3)}
	f.Add(place(&q, e))
	f.Add("")
	f.Add("'; DROP TABLE events")
	f.Fuzz(func(t *testing.T, after string) {
		q.After = after
		condition, err := readPlace(&q)
		if err != nil {
			if code := tollbook.CodeOf(err); code != tollbook.CodeInvalidRequest {
				t.Errorf("%q: %v", after, err)
			}
			return
		}
		condition = strings.NewReplacer("(claim, word_seq) > (toFixedString(unhex('", "", "'), 16), ", "", ")", "", "1 = 1", "").Replace(condition)
		if strings.Trim(condition, "0123456789abcdef") != "" {
			t.Errorf("%q: %s", after, condition)
		}
	})
}

// FuzzQuote: a literal ends where it is meant to.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "'", `\`, `\'`, "a\x00b", "ä\xff", `'; --`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		literal := quote(s)
		inner := strings.TrimSuffix(strings.TrimPrefix(literal, "'"), "'")
		if len(inner) != len(literal)-2 {
			t.Fatalf("%q", literal)
		}
		var back strings.Builder
		for i := 0; i < len(inner); i++ {
			switch c := inner[i]; {
			case c == '\'':
				t.Fatalf("%q is quoted as %s, which ends early", s, literal)
			case c == '\\':
				if i++; i == len(inner) {
					t.Fatalf("%q is quoted as %s, which does not end", s, literal)
				}
				back.WriteByte(inner[i])
			default:
				back.WriteByte(c)
			}
		}
		if back.String() != s {
			t.Errorf("%q is quoted as %s", s, literal)
		}
	})
}
