package oauth_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"tollbook"
	"tollbook/oauth"
)

// refused checks that a token is refused as RFC 6750 wants it.
func refused(t testing.TB, err error, why string) {
	t.Helper()
	token, ok := errors.AsType[*oauth.TokenError](err)
	if !ok {
		t.Fatalf("got %v, want a TokenError", err)
	}
	if !strings.Contains(token.Description, why) {
		t.Errorf("refused because %q, want %q", token.Description, why)
	}
	if tollbook.CodeOf(err) != tollbook.CodeUnauthorized {
		t.Errorf("the code is %s", tollbook.CodeOf(err))
	}
	if want := `Bearer error="invalid_token", error_description="` + token.Description + `"`; token.Challenge() != want {
		t.Errorf("the challenge is %s", token.Challenge())
	}
}

// signingKey returns the key that the issuer signs with.
func (w *world) signingKey() jose.JSONWebKey {
	w.t.Helper()
	b, err := os.ReadFile(w.keys)
	check(w.t, err)
	var file struct {
		Keys []struct{ JWK jose.JSONWebKey }
	}
	check(w.t, json.Unmarshal(b, &file))
	return file.Keys[0].JWK
}

// accessClaims are those of a good access token.
func (w *world) accessClaims() map[string]any {
	now := w.clock()
	return map[string]any{
		"iss": w.issuer, "sub": secretClient().ID, "client_id": secretClient().ID, "aud": w.issuer,
		"scope": tollbook.ScopeUsageRead, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": "x",
	}
}

func TestVerifyClaims(t *testing.T) {
	w := newWorld(t, nil)
	w.put(secretClient())
	key := w.signingKey()
	now := w.clock()
	for _, test := range []struct {
		name, claim string
		value       any // nil: left out
		why         string
	}{
		{"good", "x", "y", ""},
		{"other iss", "iss", "https://other.example", "another issuer"},
		{"other aud", "aud", "https://other.example", "another audience"},
		{"no exp", "exp", nil, "no exp"},
		{"expired", "exp", now.Unix(), "expired"},
		{"nbf within the skew", "nbf", now.Add(time.Minute).Unix(), ""},
		{"nbf in the future", "nbf", now.Add(61 * time.Second).Unix(), "not valid yet"},
		{"iat in the future", "iat", now.Add(61 * time.Second).Unix(), "issued in the future"},
		{"other sub", "sub", "other", "client_id and sub"},
		{"no client_id", "client_id", nil, "client_id and sub"},
	} {
		t.Run(test.name, func(t *testing.T) {
			claims := w.accessClaims()
			claims[test.claim] = test.value
			if test.value == nil {
				delete(claims, test.claim)
			}
			_, err := w.server.Verify(t.Context(), signTyped(t, jose.ES256, key.Key, key.KeyID, "at+jwt", claims))
			if test.why == "" {
				check(t, err)
				return
			}
			refused(t, err, test.why)
		})
	}
}

func TestVerifySignatures(t *testing.T) {
	w, foreign := newWorld(t, nil), newWorld(t, nil)
	w.put(secretClient())
	foreign.put(secretClient())
	key := w.signingKey()
	claims := w.accessClaims()
	good := w.token(secretClient().ID)
	parts := strings.Split(good, ".")
	for _, test := range []struct{ name, token, why string }{
		{"empty", "", "not a JWT"},
		{"garbage", "garbage", "not a JWT"},
		{"too long", good + strings.Repeat("A", oauth.MaxTokenBytes), "too long"},
		{"none", "eyJhbGciOiJub25lIn0." + parts[1] + ".", "not a JWT"},
		{"no signature", parts[0] + "." + parts[1] + ".", "signature"},
		{"tampered claims", parts[0] + "." + parts[1][:20] + "A" + parts[1][21:] + "." + parts[2], "signature"},
		{"other issuer", foreign.token(secretClient().ID), "unknown key"},
		{"other issuer with this one's kid", signTyped(t, jose.ES256, foreign.signingKey().Key, key.KeyID, "at+jwt", claims), "signature"},
		{"no kid", signTyped(t, jose.ES256, key.Key, "", "at+jwt", claims), "unknown key"},
		{"other type", signTyped(t, jose.ES256, key.Key, key.KeyID, "JWT", claims), "not an access token"},
		{"HS256", signTyped(t, jose.HS256, []byte(strings.Repeat("k", 32)), key.KeyID, "at+jwt", claims), "not a JWT"},
		{"key in the header", embeddedKey(t, foreign.signingKey(), claims), "unknown key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := w.server.Verify(t.Context(), test.token)
			refused(t, err, test.why)
		})
	}
	_, err := w.server.Verify(t.Context(), good)
	check(t, err)
}

// embeddedKey makes a token that brings its own key.
func embeddedKey(t testing.TB, key jose.JSONWebKey, claims any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key.Key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("at+jwt"))
	check(t, err)
	b, err := json.Marshal(claims)
	check(t, err)
	signed, err := signer.Sign(b)
	check(t, err)
	token, err := signed.CompactSerialize()
	check(t, err)
	return token
}

func TestTokenExpires(t *testing.T) {
	w := newWorld(t, func(cfg *oauth.Config) { cfg.Lifetime = 5 * time.Minute })
	w.put(secretClient())
	token := w.token(secretClient().ID)
	w.advance(5*time.Minute - time.Second)
	grant, err := w.server.Verify(t.Context(), token)
	check(t, err)
	if want := start().Add(5 * time.Minute); !grant.ExpiresAt.Equal(want) {
		t.Errorf("expires at %v, want %v", grant.ExpiresAt, want)
	}
	w.advance(time.Second)
	_, err = w.server.Verify(t.Context(), token)
	refused(t, err, "expired")
}

// TestClientChangesAtOnce is about tokens that were checked before.
func TestClientChangesAtOnce(t *testing.T) {
	w := newWorld(t, nil)
	c := secretClient()
	w.put(c)
	token := w.token(c.ID)
	_, err := w.server.Verify(t.Context(), token)
	check(t, err)

	c.Scopes = []string{tollbook.ScopeAccountsRead, tollbook.ScopeInvoicesRead}
	w.put(c)
	grant, err := w.server.Verify(t.Context(), token)
	check(t, err)
	if !slices.Equal(grant.Scopes, []string{tollbook.ScopeAccountsRead}) {
		t.Errorf("scopes are %v", grant.Scopes)
	}

	now := w.clock()
	c.RevokedAt = &now
	w.put(c)
	_, err = w.server.Verify(t.Context(), token)
	refused(t, err, "revoked")
	w.post("grant_type=client_credentials", basic(c.ID, secret)).want(t, http.StatusUnauthorized, "invalid_client")

	delete(w.clients, c.ID)
	_, err = w.server.Verify(t.Context(), token)
	refused(t, err, "not registered")
}

func TestMetadata(t *testing.T) {
	w := newWorld(t, nil)
	var m map[string]any
	w.get("/.well-known/oauth-authorization-server", http.StatusOK, &m)
	if m["issuer"] != w.issuer || m["token_endpoint"] != w.issuer+"/oauth/token" || m["jwks_uri"] != w.issuer+"/oauth/jwks" {
		t.Errorf("got %v", m)
	}
	b, err := json.Marshal(m["token_endpoint_auth_methods_supported"])
	check(t, err)
	if string(b) != `["client_secret_basic","private_key_jwt"]` {
		t.Errorf("got %s", b)
	}
	var set struct{ Keys []map[string]any }
	w.get("/oauth/jwks", http.StatusOK, &set)
	if len(set.Keys) != 1 || set.Keys[0]["d"] != nil || set.Keys[0]["kid"] == "" || set.Keys[0]["alg"] != "ES256" || set.Keys[0]["use"] != "sig" {
		t.Errorf("got %v", set.Keys)
	}
}

func (w *world) get(path string, status int, body any) {
	w.t.Helper()
	resp, err := http.Get(w.issuer + path)
	check(w.t, err)
	defer resp.Body.Close()
	if resp.StatusCode != status {
		w.t.Errorf("%s answers %s", path, resp.Status)
	}
	check(w.t, json.NewDecoder(resp.Body).Decode(body))
}

func TestNewRefuses(t *testing.T) {
	w := newWorld(t, nil)
	keys, err := oauth.OpenKeys(w.keys)
	check(t, err)
	good := oauth.Config{Issuer: w.issuer, Keys: keys, Client: w.client, Once: w.seen, ClientByExternalID: w.clientByExternalID, Clock: w.clock, Rand: rand.Reader}
	external := func(x oauth.External) func(*oauth.Config) {
		return func(cfg *oauth.Config) { cfg.External = &x }
	}
	for name, change := range map[string]func(*oauth.Config){
		"no issuer":              func(cfg *oauth.Config) { cfg.Issuer = "" },
		"issuer with a slash":    func(cfg *oauth.Config) { cfg.Issuer += "/" },
		"issuer with a query":    func(cfg *oauth.Config) { cfg.Issuer += "?" },
		"no keys":                func(cfg *oauth.Config) { cfg.Keys = nil },
		"no clock":               func(cfg *oauth.Config) { cfg.Clock = nil },
		"fraction of a second":   func(cfg *oauth.Config) { cfg.Lifetime = time.Second + 1 },
		"external over http":     external(oauth.External{IssuerURL: "http://issuer.example", Audience: "x"}),
		"external, no audience":  external(oauth.External{IssuerURL: "https://issuer.example"}),
		"external, no signature": external(oauth.External{IssuerURL: "https://issuer.example", Audience: "x", Algorithms: []string{"none"}}),
		"external, symmetric":    external(oauth.External{IssuerURL: "https://issuer.example", Audience: "x", Algorithms: []string{"ES256", "HS256"}}),
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			change(&cfg)
			if _, err := oauth.New(cfg); err == nil {
				t.Error("is accepted")
			}
		})
	}
	_, err = oauth.New(good)
	check(t, err)
}

// decoded returns what a token's three parts say; Base64 can write the same
// in more than one way.
func decoded(token string) string {
	var out []string
	for part := range strings.SplitSeq(token, ".") {
		b, _ := base64.RawURLEncoding.DecodeString(part)
		out = append(out, string(b))
	}
	return strings.Join(out, ".")
}

// FuzzVerify checks that nothing but the one good token is accepted.
func FuzzVerify(f *testing.F) {
	w := newWorld(f, nil)
	w.put(secretClient())
	good := w.token(secretClient().ID)
	parts := strings.Split(good, ".")
	key := w.signingKey()
	f.Add(good)
	f.Add("")
	f.Add("..")
	f.Add("eyJhbGciOiJub25lIn0." + parts[1] + ".")
	f.Add(parts[0] + "." + parts[1] + "." + parts[2][:10])
	f.Add(sign(f, jose.ES256, key.Key, key.KeyID, w.accessClaims()))
	f.Add(" " + good + "\n")
	f.Fuzz(func(t *testing.T, bearer string) {
		_, err := w.server.Verify(t.Context(), bearer)
		if err == nil && decoded(bearer) != decoded(good) {
			t.Errorf("%q is accepted", bearer)
		}
		if err != nil {
			refused(t, err, "")
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	w := newWorld(b, nil)
	w.put(secretClient())
	token := w.token(secretClient().ID)
	for b.Loop() {
		if _, err := w.server.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}
