package tollbook

import (
	"errors"
	"strings"
)

// Code says in one stable word what went wrong. Every error body carries one.
type Code string

// The codes of errors that answer a whole request.
const (
	CodeInvalidRequest   Code = "invalid_request"    // 400
	CodeUnauthorized     Code = "unauthorized"       // 401
	CodeScope            Code = "insufficient_scope" // 403
	CodeNotEntitled      Code = "not_entitled"       // 403
	CodeAccount          Code = "account_not_under_organization"
	CodeNotFound         Code = "not_found"              // 404
	CodeMethodNotAllowed Code = "method_not_allowed"     // 405
	CodeNotAcceptable    Code = "not_acceptable"         // 406
	CodeConflict         Code = "conflict"               // 409
	CodeTooManyRecords   Code = "too_many_records"       // 409
	CodeTooLarge         Code = "too_large"              // 413
	CodeUnsupportedMedia Code = "unsupported_media_type" // 415
	CodeInvalidContent   Code = "invalid_content"        // 422
	CodeTooManyRequests  Code = "too_many_requests"      // 429
	CodeInternal         Code = "internal"               // 500
	CodeUnavailable      Code = "unavailable"            // 503
)

// FieldError says which input was wrong, and why.
type FieldError struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// Error is an error that a caller is told about: a code for programs, a
// message for people, and the inputs at fault.
type Error struct {
	Code        Code
	Message     string
	Description string // more, or ""
	Fields      []FieldError
	Err         error // the cause, or nil; never shown to a caller
}

// Error returns the message, the fields and the cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	for _, f := range e.Fields {
		b.WriteString("; " + f.Name + ": " + f.Description)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// NewError returns an Error with fields.
func NewError(code Code, message string, fields ...FieldError) *Error {
	return &Error{Code: code, Message: message, Fields: fields}
}

// CodeOf returns the code of the Error that err wraps, else CodeInternal.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// ErrMoved is returned by a Ledger when the definitions have moved on since
// the position that a call named: measure again and repeat.
var ErrMoved = errors.New("the definitions have moved on")

// ErrStale is returned by a Ledger when events have been corrected since a
// caller read them: read and measure again.
var ErrStale = errors.New("the events have been corrected meanwhile")
