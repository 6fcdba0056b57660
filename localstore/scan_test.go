package localstore

import (
	"context"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
)

// TestScansAreBounded: with all places taken a scan waits, until its caller
// leaves or a place is free; a page that needs no scan does not wait.
func TestScansAreBounded(t *testing.T) {
	s := mustOpen(t, vfs.NewMem())
	defer mustClose(t, s)
	mustPost(t, s, newWorld(1, 1, 2, 2, 5).batch(20))
	scanned := tollbook.Query{OrganizationID: "org-0", Order: tollbook.Order{Field: tollbook.OrderTotalAmount}, Limit: 5}
	ranked := tollbook.Query{OrganizationID: "org-0", Limit: 5}
	for range maxScans {
		s.scans <- struct{}{}
	}
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, err := s.Records(ctx, scanned); !errors.Is(err, context.Canceled) {
		t.Errorf("a scan too many: %v", err)
	}
	if _, err := s.Records(t.Context(), ranked); err != nil {
		t.Errorf("a page by rank: %v", err)
	}
	<-s.scans
	if page, err := s.Records(t.Context(), scanned); err != nil || len(page.Records) != 5 {
		t.Errorf("a scan with a place: %d records, %v", len(page.Records), err)
	}
}
