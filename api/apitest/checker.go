package apitest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
)

// TB is what a Checker needs of a testing.TB.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Checker checks the answers that pass through its handlers and transports
// and reports each fault as an error of its test. It may be used concurrently.
type Checker struct {
	tb     TB
	doc    *document
	visits *visits
}

// visits are the operations and statuses that were seen, counted.
type visits struct {
	mu  sync.Mutex
	all map[visit]int
}

type visit struct {
	operation string
	status    int
}

// NewChecker returns a Checker that reports to tb. A document that is not
// valid, or whose examples do not match their schemas, ends the test.
func NewChecker(tb TB, spec []byte) *Checker {
	tb.Helper()
	doc, err := parse(spec)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	return &Checker{tb, doc, &visits{all: map[visit]int{}}}
}

// For returns a Checker that reports to another test and shares the document
// and the record of what was visited with c.
func (c *Checker) For(tb TB) *Checker { return &Checker{tb, c.doc, c.visits} }

// Wrap returns a handler that answers as next does and checks the answers.
func (c *Checker) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w}
		next.ServeHTTP(rec, r)
		if rec.status == 0 {
			if r.Context().Err() != nil {
				return // the client went away before there was an answer
			}
			rec.status, rec.sent = http.StatusOK, w.Header().Clone()
		}
		c.check(r, answer{rec.status, rec.sent, rec.body.Bytes()})
	})
}

// Transport returns a transport that does as next does and checks what comes
// back. It reads every body to its end first.
func (c *Checker) Transport(next http.RoundTripper) http.RoundTripper {
	return transport{c, next}
}

type transport struct {
	checker *Checker
	next    http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("read the answer's body: %w", err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	t.checker.check(r, answer{res.StatusCode, res.Header, body})
	return res, nil
}

func (c *Checker) check(r *http.Request, a answer) {
	op, faults := c.doc.check(r, a)
	if op != nil {
		c.visits.mu.Lock()
		c.visits.all[visit{op.String(), a.status}]++
		c.visits.mu.Unlock()
	}
	for _, err := range faults {
		c.tb.Errorf("%s %s: %d: %v", r.Method, r.URL.RequestURI(), a.status, err)
	}
}

// Routes returns the document's operations, as the function Routes does.
func (c *Checker) Routes() []string { return c.doc.routes() }

// Unvisited returns the operations that never answered, sorted.
func (c *Checker) Unvisited() []string {
	c.visits.mu.Lock()
	defer c.visits.mu.Unlock()
	seen := map[string]bool{}
	for v := range c.visits.all {
		seen[v.operation] = true
	}
	return slices.DeleteFunc(c.doc.routes(), func(route string) bool { return seen[route] })
}

// Visited returns the operations that answered, each with a status, sorted:
// "GET /express/usage/month 200".
func (c *Checker) Visited() []string {
	c.visits.mu.Lock()
	defer c.visits.mu.Unlock()
	var seen []string
	for v := range c.visits.all {
		seen = append(seen, fmt.Sprintf("%s %d", v.operation, v.status))
	}
	slices.Sort(seen)
	return seen
}

// recorder keeps what a handler answers.
type recorder struct {
	http.ResponseWriter
	status int
	sent   http.Header // as it was when the status was sent
	body   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status, r.sent = status, r.Header().Clone()
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status, r.sent = http.StatusOK, r.Header().Clone()
	}
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
