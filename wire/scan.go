package wire

import (
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
