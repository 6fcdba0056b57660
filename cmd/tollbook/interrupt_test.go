package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tollbook"
	"tollbook/client"
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

// TestInterruptTellsWhatItWaitedFor interrupts a wait for a server that had
// said why it takes nothing.
func TestInterruptTellsWhatItWaitedFor(t *testing.T) {
	t.Parallel()
	full := &client.Error{Status: 503, Code: tollbook.CodeUnavailable, Message: "The disk is full."}
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("a.jsonl: %w while waiting: %w", context.Canceled, full), "tollbook: interrupted; the server had said: The disk is full. (503 unavailable)\n"},
		{fmt.Errorf("a.jsonl: %w", context.Canceled), ""},
	} {
		if got := interruptText(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

// silentPipe is a pipe in which nothing comes. It tells when it is read.
type silentPipe struct{ read context.CancelFunc }

func (p silentPipe) Read([]byte) (int, error) {
	p.read()
	select {}
}

// TestInterruptEndsAWait interrupts an import that waits for its input.
func TestInterruptEndsAWait(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	env := []string{"TOLLBOOK_CLIENT_ID=id", "TOLLBOOK_CLIENT_SECRET=secret"}
	var out, messages bytes.Buffer
	if code := run(ctx, []string{"import", "events", "-"}, env, silentPipe{interrupt}, &out, &messages); code != exitInterrupted {
		t.Errorf("exit code %d, %s", code, &messages)
	}
}

// TestStopDoesNotWaitForTheSilent stops a server while a client has sent half
// a request.
func TestStopDoesNotWaitForTheSilent(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	if code, _, stderr := runHere(t, "init", "--data", data); code != exitOK {
		t.Fatal(stderr)
	}
	var log lockedBuffer
	n, err := openNode(t.Context(), nodeConfig{data: data, listen: "127.0.0.1:0", now: time.Now, grace: 50 * time.Millisecond, log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.serve(ctx) }()
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The server says that it waits for the body: the request is under way.
	if _, err := io.WriteString(conn, "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatal(line, err)
	}
	stop()
	if err := <-ended; err != nil || !strings.Contains(log.String(), "requests were cut off") {
		t.Errorf("%v; the log: %s", err, log.String())
	}
}
