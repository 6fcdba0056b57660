package oauth_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"tollbook/oauth"
)

// TestRotation follows a token through the rotation of the key that signed it,
// on a server that is never told.
func TestRotation(t *testing.T) {
	w := newWorld(t, nil)
	w.put(secretClient())
	firstKey := w.signingKey()
	first := firstKey.KeyID
	old := w.token(secretClient().ID)

	w.advance(10 * time.Minute)
	check(t, oauth.Rotate(w.keys, rand.Reader, w.clock(), time.Hour))
	second := w.signingKey().KeyID
	if first == second {
		t.Fatal("the key is the same")
	}
	young := w.token(secretClient().ID)
	_, err := w.server.Verify(t.Context(), young)
	check(t, err)
	if got := w.published(); len(got) != 2 || got[0] != second || got[1] != first {
		t.Errorf("published: %v, want %s and %s", got, second, first)
	}

	w.advance(50*time.Minute - time.Second)
	_, err = w.server.Verify(t.Context(), old)
	check(t, err)
	w.advance(time.Second)
	_, err = w.server.Verify(t.Context(), old)
	refused(t, err, "expired")
	_, err = w.server.Verify(t.Context(), young)
	check(t, err)

	// The key is no longer published once nothing it signed can be valid, and
	// the next rotation drops it.
	w.advance(12 * time.Minute)
	if got := w.published(); len(got) != 1 || got[0] != second {
		t.Errorf("published: %v, want %s", got, second)
	}
	late := signTyped(t, jose.ES256, firstKey.Key, first, "at+jwt", w.accessClaims())
	_, err = w.server.Verify(t.Context(), late)
	refused(t, err, "unknown key")
	check(t, oauth.Rotate(w.keys, rand.Reader, w.clock(), time.Hour))
	b, err := os.ReadFile(w.keys)
	check(t, err)
	if strings.Contains(string(b), first) || !strings.Contains(string(b), second) {
		t.Error("the file should hold the second key and not the first")
	}
}

// TestRotationOfSeveral rotates the keys of two servers as docs/operations.md says: what
// one issues is good at the other all the time.
func TestRotationOfSeveral(t *testing.T) {
	one := newWorld(t, nil)
	all := []*world{one, newWorld(t, func(cfg *oauth.Config) { cfg.Issuer = one.issuer })}
	copyTo := func(w *world, content []byte) {
		t.Helper()
		check(t, os.WriteFile(w.keys+".copy", content, 0o600))
		check(t, os.Rename(w.keys+".copy", w.keys))
	}
	old, err := os.ReadFile(one.keys)
	check(t, err)
	copyTo(all[1], old)
	next := filepath.Join(t.TempDir(), "keys.json")
	check(t, os.WriteFile(next, old, 0o600))
	check(t, oauth.Rotate(next, rand.Reader, one.clock(), time.Hour))
	rotated, err := os.ReadFile(next)
	check(t, err)
	var file struct {
		Version int              `json:"version"`
		Keys    []map[string]any `json:"keys"`
	}
	check(t, json.Unmarshal(rotated, &file))
	file.Keys[0]["accepted_until"] = file.Keys[1]["accepted_until"]
	delete(file.Keys[1], "accepted_until")
	delete(file.Keys[1], "retired")
	known, err := json.Marshal(file)
	check(t, err)
	var tokens []string
	for _, content := range [][]byte{known, rotated} {
		for _, w := range all {
			w.put(secretClient())
			tokens = append(tokens, w.token(secretClient().ID))
			copyTo(w, content)
			for _, w := range all {
				w.put(secretClient())
				tokens = append(tokens, w.token(secretClient().ID))
			}
			for i, token := range tokens {
				for k, w := range all {
					if _, err := w.server.Verify(t.Context(), token); err != nil {
						t.Errorf("token %d at server %d: %v", i, k, err)
					}
				}
			}
		}
	}
	if id := all[1].signingKey().KeyID; id == file.Keys[1]["jwk"].(map[string]any)["kid"] {
		t.Error("the second server signs with the old key")
	}
}

func (w *world) published() (ids []string) {
	w.t.Helper()
	var set struct{ Keys []struct{ Kid string } }
	w.get("/oauth/jwks", 200, &set)
	for _, k := range set.Keys {
		ids = append(ids, k.Kid)
	}
	return ids
}

// TestRemovedKey is about a key that the operator takes out of the file: what
// it signed ends within a second, also when it was checked before.
func TestRemovedKey(t *testing.T) {
	w := newWorld(t, nil)
	w.put(secretClient())
	token := w.token(secretClient().ID)
	_, err := w.server.Verify(t.Context(), token)
	check(t, err)
	check(t, os.Remove(w.keys))
	check(t, oauth.CreateKeys(w.keys, rand.Reader, w.clock()))
	w.advance(time.Second)
	_, err = w.server.Verify(t.Context(), token)
	refused(t, err, "unknown key")
}

// TestBrokenKeyFile is about a file that is damaged while the server runs: it
// goes on checking tokens and signs none.
func TestBrokenKeyFile(t *testing.T) {
	w := newWorld(t, nil)
	w.put(secretClient())
	token := w.token(secretClient().ID)
	check(t, os.WriteFile(w.keys, []byte("{"), 0o600))
	w.advance(time.Minute)
	_, err := w.server.Verify(t.Context(), token)
	check(t, err)
	w.post("grant_type=client_credentials", basic(secretClient().ID, secret)).want(t, 503, "temporarily_unavailable")
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	// A seeded source must give the same key each time.
	check(t, oauth.CreateKeys(path, mathrand.NewChaCha8([32]byte{1}), start()))
	first, err := os.ReadFile(path)
	check(t, err)
	info, err := os.Stat(path)
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v", info.Mode())
	}
	if err := oauth.CreateKeys(path, rand.Reader, start()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created over an existing file: %v", err)
	}
	other := filepath.Join(t.TempDir(), "keys.json")
	check(t, oauth.CreateKeys(other, mathrand.NewChaCha8([32]byte{1}), start()))
	second, err := os.ReadFile(other)
	check(t, err)
	if string(first) != string(second) {
		t.Error("one seed gave two keys")
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v %v", entries, err)
	}

	check(t, os.WriteFile(path+".new", nil, 0o600))
	if err := oauth.Rotate(path, rand.Reader, start(), time.Hour); !errors.Is(err, fs.ErrExist) {
		t.Errorf("two rotations at once: %v", err)
	}
	check(t, os.Remove(path+".new"))
	for range oauth.MaxKeys - 1 {
		check(t, oauth.Rotate(path, rand.Reader, start(), time.Hour))
	}
	if err := oauth.Rotate(path, rand.Reader, start(), time.Hour); err == nil {
		t.Errorf("more than %d keys", oauth.MaxKeys)
	}
	_, err = oauth.OpenKeys(path)
	check(t, err)
}

func TestOpenKeysRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "good.json")
	check(t, oauth.CreateKeys(path, rand.Reader, start()))
	check(t, oauth.Rotate(path, rand.Reader, start(), time.Hour))
	b, err := os.ReadFile(path)
	check(t, err)
	good := string(b)
	for _, test := range []struct {
		name, content string
		mode          fs.FileMode
		want          string
	}{
		{"world-readable", good, 0o604, "chmod 600"},
		{"group-writable", good, 0o620, "chmod 600"},
		{"empty", "", 0o600, "not a key file"},
		{"other JSON", `{"keys":[]}`, 0o600, "version 0"},
		{"newer version", strings.Replace(good, `"version": 1`, `"version": 2`, 1), 0o600, "version 2"},
		{"no key", `{"version":1,"keys":[]}`, 0o600, "none that is not retired"},
		{"two that sign", strings.Replace(good, "accepted_until", "x", 1), 0o600, "a second one"},
		{"symmetric key", `{"version":1,"keys":[{"jwk":{"kty":"oct","k":"AAAA","kid":"x"}}]}`, 0o600, "not a private key"},
		{"too large", good + strings.Repeat(" ", 64<<10), 0o600, "not a key file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keys.json")
			check(t, os.WriteFile(path, []byte(test.content), test.mode))
			check(t, os.Chmod(path, test.mode))
			_, err := oauth.OpenKeys(path)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestKeysAreNotPrinted is about logs.
func TestKeysAreNotPrinted(t *testing.T) {
	w := newWorld(t, nil)
	keys, err := oauth.OpenKeys(w.keys)
	check(t, err)
	for _, verb := range []string{"%v", "%+v", "%s"} {
		if got := fmt.Sprintf(verb, keys); got != "signing keys in "+w.keys {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}
