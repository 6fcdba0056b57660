package localstore

import "tollbook"

// corrections compares bookings with the words before them, too.
func (w *verifier) corrections(f frame, b *batch) (err error) {
	b.eachBooking(func(h *head, c *correction, back, charges []headCharge) {
		if err != nil {
			return
		}
		var e tollbook.BookedEvent
		var before locator
		if e, before, err = w.body(f, h, charges); err != nil {
			return
		}
		if before != c.ref {
			w.report.differ("position %d: a booking's head names another word than its body", f.pos)
		}
		if !c.says(&e) {
			w.report.differ("position %d: what voids or adjusts claim %v differs between head and body", f.pos, h.claim)
		}
		if err = w.before(f, c, back); err != nil {
			return
		}
		if err = w.claim(h.claim, h.fingerprint, h.at, c.ref); err == nil && c.link != nil {
			err = w.claim(*c.link, 0, h.at, w.links[*c.link])
			w.links[*c.link] = h.at
		}
	})
	return err
}

// says tells whether a correction voids and adjusts as its body does, in favour
// of the same event.
func (c *correction) says(e *tollbook.BookedEvent) bool {
	if c.voids != (e.Void != nil) || c.adjusts != e.Adjusts {
		return false
	}
	link := linkTo(e.OrganizationID, e.Void)
	return link == nil && c.link == nil || link != nil && c.link != nil && *link == *c.link
}

// body compares what the body of an event or booking says with its head, and
// returns it, and where it says that the word before is.
func (w *verifier) body(f frame, h *head, charges []headCharge) (e tollbook.BookedEvent, before locator, err error) {
	e, before, err = w.words.read(h.at)
	if err != nil {
		return e, 0, err
	}
	if e.Claim != h.claim || tollbook.Fingerprint(e.AppendNormal(nil)) != h.fingerprint {
		w.report.differ("position %d: event %s of %s has another claim or fingerprint than its head", f.pos, e.ID, e.Source)
	}
	if !w.sameCharges(&e, charges) || len(charges) == 0 && e.Void == nil && !w.isUnrated(&e, h.unrated) {
		w.report.differ("position %d: the charges of claim %v differ between head and body", f.pos, h.claim)
	}
	return e, before, nil
}

// before compares what a booking takes back with what the word before it says.
func (w *verifier) before(f frame, c *correction, back []headCharge) error {
	if c.adjusts {
		return nil
	}
	e, _, err := w.earlier.read(c.ref)
	if err != nil {
		return err
	}
	if !w.sameCharges(&e, back) || len(back) == 0 && !w.isUnrated(&e, c.left) {
		w.report.differ("position %d: what is taken back of claim %v is not what was counted", f.pos, e.Claim)
	}
	return nil
}

// isUnrated tells whether a tally is the one that an event without charges is
// in.
func (w *verifier) isUnrated(e *tollbook.BookedEvent, tally uint32) bool {
	if tally == noTally {
		return false
	}
	t := w.views.tallies.at(tally)
	return t.line == noLine && w.isOf(e, t)
}

// isOf tells whether a tally is one of an event's account and months.
func (w *verifier) isOf(e *tollbook.BookedEvent, t *tally) bool {
	a := &w.views.accounts[t.account]
	return t.month == e.Booked && t.home == e.Home && a.id == e.AccountID && w.views.orgs[a.org].id == e.OrganizationID
}

// sameCharges tells whether an event's charges come to those of a head.
func (w *verifier) sameCharges(e *tollbook.BookedEvent, head []headCharge) bool {
	left := make([]headCharge, len(head))
	copy(left, head)
	for _, c := range e.Charges {
		found := false
		for i := range left {
			if t := w.views.tallies.at(left[i].tally); t.line != noLine && w.isOf(e, t) && w.views.lines[t.line].Key() == c.Line.Key() {
				left[i].increments = left[i].increments.Sub(c.Increments)
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	for i := range left {
		if left[i].increments.Sign() != 0 {
			return false
		}
	}
	return true
}
