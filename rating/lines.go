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
	maxLinesPerTariff = 64 // of those with texts of the event, and as many without
	maxLines          = 1 << 17
)

// lineCache keeps the lines that tariffs have made of events, so that
// measuring usually neither hashes nor allocates. Readers take no lock: a
// tariff's lines are a list that only ever grows at its head.
type lineCache struct {
	tariffs []tariffLines
	total   atomic.Int64
}

// tariffLines keeps apart the lines that any sender can make any number of.
type tariffLines struct {
	plain  atomic.Pointer[cachedLine] // took no text from an event
	filled atomic.Pointer[cachedLine] // did
}

// cachedLine is a line and all that it depends on besides its tariff.
type cachedLine struct {
	fromEvent
	line   *tollbook.Line
	next   *cachedLine
	length int // of the list from here on
}

// fromEvent is what a line takes from the event.
type fromEvent struct {
	kind                                          tollbook.UsageType
	direction                                     tollbook.Direction
	resolution                                    tollbook.Resolution
	unit                                          tollbook.Unit
	description, productID, aggrProductID, wallet string // "" where the tariff's holds
}

func newLineCache(tariffs int) *lineCache {
	return &lineCache{tariffs: make([]tariffLines, tariffs)}
}

// line returns the line that the i-th tariff t makes of an event in a unit.
func (c *lineCache) line(i uint32, t *tariff, e *tollbook.Event, unit tollbook.Unit) *tollbook.Line {
	key := fromEvent{
		kind:          e.Type,
		direction:     e.Direction,
		resolution:    e.Resolution,
		unit:          unit,
		description:   ifBlank(t.description, e.Description),
		productID:     ifBlank(t.productID, e.ProductID),
		aggrProductID: ifBlank(t.aggrProductID, e.AggrProductID),
		wallet:        ifBlank(t.walletName, e.WalletName),
	}
	list := &c.tariffs[i].plain
	if key.description != "" || key.productID != "" || key.aggrProductID != "" || key.wallet != "" {
		list = &c.tariffs[i].filled
	}
	head := list.Load()
	for l := head; l != nil; l = l.next {
		if l.fromEvent == key {
			return l.line
		}
	}
	return c.add(list, head, key, t)
}

// ifBlank returns the event's text where the row's cell is blank.
func ifBlank(cell, text string) string {
	if cell == "" {
		return text
	}
	return ""
}

// add makes a line and keeps it within the bounds. A lost race keeps nothing;
// the next event will.
func (c *lineCache) add(list *atomic.Pointer[cachedLine], head *cachedLine, key fromEvent, t *tariff) *tollbook.Line {
	// The event's texts may lie in a buffer that is used again.
	for _, s := range [...]*string{&key.description, &key.productID, &key.aggrProductID, &key.wallet} {
		*s = strings.Clone(*s)
	}
	added := &cachedLine{fromEvent: key, line: t.line(key), next: head, length: 1}
	if head != nil {
		added.length = head.length + 1
	}
	if added.length <= maxLinesPerTariff && c.total.Load() < maxLines && list.CompareAndSwap(head, added) {
		c.total.Add(1)
	}
	return added.line
}

// line makes the line of a tariff for what an event brings along.
func (t *tariff) line(e fromEvent) *tollbook.Line {
	return tollbook.NewLine(tollbook.Grouping{
		ProductID:     t.productID + e.productID,
		AggrProductID: t.aggrProductID + e.aggrProductID,
		Type:          e.kind,
		Description:   t.description + e.description,
		Currency:      t.currency,
		Direction:     e.direction,
		Resolution:    e.resolution,
		Unit:          e.unit,
		WalletName:    t.walletName + e.wallet,
	}, t.pricePerIncrement, t.increment)
}
