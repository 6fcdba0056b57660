package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Request is one request to the API.
type Request struct {
	Method          string // "": GET
	Path            string // below the base URL, with its query; or an absolute link of the same origin
	Accept          string // "": whatever the server likes best
	ContentType     string
	ContentEncoding string
	Body            []byte

	// Once marks a request that is not safe to repeat: it is repeated only
	// where the server certainly did not act on it.
	Once bool
}

// Response is an answer with a status of 2xx, read to its end.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Get returns the body that a GET of path answers.
func (c *Client) Get(ctx context.Context, path string) ([]byte, error) {
	resp, err := c.Do(ctx, Request{Path: path})
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// Do sends a request with a token and returns the answer. An answer that is
// no success is an *Error. After a 401 the token is renewed and the request
// sent again, once; after 429, 503 and broken connections it is repeated, as
// the package's comment says.
func (c *Client) Do(ctx context.Context, req Request) (*Response, error) {
	u, err := c.resolve(req.Path)
	if err != nil {
		return nil, err
	}
	var resp *Response
	renewed := false
	err = c.retry(ctx, !req.Once, func() error {
		token, err := c.tokens.token(ctx)
		if err != nil {
			return err
		}
		resp, err = c.send(ctx, u.String(), &req, token)
		if refused, ok := errors.AsType[*Error](err); ok && refused.Status == http.StatusUnauthorized && !renewed {
			renewed = true
			if token, err = c.tokens.renew(ctx, token); err != nil {
				return err
			}
			resp, err = c.send(ctx, u.String(), &req, token)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// send sends a request once.
func (c *Client) send(ctx context.Context, url string, req *Request, token string) (*Response, error) {
	method := req.Method
	if method == "" {
		method = http.MethodGet
	}
	hr, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(req.Body))
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	hr.Header.Set("Authorization", "Bearer "+token)
	hr.Header.Set("User-Agent", c.userAgent)
	for name, value := range map[string]string{"Accept": req.Accept, "Content-Type": req.ContentType, "Content-Encoding": req.ContentEncoding} {
		if value != "" {
			hr.Header.Set(name, value)
		}
	}
	resp, err := c.http.Do(hr)
	if err != nil {
		return nil, &connectionError{err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxResponseBytes+1))
	if err != nil {
		return nil, &connectionError{fmt.Errorf("reading the answer of %s %s: %w", method, url, err)}
	}
	if len(body) > MaxResponseBytes {
		return nil, fmt.Errorf("client: the answer of %s %s is larger than %d bytes", method, url, MaxResponseBytes)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, c.errorOf(resp.StatusCode, resp.Header, body)
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// connectionError is a request of which nobody knows whether it arrived.
type connectionError struct{ err error }

func (e *connectionError) Error() string { return e.err.Error() }
func (e *connectionError) Unwrap() error { return e.err }

// The pauses between tries: the first, and the longest that is not asked for
// by the server.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 10 * time.Second
)

// retry calls try until it succeeds, fails for good, or has been called often
// or long enough. Each pause is twice the one before, half of it by chance so
// that clients that failed together do not come back together.
func (c *Client) retry(ctx context.Context, safe bool, try func() error) error {
	last := c.now().Add(c.retryFor)
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := try()
		if err == nil || ctx.Err() != nil || attempt >= c.attempts {
			return err
		}
		asked, again := repeatable(err, safe)
		if !again {
			return err
		}
		wait := max(asked, pause/2+time.Duration(c.jitter()*float64(pause/2)))
		if c.now().Add(wait).After(last) {
			return err
		}
		if ended := c.sleep(ctx, wait); ended != nil {
			return fmt.Errorf("client: %w while waiting to repeat a request that failed: %w", ended, err)
		}
		pause = min(2*pause, longestPause)
	}
}

// repeatable tells whether a request that failed with err may be repeated,
// and how long the server asked to wait.
func repeatable(err error, safe bool) (wait time.Duration, again bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		again = e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable && safe
		return e.RetryAfter, again
	}
	if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); untrusted {
		return 0, false
	}
	_, broken := errors.AsType[*connectionError](err)
	return 0, broken && safe
}
