package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"tollbook"
)

// Bounds and times of the token endpoint and the check.
const (
	MaxFormBytes     = 32 << 10        // of a request to the token endpoint
	MaxTokenBytes    = 8 << 10         // of an access token or a client assertion
	MaxAssertionLife = 5 * time.Minute // how far ahead an assertion's exp may lie
	Skew             = time.Minute     // by which another machine's clock may differ
	DefaultLifetime  = time.Hour       // of an access token
)

// Config is what a Server needs.
type Config struct {
	Issuer string // the public base URL, without a trailing slash
	Keys   *Keys  // that access tokens are signed with; unused with External

	// Client returns the client that is registered under an id, also when it
	// has been revoked.
	Client func(id string) (tollbook.Client, bool)

	// ClientByExternalID returns the client with an id at the external issuer.
	ClientByExternalID func(externalID string) (tollbook.Client, bool)

	// Once tells whether it sees a key for the first time and remembers it at
	// least until then: tollbook.Ledger.Once.
	Once func(ctx context.Context, key [16]byte, until time.Time) (bool, error)

	Clock    func() time.Time
	Rand     io.Reader     // for the ids of tokens
	Lifetime time.Duration // of an access token, whole seconds; 0: DefaultLifetime
	Log      *slog.Logger  // what the token endpoint could not do; nil: nowhere

	External *External // nil: the built-in issuer
}

// Server issues and checks access tokens. Its methods may be called
// concurrently.
type Server struct {
	cfg      Config
	external *externalIssuer // nil: the built-in issuer
	cache    *tokenCache

	randMu sync.Mutex // Config.Rand need not be safe for concurrent use
}

// New returns a Server. It fails when something in the configuration is
// missing or wrong; an external issuer is not contacted yet.
func New(cfg Config) (*Server, error) {
	if err := checkIssuer(cfg.Issuer); err != nil {
		return nil, fmt.Errorf("oauth: issuer %q: %w", cfg.Issuer, err)
	}
	if cfg.Lifetime == 0 {
		cfg.Lifetime = DefaultLifetime
	}
	if cfg.Lifetime < time.Second || cfg.Lifetime%time.Second != 0 {
		return nil, fmt.Errorf("oauth: a token's lifetime is at least a second, in whole seconds, not %v", cfg.Lifetime)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, cache: newTokenCache(cacheSize)}
	if cfg.Clock == nil {
		return nil, errors.New("oauth: no clock")
	}
	if cfg.External == nil {
		if cfg.Keys == nil || cfg.Client == nil || cfg.Once == nil || cfg.Rand == nil {
			return nil, errors.New("oauth: the built-in issuer needs Keys, Client, Once and Rand")
		}
		return s, nil
	}
	if cfg.ClientByExternalID == nil {
		return nil, errors.New("oauth: an external issuer needs ClientByExternalID")
	}
	var err error
	s.external, err = newExternalIssuer(*cfg.External, cfg.Clock)
	return s, err
}

func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case err != nil:
		return errors.New("is not a URL")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return errors.New("is not an absolute http or https URL")
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.ContainsAny(issuer, "?#"):
		return errors.New("has a query, a fragment or a user")
	case strings.HasSuffix(issuer, "/"):
		return errors.New("ends in a slash")
	}
	return nil
}

func (s *Server) tokenEndpoint() string { return s.cfg.Issuer + "/oauth/token" }

func (s *Server) jwksAddress() string { return s.cfg.Issuer + "/oauth/jwks" }

// Grant is what a token allows at the moment it was checked.
type Grant struct {
	Client    tollbook.Client
	Scopes    []string // those of the token that the client is granted; not to be changed
	ExpiresAt time.Time
}

// Has tells whether the grant includes a scope.
func (g *Grant) Has(scope string) bool { return slices.Contains(g.Scopes, scope) }

// common returns those of a that are in b, without copying where all are.
func common(a, b []string) []string {
	in := func(s string) bool { return slices.Contains(b, s) }
	for i := range a {
		if in(a[i]) {
			continue
		}
		out := slices.Clone(a[:i])
		for _, s := range a[i+1:] {
			if in(s) {
				out = append(out, s)
			}
		}
		return out
	}
	return a
}
