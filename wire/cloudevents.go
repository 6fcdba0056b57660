package wire

import (
	"mime"
	"strings"
)

// cloudNames are the names of an event's fields in a CloudEvent 1.0: name,
// time and account are attributes of the envelope, all else is in its data.
var cloudNames = func() names {
	n := eventNames
	for f := range n {
		if n[f] != "" {
			n[f] = dataPrefix + n[f]
		}
	}
	n[fieldID], n[fieldSource] = "id", "source"
	n[fieldAccountID], n[fieldOccurredAt] = "subject", "time"
	n[fieldSpecVersion], n[fieldCloudEventType] = "specversion", "type"
	n[fieldDataContentType], n[fieldDataSchema] = "datacontenttype", "dataschema"
	n[fieldData], n[fieldDataBase64] = "data", "data_base64"
	return n
}()

const dataPrefix = "data."

// cloudEvent is the shape of the envelope. Extension attributes are ignored.
var cloudEvent = shape{
	field: envelopeField, names: &cloudNames, heads: memberHeads(envelopeField, cloudNames[:]...),
	need: requiredInCloudEvent, open: true,
}

// cloudEventData is the shape of the data.
var cloudEventData = shape{
	field: dataField, names: &cloudNames, heads: memberHeads(dataField, eventNames[:]...),
	prefix: dataPrefix,
}

func envelopeField(name string) field {
	switch name {
	case "id":
		return fieldID
	case "source":
		return fieldSource
	case "subject":
		return fieldAccountID
	case "time":
		return fieldOccurredAt
	case "specversion":
		return fieldSpecVersion
	case "type":
		return fieldCloudEventType
	case "datacontenttype":
		return fieldDataContentType
	case "dataschema":
		return fieldDataSchema
	case "data":
		return fieldData
	case "data_base64":
		return fieldDataBase64
	}
	return unknown
}

// dataField knows the fields of an event that the envelope does not have.
func dataField(name string) field {
	switch f := eventField(name); f {
	case fieldID, fieldSource, fieldAccountID, fieldOccurredAt:
		return unknown
	default:
		return f
	}
}

// isJSONType tells whether a media type is JSON as CloudEvents 1.0 defines it
// for datacontenttype: its subtype is json or ends in +json.
func isJSONType(s string) bool {
	if s == JSON.String() {
		return true
	}
	media, _, err := mime.ParseMediaType(s)
	if err != nil {
		return false
	}
	_, subtype, _ := strings.Cut(media, "/")
	return subtype == "json" || strings.HasSuffix(subtype, "+json")
}
