package rating

import (
	"unicode"
	"unicode/utf8"
)

// appendFold appends s so that texts which differ only in case are the same,
// as strings.EqualFold has it.
func appendFold(dst []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf {
			return appendFoldRunes(dst, s[i:])
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

func appendFoldRunes(dst []byte, s string) []byte {
	for _, r := range s {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		if 'A' <= least && least <= 'Z' {
			least += 'a' - 'A'
		}
		dst = utf8.AppendRune(dst, least)
	}
	return dst
}

// unknown is the symbol of a text that no row has.
const unknown = ^uint32(0)

// symbol returns the symbol of an event's text, unknown for a blank one too:
// a blank matches no row that is filled in.
func (t *Table) symbol(s string) uint32 {
	if s == "" {
		return unknown
	}
	var buf [64]byte // longer texts are rare enough to allocate
	if id, ok := t.symbols[string(appendFold(buf[:0], s))]; ok {
		return id
	}
	return unknown
}
