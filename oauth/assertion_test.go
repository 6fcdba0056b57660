package oauth_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"tollbook"
	"tollbook/oauth"
)

const keyClientID = "key-client"

// signKeys are one private key of every kind that a client may have.
type signKeys struct {
	es256, es384 *ecdsa.PrivateKey
	rs256        *rsa.PrivateKey
	eddsa        ed25519.PrivateKey
}

func newSignKeys(t testing.TB) (k signKeys) {
	t.Helper()
	var err error
	k.es256, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	k.es384, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	check(t, err)
	k.rs256, err = rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	_, k.eddsa, err = ed25519.GenerateKey(rand.Reader)
	check(t, err)
	return k
}

// client is registered with the public halves.
func (k signKeys) client(t testing.TB) tollbook.Client {
	t.Helper()
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: k.es256.Public(), KeyID: "es256", Algorithm: "ES256", Use: "sig"},
		{Key: k.es384.Public(), KeyID: "es384"},
		{Key: k.rs256.Public(), KeyID: "rs256"},
		{Key: k.eddsa.Public(), KeyID: "eddsa"},
	}})
	check(t, err)
	jwks, err := oauth.ParseJWKS(raw)
	check(t, err)
	return tollbook.Client{ID: keyClientID, JWKS: jwks, Scopes: []string{tollbook.ScopeUsageRead}}
}

// sign makes a compact JWT.
func sign(t testing.TB, alg jose.SignatureAlgorithm, key any, kid string, claims any) string {
	t.Helper()
	return signTyped(t, alg, key, kid, "JWT", claims)
}

func signTyped(t testing.TB, alg jose.SignatureAlgorithm, key any, kid, typ string, claims any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType(jose.ContentType(typ))
	if kid != "" {
		options = options.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	check(t, err)
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	check(t, err)
	return token
}

func assertionForm(assertion string) string {
	return url.Values{
		"grant_type":            {"client_credentials"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
	}.Encode()
}

// claims are those of a good assertion.
func (w *world) claims(jti string) map[string]any {
	now := w.clock()
	return map[string]any{
		"iss": keyClientID, "sub": keyClientID, "aud": w.issuer, "jti": jti,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
}

func TestPrivateKeyJWT(t *testing.T) {
	w := newWorld(t, nil)
	keys := newSignKeys(t)
	w.put(keys.client(t))
	for _, test := range []struct {
		alg jose.SignatureAlgorithm
		key any
		kid string
	}{
		{jose.ES256, keys.es256, "es256"},
		{jose.ES384, keys.es384, "es384"},
		{jose.RS256, keys.rs256, "rs256"},
		{jose.EdDSA, keys.eddsa, "eddsa"},
	} {
		t.Run(test.kid, func(t *testing.T) {
			form := assertionForm(sign(t, test.alg, test.key, test.kid, w.claims("first "+test.kid)))
			r := w.post(form, nil)
			r.want(t, http.StatusOK, "")
			_, err := w.server.Verify(t.Context(), r.AccessToken)
			check(t, err)
			w.post(form, nil).want(t, http.StatusUnauthorized, "invalid_client") // the jti is used up
		})
	}
	for _, until := range w.once {
		if want := w.clock().Add(time.Minute + oauth.Skew); until.Before(want) {
			t.Errorf("a jti is remembered until %v, but accepted until %v", until, want)
		}
	}
}

func TestAssertionClaims(t *testing.T) {
	w := newWorld(t, nil)
	keys := newSignKeys(t)
	w.put(keys.client(t))
	now := w.clock()
	for _, test := range []struct {
		name   string
		claim  string
		value  any // nil: left out
		status int
	}{
		{"token endpoint as aud", "aud", w.issuer + "/oauth/token", 200},
		{"aud among others", "aud", []string{"https://other.example", w.issuer}, 200},
		{"aud with a slash", "aud", w.issuer + "/", 401},
		{"other aud", "aud", "https://other.example", 401},
		{"no aud", "aud", nil, 401},
		{"aud in upper case", "aud", strings.ToUpper(w.issuer), 401},
		{"other iss", "iss", "other", 401},
		{"other sub", "sub", "other", 401},
		{"no sub", "sub", nil, 401},
		{"no jti", "jti", nil, 401},
		{"long jti", "jti", strings.Repeat("x", 257), 401},
		{"jti that is no string", "jti", 7, 401},
		{"no exp", "exp", nil, 401},
		{"exp as text", "exp", "tomorrow", 401},
		{"just expired", "exp", now.Add(-59 * time.Second).Unix(), 200},
		{"expired", "exp", now.Add(-60 * time.Second).Unix(), 401},
		{"exp 6 minutes ahead", "exp", now.Add(6 * time.Minute).Unix(), 200},
		{"exp too far ahead", "exp", now.Add(6*time.Minute + time.Second).Unix(), 401},
		{"exp beyond all time", "exp", 1e30, 401},
		{"no iat", "iat", nil, 401},
		{"iat in the future", "iat", now.Add(61 * time.Second).Unix(), 401},
		{"no nbf", "nbf", nil, 200},
		{"nbf within the skew", "nbf", now.Add(60 * time.Second).Unix(), 200},
		{"nbf in the future", "nbf", now.Add(61 * time.Second).Unix(), 401},
	} {
		t.Run(test.name, func(t *testing.T) {
			claims := w.claims(test.name)
			claims[test.claim] = test.value
			if test.value == nil {
				delete(claims, test.claim)
			}
			code := ""
			if test.status != 200 {
				code = "invalid_client"
			}
			w.post(assertionForm(sign(t, jose.ES256, keys.es256, "es256", claims)), nil).want(t, test.status, code)
		})
	}
}

func TestAssertionSignatures(t *testing.T) {
	w := newWorld(t, nil)
	keys := newSignKeys(t)
	w.put(keys.client(t))
	revoked := keys.client(t)
	revoked.ID, revoked.RevokedAt = "revoked", &w.now
	w.put(revoked)
	other := newSignKeys(t)
	publicRSA, err := x509.MarshalPKIXPublicKey(keys.rs256.Public())
	check(t, err)
	good := sign(t, jose.ES256, keys.es256, "es256", w.claims("good"))
	parts := strings.Split(good, ".")
	revokedClaims := w.claims("revoked")
	revokedClaims["iss"], revokedClaims["sub"] = "revoked", "revoked"
	for name, assertion := range map[string]string{
		"none":                       "eyJhbGciOiJub25lIiwia2lkIjoiZXMyNTYifQ." + parts[1] + ".",
		"no signature":               parts[0] + "." + parts[1] + ".",
		"tampered":                   parts[0] + "." + parts[1][:len(parts[1])-2] + "fQ." + parts[2],
		"HS256 with the public key":  sign(t, jose.HS256, publicRSA, "rs256", w.claims("hs256")),
		"PS256":                      sign(t, jose.PS256, keys.rs256, "rs256", w.claims("ps256")),
		"foreign key":                sign(t, jose.ES256, other.es256, "es256", w.claims("foreign")),
		"unknown kid":                sign(t, jose.ES256, keys.es256, "es257", w.claims("kid")),
		"no kid":                     sign(t, jose.ES256, keys.es256, "", w.claims("no kid")),
		"kid of another kind of key": sign(t, jose.ES256, keys.es256, "rs256", w.claims("kind")),
		"other type":                 signTyped(t, jose.ES256, keys.es256, "es256", "at+jwt", w.claims("typ")),
		"revoked client":             sign(t, jose.ES256, keys.es256, "es256", revokedClaims),
		"too long":                   good + strings.Repeat("A", oauth.MaxTokenBytes),
		"two dots":                   "..",
		"JSON":                       `{"payload":"e30","signatures":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			w.post(assertionForm(assertion), nil).want(t, http.StatusUnauthorized, "invalid_client")
		})
	}
	w.post(assertionForm(good), nil).want(t, http.StatusOK, "")
	w.post(strings.Replace(assertionForm(good), "jwt-bearer", "saml2-bearer", 1), nil).want(t, http.StatusBadRequest, "invalid_request")
	w.post(strings.Replace(assertionForm(good), "client_assertion=", "x=", 1), nil).want(t, http.StatusBadRequest, "invalid_request")
}

// TestOneKeyNeedsNoName is about a client that is registered with a single JWK.
func TestOneKeyNeedsNoName(t *testing.T) {
	w := newWorld(t, nil)
	keys := newSignKeys(t)
	raw, err := json.Marshal(jose.JSONWebKey{Key: keys.es256.Public()})
	check(t, err)
	jwks, err := oauth.ParseJWKS(raw)
	check(t, err)
	w.put(tollbook.Client{ID: keyClientID, JWKS: jwks, Scopes: []string{tollbook.ScopeUsageRead}})
	w.post(assertionForm(sign(t, jose.ES256, keys.es256, "", w.claims("1"))), nil).want(t, http.StatusOK, "")
	w.post(assertionForm(sign(t, jose.ES256, keys.es256, "any", w.claims("2"))), nil).want(t, http.StatusOK, "")
}

func TestLedgerUnavailable(t *testing.T) {
	w := newWorld(t, nil)
	keys := newSignKeys(t)
	w.put(keys.client(t))
	w.onceFail = errors.New("disk full")
	r := w.post(assertionForm(sign(t, jose.ES256, keys.es256, "es256", w.claims("1"))), nil)
	r.want(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	if r.Header.Get("Retry-After") == "" || strings.Contains(r.Description, "disk") {
		t.Errorf("got %v %q", r.Header, r.Description)
	}
}
