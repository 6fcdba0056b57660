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

func (p *parser) prefixCell() (prefixes []digits) {
	if p.cell(colPrefixes) == "" {
		return []digits{{}}
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
		id = uint32(len(p.table.symbols) + 1)
		p.table.symbols[string(key)] = id
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

// tariff reads what the row charges.
func (p *parser) tariff() tariff {
	t := tariff{
		unit:              enum(p, colUnitOfMeasure, p.cell(colUnitOfMeasure), tollbook.ParseUnit, tollbook.Units),
		pricePerIncrement: p.number(colPricePerIncrement, 0, "must not be negative"),
		increment:         p.number(colIncrement, 1, "must be more than 0"),
		description:       p.text(colDescription),
		productID:         p.text(colProductID),
		aggrProductID:     p.text(colAggrProductID),
		walletName:        p.text(colWalletName),
	}
	if s := p.cell(colCurrency); s != "" {
		if t.currency = strings.ToUpper(p.text(colCurrency)); !tollbook.ValidCurrency(t.currency) {
			p.fail(colCurrency, "%q is not an ISO 4217 currency code", clip(s))
		}
	} else if p.columns[colCurrency] >= 0 {
		p.fail(colCurrency, "must be filled in")
	}
	return t
}

// number reads a number that must be there and whose sign must not be less
// than the one given.
func (p *parser) number(c, leastSign int, otherwise string) decimal.Decimal {
	s := p.cell(c)
	if s == "" {
		if p.columns[c] >= 0 {
			p.fail(c, "must be filled in")
		}
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
