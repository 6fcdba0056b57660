package apitest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// log is a TB that keeps the errors it is told.
type log struct{ errors, fatals []string }

func (l *log) Helper()                        {}
func (l *log) Errorf(format string, a ...any) { l.errors = append(l.errors, fmt.Sprintf(format, a...)) }
func (l *log) Fatalf(format string, a ...any) { l.fatals = append(l.fatals, fmt.Sprintf(format, a...)) }

// shelf answers /books/7 well and all else badly.
func shelf(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/hal+json")
	w.Header().Set("X-Shelf", "A")
	if r.URL.Path == "/books/7" {
		io.WriteString(w, goodBook)
		return
	}
	io.WriteString(w, `{"title":"Ledgers","price":"1","sold":null}`)
}

func TestHandlerAndTransport(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(shelf))
	defer plain.Close()
	for name, serve := range map[string]func(*Checker) (client *http.Client, url string, end func()){
		"Wrap": func(c *Checker) (*http.Client, string, func()) {
			srv := httptest.NewServer(c.Wrap(http.HandlerFunc(shelf)))
			return srv.Client(), srv.URL, srv.Close
		},
		"Transport": func(c *Checker) (*http.Client, string, func()) {
			return &http.Client{Transport: c.Transport(plain.Client().Transport)}, plain.URL, func() {}
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := &log{}
			c := NewChecker(got, []byte(spec))
			client, base, end := serve(c)
			for path, body := range map[string]string{"/books/7": goodBook, "/books/8?a=b": `{"title":"Ledgers","price":"1","sold":null}`} {
				res, err := client.Get(base + path)
				if err != nil {
					t.Fatal(err)
				}
				passed, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || string(passed) != body {
					t.Errorf("%s: passed on %q, %v; want %q", path, passed, err, body)
				}
			}
			end() // a handler's answer can reach the client before it is checked
			if len(got.errors) != 1 || !strings.HasPrefix(got.errors[0], "GET /books/8?a=b: 200: ") || !strings.Contains(got.errors[0], "/price") {
				t.Errorf("errors: %q; want one, of the request for /books/8 and its price", got.errors)
			}
		})
	}
}

func TestVisits(t *testing.T) {
	got := &log{}
	all := NewChecker(got, []byte(spec))
	one := all.For(&log{})
	serve := func(c *Checker, request string, status int) {
		method, path, _ := strings.Cut(request, " ")
		h := c.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, path, nil))
	}
	serve(one, "DELETE /books/7", 204)
	serve(all, "DELETE /books/8", 204)
	serve(one, "HEAD /page", 200)
	serve(one, "GET /nowhere", 404)

	if diff := cmp.Diff([]string{"DELETE /books/{id} 204", "GET /page 200"}, all.Visited()); diff != "" {
		t.Errorf("Visited (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"GET /books/first", "GET /books/{id}"}, all.Unvisited()); diff != "" {
		t.Errorf("Unvisited (-want +got):\n%s", diff)
	}
	if len(got.errors) > 0 {
		t.Errorf("another test's faults were reported: %q", got.errors)
	}
}

func TestRoutes(t *testing.T) {
	got, err := Routes([]byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"DELETE /books/{id}", "GET /books/first", "GET /books/{id}", "GET /page"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, NewChecker(t, []byte(spec)).Routes()); diff != "" {
		t.Errorf("of a Checker (-want +got):\n%s", diff)
	}
}

func TestNewCheckerEndsTheTest(t *testing.T) {
	got := &log{}
	NewChecker(got, []byte("openapi: 3.1.0"))
	if len(got.fatals) != 1 {
		t.Errorf("fatal errors: %q; want one", got.fatals)
	}
}
