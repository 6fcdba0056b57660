// Package api serves the Billing Insights API and Tollbook's own endpoints
// over HTTP. A handler decodes, makes one call on the book, and encodes;
// openapi.yaml describes every route, and the tests hold the two together.
package api

import (
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tollbook/book"
	"tollbook/oauth"
)

// Config is what a server is made of. All fields but PublicURL, Proxies and
// IntakeWait are required.
type Config struct {
	Book   *book.Book
	OAuth  *oauth.Server
	Logger *slog.Logger
	Clock  func() time.Time

	// ListenURL is the address that is listened on, as an absolute URL
	// without a trailing slash. Links start with PublicURL where it is set.
	ListenURL string
	PublicURL string
	// Proxies are the addresses whose Forwarded and X-Forwarded-* headers are
	// believed; without a PublicURL, links then start with what they say.
	Proxies []netip.Prefix

	Registry *prometheus.Registry // for /metrics; the server adds its own

	// IntakeWait is how long a request of events waits for others to end until
	// it is told to come again. 0: 10 seconds.
	IntakeWait time.Duration
}

type server struct {
	Config
	metrics *metrics
	intake  *intake
}

// route is one operation: a pattern of http.ServeMux and what serves it. An
// error that a handler returns is answered by the table in errors.go.
type route struct {
	method, path string
	serve        func(http.ResponseWriter, *http.Request) error
}

func (s *server) routes() []route {
	return append(s.cardRoutes(), []route{
		{"GET", "/express/usage/month", s.usage},
		{"GET", "/express/usage/month/{id}", s.usageRecord},
		{"GET", "/express/usage/month/{id}/events", s.usageEvents},
		{"GET", "/express/accounts", s.expressAccounts},
		{"GET", "/express/products", s.expressProducts},

		{"POST", "/oauth/token", plain(s.OAuth.Token)},
		{"GET", "/oauth/jwks", plain(s.OAuth.JWKS)},
		{"GET", "/.well-known/oauth-authorization-server", plain(s.OAuth.Metadata)},
		{"GET", "/.well-known/openid-configuration", plain(s.OAuth.Metadata)}, // the same, where OpenID Connect clients look

		{"POST", "/v1/events", s.postEvents},
		{"POST", "/v1/events/void", s.voidEvents},
		{"GET", "/v1/events/history", s.eventHistory},
		{"GET", "/v1/unrated", s.unrated},
		{"GET", "/v1/wallets", s.wallets},
		{"POST", "/v1/reconcile", s.reconcile},

		{"GET", "/v1/months", s.listMonths},
		{"GET", "/v1/months/{month}", s.getMonth},
		{"POST", "/v1/months/{month}/close", s.closeMonth},
		{"GET", "/v1/months/{month}/adjustments", s.monthAdjustments},
		{"GET", "/v1/rerates", s.listRerates},
		{"POST", "/v1/rerates", s.startRerate},
		{"GET", "/v1/rerates/{id}", s.getRerate},
		{"DELETE", "/v1/rerates/{id}", s.cancelRerate},

		{"GET", "/v1/organizations", s.listOrganizations},
		{"GET", "/v1/organizations/{id}", s.getOrganization},
		{"PUT", "/v1/organizations/{id}", s.putOrganization},
		{"GET", "/v1/organizations/{id}/history", s.organizationHistory},
		{"GET", "/v1/accounts", s.listAccounts},
		{"GET", "/v1/accounts/{id}", s.getAccount},
		{"PUT", "/v1/accounts/{id}", s.putAccount},
		{"GET", "/v1/accounts/{id}/history", s.accountHistory},
		{"GET", "/v1/products", s.listProducts},
		{"GET", "/v1/products/{id}", s.getProduct},
		{"PUT", "/v1/products/{id}", s.putProduct},
		{"GET", "/v1/products/{id}/history", s.productHistory},
		{"GET", "/v1/clients", s.listClients},
		{"POST", "/v1/clients", s.createClient},
		{"GET", "/v1/clients/{client_id}", s.getClient},
		{"DELETE", "/v1/clients/{client_id}", s.revokeClient},
		{"GET", "/v1/clients/{client_id}/history", s.clientHistory},

		{"GET", "/v1/alerts", s.listAlerts},
		{"GET", "/v1/alerts/{id}", s.getAlert},
		{"PUT", "/v1/alerts/{id}", s.putAlert},
		{"DELETE", "/v1/alerts/{id}", s.deleteAlert},
		{"GET", "/v1/alerts/{id}/history", s.alertHistory},
		{"POST", "/v1/alerts/{id}/rotate-secret", s.rotateAlert},
		{"POST", "/v1/alerts/{id}/test", s.testAlert},
		{"GET", "/v1/deliveries", s.listDeliveries},
		{"GET", "/v1/deliveries/{id}", s.getDelivery},
		{"GET", "/v1/deliveries/{id}/history", s.deliveryHistory},

		{"GET", "/healthz", s.healthz},
		{"GET", "/readyz", s.readyz},
		{"GET", "/metrics", s.serveMetrics()},
		{"GET", "/openapi.yaml", s.openapi},
		{"GET", "/docs", s.docs()},
	}...)
}

// plain makes a route of a handler that answers its own errors.
func plain(h http.HandlerFunc) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		h(w, r)
		return nil
	}
}

// New returns the handler of the whole API.
func New(c Config) (http.Handler, error) {
	s := &server{Config: c}
	if c.IntakeWait == 0 {
		c.IntakeWait = intakeWait
	}
	s.intake = newIntake(c.IntakeWait, maxIntakeBytes, maxIntakeWaiting)
	var err error
	if s.metrics, err = newMetrics(c.Registry, s.intake, c.Book); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	byPath := map[string]map[string]http.Handler{}
	for _, rt := range s.routes() {
		if byPath[rt.path] == nil {
			byPath[rt.path] = map[string]http.Handler{}
		}
		byPath[rt.path][rt.method] = s.handler(rt)
	}
	for path, methods := range byPath {
		mux.Handle(path, s.byMethod(methods))
	}
	mux.Handle("/docs/", s.handler(route{"GET", "/docs", s.docs()}))
	mux.Handle("/", s.handler(route{"", "other", func(http.ResponseWriter, *http.Request) error { return errNoRoute }}))
	return s.guard(mux), nil
}

// byMethod serves one path; HEAD is answered as GET.
func (s *server) byMethod(methods map[string]http.Handler) http.Handler {
	var allowed []string
	for m := range methods {
		allowed = append(allowed, m)
		if m == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	slices.Sort(allowed)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		h := methods[method]
		if h == nil {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			s.fail(w, r, errMethod)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// handler serves a route, answers the error that it returns, and counts it.
func (s *server) handler(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.Clock()
		counted := &statusWriter{ResponseWriter: w}
		err := s.current(rt)
		if err == nil {
			err = rt.serve(counted, r)
		}
		if err != nil {
			s.fail(counted, r, err)
		}
		took := s.Clock().Sub(start)
		s.metrics.request(rt, counted.status, took)
		// The query is left out: a filter may name what is nobody's business.
		s.Logger.Debug("request", "method", r.Method, "path", r.URL.Path, "status", counted.status, "took", took)
	})
}

// current returns an error where a route needs definitions that are newer than
// those that the server has.
func (s *server) current(rt route) error {
	if strings.HasPrefix(rt.path, "/v1/") || strings.HasPrefix(rt.path, "/express/") {
		return s.Book.Current()
	}
	return nil
}

// guard answers a panic with a 500, refuses paths that are not clean, and sets
// the headers that every answer carries.
func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			s.Logger.Error("a request panicked", "method", r.Method, "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
			s.fail(w, r, errPanic)
		}()
		w.Header().Set("X-Content-Type-Options", "nosniff")
		asked := r.URL.EscapedPath()
		if clean := path.Clean(asked); asked != clean && asked != clean+"/" {
			s.fail(w, r, errNoRoute) // the mux would redirect, with a page of HTML
			return
		}
		next.ServeHTTP(w, r)
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
