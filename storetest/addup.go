package storetest

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"tollbook"
	"tollbook/decimal"
)

// wantAddUp wants a record's events, each once, to add up to its sums to the
// last digit: those of lines without tiers by their charges, those of lines
// with tiers by the cuts.
func (s *subject) wantAddUp(org string, r tollbook.Record) {
	s.t.Helper()
	s.drill(org, r)
}

// drill reads the events of a record and adds them up.
func (s *subject) drill(org string, r tollbook.Record) ([]tollbook.BookedEvent, *drill) {
	s.t.Helper()
	q := tollbook.EventQuery{OrganizationID: org, Record: r.ID, Limit: max(5, int(r.Events/20))}
	events := allEvents(s.t, s.ledger, q)
	page, err := s.ledger.Events(s.t.Context(), q)
	s.must(err)
	d := newDrill(r, page.Cuts)
	said := map[tollbook.Ref]bool{}
	for i := range events {
		e := &events[i]
		if said[e.Ref] {
			s.t.Fatalf("a word about event %s is listed twice in %s", e.Claim, recordText(&r))
		}
		said[e.Ref] = true
		if !d.take(e) {
			s.t.Fatalf("an event has no charge in the record that lists it:\n%s\n%s", eventText(e), recordText(&r))
		}
	}
	for _, c := range page.Cuts {
		if c.Share != c.Line.Share(c.Part, c.Before, c.Increments) {
			s.t.Fatalf("the share is not that of its line: %s", cutsText([]tollbook.Cut{c}))
		}
	}
	if decimalOf(d.units) != r.NumberOfUnits || decimalOf(d.amount) != r.TotalAmount {
		s.t.Fatalf("the events add up to %s units, %s, %d events:\n%s", decimalOf(d.units), decimalOf(d.amount), len(events), recordText(&r))
	}
	if int64(d.plain+d.tiered) != r.Events && !d.mixed {
		s.t.Fatalf("the record lists %d words, which are %d events:\n%s", len(events), d.plain+d.tiered, recordText(&r))
	}
	return events, d
}

// drill adds up what the drill-down of a record shows.
type drill struct {
	record tollbook.Record
	cuts   []tollbook.Cut
	units  *big.Rat
	amount *big.Rat
	plain  int // events with charges of lines without tiers
	tiered int // of each line with tiers

	homes map[[16]byte]tollbook.Month // in which events of a line with tiers occurred
	mixed bool                        // in several: which of them the cuts are of is not said
}

func newDrill(r tollbook.Record, cuts []tollbook.Cut) *drill {
	d := &drill{record: r, cuts: cuts, units: new(big.Rat), amount: new(big.Rat), homes: map[[16]byte]tollbook.Month{}}
	slices.SortFunc(cuts, func(a, b tollbook.Cut) int {
		return cmp.Or(a.Before.Cmp(b.Before), cmp.Compare(a.Part, b.Part), strings.Compare(cutsText([]tollbook.Cut{a}), cutsText([]tollbook.Cut{b})))
	})
	for _, c := range cuts {
		d.add(c.Line.Part(c.Part), c.Share)
	}
	return d
}

func (d *drill) add(l *tollbook.Line, increments decimal.Int) {
	d.units.Add(d.units, ratOf(l.Units(increments)))
	d.amount.Add(d.amount, ratOf(l.Amount(increments)))
}

// take adds an event and tells whether it has a charge in the record.
func (d *drill) take(e *tollbook.BookedEvent) bool {
	plain := false
	var tiers [][16]byte
	for _, c := range d.charges(e) {
		if len(c.Line.Tiers) == 0 {
			plain = true
			d.add(c.Line, c.Increments)
		} else if !slices.Contains(tiers, c.Line.Key()) {
			tiers = append(tiers, c.Line.Key())
			if home, ok := d.homes[c.Line.Key()]; ok && home != e.Home {
				d.mixed = true
			}
			d.homes[c.Line.Key()] = e.Home
		}
	}
	if plain {
		d.plain++
	}
	d.tiered += len(tiers)
	return plain || len(tiers) > 0
}

// charges returns the charges of an event that are in the record: in a line
// with tiers if a cut says so.
func (d *drill) charges(e *tollbook.BookedEvent) (charges []tollbook.Charge) {
	for _, c := range e.Charges {
		switch {
		case len(c.Line.Tiers) > 0 && slices.ContainsFunc(d.cuts, func(cut tollbook.Cut) bool { return cut.Line.Key() == c.Line.Key() }),
			len(c.Line.Tiers) == 0 && tollbook.RecordIDOf(e.AccountID, e.Booked, &c.Line.Grouping) == d.record.ID:
			charges = append(charges, c)
		}
	}
	return charges
}
