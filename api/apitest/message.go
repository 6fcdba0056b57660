package apitest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// message is what the document describes as a webhook: a request that others
// are sent.
type message struct {
	headers []header
	body    *jsonschema.Schema
}

func (p *parser) message(name string, item *openapi3.PathItem) (*message, error) {
	const mediaType = "application/json"
	at := "webhooks/" + escape(name) + "/post"
	if item.Post == nil || item.Post.RequestBody == nil || item.Post.RequestBody.Value.Content[mediaType] == nil {
		return nil, fmt.Errorf("the webhook %s does not post %s", name, mediaType)
	}
	m := &message{}
	var err error
	if m.body, err = p.schema(at + "/requestBody/content/" + escape(mediaType) + "/schema"); err != nil {
		return nil, err
	}
	for i, ref := range item.Post.Parameters {
		schema, err := p.schema(fmt.Sprintf("%s/parameters/%d/schema", at, i))
		if err != nil {
			return nil, err
		}
		v := ref.Value
		m.headers = append(m.headers, header{http.CanonicalHeaderKey(v.Name), v.Required, v.Schema.Value.Type.Is("integer"), schema})
	}
	slices.SortFunc(m.headers, func(a, b header) int { return strings.Compare(a.name, b.name) })
	return m, nil
}

// Message checks a request that the server has sent to somebody as the webhook
// of that name.
func (c *Checker) Message(name string, h http.Header, body []byte) {
	c.tb.Helper()
	m := c.doc.messages[name]
	if m == nil {
		c.tb.Errorf("the document has no webhook %s", name)
		return
	}
	for _, err := range m.check(h, body) {
		c.tb.Errorf("webhook %s: %v", name, err)
	}
}

func (m *message) check(h http.Header, body []byte) (faults []error) {
	for _, want := range m.headers {
		if err := want.check(h); err != nil {
			faults = append(faults, err)
		}
	}
	value, err := readJSON(body)
	if err != nil {
		return append(faults, fmt.Errorf("the body is not JSON as it should be: %w: %.100q", err, body))
	}
	if err := m.body.Validate(value); err != nil {
		faults = append(faults, fmt.Errorf("the body does not match its schema: %w", reason(err)))
	}
	return faults
}
