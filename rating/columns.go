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

// text returns a column of terms as a card's CSV has it.
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
		return decimal.NewUint(t.minimum).String()
	case colSetupFee:
		return t.setupFee.String()
	case colFreeUnits:
		return t.freeUnits.String()
	}
	return ""
}
