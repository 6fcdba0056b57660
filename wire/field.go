package wire

// field is one of the fields of an event, or of a CloudEvent around it.
type field uint8

// The fields. Those of an event come first, in the order in which they are
// written.
const (
	unknown field = iota
	fieldID
	fieldSource
	fieldAccountID
	fieldOccurredAt
	fieldType
	fieldQuantity
	fieldUnit
	fieldDirection
	fieldResolution
	fieldSubtype
	fieldDescription
	fieldProductID
	fieldAggrProductID
	fieldFrom
	fieldTo
	fieldCountry
	fieldCategory
	fieldPrice
	fieldCurrency
	fieldWalletName
	fieldAttributes

	fieldSpecVersion
	fieldCloudEventType
	fieldDataContentType
	fieldDataSchema
	fieldData
	fieldDataBase64
	numFields
)

// bit is the field's place in a set of fields.
func (f field) bit() uint32 { return 1 << f }

// What every event needs, and what a CloudEvent needs besides.
const (
	required = 1<<fieldID | 1<<fieldSource | 1<<fieldAccountID | 1<<fieldOccurredAt | 1<<fieldType | 1<<fieldQuantity

	requiredInCloudEvent = required | 1<<fieldSpecVersion | 1<<fieldCloudEventType | 1<<fieldData
)

// names are the fields' names in one format.
type names [numFields]string

// eventNames are the names of an event's fields.
var eventNames = names{
	fieldID:            "id",
	fieldSource:        "source",
	fieldAccountID:     "account_id",
	fieldOccurredAt:    "occurred_at",
	fieldType:          "type",
	fieldQuantity:      "quantity",
	fieldUnit:          "unit",
	fieldDirection:     "direction",
	fieldResolution:    "resolution",
	fieldSubtype:       "subtype",
	fieldDescription:   "description",
	fieldProductID:     "product_id",
	fieldAggrProductID: "aggr_product_id",
	fieldFrom:          "from",
	fieldTo:            "to",
	fieldCountry:       "country",
	fieldCategory:      "category",
	fieldPrice:         "price",
	fieldCurrency:      "currency",
	fieldWalletName:    "wallet_name",
	fieldAttributes:    "attributes",
}

// eventField is eventNames read backwards. It is a switch because a map is
// slower.
func eventField(name string) field {
	switch name {
	case "id":
		return fieldID
	case "source":
		return fieldSource
	case "account_id":
		return fieldAccountID
	case "occurred_at":
		return fieldOccurredAt
	case "type":
		return fieldType
	case "quantity":
		return fieldQuantity
	case "unit":
		return fieldUnit
	case "direction":
		return fieldDirection
	case "resolution":
		return fieldResolution
	case "subtype":
		return fieldSubtype
	case "description":
		return fieldDescription
	case "product_id":
		return fieldProductID
	case "aggr_product_id":
		return fieldAggrProductID
	case "from":
		return fieldFrom
	case "to":
		return fieldTo
	case "country":
		return fieldCountry
	case "category":
		return fieldCategory
	case "price":
		return fieldPrice
	case "currency":
		return fieldCurrency
	case "wallet_name":
		return fieldWalletName
	case "attributes":
		return fieldAttributes
	}
	return unknown
}

// attributePrefix begins the name of a CSV column, and of a field at fault,
// that is one attribute.
const attributePrefix = "attributes."

// Fields returns the names of the columns that a CSV of events may have, in
// the order in which an event's fields are written. A column may also be
// called "attributes.KEY".
func Fields() []string {
	return append([]string(nil), eventNames[fieldID:fieldAttributes]...)
}
