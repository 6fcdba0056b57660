package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseConfig(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"listen": true, "data": true}
	got, err := parseConfig("x.conf", "# why\r\n\n listen=127.0.0.1:1 \r\ndata = a = b", known)
	if diff := cmp.Diff(map[string]string{"listen": "127.0.0.1:1", "data": "a = b"}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

// TestConfigKeepsSecrets: a line that is wrong is not shown, for what was forgotten in
// it may be before a secret.
func TestConfigKeepsSecrets(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"store clickhouse://u:secret@db:9000/x", "store clickhouse://u:secret@db:9000/x?a=b", "store\tclickhouse://u:secret@db:9000/x", "client-secret: secret", "clickhouse://u:secret@db:9000/x", "stores = secret"} {
		_, err := parseConfig("x.conf", line, map[string]bool{"store": true})
		if err == nil || !strings.Contains(err.Error(), "line 1") || strings.Contains(err.Error(), "secret@") || strings.Contains(err.Error(), " secret") {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, seed := range []string{"", "listen = a", "listen = a\nlisten = b", "#x\n\n=", "data", "nothing = 1"} {
		f.Add(seed)
	}
	known := map[string]bool{"listen": true, "data": true}
	f.Fuzz(func(t *testing.T, text string) {
		settings, err := parseConfig("x.conf", text, known)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x.conf: line ") || exitCode(err) != exitUsage {
				t.Errorf("error %v names no line", err)
			}
			return
		}
		var again strings.Builder
		for _, name := range slices.Sorted(maps.Keys(settings)) {
			again.WriteString(name + " = " + settings[name] + "\n")
		}
		back, err := parseConfig("x.conf", again.String(), known)
		if diff := cmp.Diff(settings, back); diff != "" || err != nil {
			t.Errorf("%q: %v\n%s", text, err, diff)
		}
	})
}
