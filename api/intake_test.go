package api

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"tollbook"
)

// intakeOf is an intake with room for so many requests of the largest size,
// and what enters it.
type intakeOf struct {
	*testing.T
	*intake
}

func newIntakeOf(t *testing.T, largest int, wait time.Duration) *intakeOf {
	return &intakeOf{t, newIntake(wait, int64(largest)*(maxIngestBytes+requestBytes), 8)}
}

// request is one of the largest size.
func request(ctx context.Context) *http.Request {
	r := httptest.NewRequestWithContext(ctx, "POST", "/v1/events", nil)
	r.ContentLength = -1
	return r
}

// admit wants so many of the largest to be let in, and no more.
func (in *intakeOf) admit(id string, want int) (all []*entrant) {
	in.Helper()
	for range want {
		e, err := in.enter(request(in.Context()), &id)
		if err != nil {
			in.Fatalf("%s, with %d already: %v", id, len(all), err)
		}
		all = append(all, e)
	}
	in.refuse(id)
	return all
}

func (in *intakeOf) refuse(id string) {
	in.Helper()
	if _, err := in.enter(request(in.Context()), &id); tollbook.CodeOf(err) != tollbook.CodeTooManyRequests {
		in.Errorf("%s: %v, want a refusal", id, err)
	}
}

// TestIntakeIsBounded: however much each sends, and however slowly, all
// together have no more than the room there is, and those who come later find
// some.
func TestIntakeIsBounded(t *testing.T) {
	in := newIntakeOf(t, 8, time.Millisecond)
	first := in.admit("one", 4) // half
	in.admit("two", 2)
	in.admit("three", 1)
	last := in.admit("four", 1)
	in.refuse("five")
	if in.used != in.room || len(in.shares) != 4 || in.waiting.Len() != 0 {
		t.Errorf("%d of %d bytes, %d shares, %d wait", in.used, in.room, len(in.shares), in.waiting.Len())
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := in.enter(request(gone), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who has gone: %v", err)
	}
	last[0].leave()
	in.admit("five", 1)
	for _, e := range first {
		e.shrink(100) // the bodies were small
	}
	if got := in.shares["one"].used; got != 4*(100+requestBytes) {
		t.Errorf("small bodies have %d bytes", got)
	}
	in.admit("six", 1) // not two: what is left would be less than that
	for _, e := range first {
		e.leave()
	}
	in.admit("six", 1)
}

// TestIntakeIsGivenBack: nothing is left of anybody once all have left.
func TestIntakeIsGivenBack(t *testing.T) {
	in := newIntakeOf(t, 4, time.Hour)
	random := rand.New(rand.NewPCG(1, 2))
	ended := make(chan error)
	const senders = 40
	for i := range senders {
		id, length, leaves := fmt.Sprint(i%5), random.Int64N(maxIngestBytes), random.IntN(4) == 0
		go func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for n := range int64(50) {
				r := request(ctx)
				r.ContentLength = (length + n*1_234_567) % maxIngestBytes
				if leaves && n == 40 {
					cancel()
				}
				e, err := in.enter(r, &id)
				switch {
				case ctx.Err() != nil && err != nil, tollbook.CodeOf(err) == tollbook.CodeTooManyRequests:
					continue
				case err != nil:
					ended <- err
					return
				}
				e.shrink(int(r.ContentLength / 2))
				e.leave()
				e.leave() // harms nothing
			}
			ended <- nil
		}()
	}
	for range senders {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if in.used != 0 || in.waiting.Len() != 0 || len(in.shares) != 0 {
		t.Errorf("%d bytes, %d wait, shares %v", in.used, in.waiting.Len(), in.shares)
	}
}

// waiter enters in the background and tells when it has.
func (in *intakeOf) waiter(id string, length int64) (entered chan *entrant) {
	entered = make(chan *entrant, 1)
	was := in.waitingNow()
	go func() {
		r := request(in.Context())
		r.ContentLength = length
		e, err := in.enter(r, &id)
		if err != nil {
			in.Errorf("%s: %v", id, err)
		}
		entered <- e
	}()
	for in.waitingNow() == was && len(entered) == 0 {
		// until it has taken its place
	}
	return entered
}

func (in *intakeOf) waitingNow() int {
	_, waiting := in.state()
	return waiting
}

// TestIntakeOrder: a large body is not passed by small ones for ever, and who
// waits for its own organization holds up nobody else.
func TestIntakeOrder(t *testing.T) {
	in := newIntakeOf(t, 4, time.Hour)
	enter := func(id string) *entrant {
		e, err := in.enter(request(t.Context()), &id)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	a1, a2 := enter("a"), enter("a")
	ownTurn := in.waiter("a", -1) // a has half
	if b := <-in.waiter("b", 100); b == nil {
		t.Fatal("b is held up by a")
	} else {
		b.leave()
	}
	b1, c1 := enter("b"), enter("c")
	large := in.waiter("d", -1) // there is no room at all
	small := in.waiter("e", 100)
	if len(ownTurn)+len(large)+len(small) != 0 {
		t.Fatal("somebody entered where there is no room")
	}
	b1.leave()
	(<-large).leave()
	(<-small).leave()
	if len(ownTurn) != 0 {
		t.Error("a has more than its share")
	}
	a1.leave()
	c1.leave()
	(<-ownTurn).leave()
	a2.leave()
}

// TestIntakeSeats: those that wait are bounded as well, and shared out alike.
func TestIntakeSeats(t *testing.T) {
	in := newIntakeOf(t, 1, time.Hour)
	hold, err := in.enter(request(t.Context()), nil)
	if err != nil {
		t.Fatal(err)
	}
	var all []chan *entrant
	for _, s := range []struct {
		id    string
		seats int
	}{{"a", 4}, {"b", 2}, {"c", 1}, {"d", 1}} {
		for range s.seats {
			all = append(all, in.waiter(s.id, -1))
		}
		in.refuse(s.id)
	}
	in.refuse("e")
	hold.leave()
	for _, entered := range all {
		(<-entered).leave()
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
		if got := bodyRoom(r); got != tc.want+requestBytes {
			t.Errorf("%d bytes, encoding %q: %d, want %d", tc.length, tc.encoding, got, tc.want+requestBytes)
		}
	}
}
