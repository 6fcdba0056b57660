package rating

import (
	"cmp"
	"slices"

	"tollbook"
	"tollbook/decimal"
)

// foldTiers makes one rate of the rows that are its tiers: those that match
// the same, of which one says where it ends. Free units are a tier too, the
// first one, in which an increment costs nothing.
//
// The first of a rate's rows, as the card has them, stands for all of them;
// the others lose their cells, which must be in the order of the rows.
func (p *parser) foldTiers() {
	if len(p.tierEnds) == 0 { // no need to look for rows that match the same
		for i := range p.rows {
			p.setTiers(uint32(i), []uint32{uint32(i)})
		}
		return
	}
	complete := p.errs.total == 0 // else a row that is missed may be one at fault
	for _, rate := range p.alike() {
		if !slices.ContainsFunc(rate, p.ends) {
			if len(rate) == 1 { // else they tie
				p.setTiers(rate[0], rate)
			}
			continue
		}
		for _, i := range rate[1:] {
			p.isTier[i] = true
		}
		agree := p.agree(rate)
		first := rate[0]
		slices.SortStableFunc(rate, p.compareEnds)
		if p.checkEnds(rate, complete) && agree {
			p.setTiers(first, rate)
		}
	}
	p.cells = slices.DeleteFunc(p.cells, func(c cell) bool { return p.isTier[c.row] })
}

// ends tells whether a row is a tier that ends.
func (p *parser) ends(row uint32) bool {
	_, ok := p.tierEnds[row]
	return ok
}

// alike returns the rows that match the same, by their places, in the order of
// the card.
func (p *parser) alike() (groups [][]uint32) {
	cells := make([][]cell, len(p.rows))
	for i := 0; i < len(p.cells); {
		n := i + 1
		for n < len(p.cells) && p.cells[n].row == p.cells[i].row {
			n++
		}
		cells[p.cells[i].row] = p.cells[i:n]
		i = n
	}
	order := make([]uint32, len(p.rows))
	for i := range order {
		order[i] = uint32(i)
	}
	compare := func(i, j uint32) int {
		if c := slices.CompareFunc(cells[i], cells[j], func(x, y cell) int { return x.digits.compare(y.digits) }); c != 0 {
			return c
		}
		a, b := &p.rows[i], &p.rows[j]
		return cmp.Or(
			a.compareTied(&b.match),
			cmp.Compare(a.resource, b.resource),
			cmp.Compare(a.filled, b.filled),
			cmp.Compare(a.resolutions, b.resolutions),
			cmp.Compare(a.from, b.from),
			cmp.Compare(a.to, b.to),
		)
	}
	slices.SortFunc(order, func(i, j uint32) int { return cmp.Or(compare(i, j), cmp.Compare(i, j)) })
	for i := 0; i < len(order); {
		n := i + 1
		for n < len(order) && compare(order[i], order[n]) == 0 {
			n++
		}
		groups = append(groups, order[i:n:n])
		i = n
	}
	return groups
}

// termsOf returns the terms of a row.
func (p *parser) termsOf(row uint32) *terms { return &p.table.terms[p.tariffs[row].terms] }

// agree notes what rows of a rate say differently from its first one, and
// returns whether there is nothing.
func (p *parser) agree(rate []uint32) bool {
	agree := true
	for _, i := range rate[1:] {
		if p.tariffs[i].terms == p.tariffs[rate[0]].terms {
			continue
		}
		agree = false
		first, other := p.termsOf(rate[0]), p.termsOf(i)
		for _, c := range termColumns {
			if first.text(c) != other.text(c) {
				p.failAt(i, c, "differs from line %d; rows that match the same are tiers of one rate and agree in all but %s and %s",
					p.rows[rate[0]].line, columnNames[colPricePerIncrement], columnNames[colTierUpTo])
			}
		}
	}
	return agree
}

// failAt notes a fault of a cell of a row that was read before.
func (p *parser) failAt(row uint32, c int, format string, args ...any) {
	p.errs.add(int(p.rows[row].line), columnNames[c], format, args...)
}

// compareEnds compares rows by where they end; a row that does not is last.
func (p *parser) compareEnds(i, j uint32) int {
	switch {
	case p.ends(i) && p.ends(j):
		return p.tierEnds[i].Cmp(p.tierEnds[j])
	case p.ends(i):
		return -1
	case p.ends(j):
		return 1
	}
	return 0
}

// checkEnds notes what is wrong with the ends of a rate's sorted tiers, and
// returns whether nothing is. Of a card that is not complete the last tier may
// be missing.
func (p *parser) checkEnds(rate []uint32, complete bool) bool {
	faults := p.errs.total
	for n, i := range rate[1:] {
		before := rate[n]
		switch line := p.rows[before].line; {
		case p.compareEnds(before, i) != 0:
		case p.ends(i):
			p.failAt(i, colTierUpTo, "ends where line %d does, a tier of the same rate", line)
		default:
			p.failAt(i, colTierUpTo, "must be filled in in all tiers of a rate but one, the last; it is blank on line %d too", line)
		}
	}
	if free := p.termsOf(rate[0]).freeUnits; p.ends(rate[0]) && p.tierEnds[rate[0]].Cmp(free) <= 0 {
		p.failAt(rate[0], colTierUpTo, "must be more than %s, %s: a month's units are counted with those that are free", columnNames[colFreeUnits], free)
	}
	if last := rate[len(rate)-1]; complete && p.ends(last) {
		p.failAt(last, colTierUpTo, "no row goes on behind %s; leave it blank in the last tier", p.tierEnds[last])
	}
	if most := p.mostTiers(rate[0]); len(rate) > most {
		p.failAt(rate[most], colTierUpTo, "a rate has at most %d tiers, its free units among them", tollbook.MaxTiers)
	}
	return p.errs.total == faults
}

// mostTiers returns how many rows may be tiers of the rate of a row.
func (p *parser) mostTiers(row uint32) int {
	if p.termsOf(row).freeUnits.IsZero() {
		return tollbook.MaxTiers
	}
	return tollbook.MaxTiers - 1
}

// setTiers makes a row stand for the sorted tiers of its rate.
func (p *parser) setTiers(row uint32, rate []uint32) {
	t := p.termsOf(row)
	if len(rate) == 1 && t.freeUnits.IsZero() {
		return
	}
	var tiers []tollbook.Tier
	if !t.freeUnits.IsZero() {
		tiers = append(tiers, tollbook.Tier{UpTo: t.freeUnits.CeilQuo(t.increment)})
	}
	for _, i := range rate {
		tier := tollbook.Tier{UpTo: p.tierEnds[i].CeilQuo(t.increment), PricePerIncrement: p.tariffs[i].pricePerIncrement}
		tiers = append(tiers, tier)
	}
	p.tariffs[row].tiers = p.placeTiers(tiers)
	p.tariffs[row].pricePerIncrement = decimal.Decimal{}
}

// placeTiers returns the place of tiers among the table's.
func (p *parser) placeTiers(tiers []tollbook.Tier) uint32 {
	var key []byte
	for _, t := range tiers {
		key = t.PricePerIncrement.AppendBinary(t.UpTo.AppendBinary(key))
	}
	place, ok := p.tiers[string(key)]
	if !ok {
		place = uint32(len(p.table.tiers))
		p.tiers[string(key)] = place
		p.table.tiers = append(p.table.tiers, tiers)
	}
	return place
}
