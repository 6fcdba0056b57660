package runs

import (
	"encoding/binary"
	"hash/crc32"

	"tollbook/bloom"
)

// footer ends a run:
//
//	 0  16  "tollbook run", three zero bytes, version: 2
//	16   8  position of the log at which the run's stretch starts
//	24   8  position at which it ends
//	32   8  claims
//	40   8  entries of the index
//	48   8  blocks of claims
//	56   8  blocks of the index
//	64   8  lines of the filter
//	72   4  checksum of the filter
//	76   4  checksum of the directory
//	80   4  zero
//	84   4  checksum of bytes 0 to 83
type footer struct {
	start, end                            uint64
	claims, entries                       uint64
	claimBlocks, indexBlocks, filterLines uint64
	filterSum, directorySum               uint32
}

const (
	footerMagic = "tollbook run\x00\x00\x00\x02"
	footerBytes = 88
	firstBytes  = 12 // of an index block in the directory
	// maxBlocks bounds what a run may say of itself, so that no sum of its
	// parts overflows.
	maxBlocks = 1 << 40
)

func (f *footer) appendTo(dst []byte) []byte {
	from := len(dst)
	dst = append(dst, footerMagic...)
	for _, v := range [...]uint64{f.start, f.end, f.claims, f.entries, f.claimBlocks, f.indexBlocks, f.filterLines} {
		dst = binary.LittleEndian.AppendUint64(dst, v)
	}
	for _, v := range [...]uint32{f.filterSum, f.directorySum, 0} {
		dst = binary.LittleEndian.AppendUint32(dst, v)
	}
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[from:], castagnoli))
}

// parseFooter reads what appendTo wrote; false where it is not that, or does
// not fit the file's size.
func parseFooter(b []byte, size int64) (f footer, ok bool) {
	if len(b) != footerBytes || string(b[:len(footerMagic)]) != footerMagic ||
		binary.LittleEndian.Uint32(b[footerBytes-4:]) != crc32.Checksum(b[:footerBytes-4], castagnoli) {
		return f, false
	}
	for i, v := range [...]*uint64{&f.start, &f.end, &f.claims, &f.entries, &f.claimBlocks, &f.indexBlocks, &f.filterLines} {
		*v = binary.LittleEndian.Uint64(b[16+8*i:])
		if i >= 2 && *v > maxBlocks*claimsPerBlock {
			return f, false
		}
	}
	f.filterSum, f.directorySum = binary.LittleEndian.Uint32(b[72:]), binary.LittleEndian.Uint32(b[76:])
	ok = f.claimBlocks == (f.claims+claimsPerBlock-1)/claimsPerBlock && f.indexBlocks <= f.entries && (f.claims == 0 || f.filterLines > 0)
	return f, ok && f.size() == size
}

// The parts of a run follow one another: claims, index, filter, directory,
// footer.
func (f *footer) indexAt() int64     { return int64(f.claimBlocks) * blockBytes }
func (f *footer) filterAt() int64    { return f.indexAt() + int64(f.indexBlocks)*blockBytes }
func (f *footer) directoryAt() int64 { return f.filterAt() + int64(f.filterLines)*bloom.LineBytes }
func (f *footer) size() int64        { return f.directoryAt() + f.directoryBytes() + footerBytes }
func (f *footer) directoryBytes() int64 {
	return int64(f.claimBlocks)*8 + int64(f.indexBlocks)*firstBytes
}
