package reconcile

import (
	"tollbook"
	"tollbook/decimal"
)

// differences says in what a row and an event differ.
type differences uint8

const (
	differQuantity differences = 1 << iota
	differAmount
	differCurrency
)

// names returns what differs, as reports say it.
func (d differences) names() []string {
	names := []string{}
	for i, name := range []string{"quantity", "amount", "currency"} {
		if d&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// compare tells in what a row and an event differ, as far as both say it.
func (rules *Rules) compare(r *Row, e *Event) (d differences) {
	if ours := rules.ours(e); !rules.IgnoreQuantity && r.Quantity != nil && ours != nil {
		theirs := r.Quantity.inUnitOf(ours)
		is := ours.base()
		if theirs.Unit != is.Unit || theirs.Number.Sub(is.Number).Cmp(rules.QuantityWithin) > 0 || is.Number.Sub(theirs.Number).Cmp(rules.QuantityWithin) > 0 {
			d |= differQuantity
		}
	}
	if rules.IgnoreAmount || r.Amount == nil {
		return d
	}
	ours := e.Amount
	switch {
	case ours == nil && e.Unrated == 0:
		return d
	case ours == nil:
		ours = &Amount{Currency: r.Amount.Currency} // what no rate covers costs nothing here
	case ours.Currency != r.Amount.Currency:
		return d | differCurrency
	}
	if r.Amount.Number.Sub(ours.Number).Cmp(rules.AmountWithin) > 0 || ours.Number.Sub(r.Amount.Number).Cmp(rules.AmountWithin) > 0 {
		d |= differAmount
	}
	return d
}

// ours returns the quantity of an event that is compared, nil where it has
// none.
func (rules *Rules) ours(e *Event) *Quantity {
	if rules.Billed {
		return e.Billed
	}
	return &e.Quantity
}

// secondsPerMinute is what a minute has.
var secondsPerMinute = decimal.FromInt(60)

// base returns a quantity in the unit in which it is compared and added up:
// minutes in seconds, as not every number of seconds is one of minutes.
func (q Quantity) base() Quantity {
	if q.Unit == tollbook.Minutes {
		return Quantity{q.Number.Mul(secondsPerMinute), tollbook.Seconds}
	}
	return q
}

// inUnitOf is base for a quantity that may not tell its unit: it has that of
// the event then.
func (q Quantity) inUnitOf(ours *Quantity) Quantity {
	if q.Unit == 0 {
		q.Unit = ours.Unit
	}
	return q.base()
}
