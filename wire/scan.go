package wire

import (
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxDepth is how deep the arrays and objects of a JSON body may nest.
const MaxDepth = 64

// scanner reads the grammar of JSON (RFC 8259) from a string. Its methods
// return false at the first fault of the grammar and note it.
type scanner struct {
	s     string
	pos   int
	depth int
	want  string // at the fault at pos: what was expected
}

// fail notes that something else was expected at pos.
func (p *scanner) fail(want string) bool {
	p.want = want
	return false
}

// problem describes the fault. Lines and columns are counted from 1, columns
// in characters; line is that of the first one scanned.
func (p *scanner) problem(line int) string {
	before := p.s[:p.pos]
	line += strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	found := "the end"
	if p.pos < len(p.s) {
		r, size := utf8.DecodeRuneInString(p.s[p.pos:])
		found = strconv.QuoteRune(r)
		if r == utf8.RuneError && size == 1 {
			found = "a byte that is not UTF-8"
		}
	}
	return "line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column) + ": expected " + p.want + ", found " + found
}

// peek returns the next byte, 0 at the end.
func (p *scanner) peek() byte {
	if p.pos < len(p.s) {
		return p.s[p.pos]
	}
	return 0
}

// next skips white space and returns the byte behind it, 0 at the end.
func (p *scanner) next() byte {
	for p.pos < len(p.s) {
		switch c := p.s[p.pos]; c {
		case ' ', '\n', '\r', '\t':
			p.pos++
		default:
			return c
		}
	}
	return 0
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// plainEnd returns the place of the first byte from i on that is not plain in
// a JSON string: a quote, a backslash, a control character or the start of a
// character beyond ASCII. It looks at eight bytes at once; each line below
// sets the high bit of the bytes that it looks for, and perhaps of bytes
// above one of them, which the count of trailing zeros does not reach.
func plainEnd(s string, i int) int {
	for ; i+8 <= len(s); i += 8 {
		b := s[i : i+8]
		x := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		quote := x ^ '"'*lowBits
		slash := x ^ '\\'*lowBits
		found := (quote-lowBits)&^quote | (slash-lowBits)&^slash | (x-' '*lowBits)&^x | x
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

// number reads a number, which is next, and returns it as it is written.
func (p *scanner) number() (s string, ok bool) {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	switch zero := p.peek() == '0'; {
	case zero:
		p.pos++
	case !p.digits():
		return "", p.fail("a digit")
	}
	if p.peek() == '.' {
		p.pos++
		if !p.digits() {
			return "", p.fail("a digit behind the point")
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if !p.digits() {
			return "", p.fail("a digit of the exponent")
		}
	}
	return p.s[start:p.pos], true
}

// digits skips digits and tells whether there were any.
func (p *scanner) digits() bool {
	start := p.pos
	for p.pos < len(p.s) && p.s[p.pos]-'0' <= 9 {
		p.pos++
	}
	return p.pos > start
}

// literal reads a word, of which the first letter is there.
func (p *scanner) literal(word string) bool {
	for i := range len(word) {
		if p.peek() != word[i] {
			return p.fail(word)
		}
		p.pos++
	}
	return true
}

const (
	wantValue = "a value"
	wantName  = "a field name in quotes"
	wantColon = "':' and a value"
	wantComma = "',' or '}'"
)

// enter goes one level deeper into the array or object that is next.
func (p *scanner) enter() bool {
	if p.depth == MaxDepth {
		return p.fail("at most " + strconv.Itoa(MaxDepth) + " levels of nesting")
	}
	p.depth++
	p.pos++
	return true
}

// leave goes behind the bracket that is next.
func (p *scanner) leave() bool {
	p.depth--
	p.pos++
	return true
}

// name reads the name of a member and what is between it and its value.
func (p *scanner) name() (s, flaw string, ok bool) {
	if p.peek() != '"' {
		return "", "", p.fail(wantName)
	}
	s, flaw, ok = p.quoted()
	if !ok {
		return "", "", false
	}
	if p.peek() != ':' && p.next() != ':' {
		return "", "", p.fail(wantColon)
	}
	p.pos++
	if p.peek() <= ' ' {
		p.next()
	}
	return s, flaw, true
}

// another goes to the next member or element where there is one; where there
// is none it leaves the object or array, which ends with end.
func (p *scanner) another(end byte) (more, ok bool) {
	c := p.peek()
	if c <= ' ' {
		c = p.next()
	}
	switch c {
	case ',':
		p.pos++
		if p.peek() <= ' ' {
			p.next()
		}
		return true, true
	case end:
		return false, p.leave()
	}
	if end == ']' {
		return false, p.fail("',' or ']'")
	}
	return false, p.fail(wantComma)
}

// skip reads the value that is next, whatever it is.
func (p *scanner) skip() (ok bool) {
	switch c := p.peek(); c {
	case '{':
		return p.skipAll('}')
	case '[':
		return p.skipAll(']')
	case '"':
		_, _, ok = p.quoted()
		return ok
	case 't':
		return p.literal("true")
	case 'f':
		return p.literal("false")
	case 'n':
		return p.literal("null")
	default:
		if c == '-' || c-'0' <= 9 {
			_, ok = p.number()
			return ok
		}
	}
	return p.fail(wantValue)
}

// skipAll reads an object or array, which ends with end.
func (p *scanner) skipAll(end byte) bool {
	if !p.enter() {
		return false
	}
	if p.next() == end {
		return p.leave()
	}
	for {
		if end == '}' {
			if _, _, ok := p.name(); !ok {
				return false
			}
		}
		if !p.skip() {
			return false
		}
		if more, ok := p.another(end); !more {
			return ok
		}
	}
}

// kind names the value that is next.
func (p *scanner) kind() string {
	switch c := p.peek(); c {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}
