package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"tollbook"
)

// Key is a private key by which a client proves who it is (private_key_jwt,
// RFC 7523); its public half is registered with the server.
type Key struct {
	JWK jose.JSONWebKey // a private key with its kid

	// Audience is what the server calls itself: its issuer, or the address of
	// its token endpoint. "": the token address that the client uses.
	Audience string
}

// ParseKey reads a private key in JWK form. It must name its kid.
func ParseKey(b []byte) (*Key, error) {
	var jwk jose.JSONWebKey
	if err := json.Unmarshal(b, &jwk); err != nil {
		return nil, fmt.Errorf("client: key: %w", err)
	}
	if jwk.KeyID == "" || jwk.IsPublic() || !jwk.Valid() {
		return nil, errors.New("client: the key is not a private JWK with a kid")
	}
	return &Key{JWK: jwk}, nil
}

// algorithm returns how the key signs: as it says, else what suits it.
func (k *Key) algorithm() (jose.SignatureAlgorithm, error) {
	if k.JWK.Algorithm != "" {
		return jose.SignatureAlgorithm(k.JWK.Algorithm), nil
	}
	for _, alg := range []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.EdDSA} {
		if _, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: k.JWK}, nil); err == nil {
			return alg, nil
		}
	}
	return "", errors.New("client: the key is of no kind that can sign ES256, RS256 or EdDSA")
}

const (
	assertionLife = time.Minute
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

	// renewBefore is how long before its end a token is renewed, so that none
	// ends on its way; a token that lives shorter than twice that is renewed
	// at half its life.
	renewBefore = time.Minute
)

// tokenSource holds the current token. Whoever finds none, or a stale one,
// fetches a new one while the others wait.
type tokenSource struct {
	c        *Client
	conf     clientcredentials.Config
	key      *Key
	audience string

	lock  chan struct{} // holds one element while somebody has the lock; a channel, so that waiting ends with the context
	value string
	stale time.Time
}

func newTokenSource(c *Client, cfg Config) (*tokenSource, error) {
	s := &tokenSource{
		c: c,
		conf: clientcredentials.Config{
			ClientID:     cfg.ClientID,
			ClientSecret: cfg.ClientSecret,
			TokenURL:     cfg.TokenURL,
			Scopes:       cfg.Scopes,
			AuthStyle:    oauth2.AuthStyleInHeader,
		},
		key:  cfg.Key,
		lock: make(chan struct{}, 1),
	}
	if s.conf.TokenURL == "" {
		s.conf.TokenURL = c.base.String() + "/oauth/token"
	}
	if s.key == nil {
		return s, nil
	}
	s.conf.AuthStyle = oauth2.AuthStyleInParams
	s.audience = s.key.Audience
	if s.audience == "" {
		s.audience = s.conf.TokenURL
	}
	_, err := s.key.algorithm()
	return s, err
}

// token returns a token that is good for now.
func (s *tokenSource) token(ctx context.Context) (string, error) {
	return s.current(ctx, func() bool { return s.value != "" && s.c.now().Before(s.stale) })
}

// renew returns a token other than refused.
func (s *tokenSource) renew(ctx context.Context, refused string) (string, error) {
	return s.current(ctx, func() bool { return s.value != "" && s.value != refused })
}

func (s *tokenSource) current(ctx context.Context, good func() bool) (string, error) {
	select {
	case s.lock <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-s.lock }()
	if good() {
		return s.value, nil
	}
	token, err := s.fetch(ctx)
	if err != nil {
		return "", err
	}
	life := lifeOf(token)
	s.value = token.AccessToken
	s.stale = s.c.now().Add(life - min(renewBefore, life/2))
	return s.value, nil
}

// lifeOf returns how long the server said that a token lives. The library's
// own Expiry is not of use: it is counted from another clock than ours. A
// token of unknown life is used until it is refused, or a day.
func lifeOf(t *oauth2.Token) time.Duration {
	const longest = 24 * time.Hour
	seconds, ok := t.Extra("expires_in").(float64)
	if !ok || seconds <= 0 || seconds > longest.Seconds() {
		return longest
	}
	return time.Duration(seconds * float64(time.Second))
}

// fetch asks the token endpoint, once: the request that needs the token is
// what is repeated.
func (s *tokenSource) fetch(ctx context.Context) (*oauth2.Token, error) {
	conf := s.conf
	if s.key != nil {
		assertion, err := s.assertion()
		if err != nil {
			return nil, err
		}
		conf.EndpointParams = url.Values{"client_assertion_type": {assertionType}, "client_assertion": {assertion}}
	}
	token, err := conf.Token(context.WithValue(ctx, oauth2.HTTPClient, s.c.http))
	if err == nil {
		return token, nil
	}
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return nil, s.refusal(refused)
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		return nil, &connectionError{err}
	}
	return nil, fmt.Errorf("client: token: %w", err)
}

// refusal makes an Error of the token endpoint's answer (RFC 6749 §5.2).
func (s *tokenSource) refusal(r *oauth2.RetrieveError) *Error {
	e := s.c.errorOf(r.Response.StatusCode, r.Response.Header, r.Body)
	if r.ErrorCode == "" {
		return e
	}
	e.Code = tollbook.Code(r.ErrorCode)
	e.Message = "The server gives this client no token."
	e.Description = r.ErrorDescription
	if e.Status == http.StatusOK { // some answer errors so
		e.Status = http.StatusBadRequest
	}
	return e
}

// assertion returns a signed statement of who the client is, good for one
// request.
func (s *tokenSource) assertion() (string, error) {
	alg, err := s.key.algorithm()
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: s.key.JWK}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("client: key: %w", err)
	}
	now := s.c.now()
	text, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer:   s.conf.ClientID,
		Subject:  s.conf.ClientID,
		Audience: jwt.Audience{s.audience},
		ID:       rand.Text(),
		IssuedAt: jwt.NewNumericDate(now),
		Expiry:   jwt.NewNumericDate(now.Add(assertionLife)),
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("client: key: %w", err)
	}
	return text, nil
}
