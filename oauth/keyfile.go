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
	"os"
	"path/filepath"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Bounds of a key file.
const (
	MaxKeys         = 32 // in one file
	maxKeyFileBytes = 64 << 10
	keyFileVersion  = 1
)

// keyFile is the content of a key file, JSON:
//
//	{"version": 1, "keys": [{"created": TIME, "retired": TIME, "accepted_until": TIME, "jwk": {…}}]}
//
// The newest key comes first; it is the one that signs and has neither
// retired nor accepted_until. Times are RFC 3339.
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
	temp, err := writeBeside(path, &keyFile{Version: keyFileVersion, Keys: []storedKey{key}})
	if err != nil {
		return err
	}
	// A link, unlike a rename, never replaces a file.
	if err := os.Link(temp, path); err != nil {
		return errors.Join(fmt.Errorf("create signing keys: %w", err), os.Remove(temp))
	}
	return errors.Join(os.Remove(temp), syncDir(path))
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
	temp, err := writeBeside(path, next)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(fmt.Errorf("rotate signing keys: %w", err), os.Remove(temp))
	}
	return syncDir(path)
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

func readKeyFile(path string) (_ *keyFile, info fs.FileInfo, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("signing keys: %w", err)
		}
	}()
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close() // only read from
	if info, err = f.Stat(); err != nil {
		return nil, nil, err
	}
	if info.Mode().Perm()&0o027 != 0 {
		return nil, nil, fmt.Errorf("%s has mode %04o: others may read or change it; chmod 600", path, info.Mode().Perm())
	}
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFileBytes+1))
	if err != nil {
		return nil, nil, err
	}
	file := &keyFile{}
	// The cause is left out: it might show what the file holds.
	if len(b) > maxKeyFileBytes || json.Unmarshal(b, file) != nil {
		return nil, nil, fmt.Errorf("%s is not a key file", path)
	}
	if file.Version != keyFileVersion {
		return nil, nil, fmt.Errorf("%s has version %d; this program knows version %d", path, file.Version, keyFileVersion)
	}
	return file, info, nil
}

// writeBeside writes a key file next to path, syncs it and returns its name.
// The name is always the same, so that it is also a lock: of two that change
// the keys at once, one fails.
func writeBeside(path string, file *keyFile) (temp string, err error) {
	b, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encode signing keys: %w", err)
	}
	temp = path + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("write signing keys: %w (another rotation is under way; if not, remove the file)", err)
	}
	if err != nil {
		return "", fmt.Errorf("write signing keys: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("write signing keys: %w", err), os.Remove(temp))
	}
	return temp, nil
}

// syncDir makes a new name in path's directory durable.
func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("sync signing keys: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync signing keys: %w", err)
	}
	return nil
}
