// Package rating finds what an event costs. A rate card is read from its CSV
// (ParseCard), compiled for lookup (Compile), and then measures events
// (Card.Measure): which row prices the event, and how many increments it has.
// What is likely not meant in a table is told by Table.Warnings, and what two
// tables differ in by Diff. Everything here is a function of its arguments; nothing is stored.
//
// # Which row prices an event
//
// A blank cell matches anything. Of the rows that match an event these are
// compared in turn, and filled in beats blank at the first difference:
//
//	prefix (the longer wins), country, category, type, resolutions,
//	direction, description, product_id
//
// A card in which this leaves two rows equal for some event is an error when
// it is read, so that a lookup finds one row or none and the order of rows
// never matters. An event need not carry a description or a product_id and
// then matches rows with any: two rows that differ in nothing else are equal.
//
// # What it charges
//
// A row charges whole increments, rounded up for each event, and a setup fee
// where it has one. Rows that match the same and say up to how many units of
// an account's month their price holds are the tiers of one rate, and become
// one row with one line; free units are its first tier. In which tiers an
// event's increments lie is not known here: it follows from the whole month.
//
// # Prefixes
//
// Event.To and prefixes compare by their digits. One leading '+', spaces and
// the characters -.() are left out. A To with any other character, such as
// sip:user@host, is no number: like an absent one it matches only rows
// without prefixes.
package rating

import (
	"slices"
	"sync/atomic"

	"tollbook"
	"tollbook/decimal"
)

// Card is a rate card compiled for lookup. It may be used concurrently.
type Card struct {
	id      string
	version int
	table   *Table
	offers  []offer      // of the table's tariffs
	lines   atomic.Int64 // that all offers keep
}

// Compile returns the card of a table.
func Compile(id string, version int, t *Table) *Card {
	c := &Card{id: id, version: version, table: t, offers: make([]offer, len(t.tariffs))}
	for i := range t.tariffs {
		c.offers[i].init(t.termsOf(uint32(i)))
	}
	return c
}

// Measure appends what the card makes of an event that carries no price of
// its own, and returns which row priced it: its increments of the row's rate
// and, where the row has one, the setup fee. Without a charge it returns the
// reason: NoRate, UnitMismatch, CurrencyMismatch or TooManyUnits. The
// calendar is that of the event's account: a row's dates are days there.
func (c *Card) Measure(dst []tollbook.Charge, e *tollbook.Event, cal *tollbook.Calendar) ([]tollbook.Charge, tollbook.Rate, tollbook.Unrated) {
	r, at := c.table.find(e, cal)
	if r == nil {
		return dst, tollbook.Rate{}, tollbook.NoRate
	}
	if e.Currency != "" && e.Currency != c.table.termsOf(r.tariff).currency {
		return dst, tollbook.Rate{}, tollbook.CurrencyMismatch
	}
	o := &c.offers[r.tariff]
	unit := o.unit
	if unit == 0 {
		unit = e.Unit
	}
	n, ok := c.increments(r.tariff, e, unit)
	if !ok {
		return dst, tollbook.Rate{}, tollbook.UnitMismatch
	}
	v, ok := n.Uint64()
	if !ok || v > tollbook.MaxIncrements {
		return dst, tollbook.Rate{}, tollbook.TooManyUnits
	}
	rate := tollbook.Rate{CardID: c.id, Version: c.version, Row: int(r.line), Prefix: c.table.prefixes[at].text}
	if o.more {
		return c.measureMore(dst, e, r.tariff, unit, v), rate, 0
	}
	return append(dst, tollbook.Charge{Line: c.line(r.tariff, e, e.Type, unit), Increments: n}), rate, 0
}

// measureMore appends the charges of an event that makes n increments of a
// tariff which has a minimum or a setup fee.
func (c *Card) measureMore(dst []tollbook.Charge, e *tollbook.Event, tariff uint32, unit tollbook.Unit, n uint64) []tollbook.Charge {
	t := c.table.termsOf(tariff)
	if n > 0 {
		n = max(n, t.minimum)
	}
	dst = append(dst, tollbook.Charge{Line: c.line(tariff, e, e.Type, unit), Increments: decimal.NewUint(n)})
	if t.setupFee.IsZero() {
		return dst
	}
	fee := c.line(t.setupTariff, e, tollbook.CallService, tollbook.OtherUnit)
	return append(dst, tollbook.Charge{Line: fee, Increments: decimal.NewUint(1)})
}

// Products returns the product and aggregated product ids that the card's
// rows name, sorted, each once.
func (c *Card) Products() []string {
	var ids []string
	for i := range c.table.terms {
		for _, id := range [...]string{c.table.terms[i].productID, c.table.terms[i].aggrProductID} {
			if id != "" {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
