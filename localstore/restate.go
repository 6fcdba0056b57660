package localstore

import (
	"context"
	"fmt"

	"tollbook"
)

// restated is what a Restate finds out before the committer has it.
type restated struct {
	cell         cellKey
	seen         uint64   // position of the log
	fingerprints []uint64 // of the bookings' events
}

// Restate implements tollbook.Ledger. Its frame holds all bookings of the
// month, so that it is there whole or not at all.
func (s *Store) Restate(ctx context.Context, under tollbook.Pos, t tollbook.Restatement) error {
	if len(t.Bookings) == 0 {
		return nil
	}
	if err := tollbook.CheckRestated(len(t.Bookings)); err != nil {
		return err
	}
	if err := t.Check(); err != nil {
		return tollbook.NewError(tollbook.CodeInvalidRequest, "The restatement's "+err.Error()+".")
	}
	r, err := s.bookingRequest(under, t.Bookings)
	if err != nil {
		return err
	}
	n := s.committer.numbers
	n.mu.RLock()
	account, known := n.lookup(t.OrganizationID, t.AccountID)
	n.mu.RUnlock()
	if !known {
		return tollbook.ErrStale // no event of it can have been seen
	}
	r.restates = &restated{
		cell:         cellKey{account, t.Month},
		seen:         locator(t.Seen).block(),
		fingerprints: make([]uint64, len(t.Bookings)),
	}
	return s.do(ctx, r)
}

// decideRestate decides a Restate and puts its frame behind the group.
func (s *Store) decideRestate(r *request) error {
	c, n, cell := &s.committer, s.committer.numbers, r.restates.cell
	switch {
	case r.under != c.head:
		r.err = tollbook.ErrMoved
		return nil
	case r.restates.seen < c.opened || c.corrected[cell] >= r.restates.seen:
		r.err = tollbook.ErrStale
		return nil
	}
	if ok, err := s.holdStill(r); !ok || err != nil {
		r.err = tollbook.ErrStale
		return err
	}
	b := c.newBatch(true, r.under)
	c.added = c.added[:0]
	for i := range r.bookings {
		back, ok := b.takeBack(n, cell, &r.bookings[i])
		if !ok {
			r.err = tollbook.ErrStale
			break
		}
		b.corrections = append(b.corrections, back)
	}
	if r.err == nil && !n.fitsAll(cell, r.bookings) {
		r.err = tollbook.NewError(tollbook.CodeTooManyRecords,
			fmt.Sprintf("The account's month would have more than %d records.", n.maxRecords))
	}
	if r.err != nil {
		b.giveBack(n)
		return nil
	}
	n.mu.Lock()
	for i := range r.bookings {
		h := head{claim: r.bookings[i].Event.Claim, fingerprint: r.restates.fingerprints[i], item: i, unrated: noTally}
		b.count(n, &h, cell, r.bookings[i].Event.Home, r.bookings[i].Charges)
		b.heads = append(b.heads, h)
		c.added = append(c.added, c.active.say(&h.claim, h.fingerprint, inHand))
	}
	n.mu.Unlock()
	c.corrected[cell] = s.nextFrame()
	c.putBatch(b, &r.bodies, s.journal.end)
	return nil
}

// holdStill tells whether the bookings are of the latest words about their
// events. One that was taken back in another month counts in this one as before,
// but by a word that is not the latest.
func (s *Store) holdStill(r *request) (bool, error) {
	for i := range r.bookings {
		e := r.bookings[i].Event
		there, found, err := s.latest(&e.Claim, &r.probes, i)
		if err != nil || !found || uint64(there.at) != uint64(e.Ref) {
			return false, err
		}
		r.restates.fingerprints[i] = there.fingerprint
	}
	return true, nil
}

// giveBack undoes what the batch has taken back, which has counted nothing yet.
func (b *batch) giveBack(n *numbering) {
	n.putAll(b.backs, 1)
	for i := range b.corrections {
		if left := b.corrections[i].left; left != noTally {
			n.put(left, 1)
		}
	}
	b.backs, b.corrections = b.backs[:0], b.corrections[:0]
}

// fitsAll tells whether what bookings count can be counted in a cell.
func (n *numbering) fitsAll(cell cellKey, bookings []tollbook.Booking) bool {
	seen := make(map[*tollbook.Line]struct{})
	fresh := make(map[tollbook.RecordID]struct{})
	for i := range bookings {
		for _, c := range bookings[i].Charges {
			if _, again := seen[c.Line]; !again {
				seen[c.Line] = struct{}{}
				n.notHeld(fresh, n.accountIDs[cell.account], cell, true, c.Line)
			}
		}
	}
	return int(n.perCell[cell])+len(fresh) <= int(n.maxRecords)
}
