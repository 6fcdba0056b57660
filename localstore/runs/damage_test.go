package runs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// TestDamage flips each byte of a run: either opening or reading all of it
// must say so.
func TestDamage(t *testing.T) {
	fs := vfs.NewMem()
	m := newModel(3)
	s, err := Open(fs, "", 200)
	must(t, err)
	claims, entries := m.stretch(300)
	must(t, s.Add(m.end, claims, entries))
	must(t, s.Close())
	names, err := fs.List("")
	must(t, err)
	whole := readAll(t, fs, names[0])
	for i := 0; i < len(whole); i += 13 {
		b := bytes.Clone(whole)
		b[i] ^= 0x10
		writeAll(t, fs, names[0], b)
		if err := readEverything(fs); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d of %d: %v", i, len(b), err)
		}
	}
	for _, n := range []int{0, 1, footerBytes, len(whole) - 1} {
		writeAll(t, fs, names[0], whole[:n])
		if err := readEverything(fs); !errors.Is(err, ErrDamaged) {
			t.Fatalf("%d bytes of %d: %v", n, len(whole), err)
		}
	}
}

func readEverything(fs vfs.FS) error {
	s, err := Open(fs, "", 200)
	if err != nil {
		return err
	}
	defer s.Close()
	sn := s.Snapshot()
	defer sn.Release()
	for _, err := range sn.Claims() {
		if err != nil {
			return err
		}
	}
	for _, err := range sn.Entries() {
		if err != nil {
			return err
		}
	}
	return nil
}

// fullDisk fails every write while it is on.
type fullDisk struct{ on atomic.Bool }

func (d *fullDisk) String() string { return "the disk is full" }

func (d *fullDisk) MaybeError(op errorfs.Op) error {
	if d.on.Load() && op.Kind == errorfs.OpFileWrite {
		return syscall.ENOSPC
	}
	return nil
}

// TestMergeOnAFullDisk lets a merge run out of room: the runs stay as they
// were, what was written is removed, and the merge succeeds once there is room.
func TestMergeOnAFullDisk(t *testing.T) {
	mem := vfs.NewMem()
	disk := &fullDisk{}
	m := newModel(10)
	s, err := Open(errorfs.Wrap(mem, disk), "", 200)
	must(t, err)
	for range fanout {
		claims, entries := m.stretch(100)
		must(t, s.Add(m.end, claims, entries))
	}
	disk.on.Store(true)
	if err := s.Merge(t.Context()); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	names, err := mem.List("")
	must(t, err)
	if len(names) != fanout || s.Len() != fanout {
		t.Errorf("files %v, %d runs", names, s.Len())
	}
	m.check(t, s)
	disk.on.Store(false)
	if mergeAll(t, s) != 1 || s.Len() != 1 {
		t.Errorf("%d runs", s.Len())
	}
	m.check(t, s)
	must(t, s.Close())
}

// smallDisk is a disk with so many bytes free.
type smallDisk struct {
	vfs.FS
	free atomic.Uint64
}

func (d *smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free.Load()}, nil
}

// TestMergeLeavesRoom: a merge does not begin where it would leave less than it
// has to, and gives up when others have taken that.
func TestMergeLeavesRoom(t *testing.T) {
	disk := &smallDisk{FS: vfs.NewMem()}
	m := newModel(10)
	s, err := Open(disk, "", 200)
	must(t, err)
	const reserve = 1 << 30
	s.LeaveFree(reserve)
	for range maxRuns { // whatever it needs, Add is not kept from adding
		claims, entries := m.stretch(100)
		must(t, s.Add(m.end, claims, entries))
	}
	claims, entries := m.stretch(100)
	must(t, s.Add(m.end, claims, entries))
	disk.free.Store(reserve + 100)
	if err := s.Merge(t.Context()); !errors.Is(err, errNoRoom) || s.Len() != maxRuns+1 {
		t.Errorf("%d runs, %v", s.Len(), err)
	}
	parts, _ := s.due()
	out, err := disk.Create("out", writeCategory)
	must(t, err)
	disk.free.Store(reserve - 1)
	if err := merge(out, parts.runs, true, func() error { return s.room(0) }); !errors.Is(err, errNoRoom) {
		t.Errorf("merged: %v", err)
	}
	parts.release()
	must(t, disk.Remove("out"))
	disk.free.Store(reserve + 1<<30)
	if mergeAll(t, s) == 0 {
		t.Error("nothing was merged")
	}
	m.check(t, s)
	must(t, s.Close())
}

// failing fails the operations of a kind on files with a word in their names
// while it is on.
type failing struct {
	kind errorfs.OpKind
	word string
	on   atomic.Bool
}

func (f *failing) String() string { return "it fails" }

func (f *failing) MaybeError(op errorfs.Op) error {
	if f.on.Load() && op.Kind == f.kind && strings.Contains(op.Path, f.word) {
		return syscall.EMFILE
	}
	return nil
}

// TestMergeCannotBeOpened lets a merge fail after its run has got its name: it
// must not stay, or a merge of others could come to overlap it.
func TestMergeCannotBeOpened(t *testing.T) {
	for _, kind := range []errorfs.OpKind{errorfs.OpOpen, errorfs.OpOpenDir} {
		mem := vfs.NewMem()
		must(t, mem.MkdirAll("runs", 0o755))
		fault := &failing{kind: kind}
		m := newModel(12)
		s, err := Open(errorfs.Wrap(mem, fault), "runs", 200)
		must(t, err)
		for range fanout + 2 {
			claims, entries := m.stretch(100)
			must(t, s.Add(m.end, claims, entries))
		}
		fault.on.Store(true)
		merge := func(from, to int) error {
			return s.mergeRuns(t.Context(), s.current.runs[from:to], from == 0)
		}
		if err := merge(0, fanout); !errors.Is(err, syscall.EMFILE) {
			t.Fatal(err)
		}
		fault.on.Store(false)
		must(t, merge(2, fanout+2))
		must(t, s.Close())
		s, err = Open(mem, "runs", 200)
		must(t, err)
		m.check(t, s)
		must(t, s.Close())
	}
}

// TestMergedFilesThatStay: one file that cannot be removed does not keep the
// others.
func TestMergedFilesThatStay(t *testing.T) {
	mem := vfs.NewMem()
	fault := &failing{kind: errorfs.OpRemove}
	m := newModel(13)
	s, err := Open(errorfs.Wrap(mem, fault), "", 200)
	must(t, err)
	for range fanout {
		claims, entries := m.stretch(100)
		must(t, s.Add(m.end, claims, entries))
	}
	fault.word = s.current.runs[0].name
	fault.on.Store(true)
	if err := s.Merge(t.Context()); !errors.Is(err, syscall.EMFILE) {
		t.Fatal(err)
	}
	if names, err := mem.List(""); err != nil || len(names) != 2 {
		t.Errorf("files %v, %v", names, err)
	}
	m.check(t, s)
	must(t, s.Close())
}

// TestLookUpThatMisleads changes what leads to claims and entries, and makes
// the checksums right again: whoever reads all says so.
func TestLookUpThatMisleads(t *testing.T) {
	fs := vfs.NewMem()
	m := newModel(3)
	s, err := Open(fs, "", 200)
	must(t, err)
	claims, entries := m.stretch(300)
	must(t, s.Add(m.end, claims, entries))
	r := s.current.runs[0]
	whole := readAll(t, fs, r.name)
	must(t, s.Close())
	set := int(r.filterAt())
	for whole[set] == 0 {
		set++
	}
	for what, change := range map[string]func(b []byte){
		"a bit of the filter":  func(b []byte) { b[set] &= b[set] - 1 },
		"a first claim":        func(b []byte) { b[r.directoryAt()+8]++ },
		"a first entry":        func(b []byte) { b[r.directoryAt()+8*int64(r.claimBlocks)]++ },
		"the order of claims":  func(b []byte) { swap(b[claimHeadBytes:], 5, 9) },
		"a block without some": func(b []byte) { clear(b[r.indexAt()+checksumBytes:][:blockBytes-checksumBytes]) },
	} {
		b := bytes.Clone(whole)
		change(b)
		repair(b)
		writeAll(t, fs, r.name, b)
		if err := readEverything(fs); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// swap swaps two claims.
func swap(b []byte, i, j int) {
	one := bytes.Clone(b[claimBytes*i:][:claimBytes])
	copy(b[claimBytes*i:][:claimBytes], b[claimBytes*j:][:claimBytes])
	copy(b[claimBytes*j:], one)
}

// TestGap takes a run out of the middle.
func TestGap(t *testing.T) {
	fs := vfs.NewMem()
	m := newModel(4)
	s, err := Open(fs, "", 200)
	must(t, err)
	for range 3 {
		claims, entries := m.stretch(20)
		must(t, s.Add(m.end, claims, entries))
	}
	must(t, fs.Remove(s.current.runs[1].name))
	must(t, s.Close())
	if _, err := Open(fs, "", 200); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("opened: %v", err)
	}
}

// FuzzRun opens and reads hostile runs whose checksums are right.
func FuzzRun(f *testing.F) {
	fs := vfs.NewMem()
	m := newModel(9)
	s, err := Open(fs, "", 200)
	must(f, err)
	claims, entries := m.stretch(200)
	must(f, s.Add(m.end, claims, entries))
	must(f, s.Close())
	names, err := fs.List("")
	must(f, err)
	f.Add(readAll(f, fs, names[0]))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < footerBytes {
			return
		}
		repair(b)
		start, end := binary.LittleEndian.Uint64(b[len(b)-footerBytes+16:]), binary.LittleEndian.Uint64(b[len(b)-footerBytes+24:])
		if start != 0 || start >= end {
			return
		}
		fs := vfs.NewMem()
		writeAll(t, fs, runName(start, end), b)
		if err := readEverything(fs); err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
	})
}

// repair makes the checksums right where the parts are.
func repair(b []byte) {
	foot := b[len(b)-footerBytes:]
	copy(foot, footerMagic)
	sum := func(part []byte) uint32 { return crc32.Checksum(part, castagnoli) }
	binary.LittleEndian.PutUint32(foot[footerBytes-4:], sum(foot[:footerBytes-4]))
	f, ok := parseFooter(foot, int64(len(b)))
	if !ok {
		return
	}
	for at := int64(0); at < f.filterAt(); at += blockBytes {
		seal(b[at : at+blockBytes])
	}
	binary.LittleEndian.PutUint32(foot[72:], sum(b[f.filterAt():f.directoryAt()]))
	binary.LittleEndian.PutUint32(foot[76:], sum(b[f.directoryAt():len(b)-footerBytes]))
	binary.LittleEndian.PutUint32(foot[footerBytes-4:], sum(foot[:footerBytes-4]))
}
