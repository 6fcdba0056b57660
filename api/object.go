package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"tollbook"
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
	if err := readParams(r).err(); err != nil {
		return err
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != typeJSON {
		return tollbook.NewError(tollbook.CodeUnsupportedMedia, "The body must be "+typeJSON+".",
			tollbook.FieldError{Name: "Content-Type", Description: "must be " + typeJSON})
	}
	body, err := wire.ReadBody(r.Body, r.ContentLength, r.Header.Get("Content-Encoding"), maxObjectBytes)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(strings.NewReader(body))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return badBody("must be a JSON object")
	}
	var faults []tollbook.FieldError
	seen := map[string]bool{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return badBody("is not JSON: " + err.Error())
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return badBody("is not JSON: " + err.Error())
		}
		field := name.(string)
		if why := o.set(field, raw, seen); why != "" {
			faults = append(faults, tollbook.FieldError{Name: field, Description: why})
		}
	}
	if _, err := dec.Token(); err != nil {
		return badBody("is not JSON: " + err.Error())
	}
	if _, err := dec.Token(); err != io.EOF {
		return badBody("has something after the JSON object")
	}
	if len(faults) > 0 {
		return tollbook.NewError(tollbook.CodeInvalidRequest, "The body is not valid.", faults...)
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
	}
	seen[name] = true
	err := json.Unmarshal(raw, to)
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("must be a %s, not a %s", jsonName(t.Type.String()), t.Value)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// jsonName is what JSON calls a Go type of a definition's field.
func jsonName(goType string) string {
	switch goType {
	case "bool":
		return "boolean"
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
