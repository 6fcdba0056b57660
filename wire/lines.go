package wire

import "strings"

// decodeLines reads one event a line. Blank lines are passed over and a line
// that is not an event fails alone.
func decodeLines(b builder, body string) ([]Item, error) {
	d := &jsonDecoder{builder: b}
	for line := 1; body != ""; line++ {
		s, rest, _ := strings.Cut(body, "\n")
		body = rest
		d.scanner = scanner{s: s}
		if d.next() == 0 && d.pos == len(s) {
			continue
		}
		if !d.begin(plainEvent.names) {
			return nil, d.tooMany()
		}
		if d.line() {
			d.end(required, line)
		} else {
			d.faults = nil // they may come from what is not JSON
			d.fault("body", d.problem(line))
			d.drop(line, "", "")
		}
		if len(d.items) == 1 { // the other lines are likely to be about as long
			d.expect(len(body)/(len(s)+1) + 1)
		}
	}
	return d.items, nil
}

// line reads a line that should be one event.
func (d *jsonDecoder) line() bool {
	if d.peek() != '{' {
		return d.fail("an event as an object")
	}
	if !d.object(&plainEvent, unknown) {
		return false
	}
	if d.next(); d.pos < len(d.s) {
		return d.fail("the end of the line")
	}
	return true
}
