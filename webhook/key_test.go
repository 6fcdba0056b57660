package webhook_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io/fs"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tollbook/webhook"
)

func TestKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "webhook-key.json")
	first, err := webhook.OpenKey(path, mathrand.NewChaCha8([32]byte{1}))
	check(t, err)
	info, err := os.Stat(path)
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v", info.Mode())
	}
	again, err := webhook.OpenKey(path, rand.Reader)
	check(t, err)
	if first.Secret("alert a", 1) != again.Secret("alert a", 1) {
		t.Error("another key after it has been opened again")
	}
	other, err := webhook.OpenKey(filepath.Join(t.TempDir(), "webhook-key.json"), rand.Reader)
	check(t, err)
	seen := map[string]string{}
	for name, secret := range map[string]string{
		"the first":                  first.Secret("alert a", 1),
		"of another generation":      first.Secret("alert a", 2),
		"of another receiver":        first.Secret("alert b", 1),
		"of a receiver with a digit": first.Secret("alert a1", 1),
		"of another key":             other.Secret("alert a", 1),
	} {
		if same, ok := seen[secret]; ok {
			t.Errorf("one secret for %s and for %s", name, same)
		}
		seen[secret] = name
		if _, err := webhook.Sign(secret, "m", now(), nil); err != nil {
			t.Errorf("the secret %s does not sign: %v", name, err)
		}
	}
	b, err := os.ReadFile(path)
	check(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if got := fmt.Sprintf(verb, first); got != "webhook key" {
			t.Errorf("%s prints %s, the file is %s", verb, got, b)
		}
	}
}

func TestOpenKeyRefuses(t *testing.T) {
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, test := range []struct {
		name, content string
		mode          fs.FileMode
		want          string
	}{
		{"world-readable", `{"version":1,"key":"` + key + `"}`, 0o604, "chmod 600"},
		{"empty", "", 0o600, "not a key file"},
		{"newer version", `{"version":2,"key":"` + key + `"}`, 0o600, "version 2"},
		{"no key", `{"version":1}`, 0o600, "holds no key"},
		{"short key", `{"version":1,"key":"AAAA"}`, 0o600, "holds no key"},
		{"too large", `{"version":1,"key":"` + key + `"}` + strings.Repeat(" ", 64<<10), 0o600, "not a key file"},
	} {
		path := filepath.Join(t.TempDir(), "webhook-key.json")
		check(t, os.WriteFile(path, []byte(test.content), 0o600))
		check(t, os.Chmod(path, test.mode))
		if _, err := webhook.OpenKey(path, rand.Reader); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func TestZeroKeyHasNoSecrets(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the zero key gave a secret")
		}
	}()
	webhook.Key{}.Secret("alert a", 1)
}
