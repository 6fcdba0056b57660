package rating

import (
	"strings"
	"sync/atomic"

	"tollbook"
)

// Bounds on the lines that a card keeps. Lines differ in what events bring
// along, so a sender could make any number of them; behind the bounds a line
// is made anew for each event.
const (
	maxLinesPerTariff = 64 // of those with texts of the event, and as many without, besides the usual one
	maxLines          = 1 << 17
)

// offer is what measuring looks at of a tariff, and the lines that the tariff
// has made of events, so that measuring usually neither hashes nor allocates.
// It is small, and the terms are not looked at unless they say more: a card may
// have a tariff for each of many thousand rows, and then nearly every event
// comes to one that is in no cache.
//
// Readers take no lock: the usual line is set once, and a list of lines only
// ever grows at its head.
type offer struct {
	increment      uint64 // × 10^-incrementScale; 0: it does not fit
	incrementScale uint8
	unit           tollbook.Unit // 0: the event's
	blank          texts         // which texts a line takes from the event
	more           bool          // there is a minimum or a setup fee; see the terms

	// The line that was made first, and its kinds, which are set when it is
	// there. Mostly there is no other, and then it need not be looked at.
	usualKinds atomic.Uint32
	usual      atomic.Pointer[tollbook.Line]

	// The other lines that took no text from an event, and those that did:
	// any sender can make any number of the latter.
	plain, filled atomic.Pointer[cachedLine]
}

// texts is a set of the texts that a line may take from an event.
type texts uint8

const (
	textDescription texts = 1 << iota
	textProductID
	textAggrProductID
	textWalletName
)

// init makes o the offer of a tariff on terms.
func (o *offer) init(t *terms) {
	if coef, scale, ok := t.increment.Small(); ok {
		o.increment, o.incrementScale = coef, uint8(scale)
	}
	o.unit, o.more = t.unit, t.minimum > 1 || !t.setupFee.IsZero()
	for i, cell := range [...]string{t.description, t.productID, t.aggrProductID, t.walletName} {
		if cell == "" {
			o.blank |= 1 << i
		}
	}
}

// cachedLine is a line and all that it depends on besides its tariff.
type cachedLine struct {
	line *tollbook.Line
	kinds
	fromEvent
	next   *cachedLine
	length int // of the list from here on
}

// kinds are what a line takes from every event: type, direction, resolution
// and the unit, a byte each, and a bit that makes it differ from 0.
type kinds uint32

func kindsOf(e *tollbook.Event, typ tollbook.UsageType, unit tollbook.Unit) kinds {
	return 1<<31 | kinds(unit)<<24 | kinds(typ)<<16 | kinds(e.Direction)<<8 | kinds(e.Resolution)
}

// fromEvent are the texts that a line takes from the event, "" where the
// tariff's holds.
type fromEvent struct{ description, productID, aggrProductID, wallet string }

// fromEvent returns the texts that a line takes from an event.
func (o *offer) fromEvent(e *tollbook.Event) (f fromEvent) {
	if o.blank&textDescription != 0 {
		f.description = e.Description
	}
	if o.blank&textProductID != 0 {
		f.productID = e.ProductID
	}
	if o.blank&textAggrProductID != 0 {
		f.aggrProductID = e.AggrProductID
	}
	if o.blank&textWalletName != 0 {
		f.wallet = e.WalletName
	}
	return f
}

// line returns the line of a type that a tariff makes of an event in a unit.
func (c *Card) line(tariff uint32, e *tollbook.Event, typ tollbook.UsageType, unit tollbook.Unit) *tollbook.Line {
	o := &c.offers[tariff]
	k, f := kindsOf(e, typ, unit), o.fromEvent(e)
	list := &o.filled
	if f == (fromEvent{}) {
		if kinds(o.usualKinds.Load()) == k {
			return o.usual.Load()
		}
		list = &o.plain
	}
	head := list.Load()
	for l := head; l != nil; l = l.next {
		if l.kinds == k && l.fromEvent == f {
			return l.line
		}
	}
	// The event's texts may lie in a buffer that is used again.
	for _, s := range [...]*string{&f.description, &f.productID, &f.aggrProductID, &f.wallet} {
		*s = strings.Clone(*s)
	}
	l := c.table.line(tariff, e, typ, unit, f)
	switch {
	case c.lines.Load() >= maxLines:
	case list == &o.plain && o.usual.CompareAndSwap(nil, l):
		o.usualKinds.Store(uint32(k))
		c.lines.Add(1)
	case keep(list, head, &cachedLine{line: l, kinds: k, fromEvent: f}):
		c.lines.Add(1)
	}
	return l
}

// keep puts a line in front of a list that began with head, within the bound
// of its length. A lost race keeps nothing; the next event will.
func keep(list *atomic.Pointer[cachedLine], head, added *cachedLine) bool {
	added.next, added.length = head, 1
	if head != nil {
		added.length = head.length + 1
	}
	return added.length <= maxLinesPerTariff && list.CompareAndSwap(head, added)
}

// line makes the line of a tariff for what an event brings along.
func (t *Table) line(tariff uint32, e *tollbook.Event, typ tollbook.UsageType, unit tollbook.Unit, f fromEvent) *tollbook.Line {
	offered, on := &t.tariffs[tariff], t.termsOf(tariff)
	g := tollbook.Grouping{
		ProductID:     on.productID + f.productID,
		AggrProductID: on.aggrProductID + f.aggrProductID,
		Type:          typ,
		Description:   on.description + f.description,
		Currency:      on.currency,
		Direction:     e.Direction,
		Resolution:    e.Resolution,
		Unit:          unit,
		WalletName:    on.walletName + f.wallet,
	}
	if offered.tiers != 0 {
		return tollbook.NewTieredLine(g, on.increment, t.tiers[offered.tiers])
	}
	return tollbook.NewLine(g, offered.pricePerIncrement, on.increment)
}
