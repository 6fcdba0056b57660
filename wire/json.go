package wire

// jsonDecoder reads events from JSON. Its methods that return a bool return
// false where the text is not JSON; the scanner knows where.
type jsonDecoder struct {
	scanner
	builder
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
		if !d.object(outer) {
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
	need   uint32
	prefix string // of the names of unknown fields
	open   bool   // fields beyond those known are fine, and ignored
}

// plainEvent is the shape of an event that is sent as itself.
var plainEvent = shape{field: eventField, names: &eventNames, need: required}

// object reads the fields of the event, or of a part of it.
func (d *jsonDecoder) object(is *shape) bool {
	if !d.enter() {
		return false
	}
	if d.next() == '}' {
		return d.leave()
	}
	for {
		name, flaw, ok := d.name()
		if !ok {
			return false
		}
		if f := is.field(name); f != unknown {
			ok = d.member(f)
		} else {
			ok = d.stranger(is, name, flaw)
		}
		if !ok {
			return false
		}
		if more, ok := d.another('}'); !more {
			return ok
		}
	}
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
	case c == '"' && f != fieldAttributes && f != fieldData:
		s, flaw, ok := d.quoted()
		switch {
		case flaw != "":
			d.refuse(f, flaw)
		case s != "" || f == fieldQuantity || f == fieldPrice:
			if ok {
				d.setText(f, s)
			}
		}
		return ok
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
		return d.object(&cloudEventData)
	default:
		return d.wrongKind(f)
	}
	return d.skip()
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
