package apitest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const goodBook = `{"title":"Ledgers","price":1234567890123456789.000000000001,"sold":null}`

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func bookHeader(more ...string) http.Header {
	return headers(append([]string{"Content-Type", "application/hal+json; charset=utf-8", "X-Shelf", "A"}, more...)...)
}

// TestCheck has, for each kind of fault, an answer that has it and the words
// that name it, beside the answers that are as they should be.
func TestCheck(t *testing.T) {
	jsonHeader := headers("Content-Type", "application/json")
	for _, c := range []struct {
		name    string
		request string
		status  int
		header  http.Header
		body    string
		want    string // in the fault; "": there is none
	}{
		{"good", "GET /books/7", 200, bookHeader(), goodBook, ""},
		{"good with optional parts", "GET /books/7?x=y", 200, bookHeader("X-Copies", "3"), `{"title":"","price":-1e3,"sold":"2023-08-31T00:00:00Z","shelf":null}`, ""},
		{"other media type", "GET /books/7", 200, headers("Content-Type", "text/plain", "X-Shelf", "B"), "Ledgers", ""},
		{"literal path", "GET /books/first", 200, headers("Content-Type", "text/plain"), "Ledgers", ""},
		{"documented error", "GET /books/7", 404, jsonHeader, `{"code":"gone"}`, ""},
		{"no body", "DELETE /books/7", 204, nil, "", ""},
		{"HEAD", "HEAD /books/7", 200, bookHeader(), "", ""},
		{"asset", "GET /page/style.css", 200, headers("Content-Type", "text/css"), "a{}", ""},
		{"unknown path", "GET /shelves", 404, jsonHeader, `{"code":"none"}`, ""},
		{"unknown method", "PUT /books/7", 405, headers("Content-Type", "application/json", "Allow", "GET"), `{"code":"method"}`, ""},

		{"status", "GET /books/7", 418, jsonHeader, `{"code":"teapot"}`, "status is not documented"},
		{"status of another method", "DELETE /books/7", 404, jsonHeader, `{"code":"none"}`, "status is not documented"},
		{"unknown path that answers", "GET /shelves", 200, jsonHeader, `{}`, "path is not documented"},
		{"empty parameter", "GET /books/", 200, bookHeader(), goodBook, "path is not documented"},
		{"unknown path without the error body", "GET /shelves", 404, headers("Content-Type", "text/plain"), "404 page not found", "Content-Type"},
		{"unknown path with another body", "GET /shelves", 404, jsonHeader, `{"error":"none"}`, "code"},
		{"unknown method that answers", "PUT /books/7", 200, bookHeader(), goodBook, "method is not documented"},
		{"unknown method without Allow", "PUT /books/7", 405, jsonHeader, `{"code":"method"}`, "header Allow is missing"},
		{"no media type", "GET /books/7", 200, headers("X-Shelf", "A"), goodBook, "Content-Type"},
		{"wrong media type", "GET /books/7", 200, headers("X-Shelf", "A", "Content-Type", "application/json"), goodBook, "not documented"},
		{"wrong media type of a HEAD", "HEAD /books/7", 200, headers("X-Shelf", "A", "Content-Type", "text/css"), "", "not documented"},
		{"header missing", "GET /books/7", 200, headers("Content-Type", "application/hal+json"), goodBook, "header X-Shelf is missing"},
		{"header malformed", "GET /books/7", 200, headers("Content-Type", "application/hal+json", "X-Shelf", "a"), goodBook, "header X-Shelf"},
		{"header no number", "GET /books/7", 200, bookHeader("X-Copies", "many"), goodBook, "not a whole number"},
		{"header out of range", "GET /books/7", 200, bookHeader("X-Copies", "0"), goodBook, "header X-Copies"},
		{"a body where none is", "DELETE /books/7", 204, nil, "{}", "none is documented"},
		{"no JSON", "GET /books/7", 200, bookHeader(), `{"title":`, "not JSON"},
		{"no body where one is", "GET /books/7", 200, bookHeader(), "", "not JSON"},
		{"more than JSON", "GET /books/7", 200, bookHeader(), goodBook + "{}", "not JSON"},
		{"not UTF-8", "GET /books/7", 200, bookHeader(), "{\"title\":\"\xff\",\"price\":1,\"sold\":null}", "not UTF-8"},
		{"a key twice", "GET /books/7", 200, bookHeader(), `{"title":"a","title":"b","price":1,"sold":null}`, `"title" is there twice`},
		{"a number in a string", "GET /books/7", 200, bookHeader(), `{"title":"a","price":"1","sold":null}`, "/price"},
		{"a field missing", "GET /books/7", 200, bookHeader(), `{"title":"a","price":1}`, "sold"},
		{"a field too many", "GET /books/7", 200, bookHeader(), `{"title":"a","price":1,"sold":null,"isbn":1}`, "isbn"},
		{"null where none may be", "GET /books/7", 200, bookHeader(), `{"title":null,"price":1,"sold":null}`, "/title"},
		{"no instant", "GET /books/7", 200, bookHeader(), `{"title":"a","price":1,"sold":"yesterday"}`, "/sold"},
		{"outside the enumeration", "GET /books/7", 200, bookHeader(), `{"title":"a","price":1,"sold":null,"shelf":"C"}`, "/shelf"},
		{"text too short", "GET /books/7", 200, headers("Content-Type", "text/plain", "X-Shelf", "A"), "a", "schema"},
		{"unknown coding", "GET /books/7", 200, bookHeader("Content-Encoding", "br"), goodBook, "Content-Encoding"},
		{"broken gzip", "GET /books/7", 200, bookHeader("Content-Encoding", "gzip"), goodBook, "not gzip"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc, err := parse([]byte(spec))
			if err != nil {
				t.Fatal(err)
			}
			method, target, _ := strings.Cut(c.request, " ")
			_, faults := doc.check(httptest.NewRequest(method, target, nil), answer{c.status, c.header, []byte(c.body)})
			switch got := fmt.Sprint(faults); {
			case c.want == "" && len(faults) > 0:
				t.Errorf("faults: %s; want none", got)
			case c.want != "" && len(faults) != 1:
				t.Errorf("faults: %s; want one with %q", got, c.want)
			case c.want != "" && !strings.Contains(got, c.want):
				t.Errorf("fault: %s; want %q in it", got, c.want)
			}
		})
	}
}

func TestCheckReadsGzip(t *testing.T) {
	doc, err := parse([]byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]int{goodBook: 0, `{"title":1}`: 1} {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write([]byte(body))
		z.Close()
		_, faults := doc.check(httptest.NewRequest("GET", "/books/7", nil), answer{200, bookHeader("Content-Encoding", "gzip"), packed.Bytes()})
		if len(faults) != want {
			t.Errorf("%s: faults: %v; want %d", body, faults, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"a document that is no YAML":      {"openapi: 3.1.0", "openapi: [", "cannot be read"},
		"an invalid document":             {"title: Shelf,", "", "not valid"},
		"a reference to nothing":          {"schemas/Book", "schemas/Novel", "cannot be read"},
		"a webhook that posts nothing":    {"    post:\n      parameters: [{name: X-Count", "    put:\n      parameters: [{name: X-Count", "does not post"},
		"a range of statuses":             {`"204"`, "2XX", "not a status"},
		"a media type without a schema":   {"text/html: {schema: {type: string}}", "text/html: {}", "no schema"},
		"no answer for unknown paths":     {"    NotFound:", "    Lost:", "cannot be read"},
		"no answer for unknown methods":   {"    MethodNotAllowed:", "    Refused:", "MethodNotAllowed"},
		"an example that does not match":  {"text/plain: {schema: {type: string}}", "text/plain: {schema: {type: string}, example: 7}", "not valid"},
		"a pattern that does not compile": {`"^[A-Z]$"`, `"^[A-Z$"`, "parsing regexp"},
	} {
		t.Run(name, func(t *testing.T) {
			broken := strings.Replace(spec, c.old, c.new, 1)
			if broken == spec {
				t.Fatalf("the document does not have %q", c.old)
			}
			_, err := parse([]byte(broken))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error: %v; want %q in it", err, c.want)
			}
		})
	}
}
