package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/sync/singleflight"
)

// Bounds and times of what is fetched from an external issuer.
const (
	keyMaxAge     = time.Hour       // its description and keys are fetched anew
	refetchAfter  = 5 * time.Second // at the earliest, after success and failure
	fetchTimeout  = 10 * time.Second
	maxFetchBytes = 1 << 20
	maxRedirects  = 5
)

// issuerMetadata is what an issuer's discovery document says about it.
type issuerMetadata struct {
	Issuer        string `json:"issuer"`
	TokenEndpoint string `json:"token_endpoint"`
	JWKSURI       string `json:"jwks_uri"`
}

// issuerFound is an issuer with its keys.
type issuerFound struct {
	issuerMetadata
	keys *oidc.RemoteKeySet
}

// discovery finds an issuer and remembers it. A failure is remembered as
// well, for refetchAfter, and leaves what was found before in use.
type discovery struct {
	issuer string
	client *http.Client
	clock  func() time.Time

	fetching singleflight.Group

	mu    sync.Mutex
	found *issuerFound // nil: not yet
	err   error        // of the last attempt
	next  time.Time    // attempt
}

// discover returns the issuer, looking it up when that is due. Its error is
// the context's or has the code tollbook.CodeUnavailable.
func (d *discovery) discover(ctx context.Context) (*issuerFound, error) {
	if found, due, err := d.known(); !due {
		return found, err
	}
	// The look-up serves all who wait for it, so it outlives the caller that
	// happened to start it.
	answer := d.fetching.DoChan("", func() (any, error) {
		if found, due, err := d.known(); !due {
			return found, err
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		found, err := d.lookUp(ctx)
		return d.remember(found, err)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case result := <-answer:
		found, _ := result.Val.(*issuerFound)
		return found, result.Err
	}
}

// known returns the outcome of the last look-up, and whether the next is due.
func (d *discovery) known() (found *issuerFound, due bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.clock().Before(d.next) {
		if d.found != nil {
			return d.found, false, nil
		}
		return nil, false, d.err
	}
	return nil, true, nil
}

func (d *discovery) remember(found *issuerFound, err error) (*issuerFound, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock()
	if err != nil {
		d.err, d.next = unavailable("The token issuer cannot be reached.", err), now.Add(refetchAfter)
		if d.found != nil {
			return d.found, nil
		}
		return nil, d.err
	}
	d.found, d.err, d.next = found, nil, now.Add(keyMaxAge)
	return found, nil
}

// lookUp fetches the issuer's description from where OpenID Connect Discovery
// puts it, else from where RFC 8414 does.
func (d *discovery) lookUp(ctx context.Context) (*issuerFound, error) {
	u, err := url.Parse(d.issuer)
	if err != nil {
		return nil, err
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	base := u.Scheme + "://" + u.Host
	var failures []error
	for _, address := range []string{
		base + path + "/.well-known/openid-configuration",
		base + "/.well-known/oauth-authorization-server" + path,
	} {
		m, err := d.fetchMetadata(ctx, address)
		if err == nil {
			keys := oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), d.keyClient()), m.JWKSURI)
			return &issuerFound{issuerMetadata: m, keys: keys}, nil
		}
		failures = append(failures, fmt.Errorf("%s: %w", address, err))
	}
	return nil, errors.Join(failures...)
}

func (d *discovery) fetchMetadata(ctx context.Context, address string) (m issuerMetadata, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return m, err
	}
	req.Header.Set("Accept", "application/json")
	body, err := fetch(d.client, req)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, err
	}
	if m.Issuer != d.issuer {
		return m, fmt.Errorf("it describes the issuer %q, not %q", m.Issuer, d.issuer)
	}
	if err := checkFetchable(m.JWKSURI); err != nil {
		return m, fmt.Errorf("jwks_uri %q: %w", m.JWKSURI, err)
	}
	return m, nil
}

// keyClient returns the HTTP client of a key set.
func (d *discovery) keyClient() *http.Client {
	return &http.Client{Transport: &keyTransport{client: d.client, clock: d.clock}, Timeout: fetchTimeout}
}

// keyTransport fetches a key set. The key set asks whenever a token names an
// unknown key, and anyone can make up such tokens: what was answered less than
// refetchAfter ago is answered again.
type keyTransport struct {
	client *http.Client
	clock  func() time.Time

	mu   sync.Mutex
	next time.Time // fetch
	body []byte
	err  error
}

// RoundTrip answers a key set's request.
func (t *keyTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.clock().Before(t.next) {
		t.body, t.err = fetch(t.client, req.Clone(req.Context()))
		t.next = t.clock().Add(refetchAfter)
	}
	if t.err != nil {
		return nil, t.err
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:  http.Header{"Content-Type": {"application/json"}},
		Body:    io.NopCloser(bytes.NewReader(t.body)),
		Request: req,
	}, nil
}

// fetch returns the body of a successful answer.
func fetch(client *http.Client, req *http.Request) ([]byte, error) {
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() // only read from
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %s", resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxFetchBytes+1))
	if err == nil && len(body) > maxFetchBytes {
		err = fmt.Errorf("the answer is longer than %d bytes", maxFetchBytes)
	}
	return body, err
}

// newHTTPClient returns a client that follows redirects only to where it may
// fetch from in the first place.
func newHTTPClient() *http.Client {
	return &http.Client{
		Timeout: fetchTimeout,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) >= maxRedirects {
				return errors.New("too many redirects")
			}
			return checkFetchable(req.URL.String())
		},
	}
}

// checkFetchable tells whether keys may be fetched from an address: over
// HTTPS, or from this machine.
func checkFetchable(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return errors.New("is not a URL")
	case u.Host == "" || u.User != nil || u.Fragment != "":
		return errors.New("is not an absolute URL without user and fragment")
	case u.Scheme == "https" || u.Scheme == "http" && onLoopback(u.Hostname()):
		return nil
	}
	return errors.New("does not use https")
}

func onLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
