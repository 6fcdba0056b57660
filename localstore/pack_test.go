package localstore

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"tollbook"
	"tollbook/checktest"
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
		if b := w.books(t, s, entries); len(b) > 0 {
			_, err := s.Book(t.Context(), tollbook.Pos(i/7), b)
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
					if e.Void != nil {
						lines += fmt.Sprintf(" %+v", *e.Void)
					}
					e.Charges, e.Void = nil, nil
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
	checktest.Leave(t)
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

// TestDamagedPackBesideItsFile: of a packed file that is damaged and the file
// that it stands for, as an interrupted copy may have them, the latter is kept,
// and the message says how to go on with it.
func TestDamagedPackBesideItsFile(t *testing.T) {
	fs := vfs.NewMem()
	packedWorld(t, fs)
	file, packed := "data/log/"+segmentName(0), "data/log/"+packName(0)
	plain := readAll(t, fs, file)
	want := everything(t, fs)
	packAll(t, fs)
	whole := readAll(t, fs, packed)
	writeAll(t, fs, file, plain)
	for _, b := range [][]byte{whole[:len(whole)/2], flip(whole, 100), flip(whole, len(whole)-5)} {
		writeAll(t, fs, packed, b)
		_, err := Open("data", packOptions(fs))
		if err == nil || !strings.Contains(err.Error(), "remove the packed file") || !strings.Contains(err.Error(), packName(0)) {
			t.Fatalf("opened: %v", err)
		}
	}
	must(t, fs.Remove(packed)) // what the message says
	if diff := cmp.Diff(want, everything(t, fs)); diff != "" {
		t.Fatal(diff)
	}
	mustVerify(t, fs)
}

// TestStalePlainFile: a copy made before a file was full, beside the packed one
// of a later copy, does not count.
func TestStalePlainFile(t *testing.T) {
	fs := vfs.NewMem()
	packedWorld(t, fs)
	file := "data/log/" + segmentName(0)
	plain := readAll(t, fs, file)
	want := everything(t, fs)
	packAll(t, fs)
	writeAll(t, fs, file, plain[:len(plain)/2])
	if diff := cmp.Diff(want, everything(t, fs)); diff != "" {
		t.Fatal(diff)
	}
}

// TestDamagedDirectoryOfPack flips bytes of the directory of a packed file that
// has no blocks: nothing but the check looks most of its places up.
func TestDamagedDirectoryOfPack(t *testing.T) {
	fs := vfs.NewMem()
	s, _, err := open("data", packOptions(fs))
	must(t, err)
	go s.commitLoop()
	for i := range 200 {
		_, err := s.Once(t.Context(), [16]byte{byte(i)}, time.Unix(1<<40, 0))
		must(t, err)
	}
	close(s.closing)
	<-s.committed
	must(t, s.abandon())
	if packAll(t, fs) == 0 {
		t.Fatal("nothing was packed")
	}
	name := "data/log/" + packName(0)
	whole := readAll(t, fs, name)
	for i := len(whole) - packFooterBytes - 1; i > len(whole)-3*packPieceBytes; i -= 50 {
		writeAll(t, fs, name, flip(whole, i))
		r, err := Verify(t.Context(), fs, "data", nil)
		if err == nil && r.Found == 0 || err != nil && !strings.Contains(err.Error(), packName(0)) {
			t.Fatalf("byte %d of %d: %v", i, len(whole), err)
		}
	}
}

// TestTooLongToPack: a file whose places would not fit into 32 bits stays as it
// is, and the ones behind it are packed.
func TestTooLongToPack(t *testing.T) {
	j := &journal{}
	for _, base := range []uint64{0, 5 << 30, 5<<30 + 100, 5<<30 + 200} {
		j.segments = append(j.segments, newSegment(base, nil, 0, nil))
	}
	if s, end := j.firstPlain(1 << 40); s != j.segments[1] || end != j.segments[2].base {
		t.Errorf("to be packed: the file at %v, which ends at %d", s, end)
	}
}

// smallDisk is a disk with so many bytes free.
type smallDisk struct {
	vfs.FS
	free atomic.Uint64
}

func (d *smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free.Load()}, nil
}

// TestNoRoomToPack: packing does not take what the log needs to go on.
func TestNoRoomToPack(t *testing.T) {
	disk := &smallDisk{FS: vfs.NewMem()}
	o := packOptions(disk)
	packedWorld(t, disk.FS)
	s, _, err := open("data", o)
	must(t, err)
	p, err := newPacker()
	must(t, err)
	defer p.close()
	s.settled.Store(s.journal.end)
	disk.free.Store(2*s.opts.DiskReserve + 100)
	if _, err := s.packNext(t.Context(), p, s.newPacer()); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("packed on a disk that is nearly full: %v", err)
	}
	disk.free.Store(2*s.opts.DiskReserve + 1<<20)
	if more, err := s.packNext(t.Context(), p, s.newPacer()); err != nil || !more {
		t.Errorf("with room: %v, %v", more, err)
	}
	must(t, s.abandon())
}
