package webhook_test

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"tollbook/webhook"
)

// block returns the first block of a language in docs/alerts.md that has a
// text in it.
func block(t *testing.T, language, with string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/alerts.md")
	check(t, err)
	for _, part := range strings.Split(string(text), "```"+language+"\n")[1:] {
		if b, _, _ := strings.Cut(part, "```"); strings.Contains(b, with) {
			return b
		}
	}
	t.Fatalf("there is no block of %s with %q", language, with)
	return ""
}

// TestDocumentedMessage: the message in the documentation is signed as it says,
// also by the shell.
func TestDocumentedMessage(t *testing.T) {
	t.Parallel()
	head, body, _ := strings.Cut(block(t, "http", "Webhook-Id"), "\n\n")
	body = strings.TrimSpace(body)
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n")))
	check(t, err)
	id, err := webhook.Verify(secret, r.Header, []byte(body), time.Unix(1692005465, 0))
	if err != nil || id != "0b3f6e2a9d5c47188f21c3d4e5f60718" {
		t.Errorf("%q, %v", id, err)
	}
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("the shell's way: openssl is not installed")
	}
	sh := exec.CommandContext(t.Context(), "sh", "-c", block(t, "sh", "openssl"))
	sh.Env = append(os.Environ(), "SECRET="+secret, "ID="+id, "TIMESTAMP="+r.Header.Get(webhook.HeaderTimestamp), "BODY="+body)
	out, err := sh.Output()
	check(t, err)
	if got := "v1," + strings.TrimSpace(string(out)); got != r.Header.Get(webhook.HeaderSignature) {
		t.Errorf("the shell says %s", got)
	}
}

// TestDocumentedReceiver: the receiver in the documentation is that of
// ExampleVerify, which is run.
func TestDocumentedReceiver(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("example_test.go")
	check(t, err)
	documented := "\t" + strings.ReplaceAll(strings.TrimSpace(block(t, "go", "webhook.Verify")), "\n", "\n\t")
	if !strings.Contains(string(example), documented) {
		t.Errorf("the example has not:\n%s", documented)
	}
}
