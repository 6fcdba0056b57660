package apitest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// answer is what came back on a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// check returns the operation that a request is of, nil where the document
// has none, and everything that is wrong with the answer.
func (d *document) check(r *http.Request, a answer) (*operation, []error) {
	path := r.URL.EscapedPath()
	op, known := d.find(r.Method, path)
	switch {
	case op != nil:
		want := op.responses[a.status]
		if want == nil {
			return op, []error{fmt.Errorf("the status is not documented")}
		}
		return op, want.check(r.Method, a)
	case known && a.status == http.StatusMethodNotAllowed:
		return nil, d.methodNotAllowed.check(r.Method, a)
	case known:
		return nil, []error{fmt.Errorf("the method is not documented and the status is not 405")}
	case d.asset(path):
		return nil, nil
	case a.status == http.StatusNotFound:
		return nil, d.notFound.check(r.Method, a)
	}
	return nil, []error{fmt.Errorf("the path is not documented and the status is not 404")}
}

// check returns everything in which an answer differs from the response.
func (want *response) check(method string, a answer) []error {
	var faults []error
	for _, h := range want.headers {
		if err := h.check(a.header); err != nil {
			faults = append(faults, err)
		}
	}
	if err := want.checkBody(method, a); err != nil {
		faults = append(faults, err)
	}
	return faults
}

func (h header) check(got http.Header) error {
	values := got.Values(h.name)
	switch {
	case len(values) == 0 && h.required:
		return fmt.Errorf("the header %s is missing", h.name)
	case len(values) == 0:
		return nil
	}
	var value any = values[0]
	if h.integer {
		if _, err := strconv.Atoi(values[0]); err != nil {
			return fmt.Errorf("the header %s is %q, not a whole number", h.name, values[0])
		}
		value = json.Number(values[0])
	}
	if err := h.schema.Validate(value); err != nil {
		return fmt.Errorf("the header %s is %q: %w", h.name, values[0], reason(err))
	}
	return nil
}

func (want *response) checkBody(method string, a answer) error {
	if len(want.content) == 0 {
		if len(a.body) > 0 && method != http.MethodHead {
			return fmt.Errorf("there is a body, and none is documented: %.100q", a.body)
		}
		return nil
	}
	mediaType, schema, err := want.schemaOf(a.header.Get("Content-Type"))
	if err != nil || method == http.MethodHead {
		return err
	}
	body, err := decoded(a)
	if err != nil {
		return err
	}
	var value any = string(body)
	if mediaType == "application/json" || strings.HasSuffix(mediaType, "+json") {
		if value, err = readJSON(body); err != nil {
			return fmt.Errorf("the body is not JSON as it should be: %w: %.100q", err, body)
		}
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("the body does not match its schema: %w", reason(err))
	}
	return nil
}

// decoded undoes the content coding of an answer's body.
func decoded(a answer) ([]byte, error) {
	switch coding := a.header.Get("Content-Encoding"); coding {
	case "", "identity":
		return a.body, nil
	case "gzip":
		z, err := gzip.NewReader(bytes.NewReader(a.body))
		if err != nil {
			return nil, fmt.Errorf("the body is not gzip: %w", err)
		}
		return io.ReadAll(z)
	default:
		return nil, fmt.Errorf("the Content-Encoding %q was not asked for", coding)
	}
}

// readJSON reads one JSON value and nothing else. Numbers keep their digits.
func readJSON(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("there are bytes that are not UTF-8")
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return value, findTwice(json.NewDecoder(bytes.NewReader(body)))
}

// findTwice reads one value, which is well-formed, and fails on an object that
// has a key twice: of such a pair each reader sees the one it likes.
func findTwice(d *json.Decoder) error {
	d.UseNumber()
	token, err := d.Token()
	if err != nil {
		return err
	}
	opening, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	keys := map[string]bool{}
	for d.More() {
		if opening == '{' {
			token, err := d.Token()
			if err != nil {
				return err
			}
			key := token.(string)
			if keys[key] {
				return fmt.Errorf("the key %q is there twice", key)
			}
			keys[key] = true
		}
		if err := findTwice(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// reason drops the first line of a validation error, which names the schema
// by its place in the document; the others say what is wrong and where.
func reason(err error) error {
	if _, lines, found := strings.Cut(err.Error(), "\n"); found {
		return errors.New(strings.ReplaceAll(lines, "\n", "; "))
	}
	return err
}
