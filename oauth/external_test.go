package oauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"tollbook"
	"tollbook/oauth"
)

const externalID = "id-at-the-provider"

// provider is an OpenID provider as far as an API needs one: a discovery
// document and keys.
type provider struct {
	*httptest.Server
	jwks    atomic.Pointer[jose.JSONWebKeySet]
	down    atomic.Bool
	fetches atomic.Int32 // of keys
}

func newProvider(t testing.TB, keys ...jose.JSONWebKey) *provider {
	t.Helper()
	p := &provider{}
	p.publish(keys...)
	mux := http.NewServeMux()
	mux.HandleFunc("/realm/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": p.issuer(), "jwks_uri": p.URL + "/keys", "token_endpoint": p.URL + "/token"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		p.fetches.Add(1)
		_ = json.NewEncoder(w).Encode(p.jwks.Load())
	})
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.down.Load() {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) issuer() string { return p.URL + "/realm" }

func (p *provider) publish(keys ...jose.JSONWebKey) { p.jwks.Store(&jose.JSONWebKeySet{Keys: keys}) }

// trusting serves a world whose tokens come from an external issuer.
func trusting(t testing.TB, issuer string) *world {
	t.Helper()
	w := newWorld(t, func(cfg *oauth.Config) {
		cfg.External = &oauth.External{IssuerURL: issuer, Audience: "https://billing.example"}
	})
	w.put(tollbook.Client{ID: "c1", ExternalID: externalID, Scopes: []string{tollbook.ScopeUsageRead, tollbook.ScopeProductsRead}})
	return w
}

func (w *world) externalClaims(issuer string) map[string]any {
	now := w.clock()
	return map[string]any{
		"iss": issuer, "aud": []string{"https://billing.example", "other"}, "client_id": externalID, "sub": "whoever",
		"scope": tollbook.ScopeUsageRead + " openid", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
}

// TestBuiltInAsExternal has one Tollbook trust the tokens of another, over
// HTTP and found by RFC 8414.
func TestBuiltInAsExternal(t *testing.T) {
	issuer := newWorld(t, nil)
	c := secretClient()
	issuer.put(c)
	w := newWorld(t, func(cfg *oauth.Config) {
		cfg.External = &oauth.External{IssuerURL: issuer.issuer, Audience: issuer.issuer}
	})
	w.put(tollbook.Client{ID: "c1", ExternalID: c.ID, Scopes: []string{tollbook.ScopeUsageRead}})
	token := issuer.token(c.ID)
	for range 3 {
		grant, err := w.server.Verify(t.Context(), token)
		check(t, err)
		if grant.Client.ID != "c1" || !slices.Equal(grant.Scopes, []string{tollbook.ScopeUsageRead}) {
			t.Errorf("got %s %v", grant.Client.ID, grant.Scopes)
		}
	}
	if n := issuer.served("/oauth/jwks"); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}

	// Its own endpoints send clients to the issuer.
	w.post("grant_type=client_credentials", nil).want(t, http.StatusNotFound, "invalid_request")
	var m map[string]any
	w.get("/.well-known/oauth-authorization-server", http.StatusOK, &m)
	if m["issuer"] != issuer.issuer || m["token_endpoint"] != issuer.issuer+"/oauth/token" {
		t.Errorf("got %v", m)
	}
	var body tollbook.Error
	w.get("/oauth/jwks", http.StatusNotFound, &body)
	if body.Code != tollbook.CodeNotFound {
		t.Errorf("got %v", body)
	}
}

func TestExternalTokens(t *testing.T) {
	keys, foreign := newSignKeys(t), newSignKeys(t)
	p := newProvider(t, jose.JSONWebKey{Key: keys.rs256.Public(), KeyID: "rs"}, jose.JSONWebKey{Key: keys.es256.Public(), KeyID: "es"},
		jose.JSONWebKey{Key: keys.es384.Public(), KeyID: "es384"}, jose.JSONWebKey{Key: keys.eddsa.Public(), KeyID: "ed"})
	w := trusting(t, p.issuer())
	now := w.clock()
	claims := func(changes ...any) map[string]any {
		c := w.externalClaims(p.issuer())
		for i := 0; i < len(changes); i += 2 {
			name := changes[i].(string)
			if c[name] = changes[i+1]; changes[i+1] == nil {
				delete(c, name)
			}
		}
		return c
	}
	rs := func(claims map[string]any) string { return sign(t, jose.RS256, keys.rs256, "rs", claims) }
	good := rs(claims())
	for _, test := range []struct{ name, token, why string }{ // no why: accepted
		{"RS256", good, ""},
		{"ES256", sign(t, jose.ES256, keys.es256, "es", claims()), ""},
		{"EdDSA, RFC 9068", signTyped(t, jose.EdDSA, keys.eddsa, "ed", "application/at+jwt", claims()), ""},
		{"azp", rs(claims("client_id", nil, "azp", externalID)), ""},
		{"client_id before azp", rs(claims("azp", "other")), ""},
		{"scp array", rs(claims("scope", nil, "scp", []string{"openid", tollbook.ScopeUsageRead})), ""},
		{"scp text", rs(claims("scope", nil, "scp", tollbook.ScopeUsageRead)), ""},
		{"expired within the skew", rs(claims("exp", now.Add(-59*time.Second).Unix())), ""},
		{"expired", rs(claims("exp", now.Add(-time.Minute).Unix())), "expired"},
		{"no exp", rs(claims("exp", nil)), "no exp"},
		{"nbf in the future", rs(claims("nbf", now.Add(2*time.Minute).Unix())), "not valid yet"},
		{"other issuer", rs(claims("iss", "https://other.example")), "another issuer"},
		{"other audience", rs(claims("aud", "other")), "another audience"},
		{"no client", rs(claims("client_id", nil)), "no client"},
		{"client that is no text", rs(claims("client_id", 7)), "malformed"},
		{"unknown client", rs(claims("client_id", "other")), "not registered"},
		{"algorithm that is not allowed", sign(t, jose.ES384, keys.es384, "es384", claims()), "algorithm"},
		{"HS256", sign(t, jose.HS256, []byte(strings.Repeat("k", 32)), "rs", claims()), "algorithm"},
		{"none", "eyJhbGciOiJub25lIn0." + strings.Split(good, ".")[1] + ".", "algorithm"},
		{"foreign key", sign(t, jose.RS256, foreign.rs256, "rs", claims()), "signature"},
		{"unknown key", sign(t, jose.RS256, keys.rs256, "other", claims()), "signature"},
		{"tampered", good[:len(good)-8] + "AAAAAAAA", "signature"},
		{"other type", signTyped(t, jose.RS256, keys.rs256, "rs", "logout+jwt", claims()), "not an access token"},
	} {
		t.Run(test.name, func(t *testing.T) {
			grant, err := w.server.Verify(t.Context(), test.token)
			if test.why != "" {
				refused(t, err, test.why)
				return
			}
			check(t, err)
			if grant.Client.ID != "c1" || !slices.Equal(grant.Scopes, []string{tollbook.ScopeUsageRead}) {
				t.Errorf("got %s %v", grant.Client.ID, grant.Scopes)
			}
		})
	}
	if n := p.fetches.Load(); n != 1 {
		t.Errorf("tokens that anyone can make up had the keys fetched %d times", n)
	}

	c, _ := w.client("c1")
	c.RevokedAt = &now
	w.put(c)
	_, err := w.server.Verify(t.Context(), good)
	refused(t, err, "revoked")
}

// TestExternalRotation is about keys that the issuer adds and takes back.
func TestExternalRotation(t *testing.T) {
	keys := newSignKeys(t)
	first, second := jose.JSONWebKey{Key: keys.rs256.Public(), KeyID: "rs"}, jose.JSONWebKey{Key: keys.es256.Public(), KeyID: "es"}
	p := newProvider(t, first)
	w := trusting(t, p.issuer())
	old := sign(t, jose.RS256, keys.rs256, "rs", w.externalClaims(p.issuer()))
	_, err := w.server.Verify(t.Context(), old)
	check(t, err)

	p.publish(second)
	w.advance(6 * time.Second)
	_, err = w.server.Verify(t.Context(), sign(t, jose.ES256, keys.es256, "es", w.externalClaims(p.issuer())))
	check(t, err)
	_, err = w.server.Verify(t.Context(), old) // still remembered
	check(t, err)
	w.advance(5 * time.Minute)
	// The library stores fetched keys a moment after it has answered with
	// them, so the first tokens may still meet the keys from before.
	for i := 0; i < 1_000_000 && err == nil; i++ {
		c := w.externalClaims(p.issuer())
		c["jti"] = fmt.Sprint(i) // another token each time: a good one is remembered
		_, err = w.server.Verify(t.Context(), sign(t, jose.RS256, keys.rs256, "rs", c))
	}
	refused(t, err, "signature")
	w.advance(5 * time.Minute)
	_, err = w.server.Verify(t.Context(), old)
	refused(t, err, "signature")

	// Without a token that names a new key it is noticed within the hour.
	p.publish(first)
	w.advance(time.Hour)
	_, err = w.server.Verify(t.Context(), sign(t, jose.ES256, keys.es256, "es", w.externalClaims(p.issuer())))
	refused(t, err, "signature")
}

// TestExternalExpiry is about a token that was checked before it expired.
func TestExternalExpiry(t *testing.T) {
	keys := newSignKeys(t)
	p := newProvider(t, jose.JSONWebKey{Key: keys.rs256.Public(), KeyID: "rs"})
	w := trusting(t, p.issuer())
	claims := w.externalClaims(p.issuer())
	claims["exp"] = w.clock().Add(time.Minute).Unix()
	token := sign(t, jose.RS256, keys.rs256, "rs", claims)
	_, err := w.server.Verify(t.Context(), token)
	check(t, err)
	w.advance(2*time.Minute - time.Second)
	_, err = w.server.Verify(t.Context(), token)
	check(t, err)
	w.advance(time.Second)
	_, err = w.server.Verify(t.Context(), token)
	refused(t, err, "expired")
}

func TestExternalUnreachable(t *testing.T) {
	keys := newSignKeys(t)
	p := newProvider(t, jose.JSONWebKey{Key: keys.rs256.Public(), KeyID: "rs"})
	w := trusting(t, p.issuer())
	token := sign(t, jose.RS256, keys.rs256, "rs", w.externalClaims(p.issuer()))
	p.down.Store(true)
	unavailable := func() {
		t.Helper()
		_, err := w.server.Verify(t.Context(), token)
		if _, refused := errors.AsType[*oauth.TokenError](err); refused || tollbook.CodeOf(err) != tollbook.CodeUnavailable {
			t.Errorf("got %v", err)
		}
	}
	unavailable()
	var body tollbook.Error
	w.get("/.well-known/oauth-authorization-server", http.StatusServiceUnavailable, &body)
	_, err := w.server.Verify(t.Context(), sign(t, jose.RS256, keys.rs256, "rs", w.externalClaims("https://other.example")))
	refused(t, err, "another issuer") // nothing has to be fetched to see that

	p.down.Store(false)
	unavailable() // it is not asked again that soon
	w.advance(6 * time.Second)
	_, err = w.server.Verify(t.Context(), token)
	check(t, err)

	// Known keys go on being good, for tokens not seen before as well.
	p.down.Store(true)
	w.advance(2 * time.Hour)
	fresh := sign(t, jose.RS256, keys.rs256, "rs", w.externalClaims(p.issuer()))
	_, err = w.server.Verify(t.Context(), fresh)
	check(t, err)
	token = sign(t, jose.ES256, keys.es256, "es", w.externalClaims(p.issuer()))
	unavailable()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.advance(6 * time.Second)
	if _, err := w.server.Verify(ctx, token); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestDiscoveryRefuses is about documents that must not be believed.
func TestDiscoveryRefuses(t *testing.T) {
	keys := newSignKeys(t)
	for name, body := range map[string]string{
		"other issuer":    `{"issuer":"https://other.example","jwks_uri":"URL/keys"}`,
		"keys over http":  `{"issuer":"URL","jwks_uri":"http://issuer.example/keys"}`,
		"no keys":         `{"issuer":"URL"}`,
		"not JSON":        `<html>`,
		"without end":     `{"issuer":"URL","jwks_uri":"URL/keys","x":"` + strings.Repeat("x", 1<<20) + `"}`,
		"malformed keys":  `{"issuer":"URL","jwks_uri":"URL/nonsense"}`,
		"keys not served": `{"issuer":"URL","jwks_uri":"URL/missing"}`,
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			ts := httptest.NewServer(mux)
			t.Cleanup(ts.Close)
			mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write([]byte(strings.ReplaceAll(body, "URL", ts.URL)))
			})
			mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
				_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: keys.rs256.Public(), KeyID: "rs"}}})
			})
			mux.HandleFunc("/nonsense", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("nonsense")) })
			w := trusting(t, ts.URL)
			_, err := w.server.Verify(t.Context(), sign(t, jose.RS256, keys.rs256, "rs", w.externalClaims(ts.URL)))
			if tollbook.CodeOf(err) != tollbook.CodeUnavailable {
				t.Errorf("got %v", err)
			}
		})
	}
}
