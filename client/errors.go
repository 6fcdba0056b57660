package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tollbook"
)

// Error is an answer that is no success.
type Error struct {
	Status      int           // of HTTP
	Code        tollbook.Code // what went wrong, for programs; of a token refusal the OAuth error
	Message     string
	Description string
	Fields      []tollbook.FieldError // the inputs at fault
	RetryAfter  time.Duration         // how long the server asked to wait, 0 where it did not
}

// Error returns all that the server said, on one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if e.Description != "" {
		b.WriteString(" " + e.Description)
	}
	for _, f := range e.Fields {
		b.WriteString("; " + f.Name + ": " + f.Description)
	}
	fmt.Fprintf(&b, " (%d %s)", e.Status, e.Code)
	return b.String()
}

// maxErrorText is how much of an answer that is not ours an Error shows.
const maxErrorText = 200

// errorOf reads an error body (the public Billing Insights API reference:
// code, message, description, fields). What some proxy answered in place of
// the server is shown as text.
func (c *Client) errorOf(status int, header http.Header, body []byte) *Error {
	e := &Error{Status: status, RetryAfter: c.retryAfter(header)}
	var doc struct {
		Code        tollbook.Code         `json:"code"`
		Message     string                `json:"message"`
		Description string                `json:"description"`
		Fields      []tollbook.FieldError `json:"fields"`
	}
	if json.Unmarshal(body, &doc) == nil && doc.Code != "" {
		e.Code, e.Message, e.Description, e.Fields = doc.Code, doc.Message, doc.Description, doc.Fields
		return e
	}
	e.Code = tollbook.Code(strings.ToLower(strings.ReplaceAll(http.StatusText(status), " ", "_")))
	e.Message = http.StatusText(status)
	if status >= 300 && status < 400 {
		e.Message = "The server redirects to " + header.Get("Location") + ", which is not followed."
	} else if text := strings.TrimSpace(string(body)); text != "" && strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
		e.Description = strings.ToValidUTF8(text[:min(len(text), maxErrorText)], "")
	}
	return e
}

// retryAfter reads a Retry-After header: seconds or a date.
func (c *Client) retryAfter(header http.Header) time.Duration {
	v := header.Get("Retry-After")
	if v == "" {
		return 0
	}
	const maxSeconds = 86400
	if s, err := strconv.ParseUint(v, 10, 32); err == nil {
		return time.Duration(min(s, maxSeconds)) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, t.Sub(c.now()))
	}
	return 0
}
