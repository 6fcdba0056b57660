package localstore

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// writeCategory is how the file system's statistics file our writes.
const writeCategory vfs.DiskWriteCategory = "tollbook"

// journal is the log: files of frames, each named by the position at which it
// starts. A position counts bytes of frames from the start of the first file;
// a file ends where the next one starts, whatever bytes may follow there.
type journal struct {
	fs  vfs.FS
	dir string
	max int64 // bytes after which the next file is begun

	// Only the appender uses these.
	active vfs.File
	end    uint64 // position behind the last frame

	mu       sync.RWMutex // guards segments
	segments []segment
}

// segment is one file of the log.
type segment struct {
	base uint64 // position of its first frame
	file vfs.File
	size int64 // bytes of the file when it was opened; of an older process's
}

func segmentName(base uint64) string { return fmt.Sprintf("%016x.log", base) }

// damage is an error that says where the log cannot be read.
func damage(base uint64, offset int64, format string, args ...any) error {
	return fmt.Errorf("the log is damaged: %s, offset %d: %w", segmentName(base), offset, fmt.Errorf(format, args...))
}

// openJournal opens the log's files. Call replay next, then start.
func openJournal(fs vfs.FS, dir string, maxBytes int64) (_ *journal, err error) {
	j := &journal{fs: fs, dir: dir, max: maxBytes}
	defer func() {
		if err != nil {
			j.close()
		}
	}()
	names, err := fs.List(dir)
	if err != nil {
		return nil, err
	}
	var bases []uint64
	for _, name := range names {
		hex, isLog := strings.CutSuffix(name, ".log")
		base, err := strconv.ParseUint(hex, 16, 64)
		if !isLog || err != nil || segmentName(base) != name {
			return nil, fmt.Errorf("%s is not a file of the log", fs.PathJoin(dir, name))
		}
		bases = append(bases, base)
	}
	slices.Sort(bases)
	for i, base := range bases {
		if i == 0 && base != 0 {
			return nil, damage(0, 0, "the file is missing")
		}
		if err := j.openSegment(base, i == len(bases)-1); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// openSegment opens the file that starts at base. The last one may be that of
// a process that died before it had written the file's header.
func (j *journal) openSegment(base uint64, last bool) error {
	f, err := j.fs.Open(j.fs.PathJoin(j.dir, segmentName(base)))
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	header := make([]byte, segmentHeaderBytes)
	n, err := f.ReadAt(header, 0)
	if err != nil && err != io.EOF {
		f.Close()
		return err
	}
	if err := checkSegmentHeader(header[:n], base); err != nil {
		f.Close()
		if last && info.Size() <= segmentHeaderBytes {
			return nil
		}
		return damage(base, 0, "%w", err)
	}
	j.segments = append(j.segments, segment{base: base, file: f, size: info.Size()})
	return nil
}

// frame is a frame as it was read. The payload is good until the next read.
type frame struct {
	frameHeader
	payload []byte
}

var errBadFrame = errors.New("the frame does not check")

// readFrame reads the frame at pos of a file, which must end at or before
// limit, a position. buf is used where it is large enough.
func (s *segment) readFrame(pos, limit uint64, buf []byte) (frame, []byte, error) {
	var head [frameHeaderBytes]byte
	if limit-pos < frameHeaderBytes {
		return frame{}, buf, errBadFrame
	}
	offset := s.offset(pos)
	if _, err := s.file.ReadAt(head[:], offset); err != nil {
		return frame{}, buf, notEOF(err)
	}
	h, ok := parseFrameHeader(head[:], pos)
	if !ok || uint64(h.size) > limit-pos-frameHeaderBytes {
		return frame{}, buf, errBadFrame
	}
	if cap(buf) < int(h.size) {
		buf = make([]byte, h.size)
	}
	payload := buf[:h.size]
	if _, err := s.file.ReadAt(payload, offset+frameHeaderBytes); err != nil {
		return frame{}, buf, notEOF(err)
	}
	if checksum(payload) != h.sum {
		return frame{}, buf, errBadFrame
	}
	return frame{h, payload}, buf, nil
}

func notEOF(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errBadFrame
	}
	return err
}

func (s *segment) offset(pos uint64) int64 { return int64(pos-s.base) + segmentHeaderBytes }

// fileEnd returns the position at which the file's bytes end.
func (s *segment) fileEnd() uint64 {
	return s.base + uint64(max(s.size-segmentHeaderBytes, 0))
}

// replay calls fn for each frame from a position on, which must be the start
// of a frame or the log's end, and finds that end. What a write that was
// never acknowledged left behind the last good frame is cut off; anything
// else that does not check is an error that says where.
func (j *journal) replay(from uint64, fn func(frame) error) error {
	var buf []byte
	pos := from
	for i := range j.segments {
		s := &j.segments[i]
		last := i == len(j.segments)-1
		limit := s.fileEnd()
		if !last {
			limit = j.segments[i+1].base
		}
		if s.fileEnd() < limit {
			return damage(s.base, s.size, "the file ends before the next one starts")
		}
		if pos >= limit && !last {
			continue
		}
		for pos < limit {
			f, b, err := s.readFrame(pos, limit, buf)
			buf = b
			if err == errBadFrame && last {
				err = j.checkTorn(s, pos)
				if err == nil {
					break
				}
			}
			if err != nil {
				return damage(s.base, s.offset(pos), "%w", err)
			}
			if err := fn(f); err != nil {
				return damage(s.base, s.offset(pos), "frame of %s: %w", f.typ, err)
			}
			pos += frameHeaderBytes + uint64(f.size)
		}
	}
	if n := len(j.segments); n == 0 && from != 0 || n > 0 && pos > max(j.segments[n-1].fileEnd(), j.segments[n-1].base) {
		return fmt.Errorf("the log is damaged: it ends before position %d, which has been on disk", from)
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
	for at := pos; at+frameHeaderBytes <= s.fileEnd(); at += tornWindow {
		n, err := s.file.ReadAt(window, s.offset(at))
		if err != nil && err != io.EOF {
			return err
		}
		for i := 0; i < tornWindow && i+frameHeaderBytes <= n; i++ {
			h, ok := parseFrameHeader(window[i:i+frameHeaderBytes], at+uint64(i))
			if !ok || h.group <= pos {
				continue
			}
			if _, buf, err = s.readFrame(h.pos, s.fileEnd(), buf); err == nil {
				return fmt.Errorf("%w, but the frame at offset %d was written behind it", errBadFrame, s.offset(h.pos))
			}
		}
	}
	return nil
}

// start makes what replay found durable and begins a new file behind it.
func (j *journal) start() error {
	if n := len(j.segments); n > 0 {
		last := &j.segments[n-1]
		if err := syncFile(j.fs, j.fs.PathJoin(j.dir, segmentName(last.base))); err != nil {
			return err
		}
		if last.base == j.end { // it holds no frame; its name is needed
			last.file.Close()
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
	j.segments = append(j.segments, segment{base: j.end, file: f})
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

// find returns the file that holds a position.
func (j *journal) find(pos uint64) (segment, bool) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	i, found := slices.BinarySearchFunc(j.segments, pos, func(s segment, pos uint64) int {
		if s.base <= pos {
			return -1
		}
		return 1
	})
	if found || i == 0 {
		return segment{}, false
	}
	return j.segments[i-1], true
}

// frameAt reads the frame at a position that has been applied.
func (j *journal) frameAt(pos uint64) (frame, error) {
	s, ok := j.find(pos)
	if !ok {
		return frame{}, fmt.Errorf("position %d is not in the log", pos)
	}
	f, _, err := s.readFrame(pos, 1<<63, nil)
	if err != nil {
		return f, damage(s.base, s.offset(pos), "%w", err)
	}
	return f, nil
}

// readAt reads len(b) bytes, or fewer where the file ends.
func (j *journal) readAt(b []byte, pos uint64) (int, error) {
	s, ok := j.find(pos)
	if !ok {
		return 0, fmt.Errorf("position %d is not in the log", pos)
	}
	n, err := s.file.ReadAt(b, s.offset(pos))
	if err == io.EOF {
		err = nil
	}
	return n, err
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var err error
	for _, s := range j.segments {
		err = errors.Join(err, s.file.Close())
	}
	j.segments = nil
	return err
}
