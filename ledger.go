package tollbook

import (
	"context"
	"iter"
	"time"

	"tollbook/filter"
)

// Bounds on what a Ledger takes and gives at once.
const (
	MaxBatch = 10_000 // events in a Post, bookings in a Book
	MaxPage  = 250    // records or events of a page
)

// Unrated says why an event has no charges. The zero value is that it has
// some. The numbers are written to disk.
type Unrated uint8

// The reasons for which an event is kept without charges.
const (
	NoRateCard       Unrated = iota + 1 // neither the account nor its organization has one
	NoRate                              // no row of the card matches
	UnitMismatch                        // the row's unit cannot be converted to
	CurrencyMismatch                    // the event names another currency than the row
	TooManyUnits                        // the row makes it more than MaxIncrements
)

var unratedReasons = []string{"no_rate_card", "no_rate", "unit_mismatch", "currency_mismatch", "too_many_increments"}

// String returns the reason's name on the wire.
func (u Unrated) String() string { return enumName(unratedReasons, u) }

// Entry is an event as it was measured, ready to be posted.
type Entry struct {
	Event          *Event
	OrganizationID string
	Claim          Claim
	Fingerprint    uint64
	Normal         []byte // Event.AppendNormal
	Month          Month  // the event's home month
	Measured
}

// Measured is what measuring made of an event.
type Measured struct {
	Charges []Charge // none: unrated
	Rate    Rate     // which row priced it; zero where the event carried its price
	Unrated Unrated  // the reason, where there are no charges
}

// Outcome is what became of one Entry or Booking.
type Outcome uint8

// The outcomes.
const (
	Accepted       Outcome = iota + 1 // counted, or kept unrated
	Duplicate                         // its name and its content are there already
	Conflict                          // its name is there with other content, which stays
	TooManyRecords                    // it would be its account's month's record number MaxRecordsPerMonth+1
	NotFound                          // of a Booking: no such event
)

// Booking corrects what is counted of an event that is there already. So far
// the one kind of booking gives an unrated event its charges.
type Booking struct {
	Claim Claim
	Measured
}

// BookedEvent is an event as the ledger holds it.
type BookedEvent struct {
	Event
	OrganizationID string
	Claim          Claim
	Month          Month // the record's
	Measured
}

// Query asks for a page of the records of one organization.
//
// Without After and Before the page starts at Offset. With After it starts
// behind that record, with Before it ends in front of it; the record itself
// need not exist any more, only the fields of the order and the id are looked
// at. At most one of Offset, After and Before is set.
type Query struct {
	OrganizationID string
	Filter         *filter.Expr // on RecordSchema; nil: all
	Order          Order
	Limit          int // 1 to MaxPage
	Offset         int
	After, Before  *Record
}

// Page is a page of records and how many match the query's filter in all.
// Offset is the number of matching records before the first of the page.
type Page struct {
	Records []Record
	Total   int
	Offset  int
}

// EventQuery asks for a page of events: those of a record, or the unrated
// ones.
type EventQuery struct {
	OrganizationID string   // "": every organization's (only with Unrated)
	AccountID      string   // with Unrated: of this account only; "": of all
	Record         RecordID // the record, unless Unrated
	Unrated        bool
	After          string // a page's Next; "": from the start
	Limit          int    // 1 to MaxBatch
}

// EventPage is a page of events, in an order that does not change. Next is ""
// on the last page.
type EventPage struct {
	Events []BookedEvent
	Next   string
}

// Ledger keeps definitions and events and answers from their views. Its
// methods may be called concurrently.
//
// What a method reports as done is durable. An *Error with CodeTooManyRequests
// means that more is written than the ledger can for now: nothing of the call
// was stored, and repeating is safe. An error that is not ErrMoved, an *Error
// or the context's own means that the ledger cannot go on for now: part may be
// stored, and repeating is safe.
type Ledger interface {
	// Define appends definitions behind head and returns the new head. It
	// sets their Pos. ErrMoved: head is not the last position; load the
	// definitions behind it and decide again. A definition whose request id
	// is there already is not appended again.
	Define(ctx context.Context, head Pos, defs []Definition) (Pos, error)

	// Definitions yields the definitions behind after, in order.
	Definitions(ctx context.Context, after Pos) iter.Seq2[Definition, error]

	// Post counts events, 1 to MaxBatch, measured under the definitions at
	// under, and returns an outcome for each, in order; of two that share a
	// claim the first is meant. Everything that is Accepted is durable and in
	// the records when Post returns, and so is that which made the others
	// Duplicate or Conflict. ErrMoved: nothing was stored; measure again. Once
	// Post has returned, the entries and what they point at, but for lines, are
	// the caller's to use again.
	Post(ctx context.Context, under Pos, entries []Entry) ([]Outcome, error)

	// Book gives unrated events charges, 1 to MaxBatch, once per event:
	// Accepted, Duplicate (the event has charges already), NotFound or
	// TooManyRecords (it stays unrated). ErrMoved: as for Post.
	Book(ctx context.Context, under Pos, bookings []Booking) ([]Outcome, error)

	// Records returns a page. Every event whose Post returned before the call
	// is counted in it.
	Records(ctx context.Context, q Query) (Page, error)

	// Record returns one record of an organization; an *Error with
	// CodeNotFound where the organization has none of that id.
	Record(ctx context.Context, organizationID string, id RecordID) (Record, error)

	// Events returns a page of events; an *Error with CodeNotFound where the
	// organization has no such record, with CodeInvalidRequest where After is
	// not a Next of the same query.
	Events(ctx context.Context, q EventQuery) (EventPage, error)

	// Products returns the distinct, non-empty product and aggregated product
	// ids of an organization's records, sorted.
	Products(ctx context.Context, organizationID string) ([]string, error)

	// CountUnrated returns how many unrated events an organization has, ""
	// for all of them together.
	CountUnrated(ctx context.Context, organizationID string) (int, error)

	// Once tells whether key is seen for the first time, and remembers it at
	// least until then.
	Once(ctx context.Context, key [16]byte, until time.Time) (bool, error)

	// Ready returns nil when a Post could be made durable now.
	Ready(ctx context.Context) error

	// Close finishes what was acknowledged and lets go of all resources.
	Close() error
}
