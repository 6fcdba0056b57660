package clickhousetest

import (
	"bufio"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// childMode names the variable that tells the test binary, run by itself, how
// to end.
const childMode = "TOLLBOOK_CLICKHOUSETEST_CHILD"

// child prepares to run one test of this binary in a process of its own.
func child(t *testing.T, test string, env ...string) *osexec.Cmd {
	t.Helper()
	cmd := osexec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.v")
	cmd.Env = append(append(os.Environ(), "TMPDIR="+t.TempDir()), env...)
	return cmd
}

// TestNoOrphans: a server ends with the process that started it, however that
// ends.
func TestNoOrphans(t *testing.T) {
	Need(t)
	for _, mode := range []string{"kill", "panic", "exit"} {
		t.Run(mode, func(t *testing.T) {
			cmd := child(t, "TestChildWithServer", childMode+"="+mode)
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			pid := readPid(t, bufio.NewScanner(stdout))
			fd, err := unix.PidfdOpen(pid, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)

			if mode == "kill" {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			if err := stdin.Close(); err != nil { // go on
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Error("the process ended well")
			}
			awaitEnd(t, fd)
		})
	}
}

func readPid(t *testing.T, lines *bufio.Scanner) int {
	t.Helper()
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "server "); ok {
			pid, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatalf("the process did not start a server: %v", lines.Err())
	return 0
}

// awaitEnd waits for the end of a process; there is an event for it.
func awaitEnd(t *testing.T, pidfd int) {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int((10 * time.Second).Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil || n != 1 {
			t.Errorf("the server outlives the process that started it (%v)", err)
		}
		return
	}
}

// TestChildWithServer is run by TestNoOrphans in a process of its own.
func TestChildWithServer(t *testing.T) {
	mode := os.Getenv(childMode)
	if mode == "" {
		t.Skip("it is a part of TestNoOrphans")
	}
	s := Start(t, Options{})
	if mode == "panic" {
		s.Stop() // a stopped process does nothing about its own end
	}
	os.Stdout.WriteString("\nserver " + strconv.Itoa(s.Pid()) + "\n")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until it is closed
	switch mode {
	case "panic":
		panic("of TestNoOrphans")
	case "exit":
		os.Exit(3)
	}
}

// TestNotInstalled: a test that cannot be run says so, and does not fail.
func TestNotInstalled(t *testing.T) {
	list := filepath.Join(t.TempDir(), "not-run")
	cmd := child(t, "TestAnswers", "XDG_CACHE_HOME="+t.TempDir(), "TOLLBOOK_TEST_NOT_RUN="+list)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	line, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(line), string(out)} {
		if !strings.Contains(text, "TestAnswers: "+errNotInstalled.Error()) {
			t.Errorf("%q does not say what was not run", text)
		}
	}
}

// TestReplicasNotAskedFor: tests of replicas are run where that is asked for;
// elsewhere they say so.
func TestReplicasNotAskedFor(t *testing.T) {
	Need(t)
	list := filepath.Join(t.TempDir(), "not-run")
	cmd := child(t, "TestReplicasOfShards", replicasVariable+"=", "TOLLBOOK_TEST_NOT_RUN="+list)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if line, err := os.ReadFile(list); err != nil || string(line) != "TestReplicasOfShards: it needs ZooKeeper: make replicas\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// TestBuildAtOnce: the launcher may be built by many at the same time.
func TestBuildAtOnce(t *testing.T) {
	source, err := sourceDir()
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			name, err := buildLauncher(source, cache)
			if err != nil {
				t.Error(err)
				return
			}
			// Without arguments it says how it is used.
			out, err := osexec.Command(name).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "usage:") {
				t.Errorf("%v, %s", err, out)
			}
		})
	}
	wg.Wait()
	if files, err := os.ReadDir(cache); err != nil || len(files) != 1 {
		t.Errorf("%v, %v, want the launcher alone", files, err)
	}
}
