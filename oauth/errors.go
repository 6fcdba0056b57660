package oauth

import (
	"net/http"

	"tollbook"
)

// TokenError says why a bearer token is not accepted. It wraps a
// tollbook.Error with the code tollbook.CodeUnauthorized.
type TokenError struct {
	Description string // printable ASCII without quotes or backslashes
	Err         error  // the cause, or nil; not for the caller
}

func tokenError(description string, cause error) *TokenError {
	return &TokenError{Description: description, Err: cause}
}

// Error returns the description and the cause.
func (e *TokenError) Error() string {
	if e.Err != nil {
		return e.Description + ": " + e.Err.Error()
	}
	return e.Description
}

// Unwrap returns the error as a caller of the API is told of it.
func (e *TokenError) Unwrap() error {
	return &tollbook.Error{
		Code:        tollbook.CodeUnauthorized,
		Message:     "The access token is not accepted.",
		Description: e.Description,
		Err:         e.Err,
	}
}

// Challenge returns the value of the WWW-Authenticate header that goes with
// the answer (RFC 6750, section 3).
func (e *TokenError) Challenge() string {
	return `Bearer error="invalid_token", error_description="` + e.Description + `"`
}

func unavailable(message string, cause error) error {
	return &tollbook.Error{Code: tollbook.CodeUnavailable, Message: message, Err: cause}
}

// requestError is a refusal of the token endpoint (RFC 6749, section 5.2).
type requestError struct {
	status      int
	code        string
	description string
	cause       error // for the log, or nil
}

func (e *requestError) Error() string {
	if e.cause != nil {
		return e.code + ": " + e.description + ": " + e.cause.Error()
	}
	return e.code + ": " + e.description
}

func (e *requestError) Unwrap() error { return e.cause }

func invalidRequest(description string) *requestError {
	return &requestError{status: http.StatusBadRequest, code: "invalid_request", description: description}
}

func invalidScope(description string) *requestError {
	return &requestError{status: http.StatusBadRequest, code: "invalid_scope", description: description}
}

func invalidClient(description string) *requestError {
	return &requestError{status: http.StatusUnauthorized, code: "invalid_client", description: description}
}

// errClient is the one answer to everything that depends on who is registered
// with which secret or key, so that it tells a stranger nothing.
func errClient() *requestError { return invalidClient("client authentication failed") }

func temporarily(description string, cause error) *requestError {
	return &requestError{status: http.StatusServiceUnavailable, code: "temporarily_unavailable", description: description, cause: cause}
}
