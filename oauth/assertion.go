package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"tollbook"
)

const maxAssertionID = 256 // bytes of an assertion's jti

// assertionAlgorithms are what a client may sign its assertions with.
func assertionAlgorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.RS256, jose.EdDSA}
}

// authenticateAssertion checks a client's assertion (RFC 7523, section 3).
// What is wrong with it is told in detail only once its signature is good.
func (s *Server) authenticateAssertion(ctx context.Context, kind, assertion string) (tollbook.Client, error) {
	if kind != assertionType {
		return tollbook.Client{}, invalidRequest("client_assertion_type is not " + assertionType)
	}
	if assertion == "" {
		return tollbook.Client{}, invalidRequest("client_assertion is missing")
	}
	if len(assertion) > MaxTokenBytes {
		return tollbook.Client{}, invalidClient("the client assertion is too long")
	}
	token, err := jwt.ParseSigned(assertion, assertionAlgorithms())
	if err != nil {
		return tollbook.Client{}, invalidClient("the client assertion is not a JWT signed with ES256, ES384, RS256 or EdDSA")
	}
	if !typeIs(token.Headers[0], "", "jwt", "client-authentication+jwt") {
		return tollbook.Client{}, invalidClient("the client assertion is a JWT of another type")
	}
	var unverified jwt.Claims
	if err := token.UnsafeClaimsWithoutVerification(&unverified); err != nil {
		return tollbook.Client{}, invalidClient("the client assertion's claims are malformed")
	}
	client, known := s.cfg.Client(unverified.Subject)
	if !known || client.RevokedAt != nil {
		return tollbook.Client{}, errClient()
	}
	key, ok := assertionKey(client, token.Headers[0])
	if !ok {
		return tollbook.Client{}, errClient()
	}
	var claims jwt.Claims
	if err := token.Claims(key, &claims); err != nil {
		return tollbook.Client{}, errClient()
	}
	if err := s.checkAssertion(&claims, client.ID); err != nil {
		return tollbook.Client{}, err
	}
	return client, s.useAssertion(ctx, &claims)
}

// assertionKey returns the client's key that an assertion's header names, if
// it is made for the header's algorithm. A client with one key need not name
// it.
func assertionKey(client tollbook.Client, header jose.Header) (key any, ok bool) {
	keys, err := parseJWKS(client.JWKS)
	if err != nil {
		return nil, false
	}
	for _, k := range keys {
		named := k.KeyID == header.KeyID || len(keys) == 1 && (k.KeyID == "" || header.KeyID == "")
		if named {
			return k.Key, keyAlgorithm(k.Key) == jose.SignatureAlgorithm(header.Algorithm)
		}
	}
	return nil, false
}

// checkAssertion checks the claims of an assertion whose signature is good.
func (s *Server) checkAssertion(c *jwt.Claims, clientID string) error {
	now := s.cfg.Clock()
	switch {
	case c.Issuer != clientID || c.Subject != clientID:
		return invalidClient("the assertion's iss and sub are not both the client's id")
	case !c.Audience.Contains(s.cfg.Issuer) && !c.Audience.Contains(s.tokenEndpoint()):
		return invalidClient("the assertion's aud is neither the issuer nor the token endpoint")
	case c.ID == "" || len(c.ID) > maxAssertionID:
		return invalidClient("the assertion's jti is missing or too long")
	case c.Expiry == nil || c.IssuedAt == nil:
		return invalidClient("the assertion has no exp or no iat")
	case !now.Before(c.Expiry.Time().Add(Skew)):
		return invalidClient("the assertion has expired")
	case c.Expiry.Time().After(now.Add(MaxAssertionLife + Skew)):
		return invalidClient("the assertion's exp is more than 5 minutes ahead")
	case c.IssuedAt.Time().After(now.Add(Skew)):
		return invalidClient("the assertion's iat is in the future")
	case c.NotBefore != nil && c.NotBefore.Time().After(now.Add(Skew)):
		return invalidClient("the assertion's nbf is in the future")
	}
	return nil
}

// useAssertion takes an assertion's id, which it may be taken once.
func (s *Server) useAssertion(ctx context.Context, c *jwt.Claims) error {
	first, err := s.cfg.Once(ctx, assertionID(c.Subject, c.ID), c.Expiry.Time().Add(Skew))
	if err != nil {
		return temporarily("the assertion's jti cannot be checked now", err)
	}
	if !first {
		return invalidClient("the assertion's jti has been used before")
	}
	return nil
}

// assertionID names an assertion of a client: the first 128 bits of SHA-256
// over the client's id behind its length in eight big-endian bytes, and jti.
func assertionID(clientID, jti string) [16]byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(len(clientID)))
	sum := sha256.Sum256(append(append(b, clientID...), jti...))
	return [16]byte(sum[:16])
}

// typeIs tells whether a JWT's typ header, without the "application/" that it
// may have, is one of the given in any case. "" stands for no typ.
func typeIs(header jose.Header, types ...string) bool {
	value, present := header.ExtraHeaders[jose.HeaderType]
	typ, ok := value.(string)
	if present && (!ok || typ == "") {
		return false
	}
	const prefix = "application/"
	if len(typ) > len(prefix) && strings.EqualFold(typ[:len(prefix)], prefix) {
		typ = typ[len(prefix):]
	}
	for _, t := range types {
		if strings.EqualFold(typ, t) {
			return true
		}
	}
	return false
}
