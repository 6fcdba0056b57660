package rating

import (
	"math"

	"tollbook"
	"tollbook/decimal"
)

// Bounds on a rate card.
const (
	MaxRows         = 1_000_000
	MaxPrefixes     = 2_000_000 // of all rows together
	MaxPrefixDigits = 32        // of one prefix
	MaxErrors       = 10_000    // reported of one card
)

// Table is a rate card that was read without error. It is never changed.
//
// A row is split in three: what it matches, of which there are as many as
// rows; its price, of which a card of many thousand prefixes may have as many;
// and its terms, of which it has only few.
type Table struct {
	rows    int
	tariffs []tariff
	terms   []terms
	tiers   [][]tollbook.Tier // of tariffs; the first is that of a tariff without
	symbols map[string]uint32 // folded country, category or type → its symbol, from 1
	names   []string          // of symbols, as the card first spells them

	index
}

// Rows returns the number of rows.
func (t *Table) Rows() int { return t.rows }

// row says which events a row matches and what tariff holds for them.
type row struct {
	match
	line     int32 // in the CSV
	from, to int32 // effective days since 1970-01-01: from ≤ day < to
	tariff   uint32
}

// The days of a row whose dates are open.
const (
	openFrom = math.MinInt32
	openTo   = math.MaxInt32
)

// match is what a row asks of an event besides prefix, dates and the
// tariff's description and product. Zero is blank.
type match struct {
	country, category, subtype uint32 // symbols
	filled                     filled
	resource                   tollbook.UsageType
	direction                  tollbook.Direction
	resolutions                resolutionSet
}

// filled has a bit for each column that a row has filled in. The columns that
// decide between rows are in their order of precedence, so that the greater
// of two values wins. The resource decides nothing and is the lowest bit.
type filled uint8

const (
	filledResource filled = 1 << iota
	filledProduct
	filledDescription
	filledDirection
	filledResolutions
	filledSubtype
	filledCategory
	filledCountry
)

// rank is the part of f that decides between rows.
func (f filled) rank() filled { return f &^ filledResource }

// resolutionSet has bit r set for each Resolution r in it; the empty set is
// that of a blank cell.
type resolutionSet uint8

func (s resolutionSet) matches(r tollbook.Resolution) bool { return s == 0 || s&(1<<r) != 0 }

// tariff is what a row charges: a price, or one for each tier, on terms.
type tariff struct {
	pricePerIncrement decimal.Decimal // 0 where there are tiers
	tiers             uint32          // their place in Table.tiers, 0: none
	terms             uint32          // their place in Table.terms
}

// terms are all that tariffs of different prices may have in common.
type terms struct {
	unit          tollbook.Unit // 0: the event's
	increment     decimal.Decimal
	currency      string
	description   string
	productID     string
	aggrProductID string
	walletName    string
	minimum       uint64          // increments of an event that has any
	setupFee      decimal.Decimal // 0: none
	setupTariff   uint32          // that charges it, where there is one
	freeUnits     decimal.Decimal // they are the first of the tiers as well
}

// setup returns the terms of the tariff that charges the setup fee.
func (t *terms) setup() terms {
	return terms{
		unit:          tollbook.OtherUnit,
		increment:     decimal.FromInt(1),
		currency:      t.currency,
		description:   t.description,
		productID:     t.productID,
		aggrProductID: t.aggrProductID,
		walletName:    t.walletName,
	}
}

func newTable() *Table {
	return &Table{tiers: make([][]tollbook.Tier, 1), symbols: map[string]uint32{}, names: make([]string, 1)}
}

// termsOf returns the terms of a tariff.
func (t *Table) termsOf(tariff uint32) *terms { return &t.terms[t.tariffs[tariff].terms] }

// matches tells whether an event's own description and product, where given,
// are those of the terms, where they have them.
func (t *terms) matches(e *tollbook.Event) bool {
	return sameOrBlank(t.description, e.Description) && sameOrBlank(t.productID, e.ProductID)
}

func sameOrBlank(a, b string) bool { return a == b || a == "" || b == "" }
