package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"tollbook"
)

// maxIntakeBytes bounds the bodies of events that one organization may have in
// the server at once: those being read, counted and answered. What an event
// takes besides, in memory, is a small multiple of its body.
const maxIntakeBytes = 8 * maxIngestBytes

// intakeWait is how long a request waits for others of its organization to
// end before it is told to come again.
const intakeWait = 20 * time.Second

// intake bounds the memory that requests of events take, for each organization
// apart: however many one sends, and however slowly, the others go on.
type intake struct {
	wait time.Duration

	mu   sync.Mutex
	free map[string]*semaphore.Weighted // by organization, "" for operators
}

func newIntake(wait time.Duration) *intake {
	return &intake{wait: wait, free: map[string]*semaphore.Weighted{}}
}

// enter waits for room for the body of a request; leave gives it back. Error:
// CodeTooManyRequests.
func (in *intake) enter(r *http.Request, organizationID *string) (leave func(), err error) {
	id := ""
	if organizationID != nil {
		id = *organizationID
	}
	in.mu.Lock()
	free := in.free[id]
	if free == nil {
		free = semaphore.NewWeighted(maxIntakeBytes)
		in.free[id] = free
	}
	in.mu.Unlock()
	size := bodyRoom(r)
	ctx, cancel := context.WithTimeout(r.Context(), in.wait)
	defer cancel()
	if free.Acquire(ctx, size) == nil {
		return func() { free.Release(size) }, nil
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return nil, tollbook.NewError(tollbook.CodeTooManyRequests, "The organization has too many requests of events under way; send this one again.")
}

// bodyRoom is how large the body of a request may turn out to be.
func bodyRoom(r *http.Request) int64 {
	if r.ContentLength < 0 || r.ContentLength > maxIngestBytes || r.Header.Get("Content-Encoding") != "" {
		return maxIngestBytes
	}
	return r.ContentLength
}
