package oauth

import (
	"crypto/ecdsa"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// lookAgain is how long a key file is taken to be unchanged while the keys
// asked for are known.
const lookAgain = time.Second

// Keys are the built-in issuer's signing keys, kept in a file. They notice by
// themselves when the file is replaced: before every signature, when a key is
// asked for that they do not know, and otherwise once a second.
type Keys struct {
	path string

	mu      sync.Mutex // held while the file is looked at
	current atomic.Pointer[keySet]
	looked  atomic.Int64 // when the file was last looked at, in Unix nanoseconds
}

// keySet is the content of one version of the file. It is never changed.
type keySet struct {
	file   os.FileInfo
	keys   []signingKey // the newest first
	signer jose.Signer  // of the one that is not retired
}

type signingKey struct {
	id            string
	public        *ecdsa.PublicKey
	acceptedUntil time.Time // zero: not retired
}

func (k *signingKey) accepted(now time.Time) bool {
	return k.acceptedUntil.IsZero() || now.Before(k.acceptedUntil)
}

// OpenKeys reads a key file that CreateKeys made. It refuses one that others
// than its owner may change or that everybody may read.
func OpenKeys(path string) (*Keys, error) {
	set, err := loadKeySet(path)
	if err != nil {
		return nil, err
	}
	k := &Keys{path: path}
	k.current.Store(set)
	return k, nil
}

// String names the file and shows nothing of what is in it.
func (k *Keys) String() string { return "signing keys in " + k.path }

// signer returns the signer of new tokens.
func (k *Keys) signer(now time.Time) (jose.Signer, error) {
	if err := k.look(now); err != nil {
		return nil, err
	}
	return k.current.Load().signer, nil
}

// public returns the key of an id, if it is still accepted.
func (k *Keys) public(id string, now time.Time) (*ecdsa.PublicKey, bool) {
	// An error leaves the keys as they were; the next signature reports it.
	if since := now.UnixNano() - k.looked.Load(); since < 0 || since >= int64(lookAgain) {
		_ = k.look(now)
	}
	if key, ok := k.current.Load().public(id, now); ok {
		return key, true
	}
	_ = k.look(now)
	return k.current.Load().public(id, now)
}

func (s *keySet) public(id string, now time.Time) (*ecdsa.PublicKey, bool) {
	for i := range s.keys {
		if k := &s.keys[i]; k.id == id && k.accepted(now) {
			return k.public, true
		}
	}
	return nil, false
}

// published returns the public keys that are accepted, as a JWK set.
func (k *Keys) published(now time.Time) jose.JSONWebKeySet {
	_ = k.look(now) // as in public
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, key := range k.current.Load().keys {
		if key.accepted(now) {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.public, KeyID: key.id, Algorithm: string(jose.ES256), Use: "sig"})
		}
	}
	return set
}

// look reads the file again if it has changed. When it cannot be read, the
// keys stay as they were.
func (k *Keys) look(now time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.looked.Store(now.UnixNano())
	info, err := os.Stat(k.path)
	if err != nil {
		return fmt.Errorf("signing keys: %w", err)
	}
	have := k.current.Load().file
	if os.SameFile(info, have) && info.ModTime().Equal(have.ModTime()) && info.Size() == have.Size() {
		return nil
	}
	set, err := loadKeySet(k.path)
	if err != nil {
		return err
	}
	k.current.Store(set)
	return nil
}

// loadKeySet reads a key file and prepares its keys.
func loadKeySet(path string) (*keySet, error) {
	file, info, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	set := &keySet{file: info}
	for i := range file.Keys {
		private, err := file.Keys[i].private()
		if err != nil {
			return nil, fmt.Errorf("signing keys in %s: key %d: %w", path, i+1, err)
		}
		key := signingKey{id: file.Keys[i].JWK.KeyID, public: &private.PublicKey}
		until := file.Keys[i].AcceptedUntil
		switch {
		case until != nil:
			key.acceptedUntil = *until
		case set.signer != nil:
			return nil, fmt.Errorf("signing keys in %s: key %d: a second one that is not retired", path, i+1)
		default:
			if set.signer, err = newSigner(private, key.id); err != nil {
				return nil, fmt.Errorf("signing keys in %s: key %d: %w", path, i+1, err)
			}
		}
		set.keys = append(set.keys, key)
	}
	if set.signer == nil {
		return nil, fmt.Errorf("signing keys in %s: none that is not retired", path)
	}
	return set, nil
}

func newSigner(private *ecdsa.PrivateKey, id string) (jose.Signer, error) {
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: id}}
	return jose.NewSigner(key, (&jose.SignerOptions{}).WithType("at+jwt"))
}
