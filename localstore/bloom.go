package localstore

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"

	"tollbook"
)

// bloom is a chain of blocked Bloom filters over claims. Claims are
// cryptographic hashes, so their own bytes choose the bits: eight in one
// cache line. At the design load a filter answers "maybe" for about one
// foreign claim in five hundred.
//
// Each filter has twice the room of the one before, since how many claims
// there will be is unknown. One goroutine adds while any number ask.
type bloom struct {
	filters atomic.Pointer[[]bloomFilter]
	room    int // claims that may still be added to the last filter
}

type bloomFilter struct {
	blocks [][8]uint64 // a power of two of them
}

const (
	bloomFirstBlocks   = 1 << 10
	bloomClaimsInBlock = 32 // two bytes a claim
)

// newBloom returns a chain that holds n claims in its first filter.
func newBloom(n int) *bloom {
	blocks := bloomFirstBlocks
	if need := (n + bloomClaimsInBlock - 1) / bloomClaimsInBlock; need > blocks {
		blocks = 1 << bits.Len(uint(need-1))
	}
	b := new(bloom)
	b.extend(blocks)
	return b
}

// extend appends a filter to the chain.
func (b *bloom) extend(blocks int) {
	var chain []bloomFilter
	if old := b.filters.Load(); old != nil {
		chain = append(chain, *old...)
	}
	chain = append(chain, bloomFilter{make([][8]uint64, blocks)})
	b.filters.Store(&chain)
	b.room = blocks * bloomClaimsInBlock
}

// add makes mayHave return true for c for ever.
func (b *bloom) add(c *tollbook.Claim) {
	chain := *b.filters.Load()
	if b.room == 0 {
		b.extend(2 * len(chain[len(chain)-1].blocks))
		chain = *b.filters.Load()
	}
	b.room--
	block, h := chain[len(chain)-1].block(c)
	for i := range block {
		atomic.StoreUint64(&block[i], block[i]|1<<(h&63))
		h >>= 6
	}
}

// mayHave returns false only when c was never added.
func (b *bloom) mayHave(c *tollbook.Claim) bool {
	chain := *b.filters.Load()
	for i := len(chain) - 1; i >= 0; i-- {
		if chain[i].has(c) {
			return true
		}
	}
	return false
}

func (f *bloomFilter) block(c *tollbook.Claim) (*[8]uint64, uint64) {
	i := binary.LittleEndian.Uint64(c[:8]) & uint64(len(f.blocks)-1)
	return &f.blocks[i], binary.LittleEndian.Uint64(c[8:])
}

func (f *bloomFilter) has(c *tollbook.Claim) bool {
	block, h := f.block(c)
	for i := range block {
		if atomic.LoadUint64(&block[i])&(1<<(h&63)) == 0 {
			return false
		}
		h >>= 6
	}
	return true
}
