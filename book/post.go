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
	m, ok := s.book.batches.Get().(*measured)
	if !ok {
		m = new(measured)
	}
	defer func() {
		m.letGo()
		s.book.batches.Put(m)
	}()
	for range maxMoves {
		s.book.measure(m, s, events, results)
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
			if o == tollbook.Accepted {
				s.book.counted.Store(true)
			}
			results[m.index[i]] = outcomeResult(o, m.entries[i].Unrated)
		}
		return results, nil
	}
	return nil, errKeepsMoving()
}

func errKeepsMoving() error {
	return tollbook.NewError(tollbook.CodeUnavailable, "The definitions keep changing; try again.")
}

// measured is a batch ready to be posted: the entries of the events that were
// not rejected, and where in the request each one stood. Its memory, as much
// as the events themselves take, is used for one batch after the other.
type measured struct {
	under   tollbook.Pos
	entries []tollbook.Entry
	index   []int

	normal  []byte            // of all entries
	charges []tollbook.Charge // of all entries
}

// normalBytes is the size of a usual event's normal form, to size buffers by.
const normalBytes = 256

// begin makes room for n events.
func (m *measured) begin(n int) {
	m.letGo()
	m.entries = slices.Grow(m.entries, n)
	m.index = slices.Grow(m.index, n)
	m.normal = slices.Grow(m.normal, n*normalBytes)
	m.charges = slices.Grow(m.charges, n)
}

// letGo empties m and keeps nothing alive but its own memory.
func (m *measured) letGo() {
	clear(m.entries)
	clear(m.charges)
	m.entries, m.index, m.normal, m.charges = m.entries[:0], m.index[:0], m.normal[:0], m.charges[:0]
}

// measure rates the events under the definitions as they are into m, and
// writes the results of those that are rejected.
func (b *Book) measure(m *measured, s *Sender, events []*tollbook.Event, results []Result) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	m.begin(len(events))
	m.under = b.state.pos
	// Organizations are compared by their place in memory: their names would
	// be one more thing to fetch for each account.
	own := b.state.organizations[s.organizationID]
	for i, e := range events {
		a := b.state.accounts[e.AccountID]
		if a == nil || s.organizationID != "" && a.organization != own {
			results[i] = rejected("account_not_under_organization", "account_id", "names no account that this caller may write to")
			continue
		}
		if !s.mayPrice && (e.Priced || e.Type.PutIn()) {
			results[i] = priceNotAllowed(e)
			continue
		}
		entry := m.next()
		rates := b.state.ratesOf(a)
		m.charges, entry.Measured = rates.measure(m.charges, e)
		start := len(m.normal)
		m.normal = e.AppendNormal(m.normal)
		form := m.normal[start:len(m.normal):len(m.normal)]
		m.index = append(m.index, i)
		entry.Event = e
		entry.OrganizationID = a.organization.value.ID
		entry.Claim = tollbook.ClaimOf(entry.OrganizationID, e.Source, e.ID)
		entry.Fingerprint = tollbook.Fingerprint(form)
		entry.Normal = form
		entry.Home = a.calendar.MonthOf(e.OccurredAt)
		entry.Booked = a.organization.booked(entry.Home)
	}
}

// next returns a place for one more entry.
func (m *measured) next() *tollbook.Entry {
	m.entries = m.entries[:len(m.entries)+1]
	return &m.entries[len(m.entries)-1]
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
