package localstore

import (
	"context"
	"fmt"

	"tollbook"
)

// Post implements tollbook.Ledger.
func (s *Store) Post(ctx context.Context, under tollbook.Pos, entries []tollbook.Entry) ([]tollbook.Outcome, error) {
	if err := checkBatch(len(entries)); err != nil {
		return nil, err
	}
	w := s.bodyWriter()
	defer s.writers.Put(w)
	w.hints, w.keys = s.committer.numbers.hints(w.hints[:0], w.keys[:0], entries)
	hints := w.hints
	packed, err := w.encodeEvents(entries, hints)
	if err != nil {
		return nil, err
	}
	if n := packed.bytes + worstHeads(entries); n > maxPayloadBytes {
		return nil, errTooLarge(n)
	}
	r := &request{
		kind:     frameEvents,
		under:    under,
		entries:  entries,
		hints:    hints,
		bodies:   packed,
		outcomes: make([]tollbook.Outcome, len(entries)),
	}
	w.claims = w.claims[:0]
	for i := range entries {
		w.claims = append(w.claims, entries[i].Claim)
	}
	if r.probes, err = s.probe(w); err != nil {
		return nil, err
	}
	if err := s.do(ctx, r); err != nil {
		return nil, err
	}
	return r.outcomes, nil
}

func checkBatch(n int) error {
	if n < 1 || n > tollbook.MaxBatch {
		return tollbook.NewError(tollbook.CodeTooLarge, fmt.Sprintf("A batch has 1 to %d events, not %d.", tollbook.MaxBatch, n))
	}
	return nil
}

// A usual entry, of one charge, has at most so many bytes in a frame besides
// its body.
const worstEntryBytes = 6*128 + 8*tollbook.MaxTextBytes

// worstHeads returns a bound on the bytes that a frame of these entries can
// have besides its bodies: one that is quickly found, or where that is too
// much, the least that is certain.
func worstHeads(entries []tollbook.Entry) int {
	usual := true
	for i := range entries {
		usual = usual && len(entries[i].Charges) <= 1
	}
	if n := len(entries) * worstEntryBytes; usual && n <= maxPayloadBytes/2 {
		return n // bodies have at most the other half
	}
	n := 0
	for i := range entries {
		e := &entries[i]
		n += worstMeasured(&e.Measured) + len(e.OrganizationID) + len(e.Event.AccountID)
	}
	return n
}

// worstMeasured returns the most bytes that what was measured can take, in a
// head or in a body.
func worstMeasured(m *tollbook.Measured) int {
	const fixed = 128 // of claim, numbers and one or two decimals
	n := fixed + len(m.Rate.CardID) + len(m.Rate.Prefix)
	for _, c := range m.Charges {
		l := c.Line
		n += 2*fixed + len(l.ProductID) + len(l.AggrProductID) + len(l.Description) + len(l.Currency) + len(l.WalletName)
	}
	return n
}

// decidePost decides a Post and puts its frame behind the group.
func (s *Store) decidePost(r *request) error {
	c := &s.committer
	if r.under != c.head {
		r.err = tollbook.ErrMoved
		return nil
	}
	b := c.newBatch(false, r.under)
	c.added = c.added[:0]
	for _, t := range c.tables {
		c.warmed += t.warm(r.entries)
	}
	for i := range r.entries {
		e := &r.entries[i]
		there, found, err := s.find(&e.Claim, &r.probes, i)
		switch {
		case err != nil:
			return err
		case found && there.fingerprint == e.Fingerprint:
			r.outcomes[i] = tollbook.Duplicate
		case found:
			r.outcomes[i] = tollbook.Conflict
		default:
			r.outcomes[i] = c.accept(b, i, e, r.hints[i])
		}
	}
	if len(b.heads) == 0 {
		return nil
	}
	c.putBatch(b, &r.bodies, s.journal.end)
	return nil
}

// accept counts an entry in the batch, unless it does not fit.
func (c *committer) accept(b *batch, item int, e *tollbook.Entry, known hint) tollbook.Outcome {
	h := head{claim: e.Claim, fingerprint: e.Fingerprint, item: item, unrated: noTally}
	if known.tally != noTally && c.numbers.words[known.tally] > 0 {
		c.numbers.words[known.tally]++
		b.charges = append(b.charges, headCharge{known.tally, e.Charges[0].Increments})
		h.charges = 1
	} else if !c.resolve(b, &h, e) {
		return tollbook.TooManyRecords
	}
	b.heads = append(b.heads, h)
	c.added = append(c.added, c.active.add(claimEntry{e.Claim, e.Fingerprint, inHand}))
	return tollbook.Accepted
}

// resolve finds the tallies of an entry, making those that are missing, and
// returns false where that would make too many records.
func (c *committer) resolve(b *batch, h *head, e *tollbook.Entry) bool {
	n := c.numbers
	account, known := n.lookup(e.OrganizationID, e.Event.AccountID)
	cell := cellKey{account, e.Booked}
	if !n.fits(e.Event.AccountID, cell, known, e.Charges) {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !known {
		cell.account = n.account(e.OrganizationID, e.Event.AccountID, &b.intro)
	}
	b.count(n, h, cell, e.Home, e.Charges)
	return true
}

// count has a word count charges in a cell, or where there are none be one of
// its unrated ones.
func (b *batch) count(n *numbering, h *head, cell cellKey, home tollbook.Month, charges []tollbook.Charge) {
	if len(charges) == 0 {
		h.unrated = n.unratedTally(cell, home, &b.intro)
		n.put(h.unrated, 1)
		return
	}
	from := len(b.charges)
	for i := range charges {
		tally := n.tally(cell, home, charges[i].Line, &b.intro)
		b.charges = addCharge(b.charges, from, headCharge{tally, charges[i].Increments})
	}
	h.charges = len(b.charges) - from
	for _, c := range b.charges[from:] {
		n.put(c.tally, 1)
	}
}

// addCharge appends a charge to those of a word, which start at from; those of
// one tally go together.
func addCharge(to []headCharge, from int, c headCharge) []headCharge {
	for i := from; i < len(to); i++ {
		if to[i].tally == c.tally {
			to[i].increments = to[i].increments.Add(c.increments)
			return to
		}
	}
	return append(to, c)
}
