package localstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/klauspost/compress/zstd"
)

// segment is one file of the log.
type segment struct {
	base uint64 // position of its first frame
	file vfs.File
	size int64     // bytes of the file when it was opened
	pack *packFile // nil: it is not packed
	refs atomic.Int32
}

const (
	segmentExtension = ".log"
	packExtension    = ".pack"
)

func segmentName(base uint64) string { return fmt.Sprintf("%016x%s", base, segmentExtension) }

// damage is an error that says where the log cannot be read.
func damage(file string, offset int64, format string, args ...any) error {
	return fmt.Errorf("the log is damaged: %s, offset %d: %w", file, offset, fmt.Errorf(format, args...))
}

func newSegment(base uint64, file vfs.File, size int64, pack *packFile) *segment {
	s := &segment{base: base, file: file, size: size, pack: pack}
	s.refs.Store(1)
	return s
}

// release lets go of the file; the last one closes it.
func (s *segment) release() {
	if s.refs.Add(-1) == 0 {
		s.file.Close() // whatever was written to it has been synced
	}
}

func (s *segment) name() string {
	if s.pack != nil {
		return packName(s.base)
	}
	return segmentName(s.base)
}

// offset returns where the frame at pos is in a file that is not packed.
func (s *segment) offset(pos uint64) int64 { return int64(pos-s.base) + segmentHeaderBytes }

// end returns the position at which the frames, or bytes that were never
// acknowledged, end.
func (s *segment) end() uint64 {
	if s.pack != nil {
		return s.pack.end
	}
	return s.base + uint64(max(s.size-segmentHeaderBytes, 0))
}

// seek returns where the frame at pos is in the file. pos may be the end of
// the last one.
func (s *segment) seek(pos uint64) (int64, error) {
	if pos < s.base {
		pos = s.base
	}
	switch {
	case s.pack == nil:
		return s.offset(pos), nil
	case pos == s.base || pos >= s.pack.end:
		return 0, nil
	}
	return s.pack.offsetOf(s.file, uint32(pos-s.base))
}

// frame is a frame as it was read. The payload is good until the next read.
type frame struct {
	frameHeader
	payload []byte
	packed  bool
	unpack  *zstd.Decoder
}

// end returns the position behind the frame.
func (f *frame) end() uint64 { return f.pos + frameHeaderBytes + uint64(f.size) }

// split returns the blocks of a frame of events or bookings and what follows
// them. Of a packed frame the blocks' data is not as it is in the log.
func (f *frame) split() ([]blockLayout, []byte, error) {
	if f.packed {
		return unpackPayload(f.unpack, f.typ, f.payload)
	}
	return splitPayload(f.payload)
}

var errBadFrame = errors.New("the frame does not check")

// readFrame reads the frame at pos, which is at an offset of the file and ends
// at or before limit, a position. It returns the offset behind it.
func (s *segment) readFrame(pos, limit uint64, offset int64, buf *[]byte) (f frame, next int64, err error) {
	if limit-pos < frameHeaderBytes {
		return f, 0, errBadFrame
	}
	headerBytes := frameHeaderBytes
	if s.pack != nil {
		headerBytes = packHeaderBytes
	}
	var head [packHeaderBytes]byte
	if _, err := s.file.ReadAt(head[:headerBytes], offset); err != nil {
		return f, 0, notEOF(err)
	}
	ok, size := false, uint32(0)
	if s.pack == nil {
		f.frameHeader, ok = parseFrameHeader(head[:headerBytes], pos)
		size = f.size
	} else {
		f.packed = true
		f.frameHeader, size, ok = parsePackHeader(head[:])
		ok = ok && f.pos == pos
	}
	if !ok || f.end() > limit {
		return f, 0, errBadFrame
	}
	*buf = slices.Grow((*buf)[:0], int(size))
	f.payload = (*buf)[:size]
	if _, err := s.file.ReadAt(f.payload, offset+int64(headerBytes)); err != nil && size > 0 {
		return f, 0, notEOF(err)
	}
	if checksum(f.payload) != f.sum {
		return f, 0, errBadFrame
	}
	return f, offset + int64(headerBytes) + int64(size), nil
}

func notEOF(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errBadFrame
	}
	return err
}

// blockGuess is how many bytes of a block are read at first; most blocks are
// shorter.
const blockGuess = 16 << 10

var errBadBlock = errors.New("it does not check")

// plainBlock reads what the block at pos holds.
func (s *segment) plainBlock(pos uint64, buf *[]byte) ([]byte, error) {
	b, err := s.read(s.offset(pos), blockHeaderBytes, buf)
	if err != nil {
		return nil, err
	}
	if checksum(b[blockHeaderBytes:]) != binary.LittleEndian.Uint32(b[8:]) {
		return nil, errBadBlock
	}
	return expandBlock(nil, b)
}

// packedBlock reads what the block at pos holds.
func (s *segment) packedBlock(pos uint64, buf *[]byte, unpack *zstd.Decoder) ([]byte, error) {
	offset, err := s.pack.offsetOf(s.file, uint32(pos-s.base))
	if err != nil {
		return nil, err
	}
	b, err := s.read(offset, packedBlockHeaderBytes, buf)
	if err != nil {
		return nil, err
	}
	if checksum(b[packedBlockHeaderBytes:]) != binary.LittleEndian.Uint32(b[12:]) {
		return nil, errBadBlock
	}
	raw, err := unpack.DecodeAll(b[packedBlockHeaderBytes:], nil)
	if err != nil {
		return nil, errMalformed
	}
	return raw, nil
}

// read reads a block, whose header starts with the length of what follows it.
func (s *segment) read(offset int64, header int, buf *[]byte) ([]byte, error) {
	*buf = slices.Grow((*buf)[:0], blockGuess)
	n, err := s.file.ReadAt((*buf)[:blockGuess], offset)
	if n < header {
		return nil, shortRead(err)
	}
	size := binary.LittleEndian.Uint32((*buf)[:4])
	if size > maxPayloadBytes {
		return nil, errMalformed
	}
	total := header + int(size)
	if total > n {
		*buf = slices.Grow((*buf)[:0], total)
		if n, err = s.file.ReadAt((*buf)[:total], offset); n < total {
			return nil, shortRead(err)
		}
	}
	return (*buf)[:total], nil
}

// shortRead is the error of a read that came to less than was asked for.
func shortRead(err error) error {
	if err == nil || err == io.EOF {
		return errMalformed
	}
	return err
}
