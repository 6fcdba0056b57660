package localstore

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"tollbook"
	"tollbook/decimal"
)

// packedWorld makes a ledger of several small files of the log, which hold
// frames of all types, and closes it without packing any.
func packedWorld(t testing.TB, fs vfs.FS) (w *world, posted []tollbook.Entry) {
	t.Helper()
	w = newWorld(5, 2, 3, 3, 10)
	s, repairs, err := open("data", packOptions(fs))
	must(t, err)
	if len(repairs) > 0 {
		t.Fatal(repairs)
	}
	go s.commitLoop()
	for i := range 30 {
		entries := w.batch(1 + i*7%90)
		again := append(entries, posted[:min(len(posted), i)]...) // items without a head
		mustPost(t, s, again)
		posted = append(posted, entries...)
		if b := w.books(entries); len(b) > 0 {
			_, err := s.Book(t.Context(), tollbook.Pos(i/7), b[:1])
			if err != nil && err != tollbook.ErrMoved {
				t.Fatal(err)
			}
		}
		if _, err := s.Once(t.Context(), [16]byte{byte(i)}, time.Unix(1<<40, 0)); err != nil {
			t.Fatal(err)
		}
	}
	close(s.closing)
	<-s.committed
	must(t, s.abandon())
	return w, posted
}

func packOptions(fs vfs.FS) Options {
	return Options{FS: fs, Create: true, TableEvents: 100, CheckpointEvents: 400, SegmentBytes: 8 << 10}
}

// packAll packs all that may be packed.
func packAll(t testing.TB, fs vfs.FS) (files int) {
	t.Helper()
	s, _, err := open("data", packOptions(fs))
	must(t, err)
	p, err := newPacker()
	must(t, err)
	defer p.close()
	s.settled.Store(s.journal.end)
	for {
		more, err := s.packNext(t.Context(), p, s.newPacer())
		must(t, err)
		if !more {
			break
		}
		files++
	}
	must(t, s.abandon())
	return files
}

// everything is all records of a ledger, each with its events.
func everything(t testing.TB, fs vfs.FS) (all []string) {
	t.Helper()
	s, err := Open("data", packOptions(fs))
	must(t, err)
	defer mustClose(t, s)
	for _, org := range []string{"org-0", "org-1"} {
		for offset := 0; ; offset += tollbook.MaxPage {
			page, err := s.Records(t.Context(), tollbook.Query{OrganizationID: org, Limit: tollbook.MaxPage, Offset: offset})
			must(t, err)
			for _, r := range page.Records {
				all = append(all, fmt.Sprintf("%+v", r))
				events, err := s.Events(t.Context(), tollbook.EventQuery{OrganizationID: org, Record: r.ID, Limit: 1000})
				must(t, err)
				for i := range events.Events {
					e := &events.Events[i]
					lines := ""
					for _, c := range e.Charges {
						lines += fmt.Sprintf(" %x×%v", c.Line.Key(), c.Increments)
					}
					e.Charges = nil
					all = append(all, fmt.Sprintf("%+v%s", *e, lines))
				}
			}
			if len(page.Records) < tollbook.MaxPage {
				break
			}
		}
	}
	return all
}

// TestPack packs a log: what is served stays the same, with the views that are
// there, with views that are rebuilt from the packed log, and after a start.
func TestPack(t *testing.T) {
	fs := vfs.NewMem()
	_, posted := packedWorld(t, fs)
	plain := vfs.NewMem()
	packedWorld(t, plain) // the same again
	want := everything(t, plain)
	before := logBytes(t, fs)
	if n := packAll(t, fs); n < 4 {
		t.Fatalf("%d files were packed", n)
	}
	after := logBytes(t, fs)
	if after >= before*4/5 {
		t.Errorf("%d bytes became %d", before, after)
	}
	exact := cmp.Options{cmp.Comparer(func(a, b decimal.Decimal) bool { return a == b })}
	if diff := cmp.Diff(want, everything(t, fs), exact); diff != "" {
		t.Fatalf("packing changed what is served: %s", diff)
	}
	mustVerify(t, fs)

	must(t, fs.RemoveAll("data/runs"))
	for _, end := range newest(t, fs) {
		must(t, fs.Remove("data/"+checkpointName(end)))
	}
	if diff := cmp.Diff(want, everything(t, fs), exact); diff != "" {
		t.Fatalf("a rebuild from the packed log changed what is served: %s", diff)
	}
	mustVerify(t, fs)
	h := &history{w: newWorld(9, 1, 1, 1, 1), acknowledged: posted}
	h.check(t, fs)
}

func logBytes(t testing.TB, fs vfs.FS) (n int) {
	t.Helper()
	names, err := fs.List("data/log")
	must(t, err)
	for _, name := range names {
		n += len(readAll(t, fs, "data/log/"+name))
	}
	return n
}

// TestPackIsCutShort starts with what a packing has left at each of its steps.
func TestPackIsCutShort(t *testing.T) {
	fs := vfs.NewMem()
	packedWorld(t, fs)
	first := readAll(t, fs, "data/log/"+segmentName(0))
	want := everything(t, fs)
	writeAll(t, fs, "data/log/"+packName(0)+temporary, []byte("half of"))
	if diff := cmp.Diff(want, everything(t, fs)); diff != "" {
		t.Fatal(diff)
	}
	packAll(t, fs)
	writeAll(t, fs, "data/log/"+segmentName(0), first) // it was not removed yet
	if diff := cmp.Diff(want, everything(t, fs)); diff != "" {
		t.Fatal(diff)
	}
	names, err := fs.List("data/log")
	must(t, err)
	for _, name := range names {
		if name == segmentName(0) || strings.HasSuffix(name, temporary) {
			t.Errorf("%s is left", name)
		}
	}
}

// TestDamagedPack flips bytes of a packed file: whoever reads all says so.
func TestDamagedPack(t *testing.T) {
	fs := vfs.NewMem()
	packedWorld(t, fs)
	packAll(t, fs)
	name := "data/log/" + packName(0)
	whole := readAll(t, fs, name)
	for i := 0; i < len(whole); i += 11 {
		b := bytes.Clone(whole)
		b[i] ^= 4
		writeAll(t, fs, name, b)
		if r, err := Verify(t.Context(), fs, "data", nil); err == nil && r.Found == 0 {
			t.Fatalf("byte %d of %d: nothing was found", i, len(whole))
		} else if err != nil && !strings.Contains(err.Error(), packName(0)) {
			t.Fatalf("byte %d of %d: %v", i, len(whole), err)
		}
	}
}

// FuzzPacked unpacks hostile payloads whose frame checks.
func FuzzPacked(f *testing.F) {
	fs := vfs.NewMem()
	packedWorld(f, fs)
	packAll(f, fs)
	j, err := openJournal(fs, "data/log", 1<<20)
	must(f, err)
	must(f, j.replay(0, func(fr frame) error {
		if fr.packed && fr.pos < 8<<10 {
			f.Add(byte(fr.typ), bytes.Clone(fr.payload))
		}
		return nil
	}))
	must(f, j.close())
	unpack, err := newUnpacker()
	must(f, err)
	f.Fuzz(func(t *testing.T, typ byte, payload []byte) {
		fr := frame{frameHeader: frameHeader{typ: frameType(typ)}, payload: payload, packed: true, unpack: unpack}
		if fr.typ != frameEvents && fr.typ != frameBookings {
			return
		}
		var b batch
		n := newNumbering()
		if b.decode(&fr, n) == nil && n.learn(&b.intro) == nil {
			v := newViews()
			v.introduce(&b.intro)
			v.reach(&b.intro, 0, len(b.intro.tallies))
		}
	})
}
