// Package server runs the real tollbook command over a directory of its own
// and talks to it over HTTP, as an engine of a benchmark.
package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"tollbook"
	"tollbook/bench/proc"
	"tollbook/client"
	"tollbook/load"
)

// Server is a running tollbook server with the workload's definitions.
type Server struct {
	w       *load.Workload
	program string
	version string
	dir     string // holds the data directory
	process *proc.Started
	url     string
	cred    client.Credentials // of the organization, to post and to read
}

// The names of what the benchmark defines.
const (
	organization = "bench"
	card         = "bench-usd"
)

// Build builds the command from the module in root.
func Build(ctx context.Context, root, program string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-C", root, "-o", program, "./cmd/tollbook")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building tollbook: %w: %s", err, out)
	}
	return nil
}

// Start makes a data directory below dir and serves it.
func Start(ctx context.Context, w *load.Workload, program, dir string) (*Server, error) {
	s := &Server{w: w, program: program, dir: dir}
	text, err := s.command(ctx, "version").Output()
	if err != nil {
		return nil, fmt.Errorf("tollbook version: %w", err)
	}
	s.version, _, _ = strings.Cut(strings.TrimSpace(string(text)), "\n")
	text, err = s.command(ctx, "init", "--data", s.data(), "--output", "json").Output()
	var operator client.Credentials
	if err == nil {
		err = json.Unmarshal(text, &operator)
	}
	if err != nil {
		return nil, fmt.Errorf("tollbook init: %w", err)
	}
	if err := s.serve(ctx); err != nil {
		return nil, err
	}
	if err := s.define(ctx, operator); err != nil {
		return nil, errors.Join(fmt.Errorf("defining: %w", err), s.Close())
	}
	return s, nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// command prepares a run of the command without settings from outside.
func (s *Server) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.program, args...)
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "TOLLBOOK_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	return cmd
}

// serve starts the server and returns when it listens. It outlives ctx: Close
// ends it.
func (s *Server) serve(ctx context.Context) error {
	log := &serverLog{listening: make(chan string, 1)}
	cmd := s.command(context.WithoutCancel(ctx), "serve", "--data", s.data(), "--listen", "127.0.0.1:0")
	cmd.Stderr = log
	process, err := proc.Start(cmd)
	if err != nil {
		return err
	}
	s.process = process
	select {
	case s.url = <-log.listening:
		return nil
	case <-process.Done():
		return fmt.Errorf("the server ended: %w: %s", process.Err(), log.text())
	case <-ctx.Done():
		return errors.Join(ctx.Err(), s.Close())
	}
}

// serverLog is what a server says, as far as it is of use.
type serverLog struct {
	listening chan string // receives the address once

	mu   sync.Mutex
	head []byte // no more than maxLog
	seen bool
}

const maxLog = 64 << 10

func (l *serverLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.head = append(l.head, p[:min(len(p), maxLog-len(l.head))]...)
	for line := range bytes.Lines(l.head) {
		var entry struct{ Msg, URL string }
		if !l.seen && json.Unmarshal(line, &entry) == nil && entry.Msg == "listening" {
			l.seen = true
			l.listening <- entry.URL
		}
	}
	return len(p), nil
}

func (l *serverLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.head)
}

// definers is how many accounts are defined at once.
const definers = 16

// define makes the workload's rate card, organization and accounts, and a
// client of the organization.
func (s *Server) define(ctx context.Context, operator client.Credentials) error {
	c, err := client.New(client.Config{BaseURL: s.url, ClientID: operator.ClientID, ClientSecret: operator.ClientSecret})
	if err != nil {
		return err
	}
	if _, err := c.PutRateCard(ctx, card, []byte(s.w.Card())); err != nil {
		return err
	}
	org, cardID := organization, card
	if err := c.PutOrganization(ctx, org, client.OrganizationSpec{Name: org, Entitled: true, RateCardID: &cardID}); err != nil {
		return err
	}
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(definers)
	for i := range s.w.Accounts {
		id := s.w.AccountID(i)
		g.Go(func() error {
			return c.PutAccount(each, id, client.AccountSpec{OrganizationID: org, Name: id, Status: "ACTIVE", TimeZone: "UTC"})
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	s.cred, err = c.CreateClient(ctx, client.ClientSpec{OrganizationID: &org, Name: "bench", Scopes: []string{tollbook.ScopeUsageRead, tollbook.ScopeEventsWrite}})
	return err
}

// Client returns a client of the organization that does not repeat requests.
func (s *Server) Client() (*client.Client, error) {
	return client.New(client.Config{BaseURL: s.url, ClientID: s.cred.ClientID, ClientSecret: s.cred.ClientSecret, Attempts: 1})
}

// Name returns the name and version.
func (s *Server) Name() string { return s.version }

// CPU returns the seconds of processor time that the server has used.
func (s *Server) CPU() (float64, error) { return proc.CPU(s.process.Process.Pid) }

// PeakMemory returns the most bytes that the server had in memory.
func (s *Server) PeakMemory() (int64, error) { return proc.PeakMemory(s.process.Process.Pid) }

// Memory returns the bytes that the server has in memory now.
func (s *Server) Memory() (int64, error) { return proc.Memory(s.process.Process.Pid) }

// Disk returns the bytes of the data directory.
func (s *Server) Disk(context.Context) (int64, error) { return proc.Disk(s.data()) }

// Events returns -1: how many events there are is told by the log alone.
func (s *Server) Events(context.Context) (int64, error) { return -1, nil }

// Kill ends the server without warning.
func (s *Server) Kill() { s.process.Kill() }

// readyEvery is how often a server that starts is asked whether it is ready.
const readyEvery = 10 * time.Millisecond

// Restart starts a server that was killed, and returns when it is ready.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.serve(ctx); err != nil {
		return err
	}
	c, err := s.Client()
	if err != nil {
		return err
	}
	for {
		_, err := c.Get(ctx, "/readyz")
		if refused, ok := errors.AsType[*client.Error](err); !ok || refused.Status != http.StatusServiceUnavailable {
			return err
		}
		if err := until(ctx, time.Now().Add(readyEvery)); err != nil {
			return err
		}
	}
}

// Close ends the server.
func (s *Server) Close() error { return s.process.Stop(syscall.SIGTERM) }
