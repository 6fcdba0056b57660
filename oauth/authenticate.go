package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"tollbook"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// authenticate returns the client that a request to the token endpoint comes
// from.
func (s *Server) authenticate(ctx context.Context, header http.Header, form map[string]string) (tollbook.Client, error) {
	authorization := header.Values("Authorization")
	basic := len(authorization) > 0
	assertion := form["client_assertion"] != "" || form["client_assertion_type"] != ""
	post := form["client_secret"] != ""
	if len(authorization) > 1 || basic && assertion || basic && post || assertion && post {
		return tollbook.Client{}, invalidRequest("the client authenticates in more than one way")
	}

	var client tollbook.Client
	var err error
	switch {
	case basic:
		client, err = s.authenticateSecret(authorization[0])
	case assertion:
		client, err = s.authenticateAssertion(ctx, form["client_assertion_type"], form["client_assertion"])
	case post:
		err = invalidClient("client_secret_post is not offered: use client_secret_basic or private_key_jwt")
	default:
		err = invalidClient("the client does not authenticate")
	}
	if err != nil {
		return tollbook.Client{}, err
	}
	if id := form["client_id"]; id != "" && id != client.ID {
		return tollbook.Client{}, invalidClient("client_id is not the client that authenticates")
	}
	return client, nil
}

func (s *Server) authenticateSecret(authorization string) (tollbook.Client, error) {
	id, secret, ok := parseBasic(authorization)
	if !ok {
		return tollbook.Client{}, invalidClient("the Authorization header is not HTTP Basic with a form-encoded id and secret")
	}
	client, known := s.cfg.Client(id)
	// A client that is unknown or has no secret is compared as well, so that
	// the time taken does not tell it from one with another secret.
	var want [sha256.Size]byte
	usable := known && client.RevokedAt == nil && len(client.SecretHash) == len(want)
	if usable {
		copy(want[:], client.SecretHash)
	}
	got := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 || !usable {
		return tollbook.Client{}, errClient()
	}
	return client, nil
}

// parseBasic takes an Authorization header apart: Base64 of id and secret,
// each form-encoded first (RFC 6749, section 2.3.1).
func parseBasic(authorization string) (id, secret string, ok bool) {
	scheme, encoded, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.Trim(encoded, " "))
	if err != nil {
		return "", "", false
	}
	id, secret, ok = strings.Cut(string(decoded), ":")
	if !ok {
		return "", "", false
	}
	id, err1 := url.QueryUnescape(id)
	secret, err2 := url.QueryUnescape(secret)
	return id, secret, err1 == nil && err2 == nil && id != ""
}
