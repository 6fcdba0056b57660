package book

import (
	"context"
	"fmt"
	"slices"

	"tollbook"
)

// Status is what became of one event of a request.
type Status uint8

// The statuses of an event; they are disjoint.
const (
	StatusAccepted Status = iota
	StatusDuplicate
	StatusConflict
	StatusRejected
	StatusUnrated
)

var statuses = []string{"accepted", "duplicate", "conflict", "rejected", "unrated"}

// String returns the status's name on the wire.
func (s Status) String() string { return statuses[s] }

// Statuses returns the names of all statuses, in the order of their numbers.
func Statuses() []string { return slices.Clone(statuses) }

// Result is what became of one event, and why where it was not simply
// accepted.
type Result struct {
	Status  Status
	Code    string
	Message string
	Fields  []tollbook.FieldError
}

// maxMoves bounds how often a batch is measured again because definitions
// changed meanwhile.
const maxMoves = 100

// Post counts events, 0 to tollbook.MaxBatch, and returns a result for each,
// in order. When it returns without an error, everything that is not rejected
// is durable. After an error part may be stored; repeating is safe.
func (s *Sender) Post(ctx context.Context, events []*tollbook.Event) ([]Result, error) {
	results := make([]Result, len(events))
	for range maxMoves {
		m := s.book.measure(s, events, results)
		if len(m.entries) == 0 {
			return results, nil
		}
		outcomes, err := s.book.ledger.Post(ctx, m.under, m.entries)
		if isMoved(err) {
			if err := s.book.reload(ctx); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		for i, o := range outcomes {
			results[m.index[i]] = outcomeResult(o, m.entries[i].Unrated)
		}
		return results, nil
	}
	return nil, tollbook.NewError(tollbook.CodeUnavailable, "The definitions keep changing; try again.")
}

// measured is a batch ready to be posted: the entries of the events that were
// not rejected, and where in the request each one stood.
type measured struct {
	under   tollbook.Pos
	entries []tollbook.Entry
	index   []int
}

// normalBytes is the size of a usual event's normal form, to size buffers by.
const normalBytes = 256

// measure rates the events under the definitions as they are, and writes the
// results of those that are rejected.
func (b *Book) measure(s *Sender, events []*tollbook.Event, results []Result) measured {
	b.mu.RLock()
	defer b.mu.RUnlock()
	m := measured{
		under:   b.state.pos,
		entries: make([]tollbook.Entry, 0, len(events)),
		index:   make([]int, 0, len(events)),
	}
	normal := make([]byte, 0, len(events)*normalBytes)
	charges := make([]tollbook.Charge, 0, len(events))
	for i, e := range events {
		a := b.state.accounts[e.AccountID]
		if a == nil || s.organizationID != "" && a.value.OrganizationID != s.organizationID {
			results[i] = rejected("account_not_under_organization", "account_id", "names no account that this caller may write to")
			continue
		}
		if !s.mayPrice && (e.Priced || e.Type.PutIn()) {
			results[i] = priceNotAllowed(e)
			continue
		}
		var got tollbook.Measured
		charges, got = b.state.measureEvent(charges, a, e)
		start := len(normal)
		normal = e.AppendNormal(normal)
		form := normal[start:len(normal):len(normal)]
		m.index = append(m.index, i)
		m.entries = append(m.entries, tollbook.Entry{
			Event:          e,
			OrganizationID: a.value.OrganizationID,
			Claim:          tollbook.ClaimOf(a.value.OrganizationID, e.Source, e.ID),
			Fingerprint:    tollbook.Fingerprint(form),
			Normal:         form,
			Month:          a.calendar.MonthOf(e.OccurredAt),
			Measured:       got,
		})
	}
	return m
}

// measureEvent rates one event of an account. It appends the charges to dst
// and returns that, too.
func (s *state) measureEvent(dst []tollbook.Charge, a *account, e *tollbook.Event) ([]tollbook.Charge, tollbook.Measured) {
	from := len(dst)
	var m tollbook.Measured
	if e.Priced {
		dst = s.pricer.Measure(dst, e)
	} else if c := s.cardOf(a); c != nil {
		dst, m.Rate, m.Unrated = c.Measure(dst, e, a.calendar)
	} else {
		m.Unrated = tollbook.NoRateCard
	}
	m.Charges = dst[from:len(dst):len(dst)]
	return dst, m
}

func rejected(code, field, why string) Result {
	return Result{Status: StatusRejected, Code: code, Message: field + " " + why, Fields: []tollbook.FieldError{{Name: field, Description: why}}}
}

func priceNotAllowed(e *tollbook.Event) Result {
	if e.Priced {
		return rejected("price_not_allowed", "price", "needs the scope "+tollbook.ScopeEventsPrice)
	}
	return rejected("price_not_allowed", "type", e.Type.String()+" needs the scope "+tollbook.ScopeEventsPrice)
}

func outcomeResult(o tollbook.Outcome, why tollbook.Unrated) Result {
	switch o {
	case tollbook.Accepted:
		if why == 0 {
			return Result{}
		}
		return Result{Status: StatusUnrated, Code: why.String(), Message: "stored; it will be counted as soon as a rate covers it"}
	case tollbook.Duplicate:
		return Result{Status: StatusDuplicate, Code: "duplicate", Message: "counted already"}
	case tollbook.Conflict:
		return Result{Status: StatusConflict, Code: "conflict", Message: "an event of this source and id but with other content is there already and stays"}
	case tollbook.TooManyRecords:
		return rejected("too_many_records", "account_id", fmt.Sprintf("has %d records in this month already", tollbook.MaxRecordsPerMonth))
	}
	panic(fmt.Sprintf("book: a ledger answered a posted event with outcome %d", o))
}
