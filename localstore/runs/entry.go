package runs

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"tollbook"
)

// MaxAt bounds the places of events: one bit says whether an entry is gone.
const MaxAt = 1 << 63

// Claim is a claim and what it stands for. Of several entries of one claim the
// one with the latest place holds.
type Claim struct {
	Claim       tollbook.Claim
	Fingerprint uint64
	At          uint64 // where the log says the latest of it; below MaxAt
}

// Entry says that the event, or the booking, at a place is in a tally, or with
// Gone that it is no more. An entry that is gone follows on the one that it
// takes back.
type Entry struct {
	Tally uint32
	At    uint64 // below MaxAt
	Gone  bool
}

// ref is At and Gone in one number, in which entries of a tally are sorted.
func (e Entry) ref() uint64 {
	if e.Gone {
		return e.At<<1 | 1
	}
	return e.At << 1
}

func entryOf(tally uint32, ref uint64) Entry { return Entry{tally, ref >> 1, ref&1 == 1} }

// compare orders entries by tally, place, and those that are gone last.
func (e Entry) compare(o Entry) int {
	a, b := e.ref(), o.ref()
	switch {
	case e.Tally < o.Tally || e.Tally == o.Tally && a < b:
		return -1
	case e.Tally == o.Tally && a == b:
		return 0
	}
	return 1
}

// The blocks of a run are of one size, that of a page of memory, and checked
// one by one.
const (
	blockBytes      = 4096
	claimBytes      = 32
	claimHeadBytes  = 8 // checksum and number of claims
	claimsPerBlock  = (blockBytes - claimHeadBytes) / claimBytes
	indexHeadBytes  = 6 // checksum and number of entries
	maxEntryBytes   = binary.MaxVarintLen32 + binary.MaxVarintLen64
	checksumBytes   = 4
	minEntriesBlock = (blockBytes - indexHeadBytes) / maxEntryBytes
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrDamaged is in the chain of every error that says that a run does not
// hold what was written to it.
var ErrDamaged = errors.New("the run is damaged")

// putClaim writes a claim's 32 bytes: claim, fingerprint, place.
func putClaim(b []byte, c *Claim) {
	copy(b, c.Claim[:])
	binary.LittleEndian.PutUint64(b[16:], c.Fingerprint)
	binary.LittleEndian.PutUint64(b[24:], c.At)
}

func getClaim(b []byte) (c Claim) {
	copy(c.Claim[:], b)
	c.Fingerprint = binary.LittleEndian.Uint64(b[16:])
	c.At = claimAt(b)
	return c
}

// claimAt returns the place of a claim as it is written.
func claimAt(b []byte) uint64 { return binary.LittleEndian.Uint64(b[24:]) }

// prefix is the first eight bytes of a claim as a number: claims compare as
// their prefixes do, but for those few that share one.
func prefix(claim []byte) uint64 { return binary.BigEndian.Uint64(claim) }

// seal writes a block's checksum, and checkBlock tells whether it is right.
func seal(b []byte) {
	binary.LittleEndian.PutUint32(b, crc32.Checksum(b[checksumBytes:], castagnoli))
}

func checkBlock(b []byte) bool {
	return binary.LittleEndian.Uint32(b) == crc32.Checksum(b[checksumBytes:], castagnoli)
}
