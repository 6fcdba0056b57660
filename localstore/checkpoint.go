package localstore

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/klauspost/compress/zstd"

	"tollbook"
)

// checkpoint is the views as they were at a position of the log. Everything
// that is never changed is shared with the views, the rest is a copy.
type checkpoint struct {
	end         uint64
	definitions definitionIndex
	orgs        []*organization // for their ids
	accounts    []account
	lines       []*tollbook.Line
	tallies     slab[tally]
	counts      slab[count]
	doubles     map[uint32]int64
	events      int64
	once        map[[16]byte]int64
}

// checkpointMagic opens a checkpoint; its last byte is the version.
const checkpointMagic = "tollbook chk\x00\x00\x00\x02"

const checkpointPrefix = "checkpoint-"

func checkpointName(end uint64) string { return fmt.Sprintf("%s%016x", checkpointPrefix, end) }

// capture returns a checkpoint of the views. It is called by the committer,
// which waits while the counts are copied: 40 bytes a tally.
func (v *views) capture() *checkpoint {
	cp := &checkpoint{
		end:         v.end,
		definitions: v.definitions,
		orgs:        v.orgs,
		accounts:    make([]account, len(v.accounts)),
		lines:       v.lines,
		tallies:     v.tallies,
		counts:      v.counts.clone(),
		doubles:     maps.Clone(v.doubles),
		events:      v.events,
		once:        maps.Clone(v.once),
	}
	for i := range v.accounts {
		cp.accounts[i].org, cp.accounts[i].id = v.accounts[i].org, v.accounts[i].id
	}
	return cp
}

// checkpointWriter writes numbers and remembers the first error.
type checkpointWriter struct {
	w   *bufio.Writer
	sum hash.Hash32
	buf []byte
	err error
}

func (w *checkpointWriter) put(b []byte) {
	w.buf = b[:0]
	if w.err == nil {
		w.sum.Write(b)
		_, w.err = w.w.Write(b)
	}
}

func (w *checkpointWriter) uvarint(v uint64) { w.put(binary.AppendUvarint(w.buf, v)) }
func (w *checkpointWriter) text(s string)    { w.put(appendText(w.buf, s)) }

// write writes the checkpoint:
//
//	magic and version (16)
//	position (8)
//	definitions: count, request id (16) of each; frames: count, first position and position in the log of each
//	organizations: count, texts
//	accounts: count, number of the organization and text of each
//	lines: count, tollbook.Line binary forms
//	tallies: count, then account, month of booking (varint), months since the events occurred (varint), line + 1 or 0, words, increments of each
//	words in several tallies of a record: count, then number of the record and how many of each, by record
//	events accepted
//	once: count, then key (16) and Unix second (8) of each, by key
//	CRC-32C of all of it (4)
//
// Numbers are uvarints unless said. Records and page indexes follow from the
// tallies, in the order in which they were made.
func (cp *checkpoint) write(out io.Writer) error {
	w := &checkpointWriter{w: bufio.NewWriterSize(out, 1<<20), sum: crc32.New(castagnoli)}
	w.put([]byte(checkpointMagic))
	w.put(binary.LittleEndian.AppendUint64(w.buf, cp.end))
	w.uvarint(uint64(len(cp.definitions.requests)))
	for i := range cp.definitions.requests {
		w.put(append(w.buf, cp.definitions.requests[i][:]...))
	}
	w.uvarint(uint64(len(cp.definitions.frames)))
	for _, f := range cp.definitions.frames {
		w.uvarint(uint64(f.first))
		w.uvarint(f.at)
	}
	w.uvarint(uint64(len(cp.orgs)))
	for _, o := range cp.orgs {
		w.text(o.id)
	}
	w.uvarint(uint64(len(cp.accounts)))
	for i := range cp.accounts {
		w.uvarint(uint64(cp.accounts[i].org))
		w.text(cp.accounts[i].id)
	}
	w.uvarint(uint64(len(cp.lines)))
	for _, l := range cp.lines {
		w.put(l.AppendBinary(w.buf))
	}
	cp.writeTallies(w)
	w.uvarint(uint64(len(cp.doubles)))
	for _, no := range slices.Sorted(maps.Keys(cp.doubles)) {
		w.uvarint(uint64(no))
		w.uvarint(uint64(cp.doubles[no]))
	}
	w.uvarint(uint64(cp.events))
	cp.writeOnce(w)
	w.put(w.sum.Sum(w.buf))
	return errors.Join(w.err, w.w.Flush())
}

func (cp *checkpoint) writeTallies(w *checkpointWriter) {
	w.uvarint(uint64(cp.tallies.len()))
	for i := range uint32(cp.tallies.len()) {
		n := cp.counts.at(i)
		b := appendTallyKey(w.buf, cp.tallies.at(i).tallyKey)
		b = binary.AppendUvarint(b, uint64(n.words))
		w.put(n.increments.AppendBinary(b))
	}
}

func (cp *checkpoint) writeOnce(w *checkpointWriter) {
	keys := make([][16]byte, 0, len(cp.once))
	for key := range cp.once {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b [16]byte) int { return slices.Compare(a[:], b[:]) })
	w.uvarint(uint64(len(keys)))
	for _, key := range keys {
		w.put(appendOnce(w.buf, key, cp.once[key]))
	}
}

// writeCheckpoint writes a checkpoint and removes those that are not kept.
func (s *Store) writeCheckpoint(cp *checkpoint) error {
	fs := s.opts.FS
	if err := writeFile(fs, s.dir, checkpointName(cp.end), func(f vfs.File) error { return cp.write(f) }); err != nil {
		return err
	}
	ends, err := listEnds(fs, s.dir, checkpointPrefix)
	if err != nil {
		return err
	}
	s.settle(ends)
	for _, end := range ends[min(keptCheckpoints, len(ends)):] {
		if err := fs.Remove(fs.PathJoin(s.dir, checkpointName(end))); err != nil {
			return err
		}
	}
	return nil
}

// settle notes which checkpoints there are, newest first: what is before the
// older of two may be packed.
func (s *Store) settle(ends []uint64) {
	if len(ends) < keptCheckpoints {
		return
	}
	s.settled.Store(ends[keptCheckpoints-1])
	select {
	case s.packable <- struct{}{}:
	default:
	}
}

// listEnds returns the positions of the checkpoints or marks, whose names begin
// with a prefix, newest first.
func listEnds(fs vfs.FS, dir, prefix string) ([]uint64, error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, err
	}
	var ends []uint64
	for _, name := range names {
		if end, ok := endOf(prefix, name); ok {
			ends = append(ends, end)
		}
	}
	slices.Sort(ends)
	slices.Reverse(ends)
	return ends, nil
}

// endOf reads the position that a name with a prefix holds.
func endOf(prefix, name string) (end uint64, ok bool) {
	hex, ok := strings.CutPrefix(name, prefix)
	end, err := strconv.ParseUint(hex, 16, 64)
	return end, ok && err == nil && fmt.Sprintf("%s%016x", prefix, end) == name
}

// removeUnfinished removes what a process that died while it wrote a
// checkpoint has left. No later one would be written over it.
func removeUnfinished(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		ours := strings.HasPrefix(name, checkpointPrefix) || strings.HasPrefix(name, markPrefix)
		if ours && strings.HasSuffix(name, temporary) {
			if err := fs.Remove(fs.PathJoin(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// readCheckpoint reads the views that a checkpoint holds, and their numbers.
func readCheckpoint(fs vfs.FS, dir string, end uint64) (*views, *numbering, error) {
	v, n, err := readViews(fs, fs.PathJoin(dir, checkpointName(end)))
	if err == nil && v.end != end {
		err = errMalformed
	}
	return v, n, err
}

// zstdMagic is what a packed file begins with.
const zstdMagic = "\x28\xb5\x2f\xfd"

// readViews reads views from a checkpoint, or a packed one.
func readViews(fs vfs.FS, path string) (*views, *numbering, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	b := make([]byte, info.Size())
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, nil, err
	}
	if bytes.HasPrefix(b, []byte(zstdMagic)) {
		dec, err := zstd.NewReader(nil)
		if err != nil {
			return nil, nil, err
		}
		defer dec.Close()
		if b, err = dec.DecodeAll(b, nil); err != nil {
			return nil, nil, err
		}
	}
	return decodeCheckpoint(b)
}
