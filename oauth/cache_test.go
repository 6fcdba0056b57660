package oauth

import (
	"crypto/sha256"
	"testing"
)

// TestCacheIsBounded fills the cache many times over while one token stays in
// use: that one is kept, and there are never more than the bound.
func TestCacheIsBounded(t *testing.T) {
	const size = 8
	c := newTokenCache(size)
	hot := sha256.Sum256([]byte("hot"))
	c.put(hot, &verified{client: "hot"})
	for i := range 100 * size {
		digest := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		c.put(digest, &verified{client: "cold"})
		if slot, ok := c.index[digest]; !ok || c.slots[slot].token.client != "cold" {
			t.Fatalf("put %d is not there", i)
		}
		if token, ok := c.get(hot); !ok || token.client != "hot" {
			t.Fatalf("the token in use is gone after put %d", i)
		}
		if len(c.index) > size || len(c.slots) > size {
			t.Fatalf("%d tokens and %d slots after put %d", len(c.index), len(c.slots), i)
		}
	}
	c.put(hot, &verified{client: "again"})
	if token, _ := c.get(hot); token.client != "again" || len(c.index) != size {
		t.Errorf("put again: %v, %d tokens", token, len(c.index))
	}
}
