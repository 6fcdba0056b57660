package localstore

import (
	"github.com/prometheus/client_golang/prometheus"

	"tollbook"
)

// metrics is what the store tells Prometheus.
type metrics struct {
	latency    prometheus.Histogram
	group      prometheus.Histogram
	checkpoint prometheus.Histogram
	scanned    prometheus.Counter
	outcomes   *prometheus.CounterVec
	gauges     []gauge
}

// gauge is a value that is read when it is asked for.
type gauge struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func() float64
}

func newMetrics(s *Store) *metrics {
	m := &metrics{
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "tollbook_commit_seconds",
			Help:    "Time from queueing a write to its being durable and visible.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
		group: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "tollbook_commit_group_requests",
			Help:    "Requests made durable by one sync.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 7),
		}),
		checkpoint: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "tollbook_checkpoint_seconds",
			Help:    "Time to write a checkpoint.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}),
		scanned: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tollbook_records_scanned_total",
			Help: "Records looked at one by one for pages that cannot be found by rank.",
		}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tollbook_ledger_entries_total",
			Help: "Events and bookings that the ledger decided, by outcome.",
		}, []string{"outcome"}),
	}
	add := func(name, help string, kind prometheus.ValueType, read func() float64) {
		m.gauges = append(m.gauges, gauge{prometheus.NewDesc(name, help, nil, nil), kind, read})
	}
	viewed := func(read func(v *views) float64) func() float64 {
		return func() float64 {
			s.views.mu.RLock()
			defer s.views.mu.RUnlock()
			return read(s.views)
		}
	}
	add("tollbook_commit_queue_requests", "Writes that wait for the committer.", prometheus.GaugeValue, func() float64 { return float64(len(s.queue)) })
	add("tollbook_log_bytes", "Length of the log.", prometheus.GaugeValue, viewed(func(v *views) float64 { return float64(v.end) }))
	add("tollbook_events", "Events in the ledger.", prometheus.GaugeValue, viewed(func(v *views) float64 { return float64(v.events) }))
	add("tollbook_records", "Usage records.", prometheus.GaugeValue, viewed(func(v *views) float64 { return float64(v.shown) }))
	add("tollbook_tallies", "Tallies: rate lines counted in an account's month.", prometheus.GaugeValue, viewed(func(v *views) float64 { return float64(v.tallies.len()) }))
	add("tollbook_unrated_events", "Events that no rate has covered yet.", prometheus.GaugeValue, viewed(func(v *views) float64 { return float64(v.unrated) }))
	add("tollbook_frozen_tables", "Tables that wait to become runs.", prometheus.GaugeValue, viewed(func(v *views) float64 { return float64(len(v.tables) - 1) }))
	add("tollbook_runs", "Sorted files of claims and of the drill-down index.", prometheus.GaugeValue, func() float64 { return float64(s.runs.Len()) })
	add("tollbook_log_file_bytes", "Length of the log's files, packed ones included.", prometheus.GaugeValue, func() float64 { return float64(s.journal.fileBytes()) })
	return m
}

var outcomeNames = [...]string{
	tollbook.Accepted:       "accepted",
	tollbook.Duplicate:      "duplicate",
	tollbook.Conflict:       "conflict",
	tollbook.TooManyRecords: "too_many_records",
	tollbook.Stale:          "stale",
	tollbook.NotFound:       "not_found",
}

// committed notes a group that has become durable.
func (m *metrics) committed(s *Store, group []*request) {
	now := s.opts.Clock()
	var counts [len(outcomeNames)]int
	for _, r := range group {
		m.latency.Observe(now.Sub(r.queued).Seconds())
		for _, o := range r.outcomes {
			counts[o]++
		}
	}
	m.group.Observe(float64(len(group)))
	for o, n := range counts {
		if o > 0 && n > 0 {
			m.outcomes.WithLabelValues(outcomeNames[o]).Add(float64(n))
		}
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.latency, m.group, m.checkpoint, m.scanned, m.outcomes}
}

// Describe implements prometheus.Collector.
func (s *Store) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range s.metrics.collectors() {
		c.Describe(ch)
	}
	for _, g := range s.metrics.gauges {
		ch <- g.desc
	}
}

// Collect implements prometheus.Collector.
func (s *Store) Collect(ch chan<- prometheus.Metric) {
	for _, c := range s.metrics.collectors() {
		c.Collect(ch)
	}
	for _, g := range s.metrics.gauges {
		ch <- prometheus.MustNewConstMetric(g.desc, g.kind, g.read())
	}
}
