package book

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tollbook"
)

// MaxVoids is how many events one request voids at most.
const MaxVoids = 1000

// VoidRequest asks for an event not to be counted any more.
type VoidRequest struct {
	tollbook.EventName
	AccountID  string // an operator names the organization by it; an organization may leave it out
	Reason     string
	ReplacedBy *tollbook.EventName // nil: by none
}

// VoidStatus is what became of one VoidRequest.
type VoidStatus uint8

// The statuses of a void.
const (
	Voided VoidStatus = iota
	AlreadyVoided
	VoidNotFound
	VoidRejected // the adjustment would be one record too many for its month
)

var voidStatuses = []string{"voided", "already_voided", "not_found", "rejected"}

// String returns the status's name on the wire.
func (s VoidStatus) String() string { return voidStatuses[s] }

// VoidResult is what became of one VoidRequest.
type VoidResult struct {
	Status VoidStatus

	// Booked is the month whose records changed: that in which the event
	// counted, or, where that is closed, the first open one, which then
	// adjusts it. nil: none did.
	Booked  *tollbook.Month
	Adjusts bool
}

// voiding is a VoidRequest on its way.
type voiding struct {
	*VoidRequest
	result *VoidResult
	claim  tollbook.Claim
	word   *tollbook.BookedEvent // the latest one of the event; nil: to be read
}

// Void takes events, 0 to MaxVoids, out of what is counted, and returns what
// became of each, in order. An event is voided once, by the first who asks.
// When it returns without an error, what it says is durable. After an error
// part may be voided; repeating is safe. Error: CodeInvalidRequest, after
// which nothing is.
func (s *Sender) Void(ctx context.Context, requests []*VoidRequest) ([]VoidResult, error) {
	if err := s.checkVoids(requests); err != nil {
		return nil, err
	}
	results := make([]VoidResult, len(requests))
	pending := s.claimVoids(requests, results)
	at := s.book.opt.Clock().UTC()
	for range maxMoves {
		var err error
		if pending, err = s.readVoided(ctx, pending); err != nil {
			return nil, err
		}
		if len(pending) == 0 {
			return results, nil
		}
		if pending, err = s.bookVoids(ctx, pending, at); err != nil {
			return nil, err
		}
	}
	return nil, errKeepsMoving()
}

// checkVoids tells all that is wrong with requests at once.
func (s *Sender) checkVoids(requests []*VoidRequest) error {
	var f faults
	for i, r := range requests {
		field := func(name string) string { return fmt.Sprintf("[%d].%s", i, name) }
		f.eventName(field(""), r.EventName)
		f.text(field("reason"), r.Reason, true)
		if r.AccountID == "" && s.organizationID == "" {
			f.add(field("account_id"), "is required of an operator")
		}
		switch {
		case r.ReplacedBy == nil:
		case *r.ReplacedBy == r.EventName:
			f.add(field("replaced_by"), "is the event itself")
		default:
			f.eventName(field("replaced_by."), *r.ReplacedBy)
		}
	}
	if len(f) == 0 {
		return nil
	}
	return tollbook.NewError(tollbook.CodeInvalidRequest, "The body is not valid; nothing was voided.", f...)
}

func (f *faults) eventName(prefix string, n tollbook.EventName) {
	for _, part := range []struct{ name, text string }{{"source", n.Source}, {"id", n.ID}} {
		if len(part.text) == 0 || len(part.text) > tollbook.MaxNameBytes {
			f.add(prefix+part.name, fmt.Sprintf("must have 1 to %d bytes", tollbook.MaxNameBytes))
		}
	}
}

// claimVoids finds the names' claims. Requests that name an account to which
// the sender may not write are not found.
func (s *Sender) claimVoids(requests []*VoidRequest, results []VoidResult) []voiding {
	s.book.mu.RLock()
	defer s.book.mu.RUnlock()
	pending := make([]voiding, 0, len(requests))
	for i, r := range requests {
		organizationID := s.organizationID
		if r.AccountID != "" || organizationID == "" {
			a := s.book.state.accounts[r.AccountID]
			if a == nil || organizationID != "" && a.value.OrganizationID != organizationID {
				results[i].Status = VoidNotFound
				continue
			}
			organizationID = a.value.OrganizationID
		}
		pending = append(pending, voiding{VoidRequest: r, result: &results[i], claim: tollbook.ClaimOf(organizationID, r.Source, r.ID)})
	}
	return pending
}

// readVoided reads the latest words of events, if they have not been read, and
// settles those that are voided already or not there.
func (s *Sender) readVoided(ctx context.Context, pending []voiding) ([]voiding, error) {
	var claims []tollbook.Claim
	var of []int
	for i, p := range pending {
		if p.word == nil {
			claims, of = append(claims, p.claim), append(of, i)
		}
	}
	if len(claims) > 0 {
		words, err := s.book.ledger.Latest(ctx, claims)
		if err != nil {
			return nil, err
		}
		for i, w := range words {
			pending[of[i]].word = w
		}
	}
	left := pending[:0]
	for _, p := range pending {
		switch {
		case p.word == nil || p.AccountID != "" && p.AccountID != p.word.AccountID:
			p.result.Status = VoidNotFound
		case p.word.Void != nil:
			p.result.Status = AlreadyVoided
		default:
			left = append(left, p)
		}
	}
	return left, nil
}

// bookVoids books voids under the definitions as they are and returns those
// that are to be tried again: all where the definitions moved on, and those
// whose events were corrected meanwhile.
func (s *Sender) bookVoids(ctx context.Context, pending []voiding, at time.Time) ([]voiding, error) {
	under, bookings := s.voidBookings(pending, at)
	outcomes, err := s.book.ledger.Book(ctx, under, bookings)
	if isMoved(err) {
		return pending, s.book.reload(ctx)
	}
	if err != nil {
		return nil, err
	}
	again := pending[:0]
	for i, p := range pending {
		switch outcomes[i] {
		case tollbook.Accepted:
			s.book.counted.Store(true)
			p.result.Status, p.result.Adjusts = Voided, bookings[i].Adjusts
			if len(p.word.Charges) > 0 {
				p.result.Booked = &bookings[i].Booked
			}
		case tollbook.Stale:
			p.word = nil
			again = append(again, p)
		case tollbook.NotFound:
			p.result.Status = VoidNotFound
		case tollbook.TooManyRecords:
			p.result.Status = VoidRejected
		}
	}
	return again, nil
}

// voidBookings makes the bookings. What counts in an open month is taken out
// of it; what counts in a closed one stays there and is taken back in the
// first open one.
func (s *Sender) voidBookings(pending []voiding, at time.Time) (tollbook.Pos, []tollbook.Booking) {
	s.book.mu.RLock()
	defer s.book.mu.RUnlock()
	bookings := make([]tollbook.Booking, len(pending))
	for i, p := range pending {
		b := &bookings[i]
		*b = tollbook.Booking{Event: p.word, Booked: p.word.Booked, Void: &tollbook.Void{Reason: p.Reason, Actor: s.actor, At: at}}
		if p.ReplacedBy != nil {
			b.Void.ReplacedBy = *p.ReplacedBy
		}
		open := s.book.state.organizations[p.word.OrganizationID].booked(p.word.Booked)
		if open == p.word.Booked || len(p.word.Charges) == 0 {
			continue
		}
		b.Booked, b.Adjusts, b.Rate = open, true, p.word.Rate
		b.Charges = slices.Clone(p.word.Charges)
		for j := range b.Charges {
			b.Charges[j].Increments = b.Charges[j].Increments.Neg()
		}
	}
	return s.book.state.pos, bookings
}
