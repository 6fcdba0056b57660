package wire

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tollbook"
)

// maxFieldErrors is the most errors that are listed for one event. It is well
// over the number of fields, so only an event with fields that do not exist
// can reach it.
const maxFieldErrors = 64

// maxBodyErrors is the most errors that are listed for all events of a body
// together; behind it, one for each event. Else a body of fields that do not
// exist would be answered with ten times its length.
const maxBodyErrors = 4 * tollbook.MaxBatch

// What may be wrong with a field of any format.
const (
	isRequired   = "is required"
	isRepeated   = "is given more than once"
	isUnknown    = "is not a field of an event"
	notUTF8      = "is not valid UTF-8"
	holdsNUL     = "holds a NUL character"
	halfPair     = "holds one half of a surrogate pair"
	isEmpty      = "is empty"
	needCurrency = "is required with a price"
)

// builder puts events together from their fields, one after the other, and
// notes what is wrong with each. All formats share it, so that all have the
// same rules.
type builder struct {
	latest   time.Time // the last instant at which an event may have occurred
	maxItems int

	items    []Item
	currency string // the last one that was found to exist

	// Of the event in hand:
	event   *tollbook.Event
	names   *names
	seen    uint32 // the fields that were there, in whatever way
	given   uint32 // those that had a value, good or bad
	faults  []tollbook.FieldError
	ownAttr int // where its attributes start in attrs

	listed int // errors of all events so far

	// attrs holds the attributes of many events, so that they need not be
	// allocated one by one.
	attrs []tollbook.Attribute
}

// begin starts the next event, whose fields are called names. It returns
// false where there are too many.
func (b *builder) begin(names *names) bool {
	n := len(b.items)
	if n == b.maxItems {
		return false
	}
	if n == cap(b.items) { // expect was wrong, or has not been called
		b.expect(max(1, n))
	}
	b.items = b.items[:n+1]
	b.event, b.names = &b.items[n].Event, names
	b.seen, b.given, b.faults = 0, 0, nil
	b.ownAttr = len(b.attrs)
	return true
}

// expect makes room for about n more events.
func (b *builder) expect(n int) {
	n = min(n+n/8, b.maxItems-len(b.items))
	if free := cap(b.items) - len(b.items); n > free {
		b.items = append(newItems(len(b.items)+n), b.items...)
	}
}

// tooMany is the error of a body with too many events.
func (b *builder) tooMany() error {
	most := "more than " + strconv.Itoa(b.maxItems) + " events"
	return tollbook.NewError(tollbook.CodeTooLarge, "The request holds "+most+"; nothing was taken.",
		tollbook.FieldError{Name: "body", Description: "holds " + most})
}

// fault notes what is wrong with a field of the event.
func (b *builder) fault(name, problem string) {
	if len(b.faults) == 0 || len(b.faults) < maxFieldErrors && b.listed < maxBodyErrors {
		b.listed++
		b.faults = append(b.faults, tollbook.FieldError{Name: name, Description: problem})
	}
}

// refuse notes that a field has a value that it cannot have.
func (b *builder) refuse(f field, problem string) {
	b.given |= f.bit()
	b.fault(b.names[f], problem)
}

// end finishes the event, which must have the fields of need. The line is
// where it stood, 0 where its index says it all.
func (b *builder) end(need uint32, line int) {
	e := b.event
	if own := b.attrs[b.ownAttr:]; len(own) > 0 {
		b.endAttributes(own)
	}
	if e.Unit == 0 {
		e.Unit = e.Type.DefaultUnit()
	}
	if b.given&fieldPrice.bit() != 0 && b.given&fieldCurrency.bit() == 0 {
		b.refuse(fieldCurrency, needCurrency)
	}
	for f, missing := unknown, need&^b.given; missing != 0; f++ {
		if missing&f.bit() != 0 {
			missing &^= f.bit()
			b.fault(b.names[f], isRequired)
		}
	}
	if b.faults != nil {
		b.drop(line, e.ID, e.Source)
	}
}

// drop puts its faults in the place of the event in hand.
func (b *builder) drop(line int, id, source string) {
	message := "The event is not valid."
	if line > 0 {
		message = "The event on line " + strconv.Itoa(line) + " is not valid."
	}
	b.attrs = b.attrs[:b.ownAttr]
	b.items[len(b.items)-1] = Item{Err: &ItemError{
		Code: CodeInvalidEvent, Message: message, Fields: b.faults, ID: id, Source: source,
	}}
}

// shownBytes is how much of a sender's text an error repeats.
const shownBytes = 64

// shown cuts a sender's text short and makes it fit to be shown.
func shown(s string) string {
	if len(s) > shownBytes {
		n := shownBytes
		for n > shownBytes-utf8.UTFMax && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func quoted(s string) string { return strconv.Quote(shown(s)) }
