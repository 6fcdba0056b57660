package oauth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// Bounds on the public keys of a client.
const (
	MaxJWKSBytes   = 32 << 10
	MaxClientKeys  = 10
	minRSABits     = 2048
	maxRSABits     = 4096
	maxKeyIDBytes  = 256
	minRSAExponent = 3
)

// NewSecret draws the secret of a client and returns it with the hash that is
// kept of it (tollbook.Client.SecretHash). The secret consists of characters
// that form-encoding leaves alone. It panics when rand fails, which the
// system's source of randomness never does.
func NewSecret(rand io.Reader) (secret string, hash []byte) {
	var b [32]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		panic(fmt.Sprintf("oauth: no randomness for a secret: %v", err))
	}
	secret = base64.RawURLEncoding.EncodeToString(b[:])
	sum := sha256.Sum256([]byte(secret))
	return secret, sum[:]
}

// ParseJWKS checks the public keys that a client is registered with, a JWK or
// a JWK set, and returns them as a JWK set that holds nothing else
// (tollbook.Client.JWKS). Keys are EC on P-256 or P-384, RSA of 2048 to 4096
// bits, or Ed25519; private and symmetric ones are refused. Where there are
// several, each has a kid of its own. The error says which key is wrong and
// why, never what a private key was.
func ParseJWKS(raw []byte) (json.RawMessage, error) {
	keys, err := parseJWKS(raw)
	if err != nil {
		return nil, err
	}
	return json.Marshal(jose.JSONWebKeySet{Keys: keys})
}

func parseJWKS(raw []byte) ([]jose.JSONWebKey, error) {
	if len(raw) > MaxJWKSBytes {
		return nil, fmt.Errorf("the keys are longer than %d bytes", MaxJWKSBytes)
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil || object == nil {
		return nil, errors.New("not a JWK or a JWK set: not a JSON object")
	}
	elements := []map[string]json.RawMessage{object}
	if list, ok := object["keys"]; ok {
		elements = nil
		if json.Unmarshal(list, &elements) != nil {
			return nil, errors.New("keys is not an array of JSON objects")
		}
	}
	if len(elements) == 0 || len(elements) > MaxClientKeys {
		return nil, fmt.Errorf("a client has 1 to %d keys, not %d", MaxClientKeys, len(elements))
	}
	keys := make([]jose.JSONWebKey, len(elements))
	for i, element := range elements {
		if err := parseClientKey(element, &keys[i]); err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		if len(keys) > 1 && keys[i].KeyID == "" {
			return nil, fmt.Errorf("key %d: no kid, which several keys need", i+1)
		}
		if slices.ContainsFunc(keys[:i], func(k jose.JSONWebKey) bool { return k.KeyID == keys[i].KeyID }) {
			return nil, fmt.Errorf("key %d: its kid is that of another key", i+1)
		}
	}
	return keys, nil
}

// parseClientKey reads one public key. Only the members that make it up reach
// the decoder of keys.
func parseClientKey(element map[string]json.RawMessage, key *jose.JSONWebKey) error {
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "priv"} {
		if _, ok := element[name]; ok {
			return errors.New("a private key: register the public one, and take this one out of use")
		}
	}
	if _, ok := element["k"]; ok {
		return errors.New("a symmetric key: register a public one, and take this one out of use")
	}
	public := make(map[string]json.RawMessage)
	for _, name := range []string{"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"} {
		if v, ok := element[name]; ok {
			public[name] = v
		}
	}
	b, err := json.Marshal(public)
	if err != nil {
		return fmt.Errorf("malformed: %w", err)
	}
	if err := key.UnmarshalJSON(b); err != nil {
		return fmt.Errorf("not a public EC, RSA or Ed25519 key: %w", err)
	}
	if err := checkStrength(key.Key); err != nil {
		return err
	}
	alg := keyAlgorithm(key.Key)
	switch {
	case key.Algorithm != "" && key.Algorithm != string(alg):
		return fmt.Errorf("alg is not %s, the one for this key", alg)
	case key.Use != "" && key.Use != "sig":
		return errors.New("use is not sig")
	case len(key.KeyID) > maxKeyIDBytes:
		return fmt.Errorf("kid is longer than %d bytes", maxKeyIDBytes)
	}
	return nil
}

func checkStrength(key any) error {
	if k, ok := key.(*rsa.PublicKey); ok {
		if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return fmt.Errorf("an RSA key of %d bits, not %d to %d", bits, minRSABits, maxRSABits)
		}
		if k.E < minRSAExponent || k.E%2 == 0 {
			return errors.New("an RSA key with a bad exponent")
		}
	}
	if keyAlgorithm(key) == "" {
		return errors.New("an EC key on a curve other than P-256 and P-384")
	}
	return nil
}

// keyAlgorithm returns the one algorithm that a key is used with, "" for none.
func keyAlgorithm(key any) jose.SignatureAlgorithm {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return jose.ES256
		case elliptic.P384():
			return jose.ES384
		}
	case *rsa.PublicKey:
		return jose.RS256
	case ed25519.PublicKey:
		return jose.EdDSA
	}
	return ""
}
