package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"tollbook"
)

// accessClaims are the claims of an access token (RFC 9068, section 2.2).
type accessClaims struct {
	jwt.Claims
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
}

// issue makes an access token.
func (s *Server) issue(clientID string, scopes []string) (tokenAnswer, error) {
	now := s.cfg.Clock()
	signer, err := s.cfg.Keys.signer(now)
	if err != nil {
		return tokenAnswer{}, temporarily("no token can be signed now", err)
	}
	id, err := s.newTokenID()
	if err != nil {
		return tokenAnswer{}, err
	}
	claims := accessClaims{
		Claims: jwt.Claims{
			Issuer:   s.cfg.Issuer,
			Subject:  clientID,
			Audience: jwt.Audience{s.cfg.Issuer},
			IssuedAt: jwt.NewNumericDate(now),
			Expiry:   jwt.NewNumericDate(now.Add(s.cfg.Lifetime)),
			ID:       id,
		},
		ClientID: clientID,
		Scope:    strings.Join(scopes, " "),
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		return tokenAnswer{}, fmt.Errorf("sign an access token: %w", err)
	}
	return tokenAnswer{AccessToken: token, TokenType: "Bearer", ExpiresIn: int64(s.cfg.Lifetime / time.Second), Scope: claims.Scope}, nil
}

func (s *Server) newTokenID() (string, error) {
	s.randMu.Lock()
	defer s.randMu.Unlock()
	var id [16]byte
	if _, err := io.ReadFull(s.cfg.Rand, id[:]); err != nil {
		return "", fmt.Errorf("draw a token id: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(id[:]), nil
}

// verified is what a token with a good signature says. It is never changed.
type verified struct {
	keyID   string // of the built-in issuer's key that signed it
	client  string // the client's id, at an external issuer its external id
	scopes  []string
	expires time.Time // not accepted from here on
	recheck time.Time // everything is to be checked again from here on; not after expires
}

// Verify checks a bearer token, without the word Bearer, and returns what it
// allows now. It fails with a *TokenError when the token is not accepted, with
// the context's error, or with a tollbook.Error of the code
// tollbook.CodeUnavailable when an external issuer could not be asked for its
// keys.
func (s *Server) Verify(ctx context.Context, bearer string) (Grant, error) {
	if len(bearer) > MaxTokenBytes {
		return Grant{}, tokenError("the token is too long", nil)
	}
	now := s.cfg.Clock()
	digest := sha256.Sum256([]byte(bearer))
	token, ok := s.cache.get(digest)
	if !ok || !s.stillGood(token, now) {
		var err error
		if token, err = s.check(ctx, bearer, now); err != nil {
			return Grant{}, err
		}
		s.cache.put(digest, token)
	}
	client, err := s.clientOf(token)
	if err != nil {
		return Grant{}, err
	}
	return Grant{Client: client, Scopes: common(token.scopes, client.Scopes), ExpiresAt: token.expires}, nil
}

// stillGood tells whether the signature of a remembered token need not be
// checked again.
func (s *Server) stillGood(token *verified, now time.Time) bool {
	if !now.Before(token.recheck) {
		return false
	}
	if s.external != nil {
		return true
	}
	_, ok := s.cfg.Keys.public(token.keyID, now)
	return ok
}

func (s *Server) check(ctx context.Context, bearer string, now time.Time) (*verified, error) {
	if s.external != nil {
		return s.external.check(ctx, bearer, now)
	}
	return s.checkOwn(bearer, now)
}

// checkOwn checks a token of the built-in issuer.
func (s *Server) checkOwn(bearer string, now time.Time) (*verified, error) {
	token, err := jwt.ParseSigned(bearer, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, tokenError("the token is not a JWT of this issuer", err)
	}
	header := token.Headers[0]
	if !typeIs(header, "at+jwt") {
		return nil, tokenError("the token is not an access token", nil)
	}
	key, ok := s.cfg.Keys.public(header.KeyID, now)
	if !ok {
		return nil, tokenError("the token is signed with an unknown key", nil)
	}
	var c accessClaims
	if err := token.Claims(key, &c); err != nil {
		return nil, tokenError("the token's signature is wrong", err)
	}
	if !c.Audience.Contains(s.cfg.Issuer) {
		return nil, tokenError("the token is for another audience", nil)
	}
	if err := checkTimes(&c.Claims, s.cfg.Issuer, now, 0); err != nil {
		return nil, err
	}
	if c.ClientID == "" || c.ClientID != c.Subject {
		return nil, tokenError("the token's client_id and sub differ", nil)
	}
	expires := c.Expiry.Time()
	return &verified{keyID: header.KeyID, client: c.ClientID, scopes: strings.Fields(c.Scope), expires: expires, recheck: expires}, nil
}

// checkTimes checks issuer and times of a token; exp may be past by late.
func checkTimes(c *jwt.Claims, issuer string, now time.Time, late time.Duration) error {
	switch {
	case c.Issuer != issuer:
		return tokenError("the token is from another issuer", nil)
	case c.Expiry == nil:
		return tokenError("the token has no exp", nil)
	case !now.Before(c.Expiry.Time().Add(late)):
		return tokenError("the token has expired", nil)
	case c.NotBefore != nil && c.NotBefore.Time().After(now.Add(Skew)):
		return tokenError("the token is not valid yet", nil)
	case c.IssuedAt != nil && c.IssuedAt.Time().After(now.Add(Skew)):
		return tokenError("the token was issued in the future", nil)
	}
	return nil
}

// clientOf returns the client that a token was given to, as it is now.
func (s *Server) clientOf(token *verified) (tollbook.Client, error) {
	lookup := s.cfg.Client
	if s.external != nil {
		lookup = s.cfg.ClientByExternalID
	}
	client, ok := lookup(token.client)
	if !ok {
		return tollbook.Client{}, tokenError("the token's client is not registered here", nil)
	}
	if client.RevokedAt != nil {
		return tollbook.Client{}, tokenError("the token's client has been revoked", nil)
	}
	return client, nil
}
