// Package wire reads usage events from the bodies of requests: JSON, JSON
// lines, CloudEvents 1.0 and CSV. Whatever an event is sent as, it comes out
// in its normal form or is refused with everything that is wrong with it.
//
// # What fails alone and what fails all
//
// An event that cannot be taken is an Item with an Err; the others are not
// touched by it. The whole body is refused with a *tollbook.Error where it is
// not clear what the events are: a body that is not JSON, a line of CSV whose
// quotes do not match, a CSV header that cannot be understood, too many
// events. Then there are no items at all.
//
// # How values are read
//
//   - JSON null says the same as leaving the field out, and so do an empty
//     string (except for numbers) and an empty cell of CSV.
//   - A field twice in one object is an error, and so is a field that no event
//     has.
//   - Text is UTF-8 and holds no NUL character. Nothing is trimmed, folded or
//     replaced.
//   - Numbers are read as decimals, digit by digit.
//
// # How it is fast
//
// A body is one string and the texts of its events are substrings of it;
// only a text with escapes is copied. Nothing is allocated for an event but
// its place in the list of items, which Release gives to another body. This is
// why the events of a body keep all of it in memory: whoever keeps an event for
// long copies it.
package wire

import (
	"mime"
	"strings"
	"sync"
	"time"

	"tollbook"
)

// Format is a form in which events are sent.
type Format uint8

// The formats.
const (
	JSON             Format = iota + 1 // one event or an array of events
	NDJSON                             // one event a line
	CloudEvents                        // one CloudEvent 1.0 in structured mode
	CloudEventsBatch                   // an array of them
	CSV                                // a header row, then one event a row
)

// mediaTypes are the formats' names in a Content-Type.
var mediaTypes = [...]string{
	JSON:             "application/json",
	NDJSON:           "application/x-ndjson",
	CloudEvents:      "application/cloudevents+json",
	CloudEventsBatch: "application/cloudevents-batch+json",
	CSV:              "text/csv",
}

// String returns the format's media type.
func (f Format) String() string {
	if int(f) >= len(mediaTypes) {
		return ""
	}
	return mediaTypes[f]
}

// FormatOf returns the format that a Content-Type names. The error is a
// *tollbook.Error with CodeUnsupportedMedia that lists what is understood.
func FormatOf(contentType string) (Format, error) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return 0, unsupportedType("is missing or malformed")
	}
	for f := JSON; f <= CSV; f++ {
		if media != mediaTypes[f] {
			continue
		}
		if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
			return 0, unsupportedType("names the charset " + quoted(charset) + "; only utf-8 is understood")
		}
		if f == CSV && strings.EqualFold(params["header"], "absent") {
			return 0, unsupportedType("says that there is no header row; one is needed")
		}
		return f, nil
	}
	return 0, unsupportedType(quoted(media) + " is not understood")
}

func unsupportedType(problem string) error {
	return tollbook.NewError(tollbook.CodeUnsupportedMedia,
		"The content type is not understood. Events are taken as "+strings.Join(mediaTypes[JSON:], ", ")+".",
		tollbook.FieldError{Name: "Content-Type", Description: problem})
}

// CodeInvalidEvent is the code of an event that cannot be taken.
const CodeInvalidEvent tollbook.Code = "invalid_event"

// Options are what Decode needs to know besides the body.
type Options struct {
	// Now is the time of the server: an event that occurred more than
	// tollbook.MaxFutureSkew after it is refused.
	Now time.Time
	// MaxEvents is the most events that the body may hold; 0 stands for
	// tollbook.MaxBatch.
	MaxEvents int
}

// Item is what became of one event of a body: it is in its normal form, or
// Err says why not.
type Item struct {
	Event tollbook.Event // zero where Err is set
	Err   *ItemError
}

// itemLists keeps lists of items, of zeros only, that Release was given.
var itemLists sync.Pool // of *[]Item

// newItems returns a list with room for n items.
func newItems(n int) []Item {
	if list, ok := itemLists.Get().(*[]Item); ok && cap(*list) >= n {
		return *list
	}
	return make([]Item, 0, n)
}

// Release gives the memory of a body's items to those of another. Whoever
// calls it must not use the items again, nor a pointer to one of their events;
// the events' texts, attributes and errors stay what they are. There is no
// need to call it, but it takes a tenth off the work of reading, and most of
// the memory off the collector.
func Release(items []Item) {
	clear(items)
	items = items[:0]
	itemLists.Put(&items)
}

// ItemError says why one event cannot be taken.
type ItemError struct {
	Code    tollbook.Code
	Message string
	Fields  []tollbook.FieldError // all that is wrong, up to maxFieldErrors and maxBodyErrors

	// ID and Source are the event's name as far as it could be read.
	ID, Source string
}

// Error returns the message and the fields.
func (e *ItemError) Error() string {
	return tollbook.NewError(e.Code, e.Message, e.Fields...).Error()
}

// Decode reads the events of a body, which are returned in the order in which
// they were sent: an item's place is its index in the request.
//
// The error is a *tollbook.Error: CodeInvalidRequest where the body is not of
// the format (with a field "body" that says where), CodeTooLarge where it
// holds more than opts.MaxEvents events. A body without any bytes but white
// space is an error; an empty array and a CSV header alone are no events.
func Decode(f Format, body string, opts Options) ([]Item, error) {
	if opts.MaxEvents <= 0 {
		opts.MaxEvents = tollbook.MaxBatch
	}
	if isBlank(body) {
		return nil, badBody(isEmpty)
	}
	b := builder{latest: opts.Now.Add(tollbook.MaxFutureSkew), maxItems: opts.MaxEvents}
	switch f {
	case NDJSON:
		return decodeLines(b, body)
	case CSV:
		return decodeCSV(b, body)
	}
	return decodeJSON(b, f, body)
}

func isBlank(s string) bool { return strings.Trim(s, " \t\r\n") == "" }

// badBody is the error of a body that is not of its format.
func badBody(problem string) error {
	return tollbook.NewError(tollbook.CodeInvalidRequest, "The request body cannot be read; nothing was taken.",
		tollbook.FieldError{Name: "body", Description: problem})
}
