package localstore

import (
	"context"
	"crypto/sha256"
	"fmt"

	"tollbook"
)

// Book implements tollbook.Ledger.
func (s *Store) Book(ctx context.Context, under tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error) {
	if err := checkBatch(len(bookings)); err != nil {
		return nil, err
	}
	r, err := s.bookingRequest(under, bookings)
	if err != nil {
		return nil, err
	}
	r.outcomes = make([]tollbook.Outcome, len(bookings))
	if err := s.do(ctx, r); err != nil {
		return nil, err
	}
	return r.outcomes, nil
}

// bookingRequest returns the request of bookings, with their bodies.
func (s *Store) bookingRequest(under tollbook.Pos, bookings []tollbook.Booking) (*request, error) {
	for i := range bookings {
		if err := bookings[i].Check(); err != nil {
			return nil, tollbook.NewError(tollbook.CodeInvalidRequest, fmt.Sprintf("Booking %d %v.", i, err))
		}
	}
	w := s.bodyWriter()
	defer s.writers.Put(w)
	packed, err := w.encodeBookings(bookings, s.committer.numbers.linesOf(bookings))
	if err != nil {
		return nil, err
	}
	if n := packed.bytes + worstCorrections(bookings); n > maxPayloadBytes {
		return nil, errTooLarge(n)
	}
	w.claims = w.claims[:0]
	for i := range bookings {
		w.claims = append(w.claims, bookings[i].Event.Claim)
	}
	r := &request{kind: frameBookings, under: under, bookings: bookings, bodies: packed}
	r.probes, err = s.probe(w)
	return r, err
}

// worstCorrections returns a bound on the bytes that a frame of these bookings
// can have besides its bodies.
func worstCorrections(bookings []tollbook.Booking) int {
	const head, charge, line = 96, 64, 64 // of numbers, and of a tally that is new
	n := 0
	lines := make(map[*tollbook.Line]struct{})
	for i := range bookings {
		b := &bookings[i]
		n += head + charge*(1+len(b.Charges)+len(b.Event.Charges))
		for j := range b.Charges {
			lines[b.Charges[j].Line] = struct{}{}
		}
	}
	for l := range lines {
		n += line + len(l.AppendBinary(nil))
	}
	return n
}

// linkOf returns the claim under which it is kept which event was voided in
// favour of another. No event has it: it is a hash of something else.
func linkOf(claim *tollbook.Claim) *tollbook.Claim {
	sum := sha256.Sum256(append([]byte("replaced by "), claim[:]...))
	return (*tollbook.Claim)(sum[:])
}

// linkTo returns the link of a void, nil where it names no event that stands
// for the one it voids.
func linkTo(organizationID string, v *tollbook.Void) *tollbook.Claim {
	if v == nil || v.ReplacedBy == (tollbook.EventName{}) {
		return nil
	}
	claim := tollbook.ClaimOf(organizationID, v.ReplacedBy.Source, v.ReplacedBy.ID)
	return linkOf(&claim)
}

// decideBook decides a Book and puts its frame behind the group.
func (s *Store) decideBook(r *request) error {
	c := &s.committer
	if r.under != c.head {
		r.err = tollbook.ErrMoved
		return nil
	}
	b, at := c.newBatch(true, r.under), s.nextFrame()
	c.added = c.added[:0]
	for i := range r.bookings {
		there, found, err := s.latest(&r.bookings[i].Event.Claim, &r.probes, i)
		switch {
		case err != nil:
			return err
		case !found:
			r.outcomes[i] = tollbook.NotFound
		case uint64(there.at) != uint64(r.bookings[i].Event.Ref) || r.bookings[i].Event.Void != nil:
			r.outcomes[i] = tollbook.Stale
		default:
			r.outcomes[i] = c.correct(b, i, &r.bookings[i], there.fingerprint, at)
		}
	}
	if len(b.heads) > 0 {
		c.putBatch(b, &r.bodies, s.journal.end)
		c.sayLinks(b)
	}
	return nil
}

// correct books a correction in the batch, whose frame is at a position, unless
// it does not fit.
func (c *committer) correct(b *batch, item int, booking *tollbook.Booking, fingerprint, at uint64) tollbook.Outcome {
	n, e := c.numbers, booking.Event
	account, known := n.lookup(e.OrganizationID, e.AccountID)
	was, is := cellKey{account, e.Booked}, cellKey{account, booking.Booked}
	if !known {
		return tollbook.Stale // it does not say what the ledger has
	}
	backs := len(b.backs)
	r, ok := b.takeBack(n, was, booking)
	if !ok {
		return tollbook.Stale
	}
	if !n.fits(e.AccountID, is, true, booking.Charges) {
		n.putAll(b.backs[backs:], 1)
		if r.left != noTally {
			n.put(r.left, 1)
		}
		b.backs = b.backs[:backs]
		return tollbook.TooManyRecords
	}
	h := head{claim: e.Claim, fingerprint: fingerprint, item: item, unrated: noTally}
	if len(booking.Charges) > 0 || booking.Void == nil {
		n.mu.Lock()
		b.count(n, &h, is, e.Home, booking.Charges)
		n.mu.Unlock()
	}
	b.heads, b.corrections = append(b.heads, h), append(b.corrections, r)
	c.added = append(c.added, c.active.say(&h.claim, fingerprint, inHand))
	c.corrected[was], c.corrected[is] = at, at
	return tollbook.Accepted
}

// takeBack begins a correction by taking back what the word before counts,
// false where that is not what the ledger has.
func (b *batch) takeBack(n *numbering, cell cellKey, booking *tollbook.Booking) (r correction, ok bool) {
	e := booking.Event
	r = correction{ref: locator(e.Ref), left: noTally, voids: booking.Void != nil, adjusts: booking.Adjusts}
	r.link = linkTo(e.OrganizationID, booking.Void)
	if r.adjusts {
		return r, true
	}
	if len(e.Charges) == 0 {
		if r.left, ok = n.tallies.get(tallyKey{cell, e.Home, noLine}); ok {
			n.put(r.left, -1)
		}
		return r, ok
	}
	from := len(b.backs)
	for i := range e.Charges {
		tally, ok := n.known(cell, e.Home, e.Charges[i].Line)
		if !ok {
			b.backs = b.backs[:from]
			return r, false
		}
		b.backs = addCharge(b.backs, from, headCharge{tally, e.Charges[i].Increments})
	}
	r.back = len(b.backs) - from
	n.putAll(b.backs[from:], -1)
	return r, true
}

// sayLinks says where the links of a batch are that has its place.
func (c *committer) sayLinks(b *batch) {
	for i := range b.corrections {
		if link := b.corrections[i].link; link != nil {
			c.active.say(link, 0, b.heads[i].at)
		}
	}
}
