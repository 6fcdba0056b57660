package localstore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
	"tollbook/decimal"
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

// whileScanning is a context that does something when a scan first asks it
// whether to go on.
type whileScanning struct {
	context.Context
	do func()
}

func (c *whileScanning) Err() error {
	if do := c.do; do != nil {
		c.do = nil
		do()
	}
	return nil
}

// TestScanWhileTiersShift scans a month whose records change their tiers because
// of what is counted in the month before: the page has every event once, in the
// record that it is in now.
func TestScanWhileTiersShift(t *testing.T) {
	changes := map[string]func(t *testing.T, s *Store, w *world, line *tollbook.Line, month tollbook.Month){
		"by an event": func(t *testing.T, s *Store, w *world, line *tollbook.Line, month tollbook.Month) {
			mustPost(t, s, []tollbook.Entry{tiered(w, line, month, month, 60)})
		},
		"by a correction": func(t *testing.T, s *Store, w *world, line *tollbook.Line, month tollbook.Month) {
			_, events := s.MonthEvents(t.Context(), tollbook.MonthQuery{OrganizationID: "org-0", AccountIDs: []string{"tiered"}, Month: month})
			var bookings []tollbook.Booking
			for e, err := range events {
				must(t, err)
				m := e.Measured
				m.Charges = []tollbook.Charge{{Line: line, Increments: decimal.NewInt(60)}}
				bookings = append(bookings, tollbook.Booking{Event: &e, Booked: e.Booked, Measured: m})
			}
			mustBook(t, s, bookings)
		},
	}
	for name, change := range changes {
		for up := range 8 { // ids in some order
			s := mustOpen(t, vfs.NewMem())
			w := newWorld(uint64(up), 1, 2, 2, 5)
			line := w.lines[3]
			line.Description = fmt.Sprint("tiers of account ", up)
			line = tollbook.NewTieredLine(line.Grouping, line.Increment, line.Tiers)
			month := tollbook.NewMonth(2023, time.January)
			mustPost(t, s, []tollbook.Entry{tiered(w, line, month, month, 0), tiered(w, line, month, month+1, 50)})
			ctx := &whileScanning{t.Context(), func() { change(t, s, w, line, month) }}
			q := tollbook.Query{OrganizationID: "org-0", Filter: parse(t, "month eq '2023-02'"), Order: tollbook.Order{Field: tollbook.OrderTotalAmount}, Limit: 10}
			page, ok, err := s.scanOnce(ctx, s.views, &q, 1)
			must(t, err)
			events := int64(0)
			for i := range page.Records {
				events += page.Records[i].Events
			}
			if ok && (events != 1 || len(page.Records) != 1) {
				t.Errorf("%s: %d events in %d records", name, events, len(page.Records))
			}
			if page, err = s.Records(t.Context(), q); err != nil || page.Total != 1 || page.Records[0].Events != 1 {
				t.Errorf("%s: afterwards %d records, %v", name, page.Total, err)
			}
			mustClose(t, s)
		}
	}
}

// tiered returns an entry of an account of its own.
func tiered(w *world, line *tollbook.Line, home, booked tollbook.Month, increments int64) tollbook.Entry {
	e := w.next()
	e.Event.AccountID = "tiered"
	e.Home, e.Booked = home, booked
	e.Measured = tollbook.Measured{Charges: []tollbook.Charge{{Line: line, Increments: decimal.NewInt(increments)}}}
	e.Normal = e.Event.AppendNormal(nil)
	e.Fingerprint = tollbook.Fingerprint(e.Normal)
	return e
}
