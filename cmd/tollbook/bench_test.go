package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tollbook/checktest"
)

// TestBenchCanBeRepeated interrupts a load, kills the next one without
// warning, and the server under a third, which waits for it to come back and
// finds every record exact.
func TestBenchCanBeRepeated(t *testing.T) {
	t.Parallel()
	checktest.Leave(t)
	w := &killWorld{t: t, data: filepath.Join(t.TempDir(), "book"), program: filepath.Join(t.TempDir(), "tollbook"), gate: newGate(t)}
	w.link()
	w.init()
	w.serve()
	args := []string{"bench", "--events", "20000", "--batch", "100", "--connections", "3", "--accounts", "5", "--records", "40", "--seed", "11"}
	env := []string{"TOLLBOOK_URL=" + w.gate.URL, "TOLLBOOK_CLIENT_ID=" + w.operator.ClientID, "TOLLBOOK_CLIENT_SECRET=" + w.operator.ClientSecret}

	ctx, interrupt := context.WithCancel(t.Context())
	w.gate.arm(50)
	go func() {
		<-w.gate.reached
		interrupt()
	}()
	var out, messages bytes.Buffer
	code := run(ctx, args, env, nil, &out, &messages)
	if code != exitInterrupted || out.Len() > 0 || !regexp.MustCompile(`Stopped after [\d,]+ events\. Run it again with --seed 11 --events \d+ or more`).MatchString(messages.String()) {
		t.Errorf("exit code %d, output %s, messages %s", code, &out, &messages)
	}

	w.gate.arm(100)
	killed := exec.Command(w.program, args...)
	killed.Env = env
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	<-w.gate.reached
	if err := killed.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := killed.Wait(); err == nil {
		t.Error("the load had ended before it was killed")
	}

	w.gate.arm(150)
	out.Reset()
	ended := make(chan int)
	go func() { ended <- run(t.Context(), args, env, nil, &out, &messages) }()
	<-w.gate.reached
	w.kill(nil)
	w.serve()
	code = <-ended
	if text := out.String(); code != exitOK || !strings.Contains(text, "200 records, every one exact.") || strings.Contains(text, "without an answer   0") {
		t.Errorf("exit code %d, output %s, messages %s", code, text, &messages)
	}
}

func TestShortTime(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 999: "999ns", 12345: "12.35µs", 1234567: "1.23ms", 83*time.Second + 456*time.Millisecond: "1m23.46s",
	} {
		if got := shortTime(d); got != want {
			t.Errorf("%s: %s, want %s", fmt.Sprint(int64(d)), got, want)
		}
	}
}
