// Package reconcile holds somebody else's list of usage, a carrier's calls or
// a cost report, against our events.
//
// Read takes a CSV file apart: which of its columns say what is recognized by
// their names or told by a Layout. A Matcher is then given the events one by
// one and tells, in its Report, what became of each row and each event, which
// are in exactly one class:
//
//   - matched: a row and an event that agree;
//   - differing: a row and an event of the same use that say different
//     quantities or amounts;
//   - missing here: a row without an event;
//   - missing there: an event without a row;
//   - outside: a row that lies outside of the period for which there are events
//     to compare it with.
//
// A row and an event are of the same use where they have the same id; or, of
// rows without one, where they name the same numbers and start at about the
// same time. Everything here is a function of its arguments, and the same for
// the same rows and events in whatever order the events come.
package reconcile

import (
	"time"

	"tollbook"
	"tollbook/decimal"
)

// Bounds on a comparison.
const (
	MaxBytes       = 64 << 20 // of a file
	MaxRows        = 500_000  // of a file
	MaxErrors      = 100      // reported of a file
	MaxDifferences = 200_000  // of each class, where all are listed
	MaxWithin      = time.Hour

	// maxHeld bounds the events that may match a row and are kept until all
	// have come.
	maxHeld = 2_000_000
)

// Row is one row of a file.
type Row struct {
	Line   int    // in the file, on which it starts
	ID     string // "": none
	Source string // of the event's id; "": any
	To     string
	From   string
	Start  time.Time // zero: not said

	Quantity *Quantity // nil: not said
	Amount   *Amount   // nil: not said
}

// Quantity is a number of units.
type Quantity struct {
	Number decimal.Decimal
	Unit   tollbook.Unit // 0: not said
}

// Amount is an amount of money.
type Amount struct {
	Number   decimal.Decimal
	Currency string // ISO 4217
}

// Event is what is compared of one of our events.
type Event struct {
	ID        string
	Source    string
	AccountID string
	To        string
	From      string
	Start     time.Time

	Quantity Quantity  // what was used
	Billed   *Quantity // what is charged for it, rounded up to increments; nil: unrated
	Amount   *Amount   // nil: unrated, or of a rate with tiers, where no event has an amount of its own
	Unrated  tollbook.Unrated
}

// EventOf returns what is compared of an event; its id is that of an attribute
// where one is named.
func EventOf(e *tollbook.BookedEvent, attribute string) Event {
	ev := Event{
		ID: e.ID, Source: e.Source, AccountID: e.AccountID, To: e.To, From: e.From, Start: e.OccurredAt,
		Quantity: Quantity{e.Quantity, e.Unit}, Unrated: e.Unrated,
	}
	if attribute != "" {
		ev.ID = ""
		for _, a := range e.Attributes {
			if a.Key == attribute {
				ev.ID = a.Value
			}
		}
	}
	if len(e.Charges) == 0 {
		return ev
	}
	usage := e.Charges[0] // a setup fee comes behind it
	ev.Billed = &Quantity{usage.Line.Units(usage.Increments), usage.Line.Unit}
	sum := Amount{Currency: usage.Line.Currency}
	for _, c := range e.Charges {
		if c.Line.Parts() > 1 {
			return ev
		}
		sum.Number = sum.Number.Add(c.Line.Amount(c.Increments))
	}
	ev.Amount = &sum
	return ev
}

// Class is what became of a row or an event.
type Class string

// The classes, in the order in which they are told.
const (
	Matched      Class = "matched"
	Differing    Class = "differing"
	MissingHere  Class = "missing_here"
	MissingThere Class = "missing_there"
	Outside      Class = "outside"
)

// Classes returns all classes, in their order.
func Classes() []Class {
	return []Class{Matched, Differing, MissingHere, MissingThere, Outside}
}
