package client

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// TestTransport sends bodies of several sizes on many connections at once,
// several times: each arrives whole, on connections that were kept.
func TestTransport(t *testing.T) {
	const connections, rounds = 16, 4
	var mu sync.Mutex
	from := map[string]bool{}
	arrived, all := 0, make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		from[r.RemoteAddr] = true
		gate := all
		if arrived++; arrived%connections == 0 { // none of a round is answered before
			close(all)
			all = make(chan struct{})
		}
		mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		<-gate
		_, _ = w.Write(body)
	}))
	defer s.Close()
	transport := newTransport()
	defer transport.CloseIdleConnections()
	c := http.Client{Transport: transport}
	for range rounds {
		var wg sync.WaitGroup
		for i := range connections {
			wg.Go(func() {
				sent := bytes.Repeat([]byte{byte('a' + i)}, i*100_000)
				resp, err := c.Post(s.URL, TypeJSON, bytes.NewReader(sent))
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, sent) {
					t.Errorf("%d bytes came back as %d: %v", len(sent), len(got), err)
				}
			})
		}
		wg.Wait()
	}
	if len(from) != connections {
		t.Errorf("%d rounds of %d requests took %d connections", rounds, connections, len(from))
	}
}
