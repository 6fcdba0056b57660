package oauth

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
)

// cacheSize is how many tokens with a good signature are remembered.
const cacheSize = 4096

// tokenCache remembers tokens by their SHA-256, so that it holds nothing that
// could be used as a token. When it is full, one that was not used since the
// hand last passed it gives way (the clock algorithm).
type tokenCache struct {
	mu    sync.RWMutex
	index map[[sha256.Size]byte]int // into slots
	slots []cacheSlot               // its capacity is the bound
	hand  int
}

type cacheSlot struct {
	digest [sha256.Size]byte
	token  *verified
	used   *atomic.Bool
}

func newTokenCache(size int) *tokenCache {
	return &tokenCache{index: make(map[[sha256.Size]byte]int), slots: make([]cacheSlot, 0, size)}
}

func (c *tokenCache) get(digest [sha256.Size]byte) (*verified, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	i, ok := c.index[digest]
	if !ok {
		return nil, false
	}
	c.slots[i].used.Store(true)
	return c.slots[i].token, true
}

func (c *tokenCache) put(digest [sha256.Size]byte, token *verified) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := c.index[digest]
	switch {
	case ok:
	case len(c.slots) < cap(c.slots):
		i = len(c.slots)
		c.slots = append(c.slots, cacheSlot{})
	default:
		i = c.evict()
	}
	c.slots[i] = cacheSlot{digest: digest, token: token, used: new(atomic.Bool)}
	c.index[digest] = i
}

// evict empties a slot and returns it.
func (c *tokenCache) evict() int {
	for {
		i := c.hand
		c.hand = (c.hand + 1) % len(c.slots)
		if !c.slots[i].used.Swap(false) {
			delete(c.index, c.slots[i].digest)
			return i
		}
	}
}
