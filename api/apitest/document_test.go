package apitest_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"tollbook"
	"tollbook/api/apitest"
)

// load reads the document that the server serves.
func load(t *testing.T) (text []byte, doc *openapi3.T) {
	t.Helper()
	text, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if doc, err = openapi3.NewLoader().LoadFromData(text); err != nil {
		t.Fatal(err)
	}
	return text, doc
}

// eachOperation calls f for every operation of the document.
func eachOperation(doc *openapi3.T, f func(route string, o *openapi3.Operation)) {
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			f(method+" "+path, o)
		}
	}
}

// TestDocumentIsValid also holds its examples to its schemas.
func TestDocumentIsValid(t *testing.T) {
	text, _ := load(t)
	if got := apitest.NewChecker(t, text).Routes(); !slices.Contains(got, "GET /express/usage/month") {
		t.Errorf("routes: %q; GET /express/usage/month is not among them", got)
	}
}

func TestEveryOperationIsDescribed(t *testing.T) {
	_, doc := load(t)
	tags := map[string]bool{}
	for _, tag := range doc.Tags {
		tags[tag.Name] = true
	}
	eachOperation(doc, func(route string, o *openapi3.Operation) {
		if o.OperationID == "" || o.Summary == "" || o.Description == "" {
			t.Errorf("%s has no operationId, summary or description", route)
		}
		if len(o.Tags) != 1 || !tags[o.Tags[0]] {
			t.Errorf("%s has the tags %q; want one that the document describes", route, o.Tags)
		}
		if body := o.RequestBody; body != nil {
			for mediaType, m := range body.Value.Content {
				if m.Example == nil {
					t.Errorf("%s has no example of a request in %s", route, mediaType)
				}
			}
		}
		for status, r := range o.Responses.Map() {
			for mediaType, m := range r.Value.Content {
				json := mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
				if json && m.Example == nil {
					t.Errorf("%s has no example of %s in %s", route, status, mediaType)
				}
			}
		}
	})
}

// TestStatusesThatSecurityMakes: what needs a token can be refused for the
// lack of it or of its scope, and everything that reads parameters for them.
func TestStatusesThatSecurityMakes(t *testing.T) {
	_, doc := load(t)
	eachOperation(doc, func(route string, o *openapi3.Operation) {
		if o.Security == nil {
			t.Errorf("%s does not say whether it needs a token", route)
			return
		}
		for _, need := range *o.Security {
			if _, ok := need["oauth2"]; !ok {
				continue
			}
			for _, status := range []int{400, 401, 403, 500, 503} {
				if o.Responses.Status(status) == nil {
					t.Errorf("%s does not document %d", route, status)
				}
			}
		}
	})
}

// TestEnumerations holds the document's lists of values to the code's.
func TestEnumerations(t *testing.T) {
	_, doc := load(t)
	property := func(schema, name string) *openapi3.Schema {
		return doc.Components.Schemas[schema].Value.Properties[name].Value
	}
	schema := func(name string) *openapi3.Schema { return doc.Components.Schemas[name].Value }
	for name, c := range map[string]struct {
		schema   *openapi3.Schema
		nullable bool
		want     []string
	}{
		"usage type":               {schema("UsageType"), false, tollbook.UsageTypes()},
		"direction":                {schema("Direction"), true, tollbook.Directions()},
		"direction of an event":    {property("RecordEvent", "direction"), false, tollbook.Directions()},
		"resolution":               {schema("Resolution"), true, tollbook.Resolutions()},
		"resolution of an event":   {property("RecordEvent", "resolution"), false, tollbook.Resolutions()},
		"resolution of an unrated": {property("UnratedEvent", "resolution"), false, tollbook.Resolutions()},
		"unit":                     {schema("Unit"), false, tollbook.Units()},
		"account status":           {schema("AccountStatus"), false, tollbook.AccountStatuses()},
		"product family":           {property("Product", "family"), true, tollbook.ProductFamilies()},
		"product unit":             {property("Product", "unit_of_measure"), true, tollbook.ProductUnits()},
		"charge type":              {property("Product", "charge_type"), true, tollbook.ChargeTypes()},
		"scope":                    {schema("Scope"), false, tollbook.Scopes()},
	} {
		var got []string
		null := false
		for _, v := range c.schema.Enum {
			if v == nil {
				null = true
				continue
			}
			got = append(got, v.(string))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-code +document):\n%s", name, diff)
		}
		if null != c.nullable {
			t.Errorf("%s: null is among its values: %t; want %t", name, null, c.nullable)
		}
	}

	var order []string
	for _, p := range doc.Paths.Value("/express/usage/month").Get.Parameters {
		if p.Value.Name == "order_by" {
			alternatives, _, _ := strings.Cut(strings.TrimPrefix(p.Value.Schema.Value.Pattern, "^("), ")")
			order = strings.Split(alternatives, "|")
		}
	}
	if diff := cmp.Diff(tollbook.OrderFields(), order); diff != "" {
		t.Errorf("order_by (-code +document):\n%s", diff)
	}

	var scopes []string
	for s := range doc.Components.SecuritySchemes["oauth2"].Value.Flows.ClientCredentials.Scopes {
		scopes = append(scopes, s)
	}
	slices.Sort(scopes)
	want := tollbook.Scopes()
	slices.Sort(want)
	if diff := cmp.Diff(want, scopes); diff != "" {
		t.Errorf("scopes of the security scheme (-code +document):\n%s", diff)
	}
}
