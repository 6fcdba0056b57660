package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestImportTellsWhereItStopped interrupts an import while its second request
// is under way.
func TestImportTellsWhereItStopped(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	requests := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/oauth/token" {
			fmt.Fprint(w, `{"access_token": "t", "token_type": "Bearer", "expires_in": 3600}`)
			return
		}
		// A connection that is cut is noticed once the body has been read.
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		if requests++; requests == 2 {
			interrupt()
			<-r.Context().Done()
			return
		}
		fmt.Fprint(w, `{"accepted": 2, "duplicate": 0, "conflict": 0, "rejected": 0, "unrated": 0, "results": []}`)
	}))
	defer s.Close()
	file := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.WriteFile(file, []byte(strings.Repeat("{}\n", 5)), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, messages bytes.Buffer
	env := []string{"TOLLBOOK_URL=" + s.URL, "TOLLBOOK_CLIENT_ID=id", "TOLLBOOK_CLIENT_SECRET=secret"}
	code := run(ctx, []string{"import", "events", file, "--batch", "2", "--in-flight", "1"}, env, nil, &out, &messages)
	if code != exitInterrupted || !strings.HasPrefix(out.String(), "2 accepted,") || !strings.Contains(messages.String(), "Everything up to line 2 is done.") {
		t.Errorf("exit code %d, output %s, messages %s", code, &out, &messages)
	}
}
