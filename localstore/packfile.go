package localstore

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sort"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A packed file stands for a file of the log that nothing is appended to any
// more, in less than two thirds of its room. It holds the same frames, with
// the same positions, but
//
//   - blocks are compressed with zstd instead of S2,
//   - claims and fingerprints are left out: the events in the blocks say what
//     they are,
//   - the rest of a frame of events or bookings is compressed, too.
//
// Whatever refers to a position of the log goes on to do so. The directory
// behind the frames says where a frame or block with a position is in the
// file. It is read piece by piece; in memory is the first position of each.
//
//	frames, each
//	   0  4  length of the packed payload
//	   4  1  type
//	   5  3  zero
//	   8  8  position of the frame in the log
//	  16  8  group
//	  24  4  length of the payload in the log
//	  28  4  checksum of the packed payload
//	  32  4  zero
//	  36  4  checksum of bytes 0 to 35
//	  40  …  packed payload
//	directory: pieces of 512 bytes
//	   0  4  checksum of the rest
//	   4  4  places, at most 63; each
//	         4  position - base
//	         4  offset in the file
//	first position - base (4) of each piece
//	footer: packFooterBytes, see appendFooter
type packFile struct {
	end    uint64   // position at which the next file of the log starts
	pieces int64    // offset of the directory
	firsts []uint32 // of each piece of the directory
}

const (
	packHeaderBytes = 40
	packPieceBytes  = 512
	packPlaceBytes  = 8
	packPlaces      = packPieceBytes/packPlaceBytes - 1
	packFooterBytes = 56
	packFooterMagic = "tollbook pack\x00\x00\x01"
)

func packName(base uint64) string { return fmt.Sprintf("%016x.pack", base) }

// packPlace is where something with a position of the log is in a packed file.
type packPlace struct{ position, offset uint32 }

// appendFooter appends what ends a packed file:
//
//	 0 16  "tollbook pack", two zero bytes, version: 1
//	16  8  position of the first frame
//	24  8  position at which the next file starts
//	32  8  offset of the directory
//	40  8  pieces of the directory
//	48  4  checksum of the pieces' first positions
//	52  4  checksum of bytes 0 to 51
func (p *packFile) appendFooter(dst []byte, base uint64, firsts uint32) []byte {
	from := len(dst)
	dst = append(dst, packFooterMagic...)
	for _, v := range [...]uint64{base, p.end, uint64(p.pieces), uint64(len(p.firsts))} {
		dst = binary.LittleEndian.AppendUint64(dst, v)
	}
	dst = binary.LittleEndian.AppendUint32(dst, firsts)
	return binary.LittleEndian.AppendUint32(dst, checksum(dst[from:]))
}

// openPack reads what a packed file says of itself.
func openPack(f vfs.File, base uint64, size int64) (*packFile, error) {
	b := make([]byte, packFooterBytes)
	if size < packFooterBytes {
		return nil, fmt.Errorf("it is cut short")
	}
	if _, err := f.ReadAt(b, size-packFooterBytes); err != nil {
		return nil, err
	}
	u64 := func(i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }
	p := &packFile{end: u64(24), pieces: int64(u64(32))}
	n, room := u64(40), uint64(size-packFooterBytes)
	switch {
	case string(b[:16]) != packFooterMagic:
		return nil, fmt.Errorf("it is no packed file of the log, or one of another version")
	case binary.LittleEndian.Uint32(b[52:]) != checksum(b[:52]):
		return nil, fmt.Errorf("its end does not check")
	case u64(16) != base || p.end <= base:
		return nil, fmt.Errorf("it names another position")
	case n > room || u64(32) > room || uint64(p.pieces)+n*(packPieceBytes+4) != room:
		return nil, fmt.Errorf("its directory does not fit")
	}
	firsts := make([]byte, 4*n)
	if len(firsts) > 0 {
		if _, err := f.ReadAt(firsts, p.pieces+int64(n)*packPieceBytes); err != nil {
			return nil, err
		}
	}
	if checksum(firsts) != binary.LittleEndian.Uint32(b[48:]) {
		return nil, fmt.Errorf("its directory does not check")
	}
	p.firsts = make([]uint32, n)
	for i := range p.firsts {
		p.firsts[i] = binary.LittleEndian.Uint32(firsts[4*i:])
	}
	return p, nil
}

// offsetOf returns where in the file that with a position, counted from the
// file's base, is.
func (p *packFile) offsetOf(f vfs.File, position uint32) (int64, error) {
	piece := sort.Search(len(p.firsts), func(i int) bool { return p.firsts[i] > position }) - 1
	if piece < 0 {
		return 0, fmt.Errorf("the directory does not have it")
	}
	var b [packPieceBytes]byte
	if _, err := f.ReadAt(b[:], p.pieces+int64(piece)*packPieceBytes); err != nil {
		return 0, err
	}
	n := int(binary.LittleEndian.Uint32(b[4:]))
	if n > packPlaces || binary.LittleEndian.Uint32(b[:]) != checksum(b[4:]) {
		return 0, fmt.Errorf("the directory does not check")
	}
	at := func(i int) []byte { return b[8+packPlaceBytes*i:] }
	i := sort.Search(n, func(i int) bool { return binary.LittleEndian.Uint32(at(i)) >= position })
	if i == n || binary.LittleEndian.Uint32(at(i)) != position {
		return 0, fmt.Errorf("the directory does not have it")
	}
	return int64(binary.LittleEndian.Uint32(at(i)[4:])), nil
}

// appendDirectory appends the pieces of the directory and their first
// positions, and remembers the latter.
func (p *packFile) appendDirectory(dst []byte, places []packPlace) []byte {
	for piece := range slices.Chunk(places, packPlaces) {
		p.firsts = append(p.firsts, piece[0].position)
		start := len(dst)
		dst = append(dst, make([]byte, packPieceBytes)...)
		b := dst[start:]
		binary.LittleEndian.PutUint32(b[4:], uint32(len(piece)))
		for i, at := range piece {
			binary.LittleEndian.PutUint32(b[8+packPlaceBytes*i:], at.position)
			binary.LittleEndian.PutUint32(b[12+packPlaceBytes*i:], at.offset)
		}
		binary.LittleEndian.PutUint32(b, checksum(b[4:]))
	}
	for _, first := range p.firsts {
		dst = binary.LittleEndian.AppendUint32(dst, first)
	}
	return dst
}

// putPackHeader fills the header of a packed frame whose packed payload
// follows it in b.
func putPackHeader(b []byte, h frameHeader) {
	payload := b[packHeaderBytes:]
	clear(b[:packHeaderBytes])
	binary.LittleEndian.PutUint32(b, uint32(len(payload)))
	b[4] = byte(h.typ)
	binary.LittleEndian.PutUint64(b[8:], h.pos)
	binary.LittleEndian.PutUint64(b[16:], h.group)
	binary.LittleEndian.PutUint32(b[24:], h.size)
	binary.LittleEndian.PutUint32(b[28:], checksum(payload))
	binary.LittleEndian.PutUint32(b[36:], checksum(b[:36]))
}

// parsePackHeader reads the header of a packed frame; size is the length that
// its payload has in the log, packed the one that it has in the file.
func parsePackHeader(b []byte) (h frameHeader, packed uint32, ok bool) {
	if binary.LittleEndian.Uint32(b[36:]) != checksum(b[:36]) {
		return h, 0, false
	}
	h = frameHeader{
		size:  binary.LittleEndian.Uint32(b[24:]),
		typ:   frameType(b[4]),
		pos:   binary.LittleEndian.Uint64(b[8:]),
		group: binary.LittleEndian.Uint64(b[16:]),
		sum:   binary.LittleEndian.Uint32(b[28:]),
	}
	packed = binary.LittleEndian.Uint32(b)
	return h, packed, h.size <= maxPayloadBytes && packed <= 2*maxPayloadBytes
}
