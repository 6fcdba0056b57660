package tollbook

import (
	"context"
	"iter"
	"time"

	"tollbook/decimal"
	"tollbook/filter"
)

// Bounds on what a Ledger takes and gives at once.
const (
	MaxBatch    = 10_000    // events in a Post, bookings in a Book
	MaxRestated = 1_000_000 // bookings in a Restate
	MaxPage     = 250       // records or events of a page
	MaxWords    = 1000      // of a History
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
	Home           Month  // the month in which the event occurred
	Booked         Month  // the month in whose records it counts: Home, or a later one
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
	Accepted       Outcome = iota + 1 // counted, or kept unrated; of a Booking: it holds
	Duplicate                         // its name and its content are there already
	Conflict                          // its name is there with other content, which stays
	TooManyRecords                    // its account's month would have more than MaxRecordsPerMonth records
	Stale                             // of a Booking: the event has been corrected since it was read, or is void
	NotFound                          // of a Booking: no such event
)

// Ref names a word that the ledger was told of an event: that it came, or a
// correction of it. It means nothing to whoever is given it.
type Ref uint64

// BookedEvent is an event as the ledger holds it: one word about it, which the
// next one replaces.
type BookedEvent struct {
	Event
	OrganizationID string
	Claim          Claim
	Home           Month // the month in which it occurred
	Booked         Month // the month in whose records it counts
	Measured
	Void *Void // why it counts no more; nil: it does
	// Adjusts tells that the charges count beside those that the word before
	// gave, which have been stated in a closed month: they take them back.
	Adjusts bool
	Ref     Ref // names this word
	Came    Ref // names the first one: that it came
}

// Void says that an event is not to be counted, and why.
type Void struct {
	Reason     string
	Actor      string // the client that asked for it
	At         time.Time
	ReplacedBy EventName // the event that stands for it; zero: none
}

// EventName is how an organization names an event.
type EventName struct{ Source, ID string }

// Booking corrects what counts of an event that is there: a further word about
// it. Nothing that was said before is lost.
type Booking struct {
	Event  *BookedEvent // by its latest word, as the ledger gave it; a void is the last one
	Booked Month        // the month in whose records the event counts from now on, not before its home
	Measured
	Void *Void // the event counts no more
	// Adjusts: what the event's latest word counts has been stated in a closed
	// month and stays there. The charges count beside it in Booked; they are of
	// the same lines and take it back. Only a Void adjusts, and one that does
	// not has no charges.
	Adjusts bool
}

// Restatement replaces what counts in the records of one account's month, by
// bookings of the events in it whose charges change. The month is open: what has
// been taken back in a later one is not among them.
type Restatement struct {
	OrganizationID string
	AccountID      string
	Month          Month
	Seen           Ref       // of the MonthEvents that the bookings follow from
	Bookings       []Booking // each of another event
}

// MonthQuery asks for the events that count in the records of some accounts'
// month.
type MonthQuery struct {
	OrganizationID string
	AccountIDs     []string
	Month          Month
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
	AsOf           Pos // of a KindMark definition: what held then; 0: what holds now
}

// Page is a page of records and how many match the query's filter in all.
// Offset is the number of matching records before the first of the page.
type Page struct {
	Records []Record
	Total   int
	Offset  int
	AsOf    time.Time // every event whose Post returned before is counted; zero: before the call
}

// EventQuery asks for a page of events: those of a record, the unrated ones, or
// those that were booked later than in the month in which they occurred.
type EventQuery struct {
	OrganizationID string   // "": every organization's (only with Unrated)
	AccountID      string   // with Unrated or Late: of this account only; "": of all
	Record         RecordID // the record, unless Unrated or Late
	Unrated        bool
	Late           bool   // adjustments of Home: late events and voids with charges in a later month
	Home           Month  // with Late
	After          string // a page's Next; "": from the start
	Limit          int    // 1 to MaxBatch
}

// EventPage is a page of events, in an order that does not change unless they
// are corrected. Each word about an event is there once, in however many lines
// it has charges. Next is "" on the last page.
type EventPage struct {
	Events []BookedEvent
	Next   string
	Cuts   []Cut // of a record: where the tiers of its rates cut the month
}

// Cut tells which part of a rate's month a record is. The events of the rate
// are those of all its parts: which of them fell into which is not said of any
// event, for it is the month's sum that is cut.
type Cut struct {
	Line       *Line
	Part       int         // of Line, that the record shows
	Before     decimal.Int // increments of the same home month that were booked earlier
	Increments decimal.Int // of the record's month, behind those
	Share      decimal.Int // of them, those in the part
}

// Total is what one account's month moved in one wallet.
type Total struct {
	AccountID  string
	Month      Month
	WalletName string // "": none
	Currency   string
	PutIn      decimal.Decimal // recharges and credit commits
	Used       decimal.Decimal // everything else
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
	// is there already is not appended again and keeps its Pos.
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

	// Book corrects events, 1 to MaxBatch, each Accepted, Stale, NotFound or
	// TooManyRecords; the last three change nothing. ErrMoved: as for Post.
	Book(ctx context.Context, under Pos, bookings []Booking) ([]Outcome, error)

	// Restate corrects events of one account's month, all or none of them, and
	// a reader sees all or none. ErrMoved: as for Post. ErrStale: an event of
	// that month has been corrected since r.Seen, or one of the bookings' events
	// has been taken back in another month. An *Error with CodeTooManyRecords:
	// the month would have more than MaxRecordsPerMonth; with CodeTooLarge: there
	// are more than MaxRestated bookings, or more than can be written at once.
	Restate(ctx context.Context, under Pos, r Restatement) error

	// MonthEvents returns the events that count in the records of the accounts'
	// month, the unrated ones among them, each once by the word that counts and
	// in no order, but not what adjusts. Events that are accepted meanwhile may
	// be left out.
	MonthEvents(ctx context.Context, q MonthQuery) (seen Ref, events iter.Seq2[BookedEvent, error])

	// History returns what was said of an event, the latest word first, at most
	// MaxWords of them, and the event that it replaces, the last of several, nil
	// where none was voided in its favour. An *Error with CodeNotFound: there is
	// no such event.
	History(ctx context.Context, claim Claim) (words []BookedEvent, replaces *BookedEvent, err error)

	// Latest returns the latest word about each of 1 to MaxBatch events, in their
	// order, nil where there is no such event.
	Latest(ctx context.Context, claims []Claim) ([]*BookedEvent, error)

	// Journal yields everything that is written down behind a Chapter's Next, ""
	// from the start, in an order in which it could have been written: what comes
	// out of Define, Post, Book and Restate when it is made anew answers the same.
	// Definitions keep their place among events and bookings, and bookings their
	// order; the events between two of either have any that does not change. A
	// chapter has at most MaxBatch of anything but where it is Together. What is
	// written meanwhile may be left out; only what Once remembers is no part of it.
	// An *Error with CodeInvalidRequest: after is no Next of this ledger.
	Journal(ctx context.Context, after string) iter.Seq2[Chapter, error]

	// JournalEnd returns what Journal goes on from behind everything that has been
	// acknowledged.
	JournalEnd(ctx context.Context) (string, error)

	// Settle returns when whatever was acknowledged before is in what the
	// methods below read. They may lag behind it otherwise, as Page.AsOf tells.
	Settle(ctx context.Context) error

	// Records returns a page. Every event whose Post returned before its AsOf
	// is counted in it, unless the query asks for an earlier state. An *Error with
	// CodeNotFound: the query's AsOf is no KindMark definition.
	Records(ctx context.Context, q Query) (Page, error)

	// Record returns one record of an organization; an *Error with
	// CodeNotFound where the organization has none of that id.
	Record(ctx context.Context, organizationID string, id RecordID) (Record, error)

	// Events returns a page of events; an *Error with CodeNotFound where the
	// organization has no such record, with CodeInvalidRequest where After is
	// not a Next of the same query.
	Events(ctx context.Context, q EventQuery) (EventPage, error)

	// Totals returns what an organization's records come to, by account, month,
	// wallet and currency, ascending.
	Totals(ctx context.Context, organizationID string) ([]Total, error)

	// Products returns the distinct, non-empty product and aggregated product
	// ids of an organization's records, sorted.
	Products(ctx context.Context, organizationID string) ([]string, error)

	// CountUnrated returns how many unrated events an organization has, ""
	// for all of them together.
	CountUnrated(ctx context.Context, organizationID string) (int, error)

	// Once tells whether key is seen for the first time, and remembers it at
	// least until then.
	Once(ctx context.Context, key [16]byte, until time.Time) (bool, error)

	// Lease gives a holder the lease of a name for a length, at most MaxLease,
	// unless somebody else has it, and returns the holder's term, 0 where it has
	// none. Whoever has the lease extends it so, and gives it up with a length of
	// 0, whose term is the one that ends. It runs out by the ledger's own clock,
	// not by that of a caller, for whom the length began before Lease was called;
	// it may also end when the ledger is opened again. Having it keeps nobody from
	// writing: what its holder does must be right if two do it.
	Lease(ctx context.Context, name string, holder [16]byte, length time.Duration) (Term, error)

	// Ready returns nil when a Post could be made durable now.
	Ready(ctx context.Context) error

	// Close finishes what was acknowledged and lets go of all resources.
	Close() error
}
