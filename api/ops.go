package api

import (
	"context"
	_ "embed" // the specification is served as it is written
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"

	"tollbook"
	"tollbook/book"
)

// Spec is the OpenAPI description of every route: the truth that the server
// is held to.
//
//go:embed openapi.yaml
var Spec []byte

// readyTimeout bounds how long a readiness check waits for the store.
const readyTimeout = 2 * time.Second

// healthz serves GET /healthz: the process answers.
func (s *server) healthz(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, typeJSON, map[string]string{"status": "ok"})
	return nil
}

// readyz serves GET /readyz: an event could be made durable now.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := s.Book.Ready(ctx); err != nil {
		e := &tollbook.Error{Code: tollbook.CodeUnavailable, Message: "The server cannot take events now.", Err: err}
		if why, ok := errors.AsType[*tollbook.Error](err); ok && why.Code == tollbook.CodeUnavailable {
			e.Description = why.Message
		}
		return e
	}
	writeJSON(w, http.StatusOK, typeJSON, map[string]string{"status": "ready"})
	return nil
}

// openapi serves GET /openapi.yaml.
func (s *server) openapi(w http.ResponseWriter, _ *http.Request) error {
	writeBody(w, http.StatusOK, "application/yaml", Spec)
	return nil
}

// askNoPassword keeps the browser out of a refused client authentication. RFC
// 6749 has the token endpoint answer 401 with a Basic challenge, at which a
// browser asks for a password by itself and the page never gets the answer,
// unless it made the request without credentials.
const askNoPassword = `function (request) {
	if (request.url.endsWith("/oauth/token")) {
		request.credentials = "omit";
	}
	return request;
}`

// offerTokensOnly makes the button Authorize offer nothing but the token flow.
// Else its dialog opens on a second form, for the client authentication of the
// token endpoint alone, which takes any id and secret and helps no other call.
const offerTokensOnly = `function (system) {
	return {wrapComponents: {AuthorizeBtnContainer: (Original) => (props) => {
		const authSelectors = Object.assign({}, props.authSelectors, {
			definitionsToAuthorize: () => props.authSelectors.definitionsToAuthorize().filter((d) => d.has("oauth2")),
		});
		return system.React.createElement(Original, Object.assign({}, props, {authSelectors}));
	}}};
}`

// docs serves Swagger UI, which the binary carries, at /docs.
func (s *server) docs() func(http.ResponseWriter, *http.Request) error {
	ui := v5emb.NewHandlerWithConfig(swgui.Config{
		Title: "Tollbook", SwaggerJSON: "/openapi.yaml", BasePath: "/docs/",
		SettingsUI: map[string]string{
			"tryItOutEnabled":    "true",
			"requestInterceptor": askNoPassword,
			"plugins":            "[SwaggerUIBundle.plugins.DownloadUrl, " + offerTokensOnly + "]",
		},
	})
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.URL.Path == "/docs" {
			http.Redirect(w, r, "/docs/", http.StatusMovedPermanently)
			return nil
		}
		ui.ServeHTTP(w, r)
		return nil
	}
}

// metrics are what the HTTP side counts; the store adds its own.
type metrics struct {
	events   *prometheus.CounterVec
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	page     prometheus.Histogram
}

// latencies are the buckets of latency histograms, in seconds.
func latencies() []float64 { return prometheus.ExponentialBuckets(0.0001, 2, 16) }

func newMetrics(reg *prometheus.Registry, in *intake, b *book.Book) (*metrics, error) {
	m := &metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tollbook_events_total", Help: "Events received, by what became of them.",
		}, []string{"status"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tollbook_http_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tollbook_http_request_seconds", Help: "Time to answer a request, by route.", Buckets: latencies(),
		}, []string{"method", "route"}),
		page: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tollbook_page_seconds", Help: "Time to answer a page of usage records.", Buckets: latencies(),
		}),
	}
	for _, status := range book.Statuses() {
		m.events.WithLabelValues(status)
	}
	used := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tollbook_intake_bytes", Help: "Bodies of events under way, and what their requests take.",
	}, func() float64 { used, _ := in.state(); return float64(used) })
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tollbook_intake_waiting_requests", Help: "Requests of events that wait for others to end.",
	}, func() float64 { _, waiting := in.state(); return float64(waiting) })
	undelivered := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tollbook_pending_deliveries", Help: "Firings of alerts that their receivers are still to be told of.",
	}, func() float64 { return float64(b.PendingDeliveries()) })
	leads := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tollbook_leads", Help: "1 on the server that does what is due without being asked, of those that share a ledger.",
	}, func() float64 {
		if b.Leads() {
			return 1
		}
		return 0
	})
	for _, c := range []prometheus.Collector{m.events, m.requests, m.seconds, m.page, used, waiting, undelivered, leads} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) request(rt route, status int, took time.Duration) {
	m.requests.WithLabelValues(rt.method, rt.path, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(rt.method, rt.path).Observe(took.Seconds())
}

func (m *metrics) ingested(rec *receipt) {
	for status, n := range map[book.Status]int{
		book.StatusAccepted: rec.Accepted, book.StatusDuplicate: rec.Duplicate, book.StatusConflict: rec.Conflict,
		book.StatusRejected: rec.Rejected, book.StatusUnrated: rec.Unrated,
	} {
		m.events.WithLabelValues(status.String()).Add(float64(n))
	}
}

// serveMetrics serves GET /metrics for Prometheus.
func (s *server) serveMetrics() func(http.ResponseWriter, *http.Request) error {
	return plain(promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{}).ServeHTTP)
}
