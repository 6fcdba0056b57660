package oauth

import (
	"net/http"

	"github.com/go-jose/go-jose/v4"

	"tollbook"
)

// metadata is an authorization server's description (RFC 8414, section 2).
type metadata struct {
	Issuer         string                    `json:"issuer"`
	TokenEndpoint  string                    `json:"token_endpoint"`
	JWKSURI        string                    `json:"jwks_uri"`
	Scopes         []string                  `json:"scopes_supported"`
	ResponseTypes  []string                  `json:"response_types_supported"` // required; there are none
	GrantTypes     []string                  `json:"grant_types_supported"`
	AuthMethods    []string                  `json:"token_endpoint_auth_methods_supported,omitempty"`
	AuthAlgorithms []jose.SignatureAlgorithm `json:"token_endpoint_auth_signing_alg_values_supported,omitempty"`
}

// Metadata describes the issuer (RFC 8414). It is to be served at
// /.well-known/oauth-authorization-server and, for clients that only look
// there, at /.well-known/openid-configuration; where the issuer has a path,
// that comes behind the former and before the latter. With an external issuer
// it describes that one as far as it is known, under its own issuer name, and
// answers 503 while it cannot be reached.
func (s *Server) Metadata(w http.ResponseWriter, r *http.Request) {
	m := metadata{
		Issuer:         s.cfg.Issuer,
		TokenEndpoint:  s.tokenEndpoint(),
		JWKSURI:        s.jwksAddress(),
		Scopes:         tollbook.Scopes(),
		ResponseTypes:  []string{},
		GrantTypes:     []string{"client_credentials"},
		AuthMethods:    []string{"client_secret_basic", "private_key_jwt"},
		AuthAlgorithms: assertionAlgorithms(),
	}
	if s.external != nil {
		found, err := s.external.discover(r.Context())
		if err != nil {
			w.Header().Set("Retry-After", "1")
			writeError(w, http.StatusServiceUnavailable, tollbook.CodeUnavailable, "The token issuer cannot be reached.")
			return
		}
		m.Issuer, m.TokenEndpoint, m.JWKSURI = found.Issuer, found.TokenEndpoint, found.JWKSURI
		m.AuthMethods, m.AuthAlgorithms = nil, nil
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	writeJSON(w, http.StatusOK, m)
}

// JWKS answers with the public keys that access tokens are signed with. With
// an external issuer there are none here: 404.
func (s *Server) JWKS(w http.ResponseWriter, r *http.Request) {
	if s.external != nil {
		writeError(w, http.StatusNotFound, tollbook.CodeNotFound, "Tokens are issued by "+s.external.url+", which publishes the keys.")
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	writeJSON(w, http.StatusOK, s.cfg.Keys.published(s.cfg.Clock()))
}

// writeError answers with an error body of the API.
func writeError(w http.ResponseWriter, status int, code tollbook.Code, message string) {
	writeJSON(w, status, struct {
		Code    tollbook.Code         `json:"code"`
		Message string                `json:"message"`
		Fields  []tollbook.FieldError `json:"fields"`
	}{code, message, []tollbook.FieldError{}})
}
