package rating

import "tollbook/decimal"

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
