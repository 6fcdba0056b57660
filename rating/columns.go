package rating

import (
	"strings"
	"time"

	"tollbook"
	"tollbook/decimal"
)

// matchColumns are the columns in which a row says what it matches, besides
// its prefixes.
var matchColumns = [...]int{
	colResource, colDirection, colType, colResolutions, colCountryCode, colCategory,
	colDescription, colProductID, colEffectiveFrom, colEffectiveTo,
}

// matchText returns one of matchColumns of a row as a card's CSV has it.
func (t *Table) matchText(r *row, c int) string {
	switch c {
	case colResource:
		return r.resource.String()
	case colDirection:
		return r.direction.String()
	case colType:
		return t.names[r.subtype]
	case colResolutions:
		return r.resolutions.String()
	case colCountryCode:
		return t.names[r.country]
	case colCategory:
		return t.names[r.category]
	case colEffectiveFrom:
		return dayText(r.from)
	case colEffectiveTo:
		return dayText(r.to)
	}
	return t.termsOf(r.tariff).text(c)
}

// String returns the names of the resolutions in the set.
func (s resolutionSet) String() string {
	var names []string
	for r := tollbook.Resolution(1); s>>r != 0; r++ {
		if s&(1<<r) != 0 {
			names = append(names, r.String())
		}
	}
	return strings.Join(names, ";")
}

// dayText returns an effective day as a card's CSV has it.
func dayText(day int32) string {
	if day == openFrom || day == openTo {
		return ""
	}
	return time.Unix(int64(day)*(24*60*60), 0).UTC().Format(time.DateOnly)
}

// termColumns are the columns of terms.
var termColumns = [...]int{
	colIncrement, colUnitOfMeasure, colCurrency, colDescription, colProductID, colAggrProductID, colWalletName,
	colMinimumIncrements, colSetupFee, colFreeUnits,
}

// chargeColumns are the columns in which a row says what it charges.
var chargeColumns = [...]int{
	colPricePerIncrement, colIncrement, colUnitOfMeasure, colCurrency, colAggrProductID, colWalletName,
	colMinimumIncrements, colSetupFee, colFreeUnits, colTierUpTo,
}

// chargeText returns one of chargeColumns of a tariff as a card's CSV has it.
// Of a rate with tiers it is what all its rows have there, with ';' between
// them.
func (t *Table) chargeText(n uint32, c int) string {
	tariff := &t.tariffs[n]
	switch {
	case c != colPricePerIncrement && c != colTierUpTo:
		return t.terms[tariff.terms].text(c)
	case tariff.tiers == 0 && c == colPricePerIncrement:
		return tariff.pricePerIncrement.String()
	}
	terms, tiers := &t.terms[tariff.terms], t.tiers[tariff.tiers]
	if !terms.freeUnits.IsZero() {
		tiers = tiers[1:]
	}
	var cells []string
	for _, tier := range tiers {
		switch {
		case c == colPricePerIncrement:
			cells = append(cells, tier.PricePerIncrement.String())
		case tier.UpTo.Sign() > 0:
			cells = append(cells, terms.increment.MulInt(tier.UpTo).String())
		}
	}
	return strings.Join(cells, ";")
}

// text returns a column of terms as a card's CSV has it, blank for 0.
func (t *terms) text(c int) string {
	switch c {
	case colIncrement:
		return t.increment.String()
	case colUnitOfMeasure:
		return t.unit.String()
	case colCurrency:
		return t.currency
	case colDescription:
		return t.description
	case colProductID:
		return t.productID
	case colAggrProductID:
		return t.aggrProductID
	case colWalletName:
		return t.walletName
	case colMinimumIncrements:
		return blankZero(decimal.New(decimal.NewUint(t.minimum), 0))
	case colSetupFee:
		return blankZero(t.setupFee)
	case colFreeUnits:
		return blankZero(t.freeUnits)
	}
	return ""
}

func blankZero(d decimal.Decimal) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}
