package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tollbook/checktest"
)

// TestMain makes this test binary the tollbook command as well, so that the
// tests run the program as users do.
func TestMain(m *testing.M) {
	// Under the race detector each command would sleep for a second before it ends.
	if err := os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"tollbook": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	checktest.Leave(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			env.Setenv("GORACE", os.Getenv("GORACE"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"serve":    scriptServe,
			"shutdown": scriptShutdown,
			"login":    scriptLogin,
			"count":    scriptCount,
			"same":     scriptSame,
			"receive":  scriptReceive,
			"received": scriptReceived,
			"await":    scriptAwait,
			"sha256":   scriptSHA256,
			"now":      scriptNow,
		},
	})
}

// server is a tollbook process that serves.
type server struct {
	cmd *exec.Cmd
	url string
	log *lockedBuffer
	end chan struct{} // closed once the log has been read to its end
}

// lockedBuffer is a buffer that may be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// startServer runs "tollbook serve" with a free port and returns when it
// listens.
func startServer(program, data string, env []string, more ...string) (*server, error) {
	s := &server{cmd: exec.Command(program, append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, more...)...), log: &lockedBuffer{}, end: make(chan struct{})}
	s.cmd.Env = env
	logs, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(logs)
	for lines.Scan() {
		fmt.Fprintln(s.log, lines.Text())
		var entry struct{ Msg, URL string }
		if json.Unmarshal(lines.Bytes(), &entry) == nil && entry.Msg == "listening" {
			s.url = entry.URL
			break
		}
	}
	if s.url == "" {
		return nil, fmt.Errorf("the server does not listen: %v; %s", s.cmd.Wait(), s.log)
	}
	go func() {
		_, _ = io.Copy(s.log, logs)
		close(s.end)
	}()
	return s, nil
}

// stop asks the server to end and waits for that.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	<-s.end // before Wait, which closes the pipe
	return s.cmd.Wait()
}

// running holds the servers of the scripts that run, by their directories.
var running sync.Map

// scriptServe is "serve DIR [FLAGS]": it serves DIR in the background and sets
// TOLLBOOK_URL.
func scriptServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: serve DIR [FLAGS]")
	}
	program, err := exec.LookPath(filepath.Join(strings.Split(ts.Getenv("PATH"), string(os.PathListSeparator))[0], "tollbook"))
	ts.Check(err)
	s, err := startServer(program, ts.MkAbs(args[0]), []string{"HOME=" + ts.Getenv("HOME")}, args[1:]...)
	ts.Check(err)
	running.Store(ts.Getenv("WORK"), s)
	ts.Setenv("TOLLBOOK_URL", s.url)
	ts.Defer(func() {
		if old, ok := running.LoadAndDelete(ts.Getenv("WORK")); ok {
			_ = old.(*server).stop() // the script has failed already
		}
	})
}

// scriptShutdown is "shutdown": the server ends cleanly. ("stop" ends the script.)
func scriptShutdown(ts *testscript.TestScript, _ bool, _ []string) {
	s, ok := running.LoadAndDelete(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("no server is running")
	}
	ts.Check(s.(*server).stop())
	log := s.(*server).log.String()
	if !strings.Contains(log, `"stopped"`) {
		ts.Fatalf("the server did not stop cleanly: %s", log)
	}
}

// scriptLogin is "login FILE": the client's id and secret in the JSON file are
// those of the commands that follow.
func scriptLogin(ts *testscript.TestScript, _ bool, args []string) {
	var cred struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &cred); err != nil || cred.ClientID == "" || cred.ClientSecret == "" {
		ts.Fatalf("%s holds no credentials: %v", args[0], err)
	}
	ts.Setenv("TOLLBOOK_CLIENT_ID", cred.ClientID)
	ts.Setenv("TOLLBOOK_CLIENT_SECRET", cred.ClientSecret)
}

// scriptCount is "count N FILE": the file has N lines.
func scriptCount(ts *testscript.TestScript, _ bool, args []string) {
	if n := strings.Count(ts.ReadFile(args[1]), "\n"); fmt.Sprint(n) != args[0] {
		ts.Fatalf("%s has %d lines, want %s", args[1], n, args[0])
	}
}

// scriptSHA256 is "sha256 FILE": SHA256 is the file's from then on.
func scriptSHA256(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv("SHA256", fmt.Sprintf("%x", sha256.Sum256([]byte(ts.ReadFile(args[0])))))
}

// scriptNow is "now": NOW is the time from then on.
func scriptNow(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Setenv("NOW", time.Now().UTC().Format(time.RFC3339Nano))
}

// scriptSame is "[!] same FILE FILE": the files are equal.
func scriptSame(ts *testscript.TestScript, neg bool, args []string) {
	if same := ts.ReadFile(args[0]) == ts.ReadFile(args[1]); same == neg {
		ts.Fatalf("%s and %s: same is %v", args[0], args[1], same)
	}
}
