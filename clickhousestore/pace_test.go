package clickhousestore

import (
	"testing"
	"time"
)

// TestPace follows a server that writes all the time and one that writes now and
// then, while folds take longer and longer.
func TestPace(t *testing.T) {
	const freshness = 10 * time.Second
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var p pace
	want := func(what string, wait time.Duration) {
		t.Helper()
		if got := p.wait(now, freshness); got != wait {
			t.Errorf("%s: waits %v, want %v", what, got, wait)
		}
	}
	p.folded(0, now, 50*365*24*time.Hour) // never: the first row is of 1970
	want("nothing was ever written", 0)
	p.wrote(now)
	now = now.Add(7 * time.Second)
	p.folded(0, now, 50*365*24*time.Hour)
	want("the first events are seven seconds old", 0)
	now = now.Add(time.Second)
	want("they are eight seconds old", time.Second)
	p.wrote(now)
	now = now.Add(time.Hour)
	want("nobody folds", 2*time.Second)

	p.folded(3, now, 2*time.Second)
	want("all is folded that was written", 0)
	now = now.Add(time.Hour)
	p.folded(3, now, time.Hour+2*time.Second)
	p.wrote(now)
	want("it writes again after an hour", 0)

	now = now.Add(9 * time.Second)
	p.wrote(now)
	p.folded(4, now, 8500*time.Millisecond) // which took that long
	want("what was written while others folded waits since they began", 1500*time.Millisecond)
	p.folded(4, now, 8500*time.Millisecond)
	want("the same fold again", 1500*time.Millisecond)
	if got := p.wait(now, 0); got != 0 {
		t.Errorf("where each read folds it waits %v", got)
	}
}
