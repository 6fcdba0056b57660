package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tollbook"
)

// TestIntakeIsBoundedForEachOrganization: an organization that fills its room
// with bodies, however slowly they come, keeps itself waiting and nobody else.
func TestIntakeIsBoundedForEachOrganization(t *testing.T) {
	in := newIntake(time.Millisecond)
	acme, other := "acme", "other"
	chunked := func(ctx context.Context) *http.Request {
		r := httptest.NewRequestWithContext(ctx, "POST", "/v1/events", strings.NewReader("[]"))
		r.ContentLength = -1
		return r
	}
	var leave func()
	for range maxIntakeBytes / maxIngestBytes {
		var err error
		if leave, err = in.enter(chunked(t.Context()), &acme); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := in.enter(chunked(t.Context()), &acme); tollbook.CodeOf(err) != tollbook.CodeTooManyRequests {
		t.Errorf("beyond the bound: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := in.enter(chunked(gone), &acme); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who has gone: %v", err)
	}
	for _, id := range []*string{&other, nil} {
		if _, err := in.enter(chunked(t.Context()), id); err != nil {
			t.Errorf("another sender: %v", err)
		}
	}
	leave()
	if _, err := in.enter(chunked(t.Context()), &acme); err != nil {
		t.Errorf("after one has left: %v", err)
	}
}

func TestBodyRoom(t *testing.T) {
	for _, tc := range []struct {
		length   int64
		encoding string
		want     int64
	}{
		{0, "", 0}, {17, "", 17}, {maxIngestBytes, "", maxIngestBytes},
		{maxIngestBytes + 1, "", maxIngestBytes}, {-1, "", maxIngestBytes}, {17, "gzip", maxIngestBytes},
	} {
		r := &http.Request{ContentLength: tc.length, Header: http.Header{"Content-Encoding": {tc.encoding}}}
		if got := bodyRoom(r); got != tc.want {
			t.Errorf("%d bytes, encoding %q: %d, want %d", tc.length, tc.encoding, got, tc.want)
		}
	}
}
