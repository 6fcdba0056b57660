package localstore

import (
	"bytes"
	"slices"

	"tollbook"
)

// maxListBlock is how many numbers a block of an idList holds before it is
// split in two.
const maxListBlock = 512

// idList is a set of record numbers in the order of the records' ids, in which
// the k-th is found, and the rank of an id, without a scan: sorted blocks of
// bounded length whose lengths are added up.
type idList struct {
	blocks [][]uint32
	n      int
}

// recordIDs gives the id of a record by its number.
type recordIDs interface {
	recordID(no uint32) *tollbook.RecordID
}

func (l *idList) len() int { return l.n }

// insert adds a record that is not there.
func (l *idList) insert(ids recordIDs, no uint32) {
	l.n++
	if len(l.blocks) == 0 {
		l.blocks = [][]uint32{{no}}
		return
	}
	id := ids.recordID(no)
	b := max(l.blockOf(ids, id), 0)
	block := l.blocks[b]
	block = slices.Insert(block, lowerBound(ids, block, id), no)
	l.blocks[b] = block
	if len(block) > maxListBlock {
		half := len(block) / 2
		upper := slices.Clone(block[half:])
		l.blocks[b] = block[:half:half]
		l.blocks = slices.Insert(l.blocks, b+1, upper)
	}
}

// remove takes out a record that is there.
func (l *idList) remove(ids recordIDs, no uint32) {
	l.n--
	id := ids.recordID(no)
	b := l.blockOf(ids, id)
	i := lowerBound(ids, l.blocks[b], id)
	if l.blocks[b] = slices.Delete(l.blocks[b], i, i+1); len(l.blocks[b]) == 0 {
		l.blocks = slices.Delete(l.blocks, b, b+1)
	}
}

// push adds a record whose id is behind all others.
func (l *idList) push(no uint32) {
	l.n++
	if n := len(l.blocks); n > 0 && len(l.blocks[n-1]) < maxListBlock {
		l.blocks[n-1] = append(l.blocks[n-1], no)
		return
	}
	l.blocks = append(l.blocks, []uint32{no})
}

// blockOf returns the last block that starts at or before id, or -1.
func (l *idList) blockOf(ids recordIDs, id *tollbook.RecordID) int {
	lo, hi := 0, len(l.blocks)
	for lo < hi {
		mid := (lo + hi) / 2
		if bytes.Compare(ids.recordID(l.blocks[mid][0])[:], id[:]) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// lowerBound returns how many of a block's records are before id.
func lowerBound(ids recordIDs, block []uint32, id *tollbook.RecordID) int {
	lo, hi := 0, len(block)
	for lo < hi {
		mid := (lo + hi) / 2
		if bytes.Compare(ids.recordID(block[mid])[:], id[:]) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// rank returns how many records are before id.
func (l *idList) rank(ids recordIDs, id *tollbook.RecordID) int {
	b := l.blockOf(ids, id)
	if b < 0 {
		return 0
	}
	r := lowerBound(ids, l.blocks[b], id)
	for _, block := range l.blocks[:b] {
		r += len(block)
	}
	return r
}

// find returns the record of that id.
func (l *idList) find(ids recordIDs, id *tollbook.RecordID) (uint32, bool) {
	b := l.blockOf(ids, id)
	if b < 0 {
		return 0, false
	}
	i := lowerBound(ids, l.blocks[b], id)
	if i == len(l.blocks[b]) || *ids.recordID(l.blocks[b][i]) != *id {
		return 0, false
	}
	return l.blocks[b][i], true
}

// slice appends the records from rank from on, at most n.
func (l *idList) slice(dst []uint32, from, n int) []uint32 {
	for _, block := range l.blocks {
		if n <= 0 {
			break
		}
		if from >= len(block) {
			from -= len(block)
			continue
		}
		part := block[from:min(len(block), from+n)]
		dst = append(dst, part...)
		from, n = 0, n-len(part)
	}
	return dst
}
