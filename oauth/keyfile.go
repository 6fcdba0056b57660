package oauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/go-jose/go-jose/v4"

	"tollbook/keyfile"
)

// Bounds of a key file.
const (
	MaxKeys        = 32 // in one file
	keyFileVersion = 1
)

// keyFile is the content of a key file, JSON:
//
//	{"version": 1, "keys": [{"created": TIME, "retired": TIME, "accepted_until": TIME, "jwk": {…}}]}
//
// The one that signs has neither retired nor accepted_until. The newest comes
// first; that is the one, except in a file by which several servers get to know
// a key before one of them signs with it. Times are RFC 3339.
type keyFile struct {
	Version int         `json:"version"`
	Keys    []storedKey `json:"keys"`
}

type storedKey struct {
	Created       time.Time       `json:"created"`
	Retired       *time.Time      `json:"retired,omitempty"`
	AcceptedUntil *time.Time      `json:"accepted_until,omitempty"`
	JWK           jose.JSONWebKey `json:"jwk"` // private
}

func (k *storedKey) private() (*ecdsa.PrivateKey, error) {
	private, ok := k.JWK.Key.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, errors.New("not a private key on the curve P-256")
	}
	if k.JWK.KeyID == "" {
		return nil, errors.New("no kid")
	}
	return private, nil
}

// CreateKeys makes a key file with one key. It fails with fs.ErrExist when
// there is a file already.
func CreateKeys(path string, rand io.Reader, now time.Time) error {
	key, err := newStoredKey(rand, now)
	if err != nil {
		return err
	}
	file := &keyFile{Version: keyFileVersion, Keys: []storedKey{key}}
	return file.write(path, keyfile.Create)
}

// Rotate adds a new key to a key file, which signs from then on. The one that
// signed so far stays accepted for a token's lifetime, which must be at least
// that of the servers that use the file; those whose time is over are dropped.
func Rotate(path string, rand io.Reader, now time.Time, lifetime time.Duration) error {
	file, _, err := readKeyFile(path)
	if err != nil {
		return err
	}
	key, err := newStoredKey(rand, now)
	if err != nil {
		return err
	}
	next := &keyFile{Version: keyFileVersion, Keys: []storedKey{key}}
	retired, until := now.UTC(), now.Add(lifetime+Skew).UTC()
	for _, old := range file.Keys {
		if old.AcceptedUntil == nil {
			old.Retired, old.AcceptedUntil = &retired, &until
		}
		if now.Before(*old.AcceptedUntil) {
			next.Keys = append(next.Keys, old)
		}
	}
	if len(next.Keys) > MaxKeys {
		return fmt.Errorf("rotate signing keys: %d keys are still accepted, more than %d are not kept; wait until tokens have expired", len(next.Keys)-1, MaxKeys-1)
	}
	return next.write(path, keyfile.Replace)
}

func (file *keyFile) write(path string, write func(path string, content []byte) error) error {
	b, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return fmt.Errorf("encode signing keys: %w", err)
	}
	if err := write(path, append(b, '\n')); err != nil {
		return fmt.Errorf("write signing keys: %w", err)
	}
	return nil
}

// newStoredKey draws a key. Its id is its thumbprint (RFC 7638).
func newStoredKey(rand io.Reader, now time.Time) (storedKey, error) {
	private, err := newPrivateKey(rand)
	if err != nil {
		return storedKey{}, fmt.Errorf("draw a signing key: %w", err)
	}
	jwk := jose.JSONWebKey{Key: private, Algorithm: string(jose.ES256), Use: "sig"}
	thumbprint, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return storedKey{}, fmt.Errorf("name a signing key: %w", err)
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	return storedKey{Created: now.UTC(), JWK: jwk}, nil
}

// newPrivateKey draws a key from rand, which ecdsa.GenerateKey would not use.
// The bytes are those of a key unless they are zero or beyond the order of
// the curve, which is once in 2^32 draws.
func newPrivateKey(rand io.Reader) (*ecdsa.PrivateKey, error) {
	const draws = 8
	for range draws {
		var b [32]byte
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			return nil, err
		}
		if private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), b[:]); err == nil {
			return private, nil
		}
	}
	return nil, errors.New("the source of randomness gives no key")
}

func readKeyFile(path string) (*keyFile, fs.FileInfo, error) {
	b, info, err := keyfile.Read(path)
	if err != nil {
		return nil, nil, fmt.Errorf("signing keys: %w", err)
	}
	file := &keyFile{}
	// The cause is left out: it might show what the file holds.
	if len(b) > keyfile.MaxBytes || json.Unmarshal(b, file) != nil {
		return nil, nil, fmt.Errorf("signing keys: %s is not a key file", path)
	}
	if file.Version != keyFileVersion {
		return nil, nil, fmt.Errorf("signing keys: %s has version %d; this program knows version %d", path, file.Version, keyFileVersion)
	}
	return file, info, nil
}
