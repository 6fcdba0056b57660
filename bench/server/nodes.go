package server

import (
	"context"
	"errors"
	"syscall"
	"time"

	"tollbook/bench/proc"
	"tollbook/client"
)

// Client returns a client of the organization that does not repeat requests.
func (s *Server) Client() (*client.Client, error) { return s.client(s.nodes[0]) }

// Clients returns such a client of each server.
func (s *Server) Clients() (all []*client.Client, err error) {
	for _, n := range s.nodes {
		c, err := s.client(n)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func (s *Server) client(n *node) (*client.Client, error) {
	return client.New(client.Config{BaseURL: n.url, ClientID: s.cred.ClientID, ClientSecret: s.cred.ClientSecret, Attempts: 1})
}

// AsOf returns up to when everything is in a page.
func AsOf(ctx context.Context, c *client.Client) (time.Time, error) {
	page, err := c.UsagePage(ctx, client.UsageQuery{PerPage: 1})
	return page.AsOf, err
}

// What a server that does not know of a definition yet is given, and between
// two looks whether it does.
const (
	knownAtMost = 10 * time.Second
	knownEvery  = 50 * time.Millisecond
)

// known returns when every server knows the client, which was defined last.
func (s *Server) known(ctx context.Context) error {
	clients, err := s.Clients()
	if err != nil {
		return err
	}
	for start, i := time.Now(), 0; i < len(clients); {
		_, err := AsOf(ctx, clients[i])
		switch {
		case err == nil:
			i++
		case time.Since(start) > knownAtMost:
			return err
		default:
			if err := Until(ctx, time.Now().Add(knownEvery)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Name returns the name and version.
func (s *Server) Name() string { return s.version }

// CPU returns the seconds of processor time that the servers have used.
func (s *Server) CPU() (float64, error) { return sum(s, proc.CPU) }

// PeakMemory returns the most bytes that the servers had in memory.
func (s *Server) PeakMemory() (int64, error) { return sum(s, proc.PeakMemory) }

// Memory returns the bytes that the servers have in memory now.
func (s *Server) Memory() (int64, error) { return sum(s, proc.Memory) }

// sum adds what each server's process has of something.
func sum[N int64 | float64](s *Server, of func(pid int) (N, error)) (sum N, err error) {
	for _, n := range s.nodes {
		v, err := of(n.process.Process.Pid)
		if err != nil {
			return 0, err
		}
		sum += v
	}
	return sum, nil
}

// Disk returns the bytes of the data directory.
func (s *Server) Disk(context.Context) (int64, error) { return proc.Disk(s.data()) }

// Events returns -1: how many events there are is told by the log alone.
func (s *Server) Events(context.Context) (int64, error) { return -1, nil }

// Kill ends the servers without warning.
func (s *Server) Kill() {
	for _, n := range s.nodes {
		n.process.Kill()
	}
}

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
		if _, err := c.Get(ctx, "/readyz"); !Unavailable(err) {
			return err
		}
		if err := Until(ctx, time.Now().Add(readyEvery)); err != nil {
			return err
		}
	}
}

// Close ends the servers.
func (s *Server) Close() (err error) {
	for _, n := range s.nodes {
		err = errors.Join(err, n.process.Stop(syscall.SIGTERM))
	}
	return err
}
