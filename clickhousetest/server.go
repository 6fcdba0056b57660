package clickhousetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

const (
	// startTime is how long a server may take to answer after it was started,
	// on a machine that does much else.
	startTime = time.Minute
	// pollTime is between two questions whether it answers.
	pollTime = 10 * time.Millisecond

	serverLog = "server.log" // what ClickHouse logs
	outputLog = "output.log" // what the process writes

	// shownLog is how much of the end of a log is shown, in bytes.
	shownLog = 16 << 10
)

// keepUp has the server listen, and then do nothing for ever.
const keepUp = "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; " +
	"SELECT sleepEachRow(1) FROM system.numbers SETTINGS max_block_size = 1, " +
	"function_sleep_max_microseconds_per_block = 0, max_execution_time = 0 FORMAT Null"

// Server is a ClickHouse server. Its methods may be called at the same time,
// but Restart only by the goroutine that runs the test.
type Server struct {
	tb                testing.TB
	engine            engine
	dir               string
	httpPort, tcpPort int
	partsPort         int // where parts are sent from; 0 without replicas

	mu    sync.Mutex
	proc  *process     // nil before the first start
	parts *http.Server // sends parts while the process is there; nil without replicas
	held  sync.Map     // channels by the tables and names of parts that are not to be sent yet
}

// Addr is where the server speaks the native protocol, as host:port.
func (s *Server) Addr() string { return address(s.tcpPort) }

// HTTPURL is where the server speaks HTTP, without a slash at the end.
func (s *Server) HTTPURL() string { return "http://" + address(s.httpPort) }

// Pid is the number of the server's process.
func (s *Server) Pid() int { return s.process().pid() }

// Kill ends the server by SIGKILL and returns when it has ended. To kill it
// again does nothing.
func (s *Server) Kill() {
	s.process().kill()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts != nil {
		// It fails only if its socket is closed already.
		_ = s.parts.Close()
	}
}

// Stop stops the server by SIGSTOP: connections stay open and are not
// answered. It returns when the server has stopped.
func (s *Server) Stop() {
	s.tb.Helper()
	if err := s.process().stop(); err != nil {
		s.tb.Errorf("stop ClickHouse: %v", err)
	}
}

// Continue has a server go on that was stopped.
func (s *Server) Continue() {
	s.tb.Helper()
	if err := s.process().cont(); err != nil {
		s.tb.Errorf("continue ClickHouse: %v", err)
	}
}

// Restart starts the server on the same ports and data and returns when it
// answers. A server that still runs is killed first.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Kill()
	s.launch()
	s.await()
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Server) process() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc
}

// launch starts the process, which does not answer yet.
func (s *Server) launch() {
	s.tb.Helper()
	var args []string
	if s.partsPort != 0 {
		args = append(args, "-interserver", address(s.partsPort))
	}
	args = append(args, s.engine.library,
		"--config-file="+s.path("config.xml"), "--log-level=information", "--query="+keepUp)
	// The overlay database reads files of its working directory: an empty one.
	proc := launch(s.tb, "ClickHouse", s.path("work"), s.path(outputLog), s.engine.launcher, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proc = proc
	if s.partsPort != 0 {
		s.parts = s.sendParts()
	}
}

// launch starts a program that writes into a log.
func launch(tb testing.TB, what, dir, log, program string, args ...string) *process {
	tb.Helper()
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		tb.Fatal(err)
	}
	defer out.Close() // the process has its own
	proc, err := startProcess(dir, out, program, args...)
	if err != nil {
		tb.Fatalf("start %s: %v", what, err)
	}
	return proc
}

// await returns when the server answers on both ports.
func (s *Server) await() {
	s.tb.Helper()
	await(s.tb, "ClickHouse", s.process(), s.ping)
}

// await returns when a program answers.
func await(tb testing.TB, what string, proc *process, ping func(context.Context) error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), startTime)
	defer cancel()
	poll := time.NewTicker(pollTime)
	defer poll.Stop()
	for {
		err := ping(ctx)
		if err == nil {
			return
		}
		select {
		case <-poll.C:
		case <-proc.done:
			tb.Fatalf("%s ended when it was started: %v", what, proc.err)
		case <-ctx.Done():
			tb.Fatalf("%s does not answer in %v: %v", what, startTime, err)
		}
	}
}

func (s *Server) ping(ctx context.Context) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr())
	if err != nil {
		return err
	}
	conn.Close()
	_, err = s.request(ctx, http.MethodGet, "/ping", nil, nil)
	return err
}

// cleanUp ends the server with the test.
func (s *Server) cleanUp() {
	what := "ClickHouse on " + s.Addr()
	fell := false
	if p := s.process(); p != nil {
		s.Kill()
		if fell = !p.killed.Load(); fell {
			s.tb.Logf("%s ended by itself: %v", what, p.err)
		}
	}
	if fell || s.tb.Failed() {
		showLogs(s.tb, what, s.path(outputLog), s.path(serverLog))
	}
}

// showLogs shows the ends of logs.
func showLogs(tb testing.TB, what string, names ...string) {
	for _, name := range names {
		text, err := tail(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			tb.Error(err)
		}
		if len(text) > 0 {
			tb.Logf("%s, end of %s:\n%s", what, filepath.Base(name), text)
		}
	}
}

// tail reads the end of a file, in whole lines.
func tail(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() <= shownLog {
		text, errRead := io.ReadAll(f)
		return text, errors.Join(err, errRead)
	}
	text := make([]byte, shownLog)
	n, err := f.ReadAt(text, info.Size()-shownLog)
	if err != nil && err != io.EOF {
		return nil, err
	}
	_, text, _ = bytes.Cut(text[:n], []byte("\n"))
	return text, nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
