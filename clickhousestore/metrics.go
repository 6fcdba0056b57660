package clickhousestore

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tollbook"
)

// metrics is what the store tells Prometheus.
type metrics struct {
	write    prometheus.Histogram
	group    prometheus.Histogram
	fold     prometheus.Histogram
	outcomes *prometheus.CounterVec
	queued   prometheus.GaugeFunc
	names    prometheus.GaugeFunc
	paced    prometheus.Counter
	unrated  unratedGauge
}

// unratedGauge is how many events no rate has covered, as the last fold has it. It is
// counted when it is asked for, and not every time; without an answer in time it is
// not told.
type unratedGauge struct {
	mu    sync.Mutex
	at    time.Time // of the last count
	count int64
	known bool
}

// Bounds on counting what is unrated for metrics.
const (
	unratedEvery = 10 * time.Second
	unratedTime  = time.Second
)

var unratedDesc = prometheus.NewDesc("tollbook_unrated_events", "Events that no rate has covered yet.", nil, nil)

func (g *unratedGauge) collect(s *Store, ch chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := s.opts.Clock(); g.at.IsZero() || now.Sub(g.at) >= unratedEvery {
		ctx, cancel := context.WithTimeout(context.Background(), unratedTime)
		defer cancel()
		count, err := s.countUnrated(ctx, "")
		g.at, g.count, g.known = now, count, err == nil
	}
	if g.known {
		ch <- prometheus.MustNewConstMetric(unratedDesc, prometheus.GaugeValue, float64(g.count))
	}
}

func newMetrics(s *Store) *metrics {
	return &metrics{
		write: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "tollbook_commit_seconds",
			Help:    "Time from taking writes to their being durable.",
			Buckets: prometheus.ExponentialBuckets(0.002, 2, 14),
		}),
		group: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "tollbook_commit_group_requests",
			Help:    "Requests written together.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
		fold: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "tollbook_fold_seconds",
			Help:    "Time to fold what has been written into the records.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 14),
		}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tollbook_ledger_entries_total",
			Help: "Events and bookings that this server had decided, by outcome.",
		}, []string{"outcome"}),
		queued: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "tollbook_commit_queue_requests",
			Help: "Writes that wait for their turn.",
		}, func() float64 { return float64(len(s.posts.queue) + len(s.books.queue)) }),
		names: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "tollbook_names_bytes",
			Help: "Memory for telling names that are new from those that are there; 0 while each is looked up.",
		}, func() float64 { return float64(s.names.size()) }),
		paced: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tollbook_commit_paced_seconds_total",
			Help: "Time that writes were held back so that folds keep up with them.",
		}),
	}
}

var outcomeNames = [...]string{
	tollbook.Accepted:       "accepted",
	tollbook.Duplicate:      "duplicate",
	tollbook.Conflict:       "conflict",
	tollbook.TooManyRecords: "too_many_records",
	tollbook.Stale:          "stale",
	tollbook.NotFound:       "not_found",
}

// decided counts outcomes.
func (m *metrics) decided(outcomes []tollbook.Outcome) {
	var counts [len(outcomeNames)]int
	for _, o := range outcomes {
		counts[o]++
	}
	for o, n := range counts {
		if o > 0 && n > 0 {
			m.outcomes.WithLabelValues(outcomeNames[o]).Add(float64(n))
		}
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.write, m.group, m.fold, m.outcomes, m.queued, m.names, m.paced}
}

// Describe implements prometheus.Collector.
func (s *Store) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range s.metrics.collectors() {
		c.Describe(ch)
	}
	ch <- unratedDesc
}

// Collect implements prometheus.Collector.
func (s *Store) Collect(ch chan<- prometheus.Metric) {
	for _, c := range s.metrics.collectors() {
		c.Collect(ch)
	}
	s.metrics.unrated.collect(s, ch)
}
