package runs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"sort"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
	"tollbook/bloom"
)

// run is an open run. What it holds in memory is the filter and the first
// entry of each block.
type run struct {
	footer
	name string
	file vfs.File
	refs atomic.Int32 // versions that have it

	filter   *bloom.Filter
	prefixes []uint64 // of the first claim of each block
	firsts   []Entry  // of each block of the index
}

// openRun opens the run in a file.
func openRun(fs vfs.FS, path, name string) (_ *run, err error) {
	file, err := fs.Open(path, vfs.RandomReadsOption)
	if err != nil {
		return nil, err
	}
	r := &run{name: name, file: file}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, footerBytes)
	if info.Size() < footerBytes {
		return nil, r.damaged("it is too short")
	}
	if _, err := file.ReadAt(b, info.Size()-footerBytes); err != nil {
		return nil, err
	}
	var ok bool
	if r.footer, ok = parseFooter(b, info.Size()); !ok {
		return nil, r.damaged("its end does not check")
	}
	if err := r.readFilter(); err != nil {
		return nil, err
	}
	return r, r.readDirectory()
}

func (r *run) damaged(problem string) error {
	return fmt.Errorf("%w: %s: %s", ErrDamaged, r.name, problem)
}

func (r *run) readFilter() (err error) {
	if r.filter, err = bloom.OfLines(r.filterLines); err != nil {
		return err
	}
	if _, err := r.file.ReadAt(r.filter.Bytes(), r.filterAt()); err != nil && len(r.filter.Bytes()) > 0 {
		return r.readError(err)
	}
	if crc32.Checksum(r.filter.Bytes(), castagnoli) != r.filterSum {
		return r.damaged("its filter does not check")
	}
	return nil
}

// close lets go of the file and of the filter's memory.
func (r *run) close() {
	if r.filter != nil {
		r.filter.Free()
	}
	r.file.Close() // it was only read
}

func (r *run) readDirectory() error {
	b := make([]byte, r.directoryBytes())
	if _, err := r.file.ReadAt(b, r.directoryAt()); err != nil && len(b) > 0 {
		return r.readError(err)
	}
	if crc32.Checksum(b, castagnoli) != r.directorySum {
		return r.damaged("its directory does not check")
	}
	r.prefixes = make([]uint64, r.claimBlocks)
	for i := range r.prefixes {
		r.prefixes[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	b = b[8*len(r.prefixes):]
	r.firsts = make([]Entry, r.indexBlocks)
	for i := range r.firsts {
		r.firsts[i] = entryOf(binary.LittleEndian.Uint32(b[firstBytes*i:]), binary.LittleEndian.Uint64(b[firstBytes*i+4:]))
	}
	return nil
}

// readError tells a file that is too short from one that cannot be read.
func (r *run) readError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return r.damaged("it is too short")
	}
	return fmt.Errorf("%s: %w", r.name, err)
}

// readBlocks reads whole blocks at an offset and checks them.
func (r *run) readBlocks(b []byte, at int64) error {
	if n, err := r.file.ReadAt(b, at); n < len(b) {
		return r.readError(err)
	}
	for i := 0; i < len(b); i += blockBytes {
		if !checkBlock(b[i : i+blockBytes]) {
			return r.damaged(fmt.Sprintf("the block at offset %d does not check", at+int64(i)))
		}
	}
	return nil
}

// claimsOf returns the claims of a block that checks, 32 bytes each.
func (r *run) claimsOf(block []byte) ([]byte, error) {
	n := binary.LittleEndian.Uint32(block[checksumBytes:])
	if n == 0 || n > claimsPerBlock {
		return nil, r.damaged("a block of claims says that it holds more than fit")
	}
	return block[claimHeadBytes:][:claimBytes*n], nil
}

// find looks a claim up that passes the filter. buf has room for a block.
func (r *run) find(c *tollbook.Claim, buf []byte) (Claim, bool, error) {
	p := prefix(c[:8])
	// The first block whose first claim is not before c; c may be in the one
	// before it, too, and where many claims share a prefix, in one behind.
	i := sort.Search(len(r.prefixes), func(i int) bool { return r.prefixes[i] >= p })
	for i = max(i-1, 0); i < len(r.prefixes) && r.prefixes[i] <= p; i++ {
		if err := r.readBlocks(buf[:blockBytes], int64(i)*blockBytes); err != nil {
			return Claim{}, false, err
		}
		claims, err := r.claimsOf(buf)
		if err != nil {
			return Claim{}, false, err
		}
		n := len(claims) / claimBytes
		at := sort.Search(n, func(i int) bool { return bytes.Compare(claims[claimBytes*i:][:16], c[:]) >= 0 })
		if at < n && bytes.Equal(claims[claimBytes*at:][:16], c[:]) {
			return getClaim(claims[claimBytes*at:]), true, nil
		}
	}
	return Claim{}, false, nil
}

// decodeIndex appends the entries of a block of the index that checks.
func (r *run) decodeIndex(dst []Entry, block []byte) ([]Entry, error) {
	n := int(binary.LittleEndian.Uint16(block[checksumBytes:]))
	b, last := block[indexHeadBytes:blockBytes], Entry{}
	for range n {
		step, k := binary.Uvarint(b)
		if k <= 0 || step > 1<<32-1-uint64(last.Tally) {
			return dst, r.damaged("a block of the index is malformed")
		}
		ref, m := binary.Uvarint(b[k:])
		if m <= 0 {
			return dst, r.damaged("a block of the index is malformed")
		}
		b = b[k+m:]
		if step == 0 {
			ref += last.ref()
		}
		last = entryOf(last.Tally+uint32(step), ref)
		dst = append(dst, last)
	}
	return dst, nil
}
