package wire

import "strings"

// jsonDecoder reads events from JSON. Its methods that return a bool return
// false where the text is not JSON; the scanner knows where.
type jsonDecoder struct {
	scanner
	builder

	// follower is which field came behind each the last time.
	follower [numFields]field
}

// decodeJSON reads a body that is one JSON text.
func decodeJSON(b builder, f Format, body string) ([]Item, error) {
	d := &jsonDecoder{scanner: scanner{s: body}, builder: b}
	outer := &plainEvent
	if f != JSON {
		outer = &cloudEvent
	}
	first := d.next()
	switch {
	case first == '[' && f != CloudEvents:
		if ok, err := d.array(outer); err != nil {
			return nil, err
		} else if !ok {
			return nil, badBody(d.problem(1))
		}
	case first == '{' && f != CloudEventsBatch:
		d.expect(1)
		d.begin(outer.names)
		if !d.element(outer) {
			return nil, badBody(d.problem(1))
		}
	default:
		d.want = topLevel(f)
		return nil, badBody(d.problem(1))
	}
	if d.next(); d.pos < len(d.s) {
		d.want = "nothing more"
		return nil, badBody(d.problem(1))
	}
	return d.items, nil
}

func topLevel(f Format) string {
	switch f {
	case CloudEvents:
		return "one CloudEvent as an object (many are " + CloudEventsBatch.String() + ")"
	case CloudEventsBatch:
		return "an array of CloudEvents (one alone is " + CloudEvents.String() + ")"
	}
	return "an event as an object, or an array of events"
}

// array reads an array of events.
func (d *jsonDecoder) array(outer *shape) (ok bool, err error) {
	d.enter()
	if d.next() == ']' {
		return d.leave(), nil
	}
	for first := true; ; first = false {
		if !d.begin(outer.names) {
			return false, d.tooMany()
		}
		start := d.pos
		if !d.element(outer) {
			return false, nil
		}
		if first { // the others are likely to be about as long
			d.expect((len(d.s) - d.pos) / (d.pos - start))
		}
		if more, ok := d.another(']'); !more {
			return ok, nil
		}
	}
}

// element reads what should be an event and ends it. An event that is not an
// object fails alone.
func (d *jsonDecoder) element(outer *shape) bool {
	if d.peek() == '{' {
		if !d.object(outer, unknown) {
			return false
		}
		d.end(outer.need, 0)
		return true
	}
	kind := d.kind()
	if !d.skip() {
		return false
	}
	d.fault("event", "must be an object, not "+kind)
	d.drop(0, "", "")
	return true
}

// shape is what an object may hold.
type shape struct {
	field  func(name string) field
	names  *names
	heads  *names // how the members of each field begin: name in quotes, colon
	need   uint32
	prefix string // of the names of unknown fields
	open   bool   // fields beyond those known are fine, and ignored
}

// plainEvent is the shape of an event that is sent as itself.
var plainEvent = shape{field: eventField, names: &eventNames, heads: memberHeads(eventField, eventNames[:]...), need: required}

// memberHeads returns the heads of the fields that go by some of the names.
func memberHeads(fieldOf func(string) field, candidates ...string) *names {
	var heads names
	for _, name := range candidates {
		if f := fieldOf(name); f != unknown {
			heads[f] = string(append(appendQuoted(nil, name), ':'))
		}
	}
	return &heads
}

// object reads the fields of the event, or of a part of it that is the value
// of the field within.
//
// A sender writes the fields of each event in the same order. So the field
// that came behind a field last time is tried first, which is one comparison
// where reading and looking up its name would be several.
func (d *jsonDecoder) object(is *shape, within field) bool {
	if !d.enter() {
		return false
	}
	if d.next() == '}' {
		return d.leave()
	}
	for last := within; ; {
		f, ok := d.follower[last], true
		if head := is.heads[f]; head != "" && strings.HasPrefix(d.s[d.pos:], head) {
			d.pos += len(head)
			if d.peek() <= ' ' {
				d.next()
			}
			ok = d.member(f)
		} else {
			f, ok = d.anyMember(is)
			d.follower[last] = f
		}
		if !ok {
			return false
		}
		if more, ok := d.another('}'); !more {
			return ok
		}
		last = f
	}
}

// anyMember reads a member of which nothing is known, and returns its field.
func (d *jsonDecoder) anyMember(is *shape) (field, bool) {
	name, flaw, ok := d.name()
	if !ok {
		return unknown, false
	}
	f := is.field(name)
	if f == unknown {
		return f, d.stranger(is, name, flaw)
	}
	return f, d.member(f)
}

// stranger reads the value of a field that is not known.
func (d *jsonDecoder) stranger(is *shape, name, flaw string) bool {
	switch {
	case is.open:
	case flaw != "":
		d.fault(is.prefix+"?", "is a field whose name "+flaw)
	default:
		d.fault(is.prefix+shown(name), isUnknown)
	}
	return d.skip()
}

// member reads the value of a field.
func (d *jsonDecoder) member(f field) bool {
	if d.seen&f.bit() != 0 {
		d.fault(d.names[f], isRepeated)
		return d.skip()
	}
	d.seen |= f.bit()
	c := d.peek()
	switch {
	case c == 'n':
		return d.literal("null")
	case f == fieldDataBase64:
		d.refuse(f, "is not taken; send data as JSON")
		return d.skip()
	case c == '"' && f != fieldAttributes && f != fieldData:
		return d.textMember(f)
	case (c == '-' || c-'0' <= 9) && (f == fieldQuantity || f == fieldPrice):
		s, ok := d.number()
		if ok {
			d.setNumber(f, s)
		}
		return ok
	case c == '{' && f == fieldAttributes:
		return d.attributes()
	case c == '{' && f == fieldData:
		d.given |= f.bit()
		return d.object(&cloudEventData, f)
	}
	return d.wrongKind(f)
}

// textMember reads the value of a field that is a string.
func (d *jsonDecoder) textMember(f field) bool {
	start := d.pos + 1
	end := plainEnd(d.s, start)
	if end < len(d.s) && d.s[end] == '"' { // as in quoted, without a call for each field
		d.pos = end + 1
		if end > start || f == fieldQuantity || f == fieldPrice {
			d.setText(f, d.s[start:end])
		}
		return true
	}
	s, flaw, ok := d.hardQuoted(start, end)
	switch {
	case !ok:
	case flaw != "":
		d.refuse(f, flaw)
	case s != "" || f == fieldQuantity || f == fieldPrice:
		d.setText(f, s)
	}
	return ok
}

// wrongKind refuses a value of a kind that the field cannot have.
func (d *jsonDecoder) wrongKind(f field) bool {
	kind := d.kind()
	if !d.skip() {
		return false
	}
	want := "a string"
	switch f {
	case fieldQuantity, fieldPrice:
		want = "a number or a string"
	case fieldAttributes, fieldData:
		want = "an object"
	}
	d.refuse(f, "must be "+want+", not "+kind)
	return true
}

// attributes reads the object of free attributes.
func (d *jsonDecoder) attributes() bool {
	if !d.enter() {
		return false
	}
	if d.next() == '}' {
		return d.leave()
	}
	for {
		key, flaw, ok := d.name()
		if !ok || !d.attribute(key, flaw) {
			return false
		}
		if more, ok := d.another('}'); !more {
			return ok
		}
	}
}

// attribute reads the value of an attribute.
func (d *jsonDecoder) attribute(key, flaw string) bool {
	if d.peek() != '"' {
		kind := d.kind()
		if !d.skip() {
			return false
		}
		d.refuseAttribute(key, "must be a string, not "+kind)
		return true
	}
	value, valueFlaw, ok := d.quoted()
	switch {
	case !ok:
		return false
	case flaw != "":
		d.refuse(fieldAttributes, "has a key that "+flaw)
	case valueFlaw != "":
		d.refuseAttribute(key, valueFlaw)
	default:
		d.addAttribute(key, value)
	}
	return true
}
