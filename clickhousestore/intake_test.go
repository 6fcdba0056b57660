package clickhousestore

import (
	"context"
	"fmt"
	"testing"

	"tollbook"
)

// TestGroups: what waits is written together up to a bound, a request that is larger
// alone, and what was made under other definitions apart.
func TestGroups(t *testing.T) {
	s := &Store{opts: Options{}.withDefaults(), closing: make(chan struct{})}
	s.metrics = newMetrics(s)
	var groups [][]int
	var in intake[*posting]
	in.init(s, func(_ context.Context, group []*posting) error {
		var sizes []int
		for _, r := range group {
			sizes = append(sizes, r.size)
		}
		groups = append(groups, sizes)
		return nil
	})
	var last *posting
	for _, r := range []struct {
		under tollbook.Pos
		size  int
	}{{1, 10}, {1, 20}, {1, maxGroup + 1}, {1, 5}, {1, maxGroup - 5}, {1, 7}, {2, 8}, {2, 9}} {
		last = &posting{waiting: newWaiting(r.under, r.size)}
		in.queue <- last
	}
	go in.run(t.Context())
	<-last.done
	close(s.closing)
	if got, want := fmt.Sprint(groups), fmt.Sprint([][]int{{10, 20}, {maxGroup + 1}, {5, maxGroup - 5}, {7}, {8, 9}}); got != want {
		t.Errorf("groups %s, want %s", got, want)
	}
}
