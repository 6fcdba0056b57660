package clickhousestore

import "testing"

// TestRemaining: what is not known for a moment has not come by that.
func TestRemaining(t *testing.T) {
	look := func(parts ...string) map[string]bool {
		m := map[string]bool{}
		for _, p := range parts {
			m[p] = true
		}
		return m
	}
	var left map[string]bool
	for i, step := range []struct {
		now  map[string]bool
		left int
	}{{nil, 0}, {look("a", "b"), 2}, {nil, 2}, {look("a", "b", "c"), 2}, {look("b", "c"), 1}, {nil, 1}, {look("c"), 0}} {
		if left = remaining(left, step.now); len(left) != step.left {
			t.Errorf("look %d: %v remain", i, left)
		}
	}
}
