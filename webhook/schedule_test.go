package webhook_test

import (
	"math"
	"testing"
	"time"

	"tollbook/webhook"
)

// TestSchedule follows a message that is never received: chance may move the
// attempts, not their nature.
func TestSchedule(t *testing.T) {
	for _, random := range []uint32{0, 1 << 31, math.MaxUint32} {
		first := now()
		last, attempt := first, 1
		for {
			next, ok := webhook.Next(first, last, attempt, random)
			if !ok {
				if gap := first.Add(webhook.GiveUpAfter).Sub(last); gap > 5*time.Hour {
					t.Errorf("given up %v before the end of the day", gap)
				}
				break
			}
			if wait := next.Sub(last); wait < 7*time.Second || wait > 5*time.Hour {
				t.Fatalf("%v between attempts %d and %d", wait, attempt, attempt+1)
			}
			last, attempt = next, attempt+1
		}
		if attempt < 12 || attempt > 15 {
			t.Errorf("%d attempts in a day", attempt)
		}
	}
}

func TestDelay(t *testing.T) {
	for _, test := range []struct {
		attempt int
		random  uint32
		want    time.Duration
	}{
		{1, 0, 7500 * time.Millisecond},
		{1, 1 << 31, 10 * time.Second},
		{2, 1 << 31, 30 * time.Second},
		{3, 1 << 31, 90 * time.Second},
		{7, 1 << 31, 7290 * time.Second},
		{8, 1 << 31, 4 * time.Hour},
		{1000000, 1 << 31, 4 * time.Hour},
		{8, 0, 3 * time.Hour},
	} {
		if got := webhook.Delay(test.attempt, test.random).Round(time.Millisecond); got != test.want {
			t.Errorf("after attempt %d: %v, want %v", test.attempt, got, test.want)
		}
	}
	if d := webhook.Delay(8, math.MaxUint32); d < 4*time.Hour+50*time.Minute || d >= 5*time.Hour {
		t.Errorf("at most %v", d)
	}
}
