package runs

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"tollbook"
	"tollbook/bloom"
)

// writeCategory is how the file system's statistics file our writes.
const writeCategory vfs.DiskWriteCategory = "tollbook"

const (
	writeBufferBytes = 1 << 20
	// bytesPerSync spreads the writing of a large file over the time that it
	// takes, so that the log's small syncs do not wait behind one large one.
	bytesPerSync = 4 << 20
)

// writer writes a run: all claims in order and endClaims, then all entries in
// order, then finish.
type writer struct {
	file vfs.File
	buf  []byte // not yet written; blocks are built at its end
	sum  uint32 // of the part in hand, where it has no blocks
	err  error

	footer
	filter   *bloom.Filter
	prefixes []uint64 // of the first claim of each block
	firsts   []Entry  // of each block

	block int   // where the block in hand starts in buf, -1: none
	count int   // of its entries
	last  Entry // the one before
}

// newWriter begins a run of at most n claims. Call close in the end.
func newWriter(file vfs.File, start, end uint64, n int) (*writer, error) {
	f, err := bloom.New(n)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &writer{file: file, footer: footer{start: start, end: end}, filter: f, block: -1,
		buf: make([]byte, 0, writeBufferBytes+blockBytes)}, nil
}

// close lets go of the writer's memory.
func (w *writer) close() { w.filter.Free() }

// claim appends the 32 bytes of a claim.
func (w *writer) claim(b []byte) {
	if w.block < 0 {
		w.begin(claimHeadBytes)
		w.prefixes = append(w.prefixes, prefix(b))
	}
	w.buf = append(w.buf, b...)
	w.filter.Add((*tollbook.Claim)(b))
	w.claims++
	if w.count++; w.count == claimsPerBlock {
		w.endClaims()
	}
}

// endClaims ends the claims.
func (w *writer) endClaims() {
	if w.block < 0 {
		return
	}
	binary.LittleEndian.PutUint32(w.buf[w.block+checksumBytes:], uint32(w.count))
	w.endBlock()
}

// entry appends an entry: its tally and its reference, or where the tally is
// that of the entry before in this block, what they are more than that one's.
func (w *writer) entry(e Entry) {
	if w.block >= 0 && len(w.buf)-w.block > blockBytes-maxEntryBytes {
		w.endEntries()
	}
	if w.block < 0 {
		w.begin(indexHeadBytes)
		w.firsts = append(w.firsts, e)
		w.last = Entry{}
	}
	step := e.Tally - w.last.Tally
	w.buf = binary.AppendUvarint(w.buf, uint64(step))
	ref := e.ref()
	if step == 0 {
		ref -= w.last.ref()
	}
	w.buf = binary.AppendUvarint(w.buf, ref)
	w.last = e
	w.entries++
	w.count++
}

func (w *writer) endEntries() {
	if w.block < 0 {
		return
	}
	binary.LittleEndian.PutUint16(w.buf[w.block+checksumBytes:], uint16(w.count))
	w.endBlock()
}

func (w *writer) begin(head int) {
	w.block, w.count = len(w.buf), 0
	w.buf = w.buf[:w.block+head] // filled in at the end
}

// endBlock fills the block in hand up with zeros and seals it.
func (w *writer) endBlock() {
	w.buf = appendZeros(w.buf, w.block+blockBytes-len(w.buf))
	seal(w.buf[w.block:])
	w.block = -1
	w.flush(writeBufferBytes)
}

func appendZeros(b []byte, n int) []byte {
	var zeros [blockBytes]byte
	return append(b, zeros[:n]...)
}

// flush writes what is buffered once it is at least so many bytes.
func (w *writer) flush(least int) {
	if len(w.buf) < least {
		return
	}
	if w.err == nil {
		_, w.err = w.file.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

// finish writes filter, directory and footer, and makes the run durable.
func (w *writer) finish() error {
	w.endEntries()
	w.filterLines = w.filter.Lines()
	for part := range slices.Chunk(w.filter.Bytes(), writeBufferBytes) {
		w.part(append(w.buf, part...))
	}
	w.filterSum, w.sum = w.sum, 0
	for _, p := range w.prefixes {
		w.part(binary.LittleEndian.AppendUint64(w.buf, p))
	}
	for _, e := range w.firsts {
		w.part(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(w.buf, e.Tally), e.ref()))
	}
	w.directorySum = w.sum
	w.claimBlocks, w.indexBlocks = uint64(len(w.prefixes)), uint64(len(w.firsts))
	w.buf = w.footer.appendTo(w.buf)
	w.flush(0)
	if w.err != nil {
		return errors.Join(w.err, w.file.Close())
	}
	return errors.Join(w.file.Sync(), w.file.Close())
}

// part takes the buffer over, to which something was appended that has no
// checksum of its own.
func (w *writer) part(buf []byte) {
	w.sum = crc32.Update(w.sum, castagnoli, buf[len(w.buf):])
	w.buf = buf
	w.flush(writeBufferBytes)
}
