package localstore

import (
	"context"
	"fmt"

	"tollbook"
	"tollbook/decimal"
)

// Post implements tollbook.Ledger.
func (s *Store) Post(ctx context.Context, under tollbook.Pos, entries []tollbook.Entry) ([]tollbook.Outcome, error) {
	if err := checkBatch(len(entries)); err != nil {
		return nil, err
	}
	w := s.bodyWriter()
	defer s.writers.Put(w)
	packed, err := w.encodeEvents(entries)
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
		bodies:   packed,
		outcomes: make([]tollbook.Outcome, len(entries)),
	}
	if r.probes, err = s.probe(entries); err != nil {
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

// worstHeads returns the most bytes that a frame of these entries can have
// besides its bodies.
func worstHeads(entries []tollbook.Entry) int {
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

// probes is what a request's own goroutine found out about its claims in the
// claims database, so that the committer need not wait for the disk. What was
// found stays true for ever; what was not found stays true while no table
// has been handed over since.
type probes struct {
	handed  uint64 // tables handed over when the probing began
	entries []probe
}

type probe struct {
	asked, found bool
	entry        claimEntry
}

// probe looks up the claims that may be in the claims database.
func (s *Store) probe(entries []tollbook.Entry) (probes, error) {
	p := probes{handed: s.handed.Load()}
	if err := s.enter(); err != nil {
		return p, err
	}
	defer s.leave()
	for i := range entries {
		c := &entries[i].Claim
		if !s.mayHave(c) {
			continue
		}
		if p.entries == nil {
			p.entries = make([]probe, len(entries))
		}
		e, found, err := s.claims.find(c)
		if err != nil {
			return p, err
		}
		p.entries[i] = probe{true, found, e}
	}
	return p, nil
}

// mayHave returns false only when no event has the claim.
func (s *Store) mayHave(c *tollbook.Claim) bool {
	if s.committer.filter.mayHave(c) {
		return true
	}
	history := s.history.Load()
	return history == nil || history.mayHave(c)
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
			r.outcomes[i] = c.accept(b, i, e)
		}
	}
	if len(b.heads) == 0 {
		return nil
	}
	group := s.journal.end
	start := c.beginFrame()
	kept := b.place(r.bodies.blocks, group+uint64(start)+frameHeaderBytes)
	for i, n := range c.added {
		c.active.claims[n].at = b.heads[i].at
	}
	c.buf = b.appendPayload(c.buf, kept)
	c.endFrame(start, frameEvents, group)
	c.decided = append(c.decided, decided{typ: frameEvents, batch: b})
	return nil
}

// find returns what a claim stands for, and whether it is there: in the
// recent tables, the group in hand included, or in the claims database.
func (s *Store) find(claim *tollbook.Claim, p *probes, i int) (claimEntry, bool, error) {
	c := &s.committer
	if p.entries != nil && p.entries[i].found {
		return p.entries[i].entry, true, nil
	}
	if c.filter.mayHave(claim) {
		for t := len(c.tables) - 1; t >= 0; t-- {
			if e := c.tables[t].find(claim); e != nil {
				return *e, true, nil
			}
		}
	} else if history := s.history.Load(); history != nil && !history.mayHave(claim) {
		return claimEntry{}, false, nil
	}
	if p.entries != nil && p.entries[i].asked && p.handed == s.handed.Load() {
		return claimEntry{}, false, nil
	}
	return s.claims.find(claim)
}

// accept counts an entry in the batch, unless it does not fit.
func (c *committer) accept(b *batch, item int, e *tollbook.Entry) tollbook.Outcome {
	h := head{claim: e.Claim, fingerprint: e.Fingerprint, item: item, unrated: noTally}
	if !c.resolve(b, &h, e) {
		return tollbook.TooManyRecords
	}
	b.heads = append(b.heads, h)
	c.filter.add(&e.Claim)
	c.added = append(c.added, c.active.add(claimEntry{claim: e.Claim, fingerprint: e.Fingerprint, unrated: h.unrated}))
	return tollbook.Accepted
}

// resolve finds the tallies of an entry, making those that are missing, and
// returns false where that would make too many records.
func (c *committer) resolve(b *batch, h *head, e *tollbook.Entry) bool {
	n := c.numbers
	account, known := n.lookup(e.OrganizationID, e.Event.AccountID)
	cell := cellKey{account, e.Month}
	if known && len(e.Charges) == 1 { // nearly always, all is there already
		if tally, ok := n.known(cell, e.Charges[0].Line); ok {
			b.charges = append(b.charges, headCharge{tally, e.Charges[0].Increments})
			h.charges = 1
			return true
		}
	}
	if !n.fits(e.Event.AccountID, cell, known, e.Charges) {
		return false
	}
	if !known {
		cell.account = n.account(e.OrganizationID, e.Event.AccountID, &b.intro)
	}
	if len(e.Charges) == 0 {
		h.unrated = n.unratedTally(cell, &b.intro)
	} else {
		h.charges = b.charge(n, cell, e.Charges)
	}
	return true
}

// charge appends charges, those of one tally together, and returns how many.
func (b *batch) charge(n *numbering, cell cellKey, charges []tollbook.Charge) int {
	from := len(b.charges)
	for i := range charges {
		b.chargeTally(from, n.tally(cell, charges[i].Line, &b.intro), charges[i].Increments)
	}
	return len(b.charges) - from
}

func (b *batch) chargeTally(from int, tally uint32, increments decimal.Int) {
	for i := from; i < len(b.charges); i++ {
		if b.charges[i].tally == tally {
			b.charges[i].increments = b.charges[i].increments.Add(increments)
			return
		}
	}
	b.charges = append(b.charges, headCharge{tally, increments})
}
