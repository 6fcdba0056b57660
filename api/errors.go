package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"tollbook"
	"tollbook/oauth"
)

// statuses is the one table between an error's code and its HTTP status.
var statuses = map[tollbook.Code]int{
	tollbook.CodeInvalidRequest:   http.StatusBadRequest,
	tollbook.CodeUnauthorized:     http.StatusUnauthorized,
	tollbook.CodeScope:            http.StatusForbidden,
	tollbook.CodeNotEntitled:      http.StatusForbidden,
	tollbook.CodeAccount:          http.StatusForbidden,
	tollbook.CodeNotFound:         http.StatusNotFound,
	tollbook.CodeMethodNotAllowed: http.StatusMethodNotAllowed,
	tollbook.CodeNotAcceptable:    http.StatusNotAcceptable,
	tollbook.CodeConflict:         http.StatusConflict,
	tollbook.CodeTooLarge:         http.StatusRequestEntityTooLarge,
	tollbook.CodeUnsupportedMedia: http.StatusUnsupportedMediaType,
	tollbook.CodeInvalidContent:   http.StatusUnprocessableEntity,
	tollbook.CodeTooManyRequests:  http.StatusTooManyRequests,
	tollbook.CodeInternal:         http.StatusInternalServerError,
	tollbook.CodeUnavailable:      http.StatusServiceUnavailable,
}

// What the client is told to wait, in seconds: after a 429, of which most have
// waited already, and after a 503, which takes somebody to mend something or
// to start the server again.
const (
	retryBusy        = 2
	retryUnavailable = 5
)

var (
	errNoRoute = tollbook.NewError(tollbook.CodeNotFound, "There is nothing at this address.")
	errMethod  = tollbook.NewError(tollbook.CodeMethodNotAllowed, "This address does not take that method; see the Allow header.")
	errPanic   = tollbook.NewError(tollbook.CodeInternal, "The server failed on this request.")
)

// errorBody is the body of every error (the public Billing Insights API
// reference: code, message, description, fields).
type errorBody struct {
	Code        tollbook.Code         `json:"code"`
	Message     string                `json:"message"`
	Description string                `json:"description,omitempty"`
	Fields      []tollbook.FieldError `json:"fields"`
}

// fail answers a request with an error. What the caller cannot help is logged
// and told without its cause.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	e, known := errors.AsType[*tollbook.Error](err)
	switch {
	case known:
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		return // the client has gone
	default:
		e = tollbook.NewError(tollbook.CodeInternal, "The server failed on this request.")
	}
	status := statuses[e.Code]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	if status >= 500 {
		s.Logger.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	body := errorBody{e.Code, e.Message, e.Description, e.Fields}
	if body.Fields == nil {
		body.Fields = []tollbook.FieldError{}
	}
	h := w.Header()
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", challenge(err))
	case http.StatusForbidden:
		if e.Code == tollbook.CodeScope {
			h.Set("WWW-Authenticate", `Bearer error="insufficient_scope"`)
		}
	case http.StatusTooManyRequests:
		h.Set("Retry-After", strconv.Itoa(retryBusy))
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", strconv.Itoa(retryUnavailable))
	}
	writeJSON(w, status, "application/json", body)
}

// challenge is the WWW-Authenticate header of a 401 (RFC 6750).
func challenge(err error) string {
	if t, ok := errors.AsType[*oauth.TokenError](err); ok {
		return t.Challenge()
	}
	return "Bearer"
}

// writeJSON answers with a value as JSON.
func writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(v); err != nil {
		panic(err) // our own types always marshal
	}
	writeBody(w, status, contentType, body.Bytes())
}

func writeBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) // a failure to write is the client's going away
}
