package rating

import (
	"fmt"
	"hash/maphash"
	"strings"
	"sync/atomic"

	"tollbook"
)

// pricedLines is how many lines a Pricer keeps.
const pricedLines = 1 << 12

// Pricer measures events that carry their own price. It keeps the lines that
// it made last, so that events alike share one; it may be used concurrently.
type Pricer struct {
	seed  maphash.Seed
	lines [pricedLines]atomic.Pointer[tollbook.Line]
}

// NewPricer returns a Pricer that has no lines yet.
func NewPricer() *Pricer { return &Pricer{seed: maphash.MakeSeed()} }

// Measure appends the charge of an event that carries its own price: its
// quantity at that price, with nothing rounded. It panics when the event has
// no price, or a quantity of more than MaxFracDigits places.
func (p *Pricer) Measure(dst []tollbook.Charge, e *tollbook.Event) []tollbook.Charge {
	n, ok := e.Quantity.Scaled(tollbook.MaxFracDigits)
	if !ok || !e.Priced {
		panic(fmt.Sprintf("rating: event %q is not a priced one in its normal form", e.ID))
	}
	return append(dst, tollbook.Charge{Line: p.line(e), Increments: n})
}

func (p *Pricer) line(e *tollbook.Event) *tollbook.Line {
	g := tollbook.Grouping{
		ProductID:     e.ProductID,
		AggrProductID: e.AggrProductID,
		Type:          e.Type,
		Description:   e.Description,
		Currency:      e.Currency,
		Direction:     e.Direction,
		Resolution:    e.Resolution,
		Unit:          e.Unit,
		Price:         e.Price,
		WalletName:    e.WalletName,
	}
	kept := &p.lines[maphash.Comparable(p.seed, g)%pricedLines]
	if l := kept.Load(); l != nil && l.Grouping == g {
		return l
	}
	// The event's texts may lie in a buffer that is used again.
	for _, s := range [...]*string{&g.ProductID, &g.AggrProductID, &g.Description, &g.Currency, &g.WalletName} {
		*s = strings.Clone(*s)
	}
	l := tollbook.PricedLine(g, e.Price)
	kept.Store(l)
	return l
}
