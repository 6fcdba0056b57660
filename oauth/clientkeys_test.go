package oauth_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"tollbook/oauth"
)

func jwk(t testing.TB, key any, change func(*jose.JSONWebKey)) string {
	t.Helper()
	k := jose.JSONWebKey{Key: key}
	if change != nil {
		change(&k)
	}
	b, err := k.MarshalJSON()
	check(t, err)
	return string(b)
}

func named(kid string) func(*jose.JSONWebKey) {
	return func(k *jose.JSONWebKey) { k.KeyID = kid }
}

func TestParseJWKS(t *testing.T) {
	keys := newSignKeys(t)
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	check(t, err)
	small := &rsa.PublicKey{N: new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 1023), big.NewInt(1)), E: 65537}
	even := &rsa.PublicKey{N: keys.rs256.N, E: 65536}
	ec := jwk(t, keys.es256.Public(), nil)
	for _, test := range []struct {
		name, raw, why string // no why: accepted
	}{
		{"EC P-256", ec, ""},
		{"EC P-384", jwk(t, keys.es384.Public(), named("a")), ""},
		{"RSA", jwk(t, keys.rs256.Public(), nil), ""},
		{"Ed25519", jwk(t, keys.eddsa.Public(), nil), ""},
		{"set of one", `{"keys":[` + ec + `]}`, ""},
		{"set of two", `{"keys":[` + jwk(t, keys.es256.Public(), named("a")) + "," + jwk(t, keys.eddsa.Public(), named("b")) + `]}`, ""},
		{"unknown members are left out", strings.Replace(ec, "{", `{"x5c":["!"],"key_ops":["verify"],"note":"x",`, 1), ""},
		{"not JSON", "{", "not a JSON object"},
		{"null", "null", "not a JSON object"},
		{"array", "[" + ec + "]", "not a JSON object"},
		{"empty set", `{"keys":[]}`, "1 to 10 keys"},
		{"null in a set", `{"keys":[null]}`, "key 1: not a public"},
		{"eleven", `{"keys":[` + strings.Repeat("{},", 10) + `{}]}`, "not 11"},
		{"too long", ec + strings.Repeat(" ", oauth.MaxJWKSBytes), "longer than"},
		{"private EC", jwk(t, keys.es256, nil), "a private key"},
		{"private RSA", jwk(t, keys.rs256, nil), "a private key"},
		{"private Ed25519", jwk(t, keys.eddsa, nil), "a private key"},
		{"symmetric", jwk(t, []byte("0123456789abcdef"), nil), "a symmetric key"},
		{"unknown kind", `{"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA"}`, "not a public"},
		{"no kind", `{"x":"AAAA"}`, "not a public"},
		{"other curve", jwk(t, p521.Public(), nil), "P-256 and P-384"},
		{"off the curve", strings.Replace(ec, `"x":"`, `"x":"AAAA`, 1), "not a public"},
		{"small RSA", jwk(t, small, nil), "1024 bits"},
		{"even exponent", jwk(t, even, nil), "exponent"},
		{"other alg", jwk(t, keys.rs256.Public(), func(k *jose.JSONWebKey) { k.Algorithm = "PS256" }), "alg is not RS256"},
		{"for encryption", jwk(t, keys.rs256.Public(), func(k *jose.JSONWebKey) { k.Use = "enc" }), "use is not sig"},
		{"two without kid", `{"keys":[` + ec + "," + ec + `]}`, "key 1: no kid"},
		{"two with one kid", `{"keys":[` + jwk(t, keys.es256.Public(), named("a")) + "," + jwk(t, keys.eddsa.Public(), named("a")) + `]}`, "key 2: its kid"},
		{"long kid", jwk(t, keys.es256.Public(), named(strings.Repeat("k", 257))), "kid is longer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := oauth.ParseJWKS([]byte(test.raw))
			if test.why != "" {
				if err == nil || !strings.Contains(err.Error(), test.why) {
					t.Errorf("got %v, want %q", err, test.why)
				}
				return
			}
			check(t, err)
			again, err := oauth.ParseJWKS(got)
			check(t, err)
			if !bytes.Equal(got, again) || bytes.Contains(got, []byte("note")) {
				t.Errorf("not canonical: %s", got)
			}
		})
	}
}

func FuzzParseJWKS(f *testing.F) {
	keys := newSignKeys(f)
	f.Add([]byte(jwk(f, keys.es256.Public(), nil)))
	f.Add([]byte(jwk(f, keys.eddsa, nil)))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AA","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := oauth.ParseJWKS(raw)
		if err != nil {
			return
		}
		var set jose.JSONWebKeySet
		check(t, json.Unmarshal(got, &set))
		for _, k := range set.Keys {
			if !k.IsPublic() || !k.Valid() {
				t.Errorf("%s is accepted", raw)
			}
		}
	})
}

func TestNewSecret(t *testing.T) {
	secret, hash := oauth.NewSecret(rand.Reader)
	if sum := sha256.Sum256([]byte(secret)); len(secret) != 43 || !bytes.Equal(hash, sum[:]) {
		t.Errorf("a secret of %d characters", len(secret))
	}
	if other, _ := oauth.NewSecret(rand.Reader); other == secret {
		t.Error("the same secret twice")
	}
}
