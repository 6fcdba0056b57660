//go:build !race

package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"tollbook/webhook"
)

// hookSettings is what the script is told of a message that was received.
type hookSettings struct {
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// TestStandardWebhooks has the library of the convention verify what a
// receiver got, by the alert's secret and by the one before it was rotated.
func TestStandardWebhooks(t *testing.T) {
	needNode(t)
	secrets := []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs="}
	got := make(chan hookSettings, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s := hookSettings{Headers: map[string]string{}}
		for name := range r.Header {
			s.Headers[name] = r.Header.Get(name)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.Body = string(body)
		got <- s
	}))
	t.Cleanup(srv.Close)
	sender := webhook.NewSender(webhook.SenderConfig{Policy: webhook.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	const body = `{"type":"alert.fired","timestamp":"2023-08-14T09:31:05Z","data":{"value":49.5}}`
	answer := sender.Send(t.Context(), webhook.Message{URL: srv.URL, ID: "0b3f6e2a9d5c47188f21c3d4e5f60718", At: time.Now(), Secrets: secrets, Body: []byte(body)})
	must(t, answer.Err)
	message := <-got
	for _, secret := range append(secrets, "whsec_AAAA") {
		message.Secret = secret
		var verified struct{ Message, Forged json.RawMessage }
		must(t, json.Unmarshal(runHook(t, message), &verified))
		known := secret != "whsec_AAAA"
		if taken := string(verified.Message) == body; taken != known {
			t.Errorf("%s: %s", secret, verified.Message)
		}
		if !bytes.Contains(verified.Forged, []byte("refused")) {
			t.Errorf("%s: forged: %s", secret, verified.Forged)
		}
	}
}

func runHook(t *testing.T, s hookSettings) []byte {
	t.Helper()
	text, err := json.Marshal(s)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), clientTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "clients/webhook.mjs")
	cmd.Env = append(os.Environ(), "TOLLBOOK_INTEROP="+string(text))
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, complaints.String())
	}
	return out
}
