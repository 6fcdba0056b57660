package localstore

import (
	"context"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
)

// TestTotalsInTurns: a bounded number of records is added up before commits get
// a turn, and what one caller leaves undone the next one does.
func TestTotalsInTurns(t *testing.T) {
	s := mustOpen(t, vfs.NewMem())
	defer mustClose(t, s)
	w := newWorld(1, 1, 4, 2, 900)
	for range 3 {
		mustPost(t, s, w.batch(tollbook.MaxBatch))
	}
	sums := totals{cells: make(map[uint32][]tollbook.Total)}
	cells, turns := s.views.takeTouched(), 0
	s.views.touchAll(cells)
	for left := cells; len(left) > 0; turns++ {
		left = sums.addUp(s.views, left)
	}
	if least := s.views.shown / (2 * recordsAtOnce); turns < max(2, least) || len(sums.cells) != len(cells) {
		t.Errorf("%d records of %d months, of which %d were added up in %d turns", s.views.shown, len(cells), len(sums.cells), turns)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := s.Totals(gone, "org-0"); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who has gone: %v", err)
	}
	all, err := s.Totals(t.Context(), "org-0")
	must(t, err)
	n := 0
	for _, of := range sums.cells {
		n += len(of)
	}
	if len(all) != n || n == 0 {
		t.Errorf("%d totals, want %d", len(all), n)
	}
}
