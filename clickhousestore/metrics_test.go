package clickhousestore_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tollbook/clickhousestore"
)

// TestUnratedMetric: what no rate has covered is told, as of the last ten seconds, and
// by no server that cannot know it.
func TestUnratedMetric(t *testing.T) {
	t.Parallel()
	var seconds atomic.Int64
	began := time.Now()
	server := newServer(t)
	_, url := server.database(t)
	l := servers(t, url, 1, clickhousestore.Options{Clock: func() time.Time { return began.Add(time.Duration(seconds.Load()) * time.Second) }})[0]
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(l)
	want := func(what string, want int) { // -1: not told
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := -1
		for _, f := range families {
			if f.GetName() == "tollbook_unrated_events" {
				got = int(f.GetMetric()[0].GetGauge().GetValue())
			}
		}
		if got != want {
			t.Errorf("%s: %d unrated, want %d", what, got, want)
		}
	}
	want("in the beginning", 0)
	postLoop(t, l, someBatches(52, 1, 100)[0])
	unrated, err := l.CountUnrated(t.Context(), "")
	if err != nil || unrated == 0 {
		t.Fatalf("%d events are unrated, %v: nothing is tested", unrated, err)
	}
	want("at once", 0)
	seconds.Add(10)
	want("later", unrated)
	server.Stop()
	seconds.Add(10)
	want("of a ClickHouse that does not answer", -1)
	server.Continue()
	seconds.Add(10)
	want("of one that does again", unrated)
}
