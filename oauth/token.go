package oauth

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"tollbook"
)

// tokenAnswer is the body of a granted request (RFC 6749, section 5.1).
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
	Scope       string `json:"scope"`
}

// errorAnswer is the body of a refused one (section 5.2).
type errorAnswer struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// Token is the token endpoint.
func (s *Server) Token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	answer, err := s.token(w, r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) (tokenAnswer, error) {
	if s.external != nil {
		return tokenAnswer{}, &requestError{status: http.StatusNotFound, code: "invalid_request",
			description: printable("tokens are issued by " + s.external.url)}
	}
	form, err := readForm(w, r)
	if err != nil {
		return tokenAnswer{}, err
	}
	switch form["grant_type"] {
	case "client_credentials":
	case "":
		return tokenAnswer{}, invalidRequest("grant_type is missing")
	default:
		return tokenAnswer{}, &requestError{status: http.StatusBadRequest, code: "unsupported_grant_type",
			description: "the only grant_type is client_credentials"}
	}
	client, err := s.authenticate(r.Context(), r.Header, form)
	if err != nil {
		return tokenAnswer{}, err
	}
	scopes, err := chooseScopes(client, form["scope"])
	if err != nil {
		return tokenAnswer{}, err
	}
	return s.issue(client.ID, scopes)
}

// readForm returns the parameters of the body. Those without a value count as
// left out (RFC 6749, section 3.2).
func readForm(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, &requestError{status: http.StatusMethodNotAllowed, code: "invalid_request", description: "the token endpoint takes POST"}
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("the Content-Type is not application/x-www-form-urlencoded")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxFormBytes))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, &requestError{status: http.StatusRequestEntityTooLarge, code: "invalid_request", description: "the form is too large"}
	}
	if err != nil {
		return nil, invalidRequest("the form could not be read")
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalidRequest("the form is malformed")
	}
	form := make(map[string]string, len(values))
	for name, v := range values {
		if len(v) > 1 {
			return nil, invalidRequest(printable("the parameter " + name + " is repeated"))
		}
		form[name] = v[0]
	}
	return form, nil
}

// chooseScopes returns what is requested of what the client is granted, all
// of it when nothing is requested.
func chooseScopes(client tollbook.Client, requested string) ([]string, error) {
	var chosen []string
	for scope := range strings.SplitSeq(requested, " ") {
		switch {
		case scope == "" || slices.Contains(chosen, scope):
		case !slices.Contains(client.Scopes, scope):
			return nil, invalidScope(printable("the scope " + scope + " is not granted to this client"))
		default:
			chosen = append(chosen, scope)
		}
	}
	switch {
	case len(client.Scopes) == 0:
		return nil, invalidScope("this client is granted no scope")
	case requested == "":
		return client.Scopes, nil
	case chosen == nil:
		return nil, invalidScope("the scope is blank")
	}
	return chosen, nil
}

// refuse answers with an error. Only what is the server's own fault is logged.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	refusal, ok := errors.AsType[*requestError](err)
	if !ok {
		refusal = &requestError{status: http.StatusInternalServerError, code: "server_error", description: "the token could not be made", cause: err}
	}
	switch {
	case refusal.status == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Basic realm="tollbook", charset="UTF-8"`)
	case refusal.status == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
		fallthrough
	case refusal.status == http.StatusInternalServerError:
		s.cfg.Log.LogAttrs(r.Context(), slog.LevelError, "token endpoint", slog.Any("error", err))
	}
	writeJSON(w, refusal.status, errorAnswer{Error: refusal.code, Description: refusal.description})
}

// maxDescription bounds what an error repeats of a request.
const maxDescription = 200

// printable makes s fit to be an error_description, which RFC 6749 confines
// to printable ASCII without quotes and backslashes.
func printable(s string) string {
	if len(s) > maxDescription {
		s = s[:maxDescription] + "..."
	}
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return '?'
		}
		return c
	}, s)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// An error here means that the client has gone; there is nobody to tell.
	_ = json.NewEncoder(w).Encode(body)
}
