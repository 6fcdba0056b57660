package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Bounds of one attempt.
const (
	// Timeout is how long an attempt may take, from the lookup of the host to
	// the end of the answer.
	Timeout = 10 * time.Second

	maxAnswerBytes = 64 << 10 // read, to be polite, and thrown away
	maxHeaderBytes = 64 << 10
)

// Message is one attempt to send a message.
type Message struct {
	URL     string
	ID      string    // the same in every attempt
	At      time.Time // of the attempt
	Secrets []string  // the message is signed with each of them
	Body    []byte    // JSON
}

// Answer is what came of an attempt.
type Answer struct {
	Status int   // of HTTP; 0: none came
	Err    error // why the message has not been received; it does not show the URL
}

// Received tells whether the receiver has said that it has the message.
func (a Answer) Received() bool { return a.Err == nil }

// Sender sends messages. It may be used concurrently.
type Sender struct {
	userAgent    string
	https, plain *http.Client
}

// SenderConfig is what a Sender is made of.
type SenderConfig struct {
	Policy    Policy
	UserAgent string
	Timeout   time.Duration  // 0: Timeout
	RootCAs   *x509.CertPool // nil: the system's
}

// NewSender returns a Sender. It follows no redirect, uses no proxy and keeps
// no connection.
func NewSender(cfg SenderConfig) *Sender {
	if cfg.Timeout == 0 {
		cfg.Timeout = Timeout
	}
	return &Sender{cfg.UserAgent, newClient(&cfg, false), newClient(&cfg, true)}
}

// newClient returns a client for https, or for plain http, each of which may
// connect to addresses of its own.
func newClient(cfg *SenderConfig, plain bool) *http.Client {
	dialer := &net.Dialer{
		Timeout: cfg.Timeout,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			return cfg.Policy.checkAddress(at.Addr(), plain)
		},
	}
	return &http.Client{
		Timeout:       cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // it would connect to the address in our stead
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12},
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeaderBytes,
		},
	}
}

// Send makes one attempt to send a message. It has been received when the
// receiver answers with a status from 200 to 299.
func (s *Sender) Send(ctx context.Context, m Message) Answer {
	r, err := s.request(ctx, m)
	if err != nil {
		return Answer{Err: err}
	}
	client := s.https
	if r.URL.Scheme == "http" {
		client = s.plain
	}
	resp, err := client.Do(r)
	if err != nil {
		return Answer{Err: cause(err)}
	}
	defer resp.Body.Close()
	// Whether the rest of the answer comes makes no difference.
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswerBytes)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return Answer{resp.StatusCode, fmt.Errorf("the receiver answered %d", resp.StatusCode)}
	}
	return Answer{Status: resp.StatusCode}
}

func (s *Sender) request(ctx context.Context, m Message) (*http.Request, error) {
	var signatures []string
	for _, secret := range m.Secrets {
		signature, err := Sign(secret, m.ID, m.At, m.Body)
		if err != nil {
			return nil, err
		}
		signatures = append(signatures, signature)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return nil, cause(err)
	}
	if r.URL.Scheme != "http" && r.URL.Scheme != "https" || r.URL.User != nil {
		return nil, errors.New("the address is not one that messages are sent to")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", s.userAgent)
	r.Header.Set(HeaderID, m.ID)
	r.Header.Set(HeaderTimestamp, strconv.FormatInt(m.At.Unix(), 10))
	r.Header.Set(HeaderSignature, strings.Join(signatures, " "))
	return r, nil
}

// cause takes off what shows the URL, which may hold what is nobody's
// business.
func cause(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		if u.Timeout() {
			return errors.New("the receiver did not answer in time")
		}
		return u.Err
	}
	return err
}
