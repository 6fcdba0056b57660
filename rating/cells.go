package rating

import (
	"slices"
	"strings"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// cell returns a cell of the row being read, "" where its column is missing.
func (p *parser) cell(c int) string {
	if p.columns[c] < 0 {
		return ""
	}
	return p.rec[p.columns[c]]
}

// fail notes a fault of a cell of the row being read.
func (p *parser) fail(c int, format string, args ...any) {
	p.errs.add(p.line, columnNames[c], format, args...)
}

// match reads what the row asks of an event, and its prefixes: one that is
// blank where it has none.
func (p *parser) match() (match, []digits) {
	m := match{
		resource:    enum(p, colResource, p.cell(colResource), tollbook.ParseUsageType, tollbook.UsageTypes),
		direction:   enum(p, colDirection, p.cell(colDirection), tollbook.ParseDirection, tollbook.Directions),
		resolutions: p.resolutions(),
		country:     p.symbol(colCountryCode),
		category:    p.symbol(colCategory),
		subtype:     p.symbol(colType),
	}
	for _, f := range [...]struct {
		is  bool
		bit filled
	}{
		{m.resource != 0, filledResource},
		{m.direction != 0, filledDirection},
		{m.resolutions != 0, filledResolutions},
		{m.country != 0, filledCountry},
		{m.category != 0, filledCategory},
		{m.subtype != 0, filledSubtype},
	} {
		if f.is {
			m.filled |= f.bit
		}
	}
	return m, p.prefixCell()
}

// enum reads a name in any case; blank is zero.
func enum[E ~uint8](p *parser, c int, s string, parse func(string) (E, bool), names func() []string) E {
	if s == "" {
		return 0
	}
	e, ok := parse(strings.ToUpper(s))
	if !ok {
		p.fail(c, "%q is none of %s", clip(s), strings.Join(names(), ", "))
	}
	return e
}

// list calls each for the items of a list, of which a cell that is not blank
// has at least one.
func (p *parser) list(c int, each func(string)) {
	s, n := p.cell(c), 0
	if s == "" {
		return
	}
	for item := range strings.SplitSeq(s, ";") {
		if item = strings.TrimSpace(item); item != "" {
			n++
			each(item)
		}
	}
	if n == 0 {
		p.fail(c, "a list of no items; leave the cell blank to match anything")
	}
}

func (p *parser) resolutions() (set resolutionSet) {
	p.list(colResolutions, func(s string) {
		set |= 1 << enum(p, colResolutions, s, tollbook.ParseResolution, tollbook.Resolutions)
	})
	return set
}

// prefixCell reads the prefixes, which are good until the next row.
func (p *parser) prefixCell() []digits {
	prefixes := p.digits[:0]
	if p.cell(colPrefixes) == "" {
		prefixes = append(prefixes, digits{})
	}
	p.list(colPrefixes, func(s string) {
		d, n, ok := parseDigits(s)
		switch {
		case !ok || n == 0:
			p.fail(colPrefixes, "%q is not a prefix: digits, with a leading '+' or not", clip(s))
		case n > MaxPrefixDigits:
			p.fail(colPrefixes, "%q has more than %d digits", clip(s), MaxPrefixDigits)
		default:
			prefixes = append(prefixes, d)
		}
	})
	if len(prefixes) > 1 {
		slices.SortFunc(prefixes, digits.compare)
		prefixes = slices.Compact(prefixes)
	}
	p.digits = prefixes
	return prefixes
}

// symbol reads a text that compares in any case.
func (p *parser) symbol(c int) uint32 {
	s := p.text(c)
	if s == "" {
		return 0
	}
	key := appendFold(nil, s)
	id, ok := p.table.symbols[string(key)]
	if !ok {
		id = uint32(len(p.table.names))
		p.table.symbols[string(key)] = id
		p.table.names = append(p.table.names, s)
	}
	return id
}

// text reads a text no longer than an event's.
func (p *parser) text(c int) string {
	s := p.cell(c)
	if len(s) > tollbook.MaxTextBytes {
		p.fail(c, "%d bytes, at most %d are allowed", len(s), tollbook.MaxTextBytes)
		return ""
	}
	known, ok := p.texts[s]
	if !ok {
		known = strings.Clone(s)
		p.texts[known] = known
	}
	return known
}

// charges are what a row charges, as it says it: a row that is one tier of a
// rate has the price of that tier and where it ends.
type charges struct {
	terms
	price   decimal.Decimal // per increment
	tierEnd decimal.Decimal // 0: open
}

// charges reads what the row charges.
func (p *parser) charges() charges {
	c := charges{price: p.filledNumber(colPricePerIncrement, 0, "must not be negative")}
	c.unit = enum(p, colUnitOfMeasure, p.cell(colUnitOfMeasure), tollbook.ParseUnit, tollbook.Units)
	c.increment = p.filledNumber(colIncrement, 1, "must be more than 0")
	c.description, c.productID = p.text(colDescription), p.text(colProductID)
	c.aggrProductID, c.walletName = p.text(colAggrProductID), p.text(colWalletName)
	if p.filled(colCurrency) {
		if c.currency = strings.ToUpper(p.text(colCurrency)); !tollbook.ValidCurrency(c.currency) {
			p.fail(colCurrency, "%q is not an ISO 4217 currency code", clip(p.cell(colCurrency)))
		}
	}
	c.minimum = p.minimum()
	c.setupFee = p.number(colSetupFee, 0, "must not be negative")
	c.freeUnits = p.unitsOfMonth(colFreeUnits, 0, "must not be negative", c.increment)
	c.tierEnd = p.unitsOfMonth(colTierUpTo, 1, "must be more than 0; leave it blank in the last tier", c.increment)
	return c
}

// filled tells whether a cell of a required column is filled in, and notes
// where it is not.
func (p *parser) filled(c int) bool {
	if p.cell(c) != "" {
		return true
	}
	if p.columns[c] >= 0 { // else the header is at fault
		p.fail(c, "must be filled in")
	}
	return false
}

// filledNumber reads a number that must be there.
func (p *parser) filledNumber(c, leastSign int, otherwise string) decimal.Decimal {
	if !p.filled(c) {
		return decimal.Decimal{}
	}
	return p.number(c, leastSign, otherwise)
}

// number reads a number whose sign must not be less than the one given; blank
// is 0.
func (p *parser) number(c, leastSign int, otherwise string) decimal.Decimal {
	s := p.cell(c)
	if s == "" {
		return decimal.Decimal{}
	}
	d, err := decimal.Parse(s, tollbook.MaxIntDigits, tollbook.MaxFracDigits)
	switch {
	case err != nil:
		p.fail(c, "%q %v (at most %d digits before the point and %d after it)", clip(s), err, tollbook.MaxIntDigits, tollbook.MaxFracDigits)
	case d.Sign() < leastSign:
		p.fail(c, "%s", otherwise)
	}
	return d
}

// minimum reads how many increments an event has at least.
func (p *parser) minimum() uint64 {
	const otherwise = "must be a whole number that is not negative"
	d := p.number(colMinimumIncrements, 0, otherwise)
	n, whole := d.Scaled(0)
	switch v, ok := n.Uint64(); {
	case !whole:
		p.fail(colMinimumIncrements, otherwise)
	case d.Sign() > 0 && (!ok || v > tollbook.MaxIncrements):
		p.fail(colMinimumIncrements, "must be at most %d, the most increments that an event may have", uint64(tollbook.MaxIncrements))
	default:
		return v
	}
	return 0
}

// unitsOfMonth reads a number of units of an account's month, which must be
// whole increments, so that none lies on both sides of it.
func (p *parser) unitsOfMonth(c, leastSign int, otherwise string, increment decimal.Decimal) decimal.Decimal {
	d := p.number(c, leastSign, otherwise)
	if d.Sign() > 0 && increment.Sign() > 0 && increment.MulInt(d.CeilQuo(increment)) != d {
		p.fail(c, "%s is not a whole multiple of the increment, %s", d, increment)
	}
	return d
}

// dates reads the effective dates.
func (p *parser) dates() (from, to int32) {
	from, to = p.date(colEffectiveFrom, openFrom), p.date(colEffectiveTo, openTo)
	if from >= to {
		p.fail(colEffectiveTo, "must be after effective_from, which is the first day on which the row holds; effective_to is the first on which it does not")
	}
	return from, to
}

func (p *parser) date(c int, blank int32) int32 {
	s := p.cell(c)
	if s == "" {
		return blank
	}
	day, err := time.Parse(time.DateOnly, s)
	if err != nil {
		p.fail(c, "%q is not a date in the form YYYY-MM-DD", clip(s))
		return blank
	}
	return int32(day.Unix() / (24 * 60 * 60))
}
