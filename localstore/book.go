package localstore

import (
	"context"
	"fmt"

	"tollbook"
)

// Book implements tollbook.Ledger.
func (s *Store) Book(ctx context.Context, under tollbook.Pos, bookings []tollbook.Booking) ([]tollbook.Outcome, error) {
	if err := checkBatch(len(bookings)); err != nil {
		return nil, err
	}
	worst := 0
	for i := range bookings {
		if len(bookings[i].Charges) == 0 {
			return nil, tollbook.NewError(tollbook.CodeInvalidRequest, fmt.Sprintf("Booking %d has no charges.", i))
		}
		worst += worstMeasured(&bookings[i].Measured)
	}
	if worst > maxPayloadBytes/4 {
		return nil, errTooLarge(worst)
	}
	r := &request{
		kind:     frameBookings,
		under:    under,
		bookings: bookings,
		outcomes: make([]tollbook.Outcome, len(bookings)),
	}
	if err := s.do(ctx, r); err != nil {
		return nil, err
	}
	return r.outcomes, nil
}

// decideBook decides a Book and puts its frame behind the group.
func (s *Store) decideBook(r *request) error {
	c := &s.committer
	if r.under != c.head {
		r.err = tollbook.ErrMoved
		return nil
	}
	b := c.newBatch(true, r.under)
	blocks := blockReader{s: s, lines: s.views.lineOf}
	var at []locator
	var measured []*tollbook.Measured
	for i := range r.bookings {
		outcome, err := s.decideBooking(b, &r.bookings[i], &blocks)
		if err != nil {
			return err
		}
		r.outcomes[i] = outcome
		if outcome == tollbook.Accepted {
			at = append(at, b.heads[len(b.heads)-1].event)
			measured = append(measured, &r.bookings[i].Measured)
		}
	}
	if len(b.heads) == 0 {
		return nil
	}
	w := s.bodyWriter()
	defer s.writers.Put(w)
	packed, err := w.encodeBookings(at, measured)
	if err != nil {
		return err
	}
	group := s.journal.end
	start := c.beginFrame()
	kept := b.place(packed.blocks, group+uint64(start)+frameHeaderBytes)
	c.buf = b.appendPayload(c.buf, kept)
	c.endFrame(start, frameBookings, group)
	c.decided = append(c.decided, decided{typ: frameBookings, batch: b})
	return nil
}

func (s *Store) decideBooking(b *batch, booking *tollbook.Booking, blocks *blockReader) (tollbook.Outcome, error) {
	c, n := &s.committer, s.committer.numbers
	e, found, err := s.find(&booking.Claim, &probes{}, 0)
	if err != nil {
		return 0, err
	}
	if !found {
		return tollbook.NotFound, nil
	}
	if e.unrated == inLog {
		if e.unrated, err = s.unratedTally(e.at, blocks); err != nil {
			return 0, err
		}
	}
	pending, err := s.isUnrated(&e)
	if err != nil {
		return 0, err
	}
	if !pending {
		return tollbook.Duplicate, nil
	}
	cell := n.tallyKeys[e.unrated].cellKey
	if !n.fits(n.accountIDs[cell.account], cell, true, booking.Charges) {
		return tollbook.TooManyRecords, nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	c.taken[e.at] = struct{}{}
	b.heads = append(b.heads, head{
		claim:   e.claim,
		event:   e.at,
		item:    len(b.heads),
		unrated: e.unrated,
		charges: b.charge(n, cell, booking.Charges),
	})
	return tollbook.Accepted, nil
}

// unratedTally returns the tally that an event was kept in without charges,
// from what the event says.
func (s *Store) unratedTally(at locator, blocks *blockReader) (uint32, error) {
	b, err := blocks.read(at.block())
	if err != nil {
		return 0, err
	}
	e, err := b.event(at.item())
	if err != nil {
		return 0, err
	}
	n := s.committer.numbers
	account, ok := n.lookup(e.OrganizationID, e.AccountID)
	tally, has := n.tallies.get(tallyKey{cellKey{account, e.Month}, noLine})
	if !ok || !has {
		return 0, fmt.Errorf("event at position %d of the log: its account's month has no unrated events", at.block())
	}
	return tally, nil
}

// isUnrated tells whether an event that was accepted without charges still
// has none.
func (s *Store) isUnrated(e *claimEntry) (bool, error) {
	c := &s.committer
	if e.unrated == noTally {
		return false, nil
	}
	if _, taken := c.taken[e.at]; taken {
		return false, nil
	}
	for _, t := range c.tables {
		if _, taken := t.taken[e.at]; taken {
			return false, nil
		}
	}
	if e.at.block() >= c.tables[0].start {
		return true, nil
	}
	stored := s.runs.Snapshot()
	defer stored.Release()
	has, err := stored.Has(e.unrated, uint64(e.at))
	if err != nil {
		return false, s.unreadable(err)
	}
	return has, nil
}
