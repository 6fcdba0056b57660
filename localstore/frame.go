package localstore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// frameType says what a frame holds. The numbers are written to disk.
type frameType uint8

const (
	noFrame frameType = iota
	frameDefinitions
	frameEvents
	frameBookings
	frameOnce
)

var frameNames = [...]string{frameDefinitions: "definitions", frameEvents: "events", frameBookings: "bookings", frameOnce: "once"}

func (t frameType) String() string {
	if t == 0 || int(t) >= len(frameNames) {
		return fmt.Sprintf("type %d", uint8(t))
	}
	return frameNames[t]
}

const (
	segmentHeaderBytes = 32
	frameHeaderBytes   = 32
)

// segmentMagic opens every log file; its last byte is the version.
const segmentMagic = "tollbook log\x00\x00\x00\x02"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// frameHeader stands before every frame's payload:
//
//	 0  4  length of the payload
//	 4  1  type
//	 5  3  zero
//	 8  8  position of the frame in the log
//	16  8  position at which the frame's group starts: everything before it was
//	       on disk when the frame was written
//	24  4  CRC-32C of the payload
//	28  4  CRC-32C of the 28 bytes above
//
// Numbers are little-endian. The group tells a torn write from damage: a frame
// that does not check may be cut off only if no later one says that it had
// been on disk.
type frameHeader struct {
	size  uint32
	typ   frameType
	pos   uint64
	group uint64
	sum   uint32
}

// putFrameHeader fills the header of the frame whose payload follows at
// b[frameHeaderBytes:].
func putFrameHeader(b []byte, typ frameType, pos, group uint64) {
	payload := b[frameHeaderBytes:]
	clear(b[:frameHeaderBytes])
	binary.LittleEndian.PutUint32(b, uint32(len(payload)))
	b[4] = byte(typ)
	binary.LittleEndian.PutUint64(b[8:], pos)
	binary.LittleEndian.PutUint64(b[16:], group)
	binary.LittleEndian.PutUint32(b[24:], checksum(payload))
	binary.LittleEndian.PutUint32(b[28:], checksum(b[:28]))
}

// parseFrameHeader reads the header of the frame at pos.
func parseFrameHeader(b []byte, pos uint64) (h frameHeader, ok bool) {
	if len(b) < frameHeaderBytes || binary.LittleEndian.Uint64(b[8:]) != pos {
		return h, false
	}
	if binary.LittleEndian.Uint32(b[28:]) != checksum(b[:28]) {
		return h, false
	}
	h = frameHeader{
		size:  binary.LittleEndian.Uint32(b),
		typ:   frameType(b[4]),
		pos:   pos,
		group: binary.LittleEndian.Uint64(b[16:]),
		sum:   binary.LittleEndian.Uint32(b[24:]),
	}
	return h, h.size <= maxPayloadBytes && h.group <= pos
}

// segmentHeader returns the first bytes of a log file:
//
//	 0 16  magic and version
//	16  8  position of the first frame
//	24  4  zero
//	28  4  CRC-32C of the 28 bytes above
func segmentHeader(base uint64) []byte {
	b := make([]byte, segmentHeaderBytes)
	copy(b, segmentMagic)
	binary.LittleEndian.PutUint64(b[16:], base)
	binary.LittleEndian.PutUint32(b[28:], checksum(b[:28]))
	return b
}

// checkSegmentHeader returns an error unless b opens the log file that starts
// at base.
func checkSegmentHeader(b []byte, base uint64) error {
	switch {
	case len(b) < segmentHeaderBytes:
		return fmt.Errorf("the header is cut short")
	case string(b[:12]) != segmentMagic[:12]:
		return fmt.Errorf("it is not a log file")
	case string(b[:16]) != segmentMagic:
		return fmt.Errorf("it is a log file of another version")
	case binary.LittleEndian.Uint32(b[28:]) != checksum(b[:28]):
		return fmt.Errorf("the header does not check")
	case binary.LittleEndian.Uint64(b[16:]) != base:
		return fmt.Errorf("the header names another position")
	}
	return nil
}
