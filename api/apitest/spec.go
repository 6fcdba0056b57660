package apitest

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Routes returns the operations of an OpenAPI document, sorted, each as method
// and path: "GET /express/usage/month/{id}".
func Routes(spec []byte) ([]string, error) {
	d, err := parse(spec)
	if err != nil {
		return nil, err
	}
	return d.routes(), nil
}

// document is an OpenAPI document with its response schemas compiled. It is
// never changed.
type document struct {
	operations []*operation
	messages   map[string]*message // the webhooks

	// What answers where no operation does: the components NotFound and
	// MethodNotAllowed.
	notFound, methodNotAllowed *response
}

// operation is one method of one path.
type operation struct {
	method    string
	path      string
	segments  []string // of the path; one in braces stands for any
	responses map[int]*response

	// assets is the prefix of the addresses that belong to the operation
	// without being described (the extension x-assets), or "".
	assets string
}

// String returns the operation as Routes lists it.
func (o *operation) String() string { return o.method + " " + o.path }

// response is what an operation may answer with one status.
type response struct {
	headers []header
	content map[string]*jsonschema.Schema // by media type; empty: no body
}

// header is one that an answer may or must have.
type header struct {
	name     string
	required bool
	integer  bool // what its schema describes is a number, not a text
	schema   *jsonschema.Schema
}

// parse reads, validates and compiles an OpenAPI document, examples included.
func parse(spec []byte) (*document, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(spec)
	if err != nil {
		return nil, fmt.Errorf("apitest: the OpenAPI document cannot be read: %w", err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		return nil, fmt.Errorf("apitest: the OpenAPI document is not valid: %w", err)
	}
	p, err := newParser(doc)
	if err != nil {
		return nil, fmt.Errorf("apitest: %w", err)
	}
	d, err := p.document(doc)
	if err != nil {
		return nil, fmt.Errorf("apitest: %w", err)
	}
	return d, nil
}

// parser compiles the schemas of a document, each by its place in it.
type parser struct{ compiler *jsonschema.Compiler }

const documentURL = "mem:///openapi.json"

func newParser(doc *openapi3.T) (*parser, error) {
	text, err := doc.MarshalJSON()
	if err != nil {
		return nil, err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	p := &parser{jsonschema.NewCompiler()}
	p.compiler.DefaultDraft(jsonschema.Draft2020)
	p.compiler.AssertFormat()
	return p, p.compiler.AddResource(documentURL, value)
}

func (p *parser) document(doc *openapi3.T) (*document, error) {
	d := &document{messages: map[string]*message{}}
	for name, item := range doc.Webhooks {
		var err error
		if d.messages[name], err = p.message(name, item); err != nil {
			return nil, err
		}
	}
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			op, err := p.operation(method, path, o)
			if err != nil {
				return nil, err
			}
			d.operations = append(d.operations, op)
		}
	}
	slices.SortFunc(d.operations, func(a, b *operation) int { return strings.Compare(a.String(), b.String()) })
	for name, into := range map[string]**response{"NotFound": &d.notFound, "MethodNotAllowed": &d.methodNotAllowed} {
		ref := doc.Components.Responses[name]
		if ref == nil {
			return nil, fmt.Errorf("the OpenAPI document has no response %s among its components", name)
		}
		var err error
		if *into, err = p.response("components/responses/"+name, ref); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (p *parser) operation(method, path string, o *openapi3.Operation) (*operation, error) {
	op := &operation{method: method, path: path, segments: strings.Split(path, "/"), responses: map[int]*response{}}
	if assets, ok := o.Extensions["x-assets"].(string); ok {
		op.assets = assets
	}
	for status, ref := range o.Responses.Map() {
		code, err := strconv.Atoi(status)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is not a status; ranges and default say too little", op, status)
		}
		at := strings.Join([]string{"paths", escape(path), strings.ToLower(method), "responses", status}, "/")
		if op.responses[code], err = p.response(at, ref); err != nil {
			return nil, err
		}
	}
	return op, nil
}

// response compiles the response that ref, at a place in the document, is or
// refers to.
func (p *parser) response(at string, ref *openapi3.ResponseRef) (*response, error) {
	if ref.Ref != "" {
		at = strings.TrimPrefix(ref.Ref, "#/")
	}
	r := &response{content: map[string]*jsonschema.Schema{}}
	for mediaType, m := range ref.Value.Content {
		if m.Schema == nil {
			return nil, fmt.Errorf("%s: %s has no schema", at, mediaType)
		}
		schema, err := p.schema(at + "/content/" + escape(mediaType) + "/schema")
		if err != nil {
			return nil, err
		}
		r.content[mediaType] = schema
	}
	for name, h := range ref.Value.Headers {
		place := at + "/headers/" + escape(name)
		if h.Ref != "" {
			place = strings.TrimPrefix(h.Ref, "#/")
		}
		schema, err := p.schema(place + "/schema")
		if err != nil {
			return nil, err
		}
		integer := h.Value.Schema.Value.Type.Is("integer")
		r.headers = append(r.headers, header{http.CanonicalHeaderKey(name), h.Value.Required, integer, schema})
	}
	slices.SortFunc(r.headers, func(a, b header) int { return strings.Compare(a.name, b.name) })
	return r, nil
}

func (p *parser) schema(at string) (*jsonschema.Schema, error) {
	return p.compiler.Compile(documentURL + "#/" + (&url.URL{Path: at}).EscapedPath())
}

// escape makes a key fit to be a part of a JSON pointer.
func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

func (d *document) routes() []string {
	var routes []string
	for _, op := range d.operations {
		routes = append(routes, op.String())
	}
	return routes
}

// find returns the operation of a method and an escaped path. Without one,
// known tells whether the path has other methods. A path without parameters
// beats one with.
func (d *document) find(method, path string) (op *operation, known bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	segments := strings.Split(path, "/")
	for _, o := range d.operations {
		literal, ok := o.matches(segments)
		if !ok {
			continue
		}
		known = true
		if o.method == method && (op == nil || literal) {
			op = o
		}
	}
	return op, known
}

// matches tells whether the operation's path covers the segments of a path,
// and whether it does so without a parameter.
func (o *operation) matches(segments []string) (literal, ok bool) {
	if len(segments) != len(o.segments) {
		return false, false
	}
	literal = true
	for i, s := range o.segments {
		switch {
		case strings.HasPrefix(s, "{") && segments[i] != "":
			literal = false
		case s != segments[i]:
			return false, false
		}
	}
	return literal, true
}

// asset tells whether a path belongs to an operation as its asset.
func (d *document) asset(path string) bool {
	return slices.ContainsFunc(d.operations, func(o *operation) bool {
		return o.assets != "" && strings.HasPrefix(path, o.assets)
	})
}

// schemaOf returns the schema of a Content-Type header, whose parameters do
// not count.
func (r *response) schemaOf(contentType string) (mediaType string, schema *jsonschema.Schema, err error) {
	mediaType, _, err = mime.ParseMediaType(contentType)
	if err != nil {
		return "", nil, fmt.Errorf("the Content-Type %q is malformed", contentType)
	}
	if schema = r.content[mediaType]; schema == nil {
		return "", nil, fmt.Errorf("the Content-Type %q is not documented", contentType)
	}
	return mediaType, schema, nil
}
