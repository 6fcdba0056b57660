package localstore

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"tollbook"
	"tollbook/decimal"
)

func TestBodies(t *testing.T) {
	w := newWorld(1, 3, 2, 2, 5)
	entries := w.batch(300)
	entries[7].Event.CloudEventType = "com.example.call"
	// Some lines are known to the log, of those some share a place in the
	// writer's memory, and some are not known.
	hints := make([]hint, len(entries))
	byNumber := map[uint32]*tollbook.Line{}
	for i := range hints {
		hints[i] = hint{noLine, noTally}
		if c := entries[i].Charges; len(c) == 1 && i%3 > 0 {
			no := uint32(slices.Index(w.lines, c[0].Line)) * 128
			hints[i].line, byNumber[no] = no, c[0].Line
		}
	}
	packed, err := new(bodyWriter).encodeEvents(entries, hints)
	must(t, err)
	if len(packed.blocks) != 3 {
		t.Fatalf("%d blocks", len(packed.blocks))
	}
	i := 0
	for _, blk := range packed.blocks {
		raw, err := expandBlock(nil, blk.data)
		must(t, err)
		b, err := decodeBlock(raw, func(no uint32) *tollbook.Line { return byNumber[no] })
		must(t, err)
		for item := range blk.items {
			got, err := b.event(item)
			must(t, err)
			e := &entries[i]
			want := tollbook.BookedEvent{Event: *e.Event, OrganizationID: e.OrganizationID, Claim: e.Claim, Home: e.Home, Booked: e.Booked, Measured: e.Measured}
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b decimal.Int) bool { return a == b }), cmp.Comparer(func(a, b decimal.Decimal) bool { return a == b }), cmp.Comparer(func(a, b *tollbook.Line) bool { return a.Key() == b.Key() })); diff != "" {
				t.Fatalf("event %d: %s", i, diff)
			}
			i++
		}
	}
}

// seedPayloads returns a payload of each type.
func seedPayloads(t testing.TB) map[frameType][]byte {
	fs := vfs.NewMem()
	s := mustOpen(t, fs)
	w := newWorld(1, 1, 2, 2, 5)
	entries := w.batch(60)
	mustPost(t, s, entries)
	mustBook(t, s, w.books(t, s, entries))
	if _, err := s.Once(context.Background(), [16]byte{1}, time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Define(context.Background(), 0, []tollbook.Definition{{RequestID: [16]byte{2}, ID: "x", Actor: "y", Body: []byte("{}")}}); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	j, err := openJournal(fs, "data/log", 1<<20)
	must(t, err)
	payloads := make(map[frameType][]byte)
	must(t, j.replay(0, func(f frame) error {
		payloads[f.typ] = slices.Clone(f.payload)
		return nil
	}))
	must(t, j.close())
	return payloads
}

// FuzzPayload decodes hostile payloads whose frame checks: it never panics,
// and allocates no more than the payload could say.
func FuzzPayload(f *testing.F) {
	for typ, payload := range seedPayloads(f) {
		f.Add(byte(typ), payload)
	}
	f.Fuzz(func(t *testing.T, typ byte, payload []byte) {
		switch frameType(typ) {
		case frameEvents, frameBookings:
			n := newNumbering()
			var b batch
			if b.decode(&frame{frameHeader: frameHeader{typ: frameType(typ)}, payload: payload}, n) == nil && n.learn(&b.intro) == nil {
				n.recount(&b)
				v := newViews()
				v.apply(&b, inRuns{}, false)
				for _, org := range v.orgs {
					org.all.slice(nil, 0, org.all.len())
				}
			}
		case frameDefinitions:
			decodeDefinitions(payload)
		case frameOnce:
			decodeOnce(payload)
		}
	})
}

// FuzzBlock decodes hostile blocks.
func FuzzBlock(f *testing.F) {
	w := newWorld(1, 1, 2, 2, 5)
	packed, err := new(bodyWriter).encodeEvents(w.batch(5), []hint{{noLine, noTally}, {2, 2}, {noLine, noTally}, {noLine, noTally}, {4, 4}})
	must(f, err)
	raw, err := expandBlock(nil, packed.blocks[0].data)
	must(f, err)
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := decodeBlock(raw, func(no uint32) *tollbook.Line {
			if int(no) >= len(w.lines) {
				return nil
			}
			return w.lines[no]
		})
		if err != nil {
			return
		}
		for i := range len(b.items) + 1 {
			b.event(i)
			b.booking(i)
		}
	})
}

// FuzzLog opens logs of hostile bytes: it opens or refuses, and never panics.
func FuzzLog(f *testing.F) {
	w := newWorld(1, 1, 2, 2, 5)
	file, _ := logOf(f, w.batch(3), w.batch(2))
	f.Add(file)
	f.Add(segmentHeader(0))
	f.Fuzz(func(t *testing.T, file []byte) {
		fs := vfs.NewMem()
		must(t, Init(fs, "data"))
		writeAll(t, fs, "data/log/"+segmentName(0), file)
		j, err := openJournal(fs, "data/log", 1<<20)
		if err != nil {
			return
		}
		defer j.close()
		j.replay(0, func(frame) error { return nil })
	})
}
