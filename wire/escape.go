package wire

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// unescape returns what a JSON string with escapes says, or the flaw that
// keeps it from saying anything. The escapes' grammar has been checked.
func unescape(s string) (text, flaw string) {
	var b strings.Builder
	b.Grow(len(s))
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			b.WriteString(s)
			return b.String(), ""
		}
		b.WriteString(s[:i])
		c := s[i+1]
		s = s[i+2:]
		if c != 'u' {
			b.WriteByte(unescapeByte(c))
			continue
		}
		r, _ := hex4(s)
		s = s[4:]
		if utf16.IsSurrogate(r) {
			if r = lowHalf(r, s); r == utf8.RuneError {
				return "", halfPair
			}
			s = s[len(`\u0000`):]
		}
		if r == 0 {
			return "", holdsNUL
		}
		b.WriteRune(r)
	}
}

// lowHalf returns the character of a surrogate whose other half is the escape
// at the start of s, utf8.RuneError where there is none.
func lowHalf(high rune, s string) rune {
	if !strings.HasPrefix(s, `\u`) {
		return utf8.RuneError
	}
	low, _ := hex4(s[2:])
	return utf16.DecodeRune(high, low)
}

// unescapeByte returns what a letter behind a backslash stands for.
func unescapeByte(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// appendQuoted appends s as a JSON string.
func appendQuoted(dst []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	dst = append(dst, '"')
	for {
		i := plainEnd(s, 0)
		for i < len(s) && s[i] >= utf8.RuneSelf {
			i++
		}
		dst = append(dst, s[:i]...)
		if s = s[i:]; s == "" {
			return append(dst, '"')
		}
		switch c := s[0]; {
		case c >= utf8.RuneSelf || c >= ' ' && c != '"' && c != '\\':
			continue // more plain text behind a character beyond ASCII
		case c >= ' ':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		s = s[1:]
	}
}
