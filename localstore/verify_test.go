package localstore

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/klauspost/compress/s2"

	"tollbook"
)

// sayOtherwise writes a ledger's last frame anew, with what change makes of it,
// removes what could tell that it was another, and opens it once.
func sayOtherwise(t testing.TB, fs vfs.FS, change func(b *batch)) error {
	t.Helper()
	j, err := openJournal(fs, "data/log", 1<<20)
	must(t, err)
	n := newNumbering()
	var last batch
	var blocks []block
	var pos uint64
	must(t, j.replay(0, func(f frame) error {
		last = batch{}
		must(t, last.decode(&f, n))
		must(t, n.learn(&last.intro))
		layout, _, err := f.split()
		blocks, pos = nil, f.pos
		for _, l := range layout {
			blocks = append(blocks, block{bytes.Clone(l.data), l.items})
		}
		return err
	}))
	must(t, j.close())
	change(&last)
	typ := frameEvents
	if last.bookings {
		typ = frameBookings
	}
	frame := last.appendPayload(make([]byte, frameHeaderBytes), blocks)
	putFrameHeader(frame, typ, pos, pos)
	name := "data/log/" + segmentName(0)
	writeAll(t, fs, name, append(readAll(t, fs, name)[:segmentHeaderBytes+pos], frame...))
	for _, end := range newest(t, fs) {
		must(t, fs.Remove("data/"+checkpointName(end)))
	}
	must(t, fs.RemoveAll("data/runs"))
	names, err := fs.List("data/log")
	must(t, err)
	for _, name := range names {
		if name != segmentName(0) {
			must(t, fs.Remove("data/log/"+name))
		}
	}
	s, err := Open("data", tiny(fs))
	if err != nil {
		return err
	}
	return s.Close()
}

// fillBooked fills a directory with four events, of which the second is another
// organization's, whose account has the id of the others'. The first is voided,
// the second booked again, the third taken back a month later.
func fillBooked(t testing.TB, fs vfs.FS) {
	t.Helper()
	o := tiny(fs)
	o.SegmentBytes = 1 << 20
	s, err := Open("data", o)
	must(t, err)
	w := newWorld(1, 1, 1, 1, 1)
	var entries []tollbook.Entry
	for len(entries) < 4 {
		e := w.next()
		if len(e.Charges) != 1 || e.Booked != e.Home {
			continue
		}
		if len(entries) == 1 { // of another organization, whose account has the same id
			e.OrganizationID = "org-1"
			e.Claim = tollbook.ClaimOf(e.OrganizationID, e.Event.Source, e.Event.ID)
		}
		entries = append(entries, e)
	}
	mustPost(t, s, entries)
	var bookings []tollbook.Booking
	for i := range entries {
		words, _, err := s.History(t.Context(), entries[i].Claim)
		must(t, err)
		bookings = append(bookings, tollbook.Booking{Event: &words[0], Booked: words[0].Booked})
	}
	at := entries[0].Event.OccurredAt
	bookings[0].Void = &tollbook.Void{Reason: "twice", At: at, ReplacedBy: tollbook.EventName{Source: "a", ID: "b"}}
	bookings[1].Measured = bookings[1].Event.Measured
	bookings[2].Void, bookings[2].Adjusts = &tollbook.Void{At: at}, true
	bookings[2].Booked++
	bookings[2].Charges = negated(bookings[2].Event.Charges)
	mustBook(t, s, bookings[:3])
	mustClose(t, s)
}

// TestVerifyReadsBodies has the log say of an event in one place what it does
// not say in the other, and wants verify to see it.
func TestVerifyReadsBodies(t *testing.T) {
	claim := tollbook.Claim{1}
	tests := []struct {
		name   string
		change func(b *batch)
		want   string
	}{
		{"nothing", func(*batch) {}, ""},
		{"a link to another event", func(b *batch) { b.corrections[0].link = &claim }, "voids"},
		{"no link", func(b *batch) { b.corrections[0].link = nil }, "voids"},
		{"a void of what is booked again", func(b *batch) { b.corrections[1].voids = true }, "voids"},
		{"no adjustment", func(b *batch) {
			adjusts := &b.corrections[2]
			adjusts.adjusts, adjusts.back = false, 1
			b.backs = append(b.backs, headCharge{b.backs[0].tally, b.charges[1].increments.Neg()})
		}, "voids"},
		{"another organization's account", func(b *batch) { b.charges[0].tally ^= 1 }, "differ between head and body"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fs := vfs.NewMem()
			fillBooked(t, fs)
			must(t, sayOtherwise(t, fs, test.change))
			r, err := Verify(t.Context(), fs, "data", nil)
			must(t, err)
			if (r.Found > 0) != (test.want != "") || !strings.Contains(strings.Join(r.Differences, "\n"), test.want) {
				t.Errorf("differences %q, want one with %q", r.Differences, test.want)
			}
		})
	}
}

// TestVerifyCountsDefinitions gives a definition another position, which a start
// from a checkpoint behind it does not see.
func TestVerifyCountsDefinitions(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, fs)
	_, err := s.Define(t.Context(), 0, []tollbook.Definition{{RequestID: [16]byte{1}, ID: "x", Body: []byte("{}")}})
	must(t, err)
	mustClose(t, s)
	name := "data/log/" + segmentName(0)
	file := readAll(t, fs, name)
	raw, err := s2.Decode(nil, file[segmentHeaderBytes+frameHeaderBytes:])
	must(t, err)
	raw[0]++
	frame := append(make([]byte, frameHeaderBytes), s2.Encode(nil, raw)...)
	putFrameHeader(frame, frameDefinitions, 0, 0)
	if len(frame) != len(file)-segmentHeaderBytes {
		t.Fatalf("%d bytes in the place of %d", len(frame), len(file)-segmentHeaderBytes)
	}
	writeAll(t, fs, name, append(file[:segmentHeaderBytes], frame...))
	if _, err := Verify(t.Context(), fs, "data", nil); err == nil || !strings.Contains(err.Error(), "definition 2 follows on 0") {
		t.Errorf("verify: %v", err)
	}
}
