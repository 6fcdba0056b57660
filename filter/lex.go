package filter

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error says where and why a filter does not parse.
type Error struct {
	Column  int // of the first character at fault, counted in characters from 1
	Message string
}

// Error returns column and message.
func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Message) }

type tokenKind uint8

const (
	tokenEnd   tokenKind = iota
	tokenWord            // a name, a keyword, or a value without its quotes
	tokenValue           // 'text'
	tokenMark            // any other character
)

type token struct {
	kind tokenKind
	at   int    // its first byte
	text string // of a value: what is between the quotes, with '' made '
}

// is tells whether t is that keyword or mark.
func (t token) is(s string) bool {
	return (t.kind == tokenWord || t.kind == tokenMark) && t.text == s
}

// found describes t to the reader of an error.
func (t token) found() string {
	switch t.kind {
	case tokenEnd:
		return "end of filter"
	case tokenValue:
		return "the value " + quote(clip(t.text))
	}
	if isKeyword(strings.ToLower(t.text)) && !isKeyword(t.text) {
		return fmt.Sprintf("%q (keywords are in lower case)", t.text)
	}
	return fmt.Sprintf("%q", clip(t.text))
}

// isKeyword tells whether s means something besides a field.
func isKeyword(s string) bool {
	switch s {
	case "and", "or", "not", "in", "contains", "null":
		return true
	}
	_, ok := comparisons[s]
	return ok
}

// clip shortens what a message repeats of the filter.
func clip(s string) string {
	const longest = 40 // characters
	n := 0
	for i := range s {
		if n++; n > longest {
			return s[:i] + "…"
		}
	}
	return s
}

// lexer cuts a filter into tokens.
type lexer struct {
	text string
	at   int // the first byte not yet read
}

// fail returns an Error for what starts at a byte of the text.
func (l *lexer) fail(at int, format string, args ...any) error {
	return &Error{Column: utf8.RuneCountInString(l.text[:at]) + 1, Message: fmt.Sprintf(format, args...)}
}

// next returns the next token; behind the last one it returns tokenEnd for
// ever.
func (l *lexer) next() (token, error) {
	l.at = len(l.text) - len(strings.TrimLeft(l.text[l.at:], " \t\r\n"))
	start := l.at
	if start == len(l.text) {
		return token{kind: tokenEnd, at: start}, nil
	}
	if l.text[start] == '\'' {
		return l.value()
	}
	rest := strings.TrimLeftFunc(l.text[start:], isWordRune)
	if l.at = len(l.text) - len(rest); l.at > start {
		return token{kind: tokenWord, at: start, text: l.text[start:l.at]}, nil
	}
	_, size := utf8.DecodeRuneInString(l.text[start:])
	l.at += size
	return token{kind: tokenMark, at: start, text: l.text[start:l.at]}, nil
}

// isWordRune takes in what numbers and dates are written with, so that a
// value without its quotes is one token and an error can name it whole.
func isWordRune(r rune) bool {
	return r == '_' || r == '-' || r == '+' || r == '.' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// value reads a value, whose opening quote comes next.
func (l *lexer) value() (token, error) {
	start := l.at
	var b strings.Builder
	for rest := l.text[start+1:]; ; {
		i := strings.IndexByte(rest, '\'')
		if i < 0 {
			return token{}, l.fail(start, "the value that starts here has no closing quote")
		}
		b.WriteString(rest[:i])
		rest = rest[i+1:]
		if !strings.HasPrefix(rest, "'") {
			l.at = len(l.text) - len(rest)
			return token{kind: tokenValue, at: start, text: b.String()}, nil
		}
		b.WriteByte('\'')
		rest = rest[1:]
	}
}
