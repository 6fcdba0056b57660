package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/sync/errgroup"

	"tollbook/bench/duty"
	"tollbook/client"
)

// request is a whole HTTP request that posts events.
type request []byte

// Prepare makes the run's requests: all that is left to do while it is
// measured is to write them and to read the answers.
func (s *Server) Prepare(ctx context.Context, r duty.Run) (duty.Send, error) {
	maker, err := s.newMaker(ctx)
	if err != nil {
		return nil, err
	}
	var requests []request
	err = r.Batches(func(from, to uint64) error {
		requests = append(requests, maker.request(from, to))
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (duty.Outcome, error) { return s.send(ctx, requests, r.Conns) }, nil
}

// maker makes requests.
type maker struct {
	s      *Server
	host   string
	token  string
	events []byte
}

func (s *Server) newMaker(ctx context.Context) (*maker, error) {
	base, err := url.Parse(s.nodes[0].url)
	if err != nil {
		return nil, err
	}
	conf := clientcredentials.Config{ClientID: s.cred.ClientID, ClientSecret: s.cred.ClientSecret, TokenURL: s.nodes[0].url + "/oauth/token"}
	token, err := conf.Token(ctx)
	if err != nil {
		return nil, err
	}
	return &maker{s: s, host: base.Host, token: token.AccessToken}, nil
}

// request returns a request that posts a range of events.
func (m *maker) request(from, to uint64) request {
	m.events = m.s.w.AppendArray(m.events[:0], from, to)
	head := fmt.Appendf(nil, "POST /v1/events HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", m.host, m.token, len(m.events))
	return append(head, m.events...)
}

// send sends requests on so many connections and returns when all have been
// answered. One that is answered by anything but a receipt is an error.
func (s *Server) send(ctx context.Context, requests []request, conns int) (sum duty.Outcome, err error) {
	var mu sync.Mutex
	queue := make(chan request, len(requests))
	for _, r := range requests {
		queue <- r
	}
	close(queue)
	g, ctx := errgroup.WithContext(ctx)
	for range min(conns, len(requests)) {
		g.Go(func() error {
			c, err := s.dial(ctx)
			if err != nil {
				return err
			}
			defer c.close()
			var own duty.Outcome
			for r := range queue {
				a, err := c.post(r)
				if err != nil {
					return err
				}
				if a.status != http.StatusOK {
					return fmt.Errorf("the server answered %d: %s", a.status, a.body)
				}
				own.Add(a.outcome)
			}
			mu.Lock()
			defer mu.Unlock()
			sum.Add(own)
			return nil
		})
	}
	err = g.Wait()
	return sum, err
}

// conn is a connection that is kept open. It is written by hand, for the load
// is made on the cores that the server needs.
type conn struct {
	net.Conn
	in   *bufio.Reader
	stop func() bool
}

// dial connects to the servers in turn.
func (s *Server) dial(ctx context.Context) (*conn, error) {
	turn := (s.dialled.Add(1) - 1) % uint64(len(s.nodes))
	base, err := url.Parse(s.nodes[turn].url)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", base.Host)
	if err != nil {
		return nil, err
	}
	// A cancelled run does not wait for an answer.
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	return &conn{c, bufio.NewReader(c), stop}, nil
}

func (c *conn) close() {
	c.stop()
	_ = c.Close() // all that was asked has been answered
}

// answer is what a server said to a request.
type answer struct {
	status  int
	outcome duty.Outcome
	body    []byte
	close   bool // the server closes the connection
}

// post sends a request and reads its answer.
func (c *conn) post(r request) (a answer, err error) {
	if _, err := c.Write(r); err != nil {
		return a, err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return a, err
	}
	a.status, a.close = res.StatusCode, res.Close
	a.body, err = io.ReadAll(res.Body)
	if err != nil || a.status != http.StatusOK {
		return a, err
	}
	var receipt client.Receipt
	if err := json.Unmarshal(a.body, &receipt); err != nil {
		return a, err
	}
	a.outcome = outcomeOf(&receipt)
	return a, nil
}
