package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"tollbook/api"
	"tollbook/book"
	"tollbook/oauth"
)

// Bounds of the HTTP server. A request's body is bounded by the API.
const (
	headerTimeout  = 10 * time.Second
	requestTimeout = 2 * time.Minute
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10

	// shutdownGrace is how long requests under way may take once the server
	// is to stop: less than what supervisors wait before they kill.
	shutdownGrace = 8 * time.Second
)

// nodeConfig is what a server is started with.
type nodeConfig struct {
	data, store            string // the directory, and the ClickHouse that holds the ledger instead of it, or ""
	freshness              time.Duration
	namesMemory            int // MiB
	listen, publicURL      string
	tlsCert, tlsKey        string
	issuer, issuerAudience string
	proxies                []netip.Prefix
	webhookAllow           []netip.Prefix // beside the public addresses
	log                    *slog.Logger
	now                    func() time.Time
	grace                  time.Duration // as shutdownGrace
}

// node is a server: a ledger, the book over it and who serves it.
type node struct {
	cfg      nodeConfig
	ledger   ledger
	book     *book.Book
	http     *http.Server
	listener net.Listener
	url      string // where it can be reached on this machine
	place    string // where its ledger is
}

// openNode opens the data directory and listens; serve answers.
func openNode(ctx context.Context, cfg nodeConfig) (n *node, err error) {
	n = &node{cfg: cfg}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.release())
		}
	}()
	if n.place, err = cfg.place(); err != nil {
		return n, err
	}
	if n.ledger, err = cfg.openLedger(ctx); err != nil {
		return n, err
	}
	webhooks, err := cfg.webhooks()
	if err != nil {
		return n, err
	}
	if n.book, err = book.Open(ctx, n.ledger, book.Options{Clock: cfg.now, Rand: rand.Reader, Logger: cfg.log, Webhooks: webhooks, MaxAge: maxDefinitionAge}); err != nil {
		return n, err
	}
	if err = n.bind(); err != nil {
		return n, err
	}
	handler, err := n.handler()
	if err != nil {
		return n, err
	}
	n.http = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(cfg.log.Handler(), slog.LevelDebug),
	}
	return n, nil
}

// bind listens, with TLS where there is a certificate.
func (n *node) bind() error {
	var secure *tls.Config
	scheme := "http"
	if n.cfg.tlsCert != "" {
		cert, err := tls.LoadX509KeyPair(n.cfg.tlsCert, n.cfg.tlsKey)
		if err != nil {
			return err
		}
		secure = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
		scheme = "https"
	}
	l, err := net.Listen("tcp", n.cfg.listen)
	if err != nil {
		return err
	}
	n.url = scheme + "://" + reachable(l.Addr().(*net.TCPAddr))
	n.listener = l
	if secure != nil {
		n.listener = tls.NewListener(l, secure)
	}
	return nil
}

// reachable returns host and port of an address; one that stands for all of
// the machine's addresses is reached on the loopback.
func reachable(a *net.TCPAddr) string {
	host := a.IP.String()
	if a.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, fmt.Sprint(a.Port))
}

// handler puts the API together.
func (n *node) handler() (http.Handler, error) {
	cfg := &n.cfg
	auth := oauth.Config{
		Issuer: n.url, Client: n.book.Client, ClientByExternalID: n.book.ClientByExternalID, Once: n.ledger.Once,
		Clock: cfg.now, Rand: rand.Reader, Log: cfg.log,
	}
	if cfg.publicURL != "" {
		auth.Issuer = cfg.publicURL
	}
	var err error
	if cfg.issuer != "" {
		auth.External = &oauth.External{IssuerURL: cfg.issuer, Audience: cfg.issuerAudience}
	} else if auth.Keys, err = oauth.OpenKeys(filepath.Join(cfg.data, keysName)); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; 'tollbook key rotate --data %s' makes new ones", err, cfg.data)
	} else if err != nil {
		return nil, err
	}
	server, err := oauth.New(auth)
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(n.ledger, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return api.New(api.Config{
		Book: n.book, OAuth: server, Logger: cfg.log, Clock: cfg.now,
		ListenURL: n.url, PublicURL: cfg.publicURL, Proxies: cfg.proxies, Registry: registry,
	})
}

// serve answers requests until ctx ends, then finishes those under way and
// lets go of everything.
func (n *node) serve(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- n.http.Serve(n.listener) }()
	n.cfg.log.Info("listening", "url", n.url, "ledger", n.place)
	stopWork, stopRefresh := n.startWork(ctx), n.startRefresh(ctx)
	defer stopRefresh()
	select {
	case err := <-failed:
		stopWork()
		return errors.Join(err, n.release())
	case <-ctx.Done():
	}
	stopWork()
	n.cfg.log.Info("shutting down")
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), n.cfg.grace)
	defer cancel()
	err := n.http.Shutdown(deadline)
	if errors.Is(err, context.DeadlineExceeded) {
		// A client that hangs, or a request that never got an answer and can be
		// repeated: no failure of ours.
		n.cfg.log.Warn("requests were cut off: they took too long to finish", "grace", n.cfg.grace.String())
		err = n.http.Close()
	}
	err = errors.Join(err, n.release())
	if err == nil {
		n.cfg.log.Info("stopped")
	}
	return err
}

// release closes what has been opened.
func (n *node) release() error {
	var err error
	if n.listener != nil {
		if e := n.listener.Close(); !errors.Is(e, net.ErrClosed) {
			err = e
		}
	}
	if n.book != nil {
		n.book.Close()
	}
	if n.ledger != nil {
		err = errors.Join(err, n.ledger.Close())
	}
	return err
}

// checkPublicURL checks the address that links start with.
func checkPublicURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.HasSuffix(s, "/") {
		return usageError("--public-url is %q, but must be of the form https://host[:port][/path], without a slash at its end", s)
	}
	return nil
}

// parsePrefixes reads the addresses and ranges of addresses of a flag.
func parsePrefixes(flag string, texts []string) (all []netip.Prefix, err error) {
	for _, s := range texts {
		if addr, err := netip.ParseAddr(s); err == nil {
			all = append(all, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, usageError("--%s is %q, but must be an address or a range such as 10.0.0.0/8", flag, s)
		}
		all = append(all, p)
	}
	return all, nil
}
