package api

import (
	"container/list"
	"context"
	"net/http"
	"sync"
	"time"

	"tollbook"
)

// Bounds of the requests of events that are in the server at once, over all
// organizations together.
const (
	// maxIntakeBytes bounds the bodies of those being read, counted and
	// answered, with requestBytes for each: eight of the largest. What their
	// events take besides, in memory, is a small multiple of their bodies.
	maxIntakeBytes = 8 * (maxIngestBytes + requestBytes)
	// requestBytes is about what a request takes besides its events.
	requestBytes = 32 << 10
	// maxIntakeWaiting bounds the requests that wait for room, of which nothing
	// but the header has been read.
	maxIntakeWaiting = 4096
	// intakeWait is how long a request waits for room until it is told to come
	// again.
	intakeWait = 10 * time.Second
)

// intake bounds the memory that requests of events take. However many an
// organization sends, and however slowly, others get in: one that has some
// room already gets more only while as much as it then has is left free. So
// one alone gets half of all room, two get a third each, and the next always
// finds as much as any of them.
type intake struct {
	wait  time.Duration
	room  int64 // bytes
	seats int   // for those that wait

	mu      sync.Mutex
	used    int64
	waiting list.List         // of *entrant, in the order of their coming
	shares  map[string]*share // by organization, "" for operators; only those that have something
}

// share is what an organization has of the intake.
type share struct {
	used    int64
	waiting int
}

// entrant is a request of events.
type entrant struct {
	in       *intake
	id       string // of the organization
	size     int64  // of its room
	admitted chan struct{}
}

func newIntake(wait time.Duration, room int64, seats int) *intake {
	return &intake{wait: wait, room: room, seats: seats, shares: map[string]*share{}}
}

var errIntake = tollbook.NewError(tollbook.CodeTooManyRequests, "Too many requests of events are under way; nothing of this one was taken. Send it again.")

// enter waits for room for the body of a request; the caller must leave.
// Error: CodeTooManyRequests.
func (in *intake) enter(r *http.Request, organizationID *string) (*entrant, error) {
	e := &entrant{in: in, size: bodyRoom(r), admitted: make(chan struct{})}
	if organizationID != nil {
		e.id = *organizationID
	}
	in.mu.Lock()
	s := in.share(e.id)
	if s.waiting > 0 && s.waiting >= in.seats-in.waiting.Len() || in.waiting.Len() >= in.seats {
		in.forget(e.id)
		in.mu.Unlock()
		return nil, errIntake
	}
	place := in.waiting.PushBack(e)
	s.waiting++
	in.admit()
	in.mu.Unlock()

	ctx, cancel := context.WithTimeoutCause(r.Context(), in.wait, errIntake)
	defer cancel()
	select {
	case <-e.admitted:
		return e, nil
	case <-ctx.Done():
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	select {
	case <-e.admitted: // at the last moment
		return e, nil
	default:
	}
	in.unseat(place)
	in.admit() // who stood behind it may fit
	return nil, context.Cause(ctx)
}

// admit lets in who fits, in order. Whoever must wait for others of its own
// organization holds up nobody else; who waits for room at all holds up all
// behind it, so that a large body is not passed by small ones for ever.
func (in *intake) admit() {
	for place := in.waiting.Front(); place != nil; {
		e := place.Value.(*entrant)
		here := place
		place = place.Next()
		s, free := in.shares[e.id], in.room-in.used-e.size
		if free < 0 {
			return
		}
		if s.used > 0 && s.used+e.size > free {
			continue
		}
		in.used += e.size
		s.used += e.size
		in.unseat(here)
		close(e.admitted)
	}
}

func (in *intake) share(id string) *share {
	s := in.shares[id]
	if s == nil {
		s = &share{}
		in.shares[id] = s
	}
	return s
}

// forget drops the share of an organization that has nothing.
func (in *intake) forget(id string) {
	if *in.shares[id] == (share{}) {
		delete(in.shares, id)
	}
}

// unseat takes an entrant off those that wait.
func (in *intake) unseat(place *list.Element) {
	e := in.waiting.Remove(place).(*entrant)
	in.shares[e.id].waiting--
	in.forget(e.id)
}

// shrink gives back what of the room the body does not need, once its length
// is known.
func (e *entrant) shrink(body int) { e.keep(int64(body) + requestBytes) }

// leave gives the room back.
func (e *entrant) leave() { e.keep(0) }

func (e *entrant) keep(size int64) {
	in := e.in
	in.mu.Lock()
	defer in.mu.Unlock()
	if size >= e.size {
		return
	}
	in.used -= e.size - size
	in.shares[e.id].used -= e.size - size
	e.size = size
	in.forget(e.id)
	in.admit()
}

// state returns how many bytes are under way and how many requests wait.
func (in *intake) state() (used int64, waiting int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.used, in.waiting.Len()
}

// bodyRoom is how much a request may turn out to take.
func bodyRoom(r *http.Request) int64 {
	if r.ContentLength < 0 || r.ContentLength > maxIngestBytes || r.Header.Get("Content-Encoding") != "" {
		return maxIngestBytes + requestBytes
	}
	return r.ContentLength + requestBytes
}
