package wire

import (
	"math/bits"
	"unicode/utf8"
)

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// eightBytes returns the bytes from i on, the first as the lowest. It is one
// load.
func eightBytes(s string, i int) uint64 {
	b := s[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// plainEnd returns the place of the first byte from i on that is not plain in
// a JSON string: a quote, a backslash, a control character or the start of a
// character beyond ASCII. It looks at eight bytes at once. Of bytes that are
// ASCII a subtraction sets the high bit of those that it looks for, and perhaps
// of bytes above one of them, which the count of trailing zeros does not reach;
// the others have theirs set.
func plainEnd(s string, i int) int {
	for ; i+8 <= len(s); i += 8 {
		x := eightBytes(s, i)
		quote, slash := x^'"'*lowBits, x^'\\'*lowBits
		found := (quote - lowBits) | (slash - lowBits) | (x - ' '*lowBits) | x
		if found &= highBits; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && s[i] >= ' ' && s[i] != '"' && s[i] != '\\' && s[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// quoted reads a string, which is next. The flaw is what is wrong with what it
// says though its grammar is right; the string is then "".
func (p *scanner) quoted() (s, flaw string, ok bool) {
	start := p.pos + 1
	end := plainEnd(p.s, start)
	if end < len(p.s) && p.s[end] == '"' {
		p.pos = end + 1
		return p.s[start:end], "", true
	}
	return p.hardQuoted(start, end)
}

// hardQuoted reads on, from end, a string that has more than plain ASCII.
func (p *scanner) hardQuoted(start, end int) (s, flaw string, ok bool) {
	escapes := false
	for ; ; end = plainEnd(p.s, end) {
		p.pos = end
		switch c := p.peek(); {
		case end == len(p.s):
			return "", "", p.fail("the end of a string")
		case c == '"':
			p.pos++
			s = p.s[start:end]
			if !utf8.ValidString(s) {
				return "", notUTF8, true
			}
			if escapes {
				s, flaw = unescape(s)
			}
			return s, flaw, true
		case c == '\\':
			n := escapeLen(p.s[end:])
			if n == 0 {
				return "", "", p.fail(`an escape such as \" or \u0041`)
			}
			escapes = true
			end += n
		case c < ' ':
			return "", "", p.fail("no control character in a string")
		default:
			for end < len(p.s) && p.s[end] >= utf8.RuneSelf {
				end++
			}
		}
	}
}

// escapeLen returns the length of the escape that s starts with, 0 where it
// is none.
func escapeLen(s string) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(s[2:]); ok {
			return 6
		}
	}
	return 0
}

// hex4 reads four hex digits.
func hex4(s string) (r rune, ok bool) {
	if len(s) < 4 {
		return 0, false
	}
	for i := range 4 {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
