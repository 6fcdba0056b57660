// Package client talks to a Tollbook server: it reads the Billing Insights
// API, sends usage events and defines organizations, accounts, products, rate
// cards and clients.
//
//	c, err := client.New(client.Config{BaseURL: "https://billing.example.com", ClientID: id, ClientSecret: secret})
//	for record, err := range c.Usage(ctx, client.UsageQuery{Filter: "month eq '2026-08'"}) {
//		…
//	}
//
// Tokens are fetched and renewed as needed. Quantities and money are exact
// decimals, never floats. Requests that are safe to repeat, which ingest is,
// are repeated after 429, 503 and broken connections, for a bounded number of
// times and a bounded time.
package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The defaults and bounds of a Client.
const (
	// DefaultAttempts is how often a request is tried in all.
	DefaultAttempts = 6
	// DefaultRetryFor is how long after the first try another may start.
	DefaultRetryFor = time.Minute
	// DefaultTimeout is how long one try may take.
	DefaultTimeout = 2 * time.Minute
	// MaxResponseBytes is the largest answer that is read.
	MaxResponseBytes = 64 << 20

	defaultUserAgent = "tollbook-client"
)

// Config says which server to talk to, and as whom.
type Config struct {
	BaseURL string // e.g. https://billing.example.com; may end in a path

	ClientID     string
	ClientSecret string
	Key          *Key     // in place of ClientSecret: private_key_jwt
	Scopes       []string // none: all that the client is granted
	TokenURL     string   // "": BaseURL + /oauth/token

	HTTPClient *http.Client  // nil: one with DefaultTimeout
	UserAgent  string        // "": tollbook-client
	Attempts   int           // 0: DefaultAttempts; 1: no retries
	RetryFor   time.Duration // 0: DefaultRetryFor

	// Clock, pauses and chance, for tests. Sleep returns early with the
	// context's error; Jitter returns a number in [0, 1).
	Now    func() time.Time
	Sleep  func(ctx context.Context, d time.Duration) error
	Jitter func() float64
}

// Client is a client of one server. It may be used concurrently.
type Client struct {
	base      *url.URL
	http      *http.Client
	userAgent string
	attempts  int
	retryFor  time.Duration
	now       func() time.Time
	sleep     func(context.Context, time.Duration) error
	jitter    func() float64
	tokens    *tokenSource
}

// New returns a client. It makes no request yet.
func New(cfg Config) (*Client, error) {
	base, err := parseBase(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	switch {
	case cfg.ClientID == "":
		return nil, errors.New("client: no client id")
	case cfg.ClientSecret == "" && cfg.Key == nil:
		return nil, errors.New("client: neither a client secret nor a key")
	case cfg.ClientSecret != "" && cfg.Key != nil:
		return nil, errors.New("client: both a client secret and a key")
	}
	c := &Client{
		base:      base,
		http:      withoutRedirects(cfg.HTTPClient),
		userAgent: cfg.UserAgent,
		attempts:  cfg.Attempts,
		retryFor:  cfg.RetryFor,
		now:       cfg.Now,
		sleep:     cfg.Sleep,
		jitter:    cfg.Jitter,
	}
	c.setDefaults()
	c.tokens, err = newTokenSource(c, cfg)
	return c, err
}

func (c *Client) setDefaults() {
	if c.userAgent == "" {
		c.userAgent = defaultUserAgent
	}
	if c.attempts <= 0 {
		c.attempts = DefaultAttempts
	}
	if c.retryFor <= 0 {
		c.retryFor = DefaultRetryFor
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.sleep == nil {
		c.sleep = sleep
	}
	if c.jitter == nil {
		c.jitter = rand.Float64
	}
}

func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(s, "/"))
	if err != nil {
		return nil, fmt.Errorf("client: base URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("client: base URL %q is not of the form https://host[:port][/path]", s)
	}
	return u, nil
}

// withoutRedirects returns h, or the default, following no redirects: the API
// has none, and one could carry the token to another host.
func withoutRedirects(h *http.Client) *http.Client {
	var own http.Client
	if h != nil {
		own = *h
	} else {
		own.Timeout = DefaultTimeout
		own.Transport = newTransport()
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// resolve returns the URL of a path below the base, or of an absolute link of
// the base's origin. A link to another origin is refused: following it would
// hand our token to a stranger.
func (c *Client) resolve(ref string) (*url.URL, error) {
	if strings.HasPrefix(ref, "/") {
		u, err := url.Parse(c.base.String() + ref)
		if err != nil {
			return nil, fmt.Errorf("client: %w", err)
		}
		return u, nil
	}
	u, err := url.Parse(ref)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if !u.IsAbs() {
		return nil, fmt.Errorf("client: path %q does not start with /", ref)
	}
	if origin(u) != origin(c.base) {
		return nil, fmt.Errorf("client: the link %s leads away from %s; it is not followed, for that would send the token there; is the base URL the server's public one?", u.Redacted(), origin(c.base))
	}
	return u, nil
}

// origin returns scheme, host and port, the latter filled in.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
