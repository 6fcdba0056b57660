package load

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tollbook/client"
)

func small(t *testing.T, seed uint64) *Workload {
	return &Workload{Seed: seed, Accounts: 6, PerAccount: 50, Rates: 200, Month: mustMonth(t, "2026-08"), Repeats: 20}
}

// wantExact reads all records and wants them to be what n events come to.
func wantExact(t *testing.T, w *Workload, c *client.Client, n uint64) {
	t.Helper()
	v, err := w.Totals(0, n).Check(t.Context(), c, time.Time{}, nil)
	must(t, err)
	if !v.Exact() || v.Records != w.Totals(0, n).Records() {
		t.Errorf("after %d events: %+v", n, *v)
	}
}

func TestSend(t *testing.T) {
	s, w := newServer(t, nil), small(t, 1)
	const n = 20_050
	c := s.setUp(w, 4)
	told := 0
	sender := &Sender{Workload: w, Client: c, To: n, Batch: 500, Connections: 4, Told: func(r Result) { told = r.Events() }}
	r, err := sender.Run(t.Context())
	must(t, err)
	counted := int(w.Totals(0, n).Counted())
	if want := (Counts{Accepted: counted, Duplicate: n - counted}); r.Counts != want || r.End != n || r.Batches != 41 || told != n {
		t.Errorf("%+v, told of %d events, want %+v of %d", r, told, want, n)
	}
	if r.Latency.Count() != 41 || r.Latency.Max() <= 0 || r.Took < r.Latency.Max() {
		t.Errorf("%d latencies of at most %v in %v", r.Latency.Count(), r.Latency.Max(), r.Took)
	}
	wantExact(t, w, c, n)

	// The same once more, from where another has set it up too, counts nothing.
	sender.Client = s.setUp(w, 4)
	again, err := sender.Run(t.Context())
	must(t, err)
	if want := (Counts{Duplicate: n}); again.Counts != want {
		t.Errorf("sent again: %+v", again.Counts)
	}
	wantExact(t, w, c, n)

	// Another workload is another organization's.
	other := small(t, 2)
	otherClient := s.setUp(other, 1)
	_, err = (&Sender{Workload: other, Client: otherClient, To: 700, Batch: 700, Connections: 1}).Run(t.Context())
	must(t, err)
	wantExact(t, other, otherClient, 700)
	wantExact(t, w, c, n)
}

// TestInterruptedRunCanBeRepeated ends a run in the middle of its batches.
func TestInterruptedRunCanBeRepeated(t *testing.T) {
	s, w := newServer(t, nil), small(t, 3)
	c := s.setUp(w, 3)
	ctx, interrupt := context.WithCancel(t.Context())
	sender := &Sender{Workload: w, Client: c, To: 9000, Batch: 100, Connections: 3, Told: func(r Result) {
		if r.Batches == 20 {
			interrupt()
		}
	}}
	r, err := sender.Run(ctx)
	if !errors.Is(err, context.Canceled) || r.Events() < 2000 || r.Events() > 2500 || int(r.End) < r.Events() {
		t.Fatalf("%+v, %v", r, err)
	}
	sender.Told = nil
	r, err = sender.Run(t.Context())
	must(t, err)
	if r.Events() != 9000 || r.Duplicate < 2000 {
		t.Errorf("repeated: %+v", r)
	}
	wantExact(t, w, c, 9000)
}

// TestSlowedDown has a server refuse some requests and break the connection
// of others after it has taken them, which no real one does when it is asked
// to.
func TestSlowedDown(t *testing.T) {
	var requests atomic.Int64
	s := newServer(t, func(real http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v1/events" {
				real.ServeHTTP(w, r)
				return
			}
			switch requests.Add(1) % 5 {
			case 1:
				w.Header().Set("Retry-After", "7")
				http.Error(w, "too many", http.StatusTooManyRequests)
			case 2:
				http.Error(w, "not now", http.StatusServiceUnavailable)
			case 3:
				real.ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler)
			case 4:
				http.Error(w, "a proxy that got no answer", http.StatusBadGateway)
			default:
				real.ServeHTTP(w, r)
			}
		})
	})
	w := small(t, 4)
	c := s.setUp(w, 1)
	var pauses []time.Duration
	sender := &Sender{Workload: w, Client: c, To: 1000, Batch: 250, Connections: 1, Sleep: func(_ context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return nil
	}}
	r, err := sender.Run(t.Context())
	must(t, err)
	if r.Busy != 4 || r.Down != 4 || r.Broken != 8 || r.Batches != 4 || r.Duplicate != 1000 {
		t.Errorf("%+v", r)
	}
	if want := slices.Repeat([]time.Duration{7 * time.Second, usualPause, firstPause, 2 * firstPause}, 4); !slices.Equal(pauses, want) {
		t.Errorf("pauses %v, want %v", pauses, want)
	}
	wantExact(t, w, c, 1000)
}

// answering is a client of a server that answers each request for events in
// the same way, at times that a clock tells.
func answering(t *testing.T, answer http.HandlerFunc) *client.Client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oauth/token" {
			w.Header().Set("Content-Type", "application/json")
			_, err := w.Write([]byte(`{"access_token": "t", "token_type": "Bearer", "expires_in": 3600}`))
			if err != nil {
				t.Error(err)
			}
			return
		}
		answer(w, r)
	}))
	t.Cleanup(srv.Close)
	c, err := Connect(client.Config{BaseURL: srv.URL, ClientID: "id", ClientSecret: "secret"}, 1)
	must(t, err)
	return c
}

// TestPatienceEnds: a server that never takes a batch fails the run.
func TestPatienceEnds(t *testing.T) {
	now, w := time.Unix(0, 0), small(t, 5)
	c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "the disk is full", http.StatusServiceUnavailable)
	})
	sender := &Sender{Workload: w, Client: c, To: 10, Batch: 10, Connections: 1, Patience: time.Minute,
		Now: func() time.Time { return now },
		Sleep: func(_ context.Context, d time.Duration) error {
			now = now.Add(d)
			return nil
		}}
	r, err := sender.Run(t.Context())
	if refused, ok := errors.AsType[*client.Error](err); !ok || refused.Status != 503 || r.Down != 7 || r.Took != time.Minute || r.Batches != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestRate: at a rate, what waited for its turn is part of the latency.
func TestRate(t *testing.T) {
	now, w := time.Unix(1000, 0), small(t, 6)
	start := now
	c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		now = now.Add(3 * time.Second) // each request takes so long
		_, err := w.Write([]byte(`{"accepted": 10, "duplicate": 0, "conflict": 0, "rejected": 0, "unrated": 0, "results": []}`))
		if err != nil {
			t.Error(err)
		}
	})
	var latencies []time.Duration
	sender := &Sender{Workload: w, Client: c, To: 1000, Batch: 10, Connections: 1, Rate: 10, For: 6 * time.Second,
		Now: func() time.Time { return now },
		Told: func(r Result) {
			latencies = append(latencies, now.Sub(start)-time.Duration(r.Batches-1)*time.Second)
			if r.Latency.Max() != slices.Max(latencies) {
				t.Errorf("the longest of %v is %v", latencies, r.Latency.Max())
			}
		},
		Sleep: func(_ context.Context, d time.Duration) error {
			t.Errorf("slept for %v while it was late", d)
			return nil
		}}
	r, err := sender.Run(t.Context())
	must(t, err)
	// Batches 0 and 1 begin at 0 and 3 s and are over at 3 and 6, when it ends.
	if want := []time.Duration{3 * time.Second, 5 * time.Second}; !slices.Equal(latencies, want) || r.End != 20 || r.Accepted != 20 {
		t.Errorf("%+v, latencies %v, want %v", r, latencies, want)
	}

	// A server that is quick has the sender wait for each to be due.
	now = start
	c = answering(t, func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write([]byte(`{"results": [{"index": 1}], "accepted": 10, "duplicate": 0, "conflict": 0, "rejected": 0, "unrated": 0}`))
		if err != nil {
			t.Error(err)
		}
	})
	slept := 0
	sender.Client, sender.Told, sender.Sleep = c, nil, func(_ context.Context, d time.Duration) error {
		slept++
		now = now.Add(d)
		return nil
	}
	if r, err = sender.Run(t.Context()); err != nil || r.End != 60 || slept != 5 || r.Latency.Max() != 0 {
		t.Errorf("%+v, %v, slept %d times", r, err, slept)
	}
}

func TestBadReceipts(t *testing.T) {
	for _, answer := range []string{
		``, `[]`, `{}`, `null`, `{"accepted": 10}`, `{"accepted": 9, "duplicate": 0, "conflict": 0, "rejected": 0, "unrated": 0}`,
		`{"accepted": "10", "duplicate": 0, "conflict": 0, "rejected": 0, "unrated": 0}`, `{"accepted": 10, "results": [`,
	} {
		c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			_, err := w.Write([]byte(answer))
			if err != nil {
				t.Error(err)
			}
		})
		r, err := (&Sender{Workload: small(t, 7), Client: c, To: 10, Batch: 10, Connections: 1}).Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), "events 0 to 9: the ") || r.Batches != 0 {
			t.Errorf("%s: %+v, %v", answer, r, err)
		}
	}
}

func TestSenderRefuses(t *testing.T) {
	for _, s := range []Sender{{Batch: 0, Connections: 1}, {Batch: client.MaxEvents + 1, Connections: 1}, {Batch: 1}, {Batch: 1, Connections: 1, Rate: -1}} {
		if _, err := s.Run(t.Context()); err == nil {
			t.Errorf("%+v runs", s)
		}
	}
}

func FuzzReadReceipt(f *testing.F) {
	f.Add([]byte(`{"accepted": 1, "duplicate": 2, "conflict": 3, "rejected": 4, "unrated": 5, "results": []}`))
	f.Add([]byte(`{"results": [{}], "accepted": 1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := readReceipt(body); err != nil && len(err.Error()) > 2000 {
			t.Errorf("the error has %d bytes", len(err.Error()))
		}
	})
}
