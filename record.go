package tollbook

import (
	"bytes"
	"cmp"
	"strings"

	"tollbook/decimal"
	"tollbook/filter"
)

// Record is what one account used of one product in one month. Its fields are
// those of the public Billing Insights API reference (Get Monthly Usage).
type Record struct {
	ID        RecordID
	AccountID string
	Month     Month
	Grouping
	NumberOfUnits decimal.Decimal
	TotalAmount   decimal.Decimal // in Currency; exactly the sum of the record's events
	// Events is how many events count in the record. One with several charges in
	// it is one; but of a line with tiers every event is one of its own, whatever
	// else of it is in the record.
	Events int64
}

// The fields of a record in RecordSchema's order.
const (
	FieldID = iota
	FieldAccountID
	FieldProductID
	FieldAggrProductID
	FieldMonth
	FieldType
	FieldDescription
	FieldCurrency
	FieldDirection
	FieldResolution
	FieldUnit
	FieldPrice
	FieldWalletName
	FieldNumberOfUnits
	FieldTotalAmount
)

// RecordSchema returns the fields that a filter on records may use: every
// scalar field of the record.
func RecordSchema() filter.Schema {
	return filter.Schema{
		FieldID:            {Name: "id"},
		FieldAccountID:     {Name: "account_id"},
		FieldProductID:     {Name: "product_id"},
		FieldAggrProductID: {Name: "aggr_product_id"},
		FieldMonth:         {Name: "month", Kind: filter.Month},
		FieldType:          {Name: "type", Kind: filter.Enum, Values: usageTypes},
		FieldDescription:   {Name: "description"},
		FieldCurrency:      {Name: "currency"},
		FieldDirection:     {Name: "direction", Kind: filter.Enum, Values: directions},
		FieldResolution:    {Name: "resolution", Kind: filter.Enum, Values: resolutions},
		FieldUnit:          {Name: "unit", Kind: filter.Enum, Values: units},
		FieldPrice:         {Name: "price", Kind: filter.Number},
		FieldWalletName:    {Name: "wallet_name"},
		FieldNumberOfUnits: {Name: "number_of_units", Kind: filter.Number},
		FieldTotalAmount:   {Name: "total_amount", Kind: filter.Number},
	}
}

// Value returns the i-th field of RecordSchema.
func (r *Record) Value(i int) filter.Value {
	nullable := func(s string) filter.Value { return filter.Value{Text: s, Null: s == ""} }
	switch i {
	case FieldID:
		return filter.Value{Text: r.ID.String()}
	case FieldAccountID:
		return filter.Value{Text: r.AccountID}
	case FieldProductID:
		return filter.Value{Text: r.ProductID}
	case FieldAggrProductID:
		return filter.Value{Text: r.AggrProductID}
	case FieldMonth:
		return filter.Value{Text: r.Month.String()}
	case FieldType:
		return filter.Value{Text: r.Type.String()}
	case FieldDescription:
		return filter.Value{Text: r.Description}
	case FieldCurrency:
		return filter.Value{Text: r.Currency}
	case FieldDirection:
		return nullable(r.Direction.String())
	case FieldResolution:
		return nullable(r.Resolution.String())
	case FieldUnit:
		return filter.Value{Text: r.Unit.String()}
	case FieldPrice:
		return filter.Value{Number: r.Price}
	case FieldWalletName:
		return nullable(r.WalletName)
	case FieldNumberOfUnits:
		return filter.Value{Number: r.NumberOfUnits}
	case FieldTotalAmount:
		return filter.Value{Number: r.TotalAmount}
	}
	panic("tollbook: no such field of a record")
}

// OrderField is what records may be ordered by; ties are ordered by id, in
// the same direction.
type OrderField uint8

// The order fields. The first five never change in a record.
const (
	OrderID OrderField = iota
	OrderMonth
	OrderAccountID
	OrderProductID
	OrderType
	OrderTotalAmount
	OrderNumberOfUnits
)

var orderFields = []string{"id", "month", "account_id", "product_id", "type", "total_amount", "number_of_units"}

// String returns the field's name on the wire.
func (f OrderField) String() string { return orderFields[f] }

// OrderFields returns the names of all order fields.
func OrderFields() []string { return append([]string(nil), orderFields...) }

// Order is an order of records.
type Order struct {
	Field OrderField
	Desc  bool
}

// Compare returns -1, 0 or +1 as a comes before, with or after b in o. Types
// compare by name.
func (o Order) Compare(a, b *Record) int {
	c := compareField(o.Field, a, b)
	if c == 0 {
		c = bytes.Compare(a.ID[:], b.ID[:])
	}
	if o.Desc {
		return -c
	}
	return c
}

func compareField(f OrderField, a, b *Record) int {
	switch f {
	case OrderMonth:
		return cmp.Compare(a.Month, b.Month)
	case OrderAccountID:
		return strings.Compare(a.AccountID, b.AccountID)
	case OrderProductID:
		return strings.Compare(a.ProductID, b.ProductID)
	case OrderType:
		return strings.Compare(a.Type.String(), b.Type.String())
	case OrderTotalAmount:
		return a.TotalAmount.Cmp(b.TotalAmount)
	case OrderNumberOfUnits:
		return a.NumberOfUnits.Cmp(b.NumberOfUnits)
	}
	return 0
}
