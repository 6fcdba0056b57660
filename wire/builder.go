package wire

import (
	"fmt"
	"slices"
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

	// attrs holds the attributes of many events, so that they need not be
	// allocated one by one.
	attrs []tollbook.Attribute
}

// attrChunk is the most attributes that are allocated at once.
const attrChunk = 1024

// begin starts the next event, whose fields are called names. It returns
// false where there are too many.
func (b *builder) begin(names *names) bool {
	n := len(b.items)
	if n == b.maxItems {
		return false
	}
	if n == cap(b.items) {
		b.grow()
	}
	b.items = b.items[:n+1]
	b.event, b.names = &b.items[n].Event, names
	b.seen, b.given, b.faults = 0, 0, nil
	b.ownAttr = len(b.attrs)
	return true
}

// expect makes room for n events of the rest of the body.
func (b *builder) expect(n int) {
	n = min(n, b.maxItems-len(b.items))
	if free := cap(b.items) - len(b.items); n > free {
		items := make([]Item, len(b.items), len(b.items)+n)
		copy(items, b.items)
		b.items = items
	}
}

// grow makes room where expect was wrong or has not been called.
func (b *builder) grow() { b.expect(max(1, len(b.items))) }

// tooMany is the error of a body with too many events.
func (b *builder) tooMany() error {
	most := "more than " + strconv.Itoa(b.maxItems) + " events"
	return tollbook.NewError(tollbook.CodeTooLarge, "The request holds "+most+"; nothing was taken.",
		tollbook.FieldError{Name: "body", Description: "holds " + most})
}

// fault notes what is wrong with a field of the event.
func (b *builder) fault(name, problem string) {
	if len(b.faults) < maxFieldErrors {
		b.faults = append(b.faults, tollbook.FieldError{Name: name, Description: problem})
	}
}

// refuse notes that a field has a value that it cannot have.
func (b *builder) refuse(f field, problem string) {
	b.given |= f.bit()
	b.fault(b.names[f], problem)
}

// setText gives a field the value that is written as s, which is not empty
// and not what a JSON number wrote.
func (b *builder) setText(f field, s string) {
	b.given |= f.bit()
	if p := b.freeText(f); p != nil {
		*p = s
		if len(s) > min(tollbook.MaxNameBytes, tollbook.MaxTextBytes) {
			b.checkLength(f, s, p)
		}
		return
	}
	var ok bool
	switch e := b.event; f {
	case fieldQuantity, fieldPrice:
		b.setNumber(f, s)
	case fieldOccurredAt:
		b.setInstant(s)
	case fieldType:
		if e.Type, ok = tollbook.ParseUsageType(s); !ok {
			b.notOneOf(f, tollbook.UsageTypes(), s)
		}
	case fieldUnit:
		if e.Unit, ok = tollbook.ParseUnit(s); !ok {
			b.notOneOf(f, tollbook.Units(), s)
		}
	case fieldDirection:
		if e.Direction, ok = tollbook.ParseDirection(s); !ok {
			b.notOneOf(f, tollbook.Directions(), s)
		}
	case fieldResolution:
		if e.Resolution, ok = tollbook.ParseResolution(s); !ok {
			b.notOneOf(f, tollbook.Resolutions(), s)
		}
	case fieldCurrency:
		b.setCurrency(s)
	case fieldSpecVersion:
		if s != "1.0" {
			b.refuse(f, `must be "1.0", not `+quoted(s))
		}
	case fieldDataContentType:
		if !isJSONType(s) {
			b.refuse(f, "must be a JSON media type, not "+quoted(s))
		}
	}
}

// freeText returns where a field is kept whose value may be any text, nil for
// other fields.
func (b *builder) freeText(f field) *string {
	e := b.event
	switch f {
	case fieldID:
		return &e.ID
	case fieldSource:
		return &e.Source
	case fieldAccountID:
		return &e.AccountID
	case fieldSubtype:
		return &e.Subtype
	case fieldDescription:
		return &e.Description
	case fieldProductID:
		return &e.ProductID
	case fieldAggrProductID:
		return &e.AggrProductID
	case fieldFrom:
		return &e.From
	case fieldTo:
		return &e.To
	case fieldCountry:
		return &e.Country
	case fieldCategory:
		return &e.Category
	case fieldWalletName:
		return &e.WalletName
	case fieldCloudEventType:
		return &e.CloudEventType
	}
	return nil
}

// checkLength refuses a free text, kept at p, that is too long.
func (b *builder) checkLength(f field, s string, p *string) {
	most := tollbook.MaxTextBytes
	if f == fieldID || f == fieldSource {
		most = tollbook.MaxNameBytes
	}
	if len(s) > most {
		*p = "" // so that the error does not repeat it as the event's name
		b.refuse(f, tooLong(len(s), most))
	}
}

func tooLong(n, most int) string {
	return fmt.Sprintf("has %d bytes; at most %d are taken", n, most)
}

// setNumber sets the quantity or the price.
func (b *builder) setNumber(f field, s string) {
	b.given |= f.bit()
	d, problem := parseDecimal(s)
	switch {
	case problem != "":
		b.refuse(f, problem)
	case f == fieldQuantity:
		b.event.Quantity = d
	default:
		b.event.Price, b.event.Priced = d, true
	}
}

func (b *builder) setCurrency(s string) {
	if s != b.currency {
		if !tollbook.ValidCurrency(s) {
			b.refuse(fieldCurrency, "must be an ISO 4217 code in capital letters such as USD, not "+quoted(s))
			return
		}
		b.currency = s
	}
	b.event.Currency = s
}

func (b *builder) setInstant(s string) {
	t, problem := parseInstant(s)
	switch {
	case problem != "":
		b.refuse(fieldOccurredAt, problem)
	case t.After(b.latest):
		b.refuse(fieldOccurredAt, "is more than 24 hours ahead of the server's clock")
	}
	b.event.OccurredAt = t
}

func (b *builder) notOneOf(f field, allowed []string, s string) {
	b.refuse(f, "must be one of "+strings.Join(allowed, ", ")+", not "+quoted(s))
}

// addAttribute gives the event one more attribute.
func (b *builder) addAttribute(key, value string) {
	b.given |= fieldAttributes.bit()
	n := len(b.attrs) - b.ownAttr
	if n == 0 && cap(b.attrs)-len(b.attrs) <= tollbook.MaxAttributes {
		left := cap(b.items) - len(b.items)
		b.attrs = make([]tollbook.Attribute, 0, max(tollbook.MaxAttributes+1, min(4*left, attrChunk)))
		b.ownAttr = 0
	}
	switch {
	case n > tollbook.MaxAttributes: // it is said already
	case n == tollbook.MaxAttributes:
		b.refuse(fieldAttributes, fmt.Sprintf("has more than %d attributes", tollbook.MaxAttributes))
		b.attrs = append(b.attrs, tollbook.Attribute{})
	case key == "":
		b.refuse(fieldAttributes, "has a key without any characters")
	case len(key) > tollbook.MaxAttributeKeyBytes:
		b.refuseAttribute(key, "has a key that "+tooLong(len(key), tollbook.MaxAttributeKeyBytes))
	case len(value) > tollbook.MaxAttributeValueBytes:
		b.refuseAttribute(key, tooLong(len(value), tollbook.MaxAttributeValueBytes))
	default:
		b.attrs = append(b.attrs, tollbook.Attribute{Key: key, Value: value})
	}
}

func (b *builder) refuseAttribute(key, problem string) {
	b.fault(b.names[fieldAttributes]+"."+shown(key), problem)
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
	if b.given&fieldPrice.bit() != 0 {
		if b.given&fieldCurrency.bit() == 0 {
			b.refuse(fieldCurrency, needCurrency)
		}
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

// endAttributes brings the event's attributes into order.
func (b *builder) endAttributes(own []tollbook.Attribute) {
	byKey := func(a, b tollbook.Attribute) int { return strings.Compare(a.Key, b.Key) }
	if !slices.IsSortedFunc(own, byKey) {
		slices.SortStableFunc(own, byKey)
	}
	for i := 1; i < len(own); i++ {
		if own[i].Key == own[i-1].Key {
			b.refuseAttribute(own[i].Key, isRepeated)
		}
	}
	b.event.Attributes = own[:len(own):len(own)]
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
