package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"tollbook"
	"tollbook/decimal"
	"tollbook/wire"
)

// maxObjectBytes bounds the JSON body of a definition.
const maxObjectBytes = 1 << 20

// object names the fields that a JSON body may have and where each goes.
type object map[string]any

// read decodes the JSON object in a request's body. Unlike encoding/json on
// its own it takes field names exactly as they are, refuses a field twice,
// and reports everything that is wrong at once.
func (o object) read(r *http.Request) error {
	dec, err := readJSON(r, maxObjectBytes)
	if err != nil {
		return err
	}
	faults, err := o.decode(dec)
	if err != nil {
		return err
	}
	return ended(dec, faults)
}

// readObjects decodes a list of 1 to limit JSON objects in a request's body;
// each is given the object for the next. Faults are named by their place.
func readObjects(r *http.Request, maxBytes int64, limit int, next func() object) error {
	dec, err := readJSON(r, maxBytes)
	if err != nil {
		return err
	}
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return badBody("must be a JSON array of objects")
	}
	var faults []tollbook.FieldError
	n := 0
	for ; dec.More(); n++ {
		if n == limit {
			return tollbook.NewError(tollbook.CodeTooLarge, fmt.Sprintf("The list has more than %d items; nothing was done.", limit))
		}
		of, err := next().decode(dec)
		if err != nil {
			return err
		}
		for _, f := range of {
			f.Name = itemName(n, f.Name)
			faults = append(faults, f)
		}
	}
	if _, err := dec.Token(); err != nil {
		return badBody("is not JSON: " + err.Error())
	}
	if n == 0 {
		return badBody("is an empty list")
	}
	return ended(dec, faults)
}

// itemName names a field of an item of a list.
func itemName(index int, field string) string { return fmt.Sprintf("[%d].%s", index, field) }

// readJSON reads the body of a request that takes no parameters.
func readJSON(r *http.Request, maxBytes int64) (*json.Decoder, error) {
	if err := readParams(r).err(); err != nil {
		return nil, err
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != typeJSON {
		return nil, tollbook.NewError(tollbook.CodeUnsupportedMedia, "The body must be "+typeJSON+".",
			tollbook.FieldError{Name: "Content-Type", Description: "must be " + typeJSON})
	}
	body, err := wire.ReadBody(r.Body, r.ContentLength, r.Header.Get("Content-Encoding"), maxBytes)
	if err != nil {
		return nil, err
	}
	return json.NewDecoder(strings.NewReader(body)), nil
}

// decode reads the next JSON object and tells which of its fields are wrong.
func (o object) decode(dec *json.Decoder) (faults []tollbook.FieldError, err error) {
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, badBody("must be a JSON object")
	}
	seen := map[string]bool{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, badBody("is not JSON: " + err.Error())
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, badBody("is not JSON: " + err.Error())
		}
		field := name.(string)
		if why := o.set(field, raw, seen); why != "" {
			faults = append(faults, tollbook.FieldError{Name: field, Description: why})
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, badBody("is not JSON: " + err.Error())
	}
	return faults, nil
}

// ended checks that a body has nothing behind what was read of it, then tells
// of the fields at fault.
func ended(dec *json.Decoder, faults []tollbook.FieldError) error {
	if _, err := dec.Token(); err != io.EOF {
		return badBody("has something after its end")
	}
	if len(faults) > 0 {
		return tollbook.NewError(tollbook.CodeInvalidRequest, "The body is not valid.", faults...)
	}
	return nil
}

// member is an object that is the value of a field. It makes the object once
// there is one; null leaves it alone.
type member func() object

// UnmarshalJSON implements json.Unmarshaler.
func (m member) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	faults, err := m().decode(json.NewDecoder(bytes.NewReader(text)))
	if err != nil {
		return errors.New("must be a JSON object")
	}
	if len(faults) > 0 {
		return errors.New(faults[0].Name + " " + faults[0].Description)
	}
	return nil
}

// set decodes one field, or says why it cannot.
func (o object) set(name string, raw json.RawMessage, seen map[string]bool) string {
	to, known := o[name]
	switch {
	case !known:
		names := make([]string, 0, len(o))
		for n := range o {
			names = append(names, n)
		}
		slices.Sort(names)
		return "is not a field here; there are " + strings.Join(names, ", ")
	case seen[name]:
		return "is given twice"
	case !utf8.Valid(raw):
		return "is not UTF-8" // it would be decoded to a text that was not sent, and that may name something else
	}
	seen[name] = true
	err := json.Unmarshal(raw, to)
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("must be a %s, not %s", jsonName(t.Type.String()), jsonKind(t.Value))
	}
	for _, number := range []error{decimal.ErrSyntax, decimal.ErrRange} {
		if errors.Is(err, number) {
			return number.Error()
		}
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// jsonKind is what was given, with its article.
func jsonKind(value string) string {
	switch value {
	case "bool":
		return "a boolean"
	case "array":
		return "a list"
	case "object":
		return "an object"
	}
	return "a " + value // string, number, number 1.5
}

// jsonName is what JSON calls a Go type of a definition's field.
func jsonName(goType string) string {
	switch goType {
	case "bool":
		return "boolean"
	case "int":
		return "whole number"
	case "[]string":
		return "list of strings"
	}
	return "string"
}

func badBody(why string) error {
	return tollbook.NewError(tollbook.CodeInvalidRequest, "The body is not valid.", tollbook.FieldError{Name: "body", Description: why})
}

// same refuses a body whose id is not that of the path.
func same(field, inBody, inPath string) error {
	if inBody == "" || inBody == inPath {
		return nil
	}
	return tollbook.NewError(tollbook.CodeInvalidRequest, "The body is not valid.",
		tollbook.FieldError{Name: field, Description: "is not the one in the path"})
}
