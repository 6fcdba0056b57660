// Package server runs the real tollbook command, once over a directory of its
// own or several times over one ClickHouse, and talks to it over HTTP, as an
// engine of a benchmark.
package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"tollbook"
	"tollbook/bench/proc"
	"tollbook/client"
	"tollbook/load"
)

// Server is one or more running tollbook servers with the workload's
// definitions.
type Server struct {
	w       *load.Workload
	program string
	version string
	dir     string // holds the data directory
	ledger  Ledger
	nodes   []*node
	dialled atomic.Uint64      // connections so far
	refused atomic.Uint64      // batches of streams
	cred    client.Credentials // of the organization, to post and to read
}

// node is one server.
type node struct {
	process *proc.Started
	url     string
}

// Ledger says where servers keep what they count. The zero value is one server
// with a directory.
type Ledger struct {
	Store     string // the address of a ClickHouse, which may have several servers
	Servers   int
	Freshness time.Duration
	Migrated  func(context.Context) error // called when its tables have been made
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

// Start makes a data directory below dir and serves it. With a ClickHouse that
// a run before has defined everything in, dir must be that of the run.
func Start(ctx context.Context, w *load.Workload, program, dir string, ledger Ledger) (*Server, error) {
	s := &Server{w: w, program: program, dir: dir, ledger: ledger}
	text, err := s.command(ctx, "version").Output()
	if err != nil {
		return nil, fmt.Errorf("tollbook version: %w", err)
	}
	s.version, _, _ = strings.Cut(strings.TrimSpace(string(text)), "\n")
	err = readJSON(s.credentials(), &s.cred)
	if errors.Is(err, fs.ErrNotExist) {
		return s, s.startNew(ctx)
	}
	if err == nil {
		err = s.serve(ctx)
	}
	return s, err
}

// startNew makes what is served first.
func (s *Server) startNew(ctx context.Context) error {
	if s.ledger.Store != "" {
		if out, err := s.command(ctx, "clickhouse", "migrate").CombinedOutput(); err != nil {
			return fmt.Errorf("tollbook clickhouse migrate: %w: %s", err, out)
		}
		if err := s.ledger.Migrated(ctx); err != nil {
			return err
		}
	}
	text, err := s.command(ctx, "init", "--data", s.data(), "--output", "json").Output()
	var operator client.Credentials
	if err == nil {
		err = json.Unmarshal(text, &operator)
	}
	if err != nil {
		return fmt.Errorf("tollbook init: %w", err)
	}
	if err := s.serve(ctx); err != nil {
		return err
	}
	if err = s.define(ctx, operator); err == nil {
		err = s.known(ctx)
	}
	if err == nil {
		err = writeJSON(s.credentials(), s.cred)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("defining: %w", err), s.Close())
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) credentials() string { return filepath.Join(s.dir, "client.json") }

func readJSON(name string, to any) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

func writeJSON(name string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o600)
}

// command prepares a run of the command without settings from outside.
func (s *Server) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.program, args...)
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "TOLLBOOK_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	if s.ledger.Store != "" {
		cmd.Env = append(cmd.Env, "TOLLBOOK_STORE="+s.ledger.Store, "TOLLBOOK_FRESHNESS="+s.ledger.Freshness.String())
	}
	return cmd
}

// serve starts the servers and returns when they listen. They outlive ctx:
// Close ends them.
func (s *Server) serve(ctx context.Context) error {
	s.nodes = nil
	for range max(s.ledger.Servers, 1) {
		n, err := s.serveOne(ctx)
		if err != nil {
			return errors.Join(err, s.Close())
		}
		s.nodes = append(s.nodes, n)
	}
	return nil
}

// serveOne starts a server; links and tokens are those of the first one.
func (s *Server) serveOne(ctx context.Context) (*node, error) {
	log := &serverLog{listening: make(chan string, 1)}
	args := []string{"serve", "--data", s.data(), "--listen", "127.0.0.1:0"}
	if len(s.nodes) > 0 {
		args = append(args, "--public-url", s.nodes[0].url)
	}
	cmd := s.command(context.WithoutCancel(ctx), args...)
	cmd.Stderr = log
	process, err := proc.Start(cmd)
	if err != nil {
		return nil, err
	}
	select {
	case url := <-log.listening:
		return &node{process, url}, nil
	case <-process.Done():
		return nil, fmt.Errorf("the server ended: %w: %s", process.Err(), log.text())
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), process.Stop(syscall.SIGTERM))
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
	c, err := client.New(client.Config{BaseURL: s.nodes[0].url, ClientID: operator.ClientID, ClientSecret: operator.ClientSecret})
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
