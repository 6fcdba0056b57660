package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"

	"tollbook/keyfile"
)

const (
	keyBytes       = 32
	keyFileVersion = 1
)

// Key is what the secrets of all receivers are worked out from. A receiver's
// secret need not be stored anywhere, and tells nothing about another's.
type Key struct{ of []byte }

// keyFile is the content of a key's file, JSON.
type keyFile struct {
	Version int    `json:"version"`
	Key     []byte `json:"key"` // Base64
}

// OpenKey reads a key from its file, and draws one where there is no file.
func OpenKey(path string, rand io.Reader) (Key, error) {
	k, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = createKey(path, rand)
		if err == nil || errors.Is(err, fs.ErrExist) { // another server's
			k, err = readKey(path)
		}
	}
	if err != nil {
		return Key{}, fmt.Errorf("webhook key: %w", err)
	}
	return k, nil
}

func createKey(path string, rand io.Reader) error {
	file := keyFile{Version: keyFileVersion, Key: make([]byte, keyBytes)}
	if _, err := io.ReadFull(rand, file.Key); err != nil {
		return err
	}
	b, err := json.Marshal(file)
	if err != nil {
		return err
	}
	return keyfile.Create(path, append(b, '\n'))
}

func readKey(path string) (Key, error) {
	b, _, err := keyfile.Read(path)
	if err != nil {
		return Key{}, err
	}
	var file keyFile
	// The cause is left out: it might show what the file holds.
	if len(b) > keyfile.MaxBytes || json.Unmarshal(b, &file) != nil {
		return Key{}, fmt.Errorf("%s is not a key file", path)
	}
	if file.Version != keyFileVersion {
		return Key{}, fmt.Errorf("%s has version %d; this program knows version %d", path, file.Version, keyFileVersion)
	}
	if len(file.Key) != keyBytes {
		return Key{}, fmt.Errorf("%s holds no key of %d bytes", path, keyBytes)
	}
	return Key{file.Key}, nil
}

// Secret returns the secret of a receiver; each generation of it is another.
// It panics on the zero Key, whose secrets everybody could work out.
func (k Key) Secret(receiver string, generation int) string {
	if len(k.of) != keyBytes {
		panic("webhook: no key")
	}
	mac := hmac.New(sha256.New, k.of)
	io.WriteString(mac, receiver+" "+strconv.Itoa(generation))
	return secretPrefix + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Format keeps the key out of whatever prints it.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, "webhook key") }
