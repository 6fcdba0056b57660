package localstore

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/klauspost/compress/zstd"
)

// writeCategory is how the file system's statistics file our writes.
const writeCategory vfs.DiskWriteCategory = "tollbook"

// journal is the log: files of frames, each named by the position at which it
// starts. A position counts bytes of frames from the start of the first file;
// a file ends where the next one starts, whatever bytes may follow there. Files
// but the last may be packed.
type journal struct {
	fs  vfs.FS
	dir string
	max int64 // bytes after which the next file is begun

	// Only the appender uses these.
	active vfs.File
	end    uint64 // position behind the last frame
	begun  uint64 // position at which a file was begun that has no header yet

	mu       sync.RWMutex // guards segments
	segments []*segment

	unpack *zstd.Decoder // of packed files; it may be used concurrently
}

// openJournal opens the log's files. Call replay next, then start.
func openJournal(fs vfs.FS, dir string, maxBytes int64) (_ *journal, err error) {
	j := &journal{fs: fs, dir: dir, max: maxBytes}
	if j.unpack, err = newUnpacker(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			j.close()
		}
	}()
	names, err := fs.List(dir)
	if err != nil {
		return nil, err
	}
	bases, packed, twice, err := j.list(names)
	if err != nil {
		return nil, err
	}
	for i, base := range bases {
		if i == 0 && base != 0 {
			return nil, damage(segmentName(0), 0, "the file is missing")
		}
		var seg *segment
		if packed[base] {
			seg, err = j.openPacked(base)
			if twice[base] {
				err = j.supersede(base, seg, err)
			}
		} else {
			seg, err = j.openSegment(base, i == len(bases)-1)
		}
		if err != nil {
			return nil, err
		}
		if seg != nil {
			j.segments = append(j.segments, seg)
		}
	}
	return j, nil
}

// list returns the positions at which files of the log start, ascending, which
// of them are packed, and which of those are there as they were, too. It
// removes packed files that were not finished.
func (j *journal) list(names []string) (bases []uint64, packed, twice map[uint64]bool, err error) {
	packed, twice = make(map[uint64]bool), make(map[uint64]bool)
	for _, name := range names {
		hex, ext, _ := strings.Cut(name, ".")
		base, err := strconv.ParseUint(hex, 16, 64)
		switch {
		case err == nil && name == segmentName(base):
			bases = append(bases, base)
		case err == nil && name == packName(base):
			packed[base] = true
		case err == nil && "."+ext == packExtension+temporary:
			if err := j.fs.Remove(j.fs.PathJoin(j.dir, name)); err != nil {
				return nil, nil, nil, err
			}
		default:
			return nil, nil, nil, fmt.Errorf("%s is not a file of the log", j.fs.PathJoin(j.dir, name))
		}
	}
	for _, base := range bases {
		twice[base] = packed[base]
	}
	bases = slices.AppendSeq(bases, maps.Keys(packed))
	slices.Sort(bases)
	return slices.Compact(bases), packed, twice, nil
}

// openSegment opens the file that starts at base. The last one may be that of
// a process that died before it had written the file's header, and is then
// none.
func (j *journal) openSegment(base uint64, last bool) (*segment, error) {
	f, size, err := j.open(segmentName(base))
	if err != nil {
		return nil, err
	}
	header := make([]byte, segmentHeaderBytes)
	n, err := f.ReadAt(header, 0)
	if err != nil && err != io.EOF {
		f.Close()
		return nil, err
	}
	if err := checkSegmentHeader(header[:n], base); err != nil {
		f.Close()
		if last && size <= segmentHeaderBytes {
			j.begun = base
			return nil, nil
		}
		return nil, damage(segmentName(base), 0, "%w", err)
	}
	return newSegment(base, f, size, nil), nil
}

// openPacked opens the packed file that starts at base.
func (j *journal) openPacked(base uint64) (*segment, error) {
	f, size, err := j.open(packName(base))
	if err != nil {
		return nil, err
	}
	pack, err := openPack(f, base, size)
	if err != nil {
		f.Close()
		return nil, damage(packName(base), 0, "%w", err)
	}
	return newSegment(base, f, size, pack), nil
}

func (j *journal) open(name string) (vfs.File, int64, error) {
	f, err := j.fs.Open(j.fs.PathJoin(j.dir, name))
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// replay calls fn for each frame from a position on, which must be the start
// of a frame or the log's end, and finds that end. What a write that was
// never acknowledged left behind the last good frame is cut off; anything
// else that does not check is an error that says where.
func (j *journal) replay(from uint64, fn func(frame) error) error {
	var buf []byte
	pos := from
	for i, s := range j.segments {
		last := i == len(j.segments)-1
		limit := s.end()
		if !last {
			limit = j.segments[i+1].base
		}
		if s.end() < limit {
			return damage(s.name(), s.size, "it ends before the next file starts: it was cut short, or %s is missing", segmentName(s.end()))
		}
		if pos >= limit && !last {
			continue
		}
		offset, err := s.seek(pos)
		if err != nil {
			return damage(s.name(), 0, "%w", err)
		}
		for pos < limit {
			f, next, err := s.readFrame(pos, limit, offset, &buf)
			if err == errBadFrame && last && s.pack == nil {
				err = j.checkTorn(s, pos)
				if err == nil {
					break
				}
			}
			if err != nil {
				return damage(s.name(), offset, "%w", err)
			}
			f.unpack = j.unpack
			if err := fn(f); err != nil {
				return damage(s.name(), offset, "frame of %s: %w", f.typ, err)
			}
			pos, offset = f.end(), next
		}
	}
	if n := len(j.segments); n == 0 && from != 0 || n > 0 && pos > max(j.segments[n-1].end(), j.segments[n-1].base) {
		return fmt.Errorf("the log is damaged: it ends before position %d, which has been on disk", from)
	}
	if pos < j.begun {
		return fmt.Errorf("the log is damaged: it ends at position %d, before %s, which was begun when all before it had been on disk", pos, segmentName(j.begun))
	}
	j.end = pos
	return nil
}

// tornWindow is how many bytes checkTorn looks at together.
const tornWindow = 1 << 20

// checkTorn returns an error when some good frame behind the bad one at pos
// says that the bad one had been on disk.
func (j *journal) checkTorn(s *segment, pos uint64) error {
	var buf []byte
	window := make([]byte, tornWindow+frameHeaderBytes)
	for at := pos; at+frameHeaderBytes <= s.end(); at += tornWindow {
		n, err := s.file.ReadAt(window, s.offset(at))
		if err != nil && err != io.EOF {
			return err
		}
		for i := 0; i < tornWindow && i+frameHeaderBytes <= n; i++ {
			h, ok := parseFrameHeader(window[i:i+frameHeaderBytes], at+uint64(i))
			if !ok || h.group <= pos {
				continue
			}
			if _, _, err := s.readFrame(h.pos, s.end(), s.offset(h.pos), &buf); err == nil {
				return fmt.Errorf("%w, but the frame at offset %d was written behind it", errBadFrame, s.offset(h.pos))
			}
		}
	}
	return nil
}

// start makes what replay found durable and begins a new file behind it.
func (j *journal) start() error {
	if n := len(j.segments); n > 0 {
		last := j.segments[n-1]
		if last.pack == nil {
			if err := syncFile(j.fs, j.fs.PathJoin(j.dir, last.name())); err != nil {
				return err
			}
		}
		if last.base == j.end { // it holds no frame; its name is needed
			last.release()
			j.segments = j.segments[:n-1]
		}
	}
	return j.roll()
}

// syncFile makes durable what an earlier process wrote to a file.
func syncFile(fs vfs.FS, name string) error {
	f, err := fs.OpenReadWrite(name, writeCategory)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// roll begins a new file at the log's end.
func (j *journal) roll() error {
	f, err := j.fs.Create(j.fs.PathJoin(j.dir, segmentName(j.end)), writeCategory)
	if err != nil {
		return err
	}
	if _, err := f.Write(segmentHeader(j.end)); err != nil {
		f.Close()
		return err
	}
	if err := errors.Join(f.Sync(), syncDir(j.fs, j.dir)); err != nil {
		f.Close()
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.segments = append(j.segments, newSegment(j.end, f, 0, nil))
	j.active = f
	return nil
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// append writes a group of frames and syncs it. After an error the journal
// must not be used any more.
func (j *journal) append(group []byte) error {
	if int64(j.end-j.segments[len(j.segments)-1].base) >= j.max {
		if err := j.roll(); err != nil {
			return err
		}
	}
	if _, err := j.active.Write(group); err != nil {
		return err
	}
	if err := j.active.SyncData(); err != nil {
		return err
	}
	j.end += uint64(len(group))
	return nil
}

// fileBytes returns how long the log's files are, but for the one that is
// written.
func (j *journal) fileBytes() int64 {
	j.mu.RLock()
	defer j.mu.RUnlock()
	n := int64(0)
	for i, s := range j.segments {
		switch {
		case s.pack != nil:
			n += s.size
		case i < len(j.segments)-1:
			n += int64(j.segments[i+1].base - s.base)
		}
	}
	return n
}

// acquire returns the file that holds a position, which the caller releases.
func (j *journal) acquire(pos uint64) (*segment, error) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	i := sort.Search(len(j.segments), func(i int) bool { return j.segments[i].base > pos }) - 1
	if i < 0 {
		return nil, fmt.Errorf("position %d is not in the log", pos)
	}
	s := j.segments[i]
	s.refs.Add(1)
	return s, nil
}

// findable returns an error where the file that holds a frame does not say
// where it is.
func (j *journal) findable(pos uint64) error {
	s, err := j.acquire(pos)
	if err != nil {
		return err
	}
	defer s.release()
	_, err = s.seek(pos)
	return err
}

// frameAt reads the frame at a position that has been applied.
func (j *journal) frameAt(pos uint64) (frame, error) {
	s, err := j.acquire(pos)
	if err != nil {
		return frame{}, err
	}
	defer s.release()
	offset, err := s.seek(pos)
	if err != nil {
		return frame{}, damage(s.name(), 0, "%w", err)
	}
	f, _, err := s.readFrame(pos, 1<<63, offset, new([]byte))
	if err != nil {
		return f, damage(s.name(), offset, "%w", err)
	}
	f.unpack = j.unpack
	return f, nil
}

// block reads what the block at a position holds. buf is used where it is
// large enough.
func (j *journal) block(pos uint64, buf *[]byte) ([]byte, error) {
	s, err := j.acquire(pos)
	if err != nil {
		return nil, err
	}
	defer s.release()
	if s.pack == nil {
		return s.plainBlock(pos, buf)
	}
	return s.packedBlock(pos, buf, j.unpack)
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.segments {
		s.release()
	}
	j.segments = nil
	j.unpack.Close()
	return nil
}
