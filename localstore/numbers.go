package localstore

import "encoding/binary"

// numbers gives keys their numbers: an open hash table without pointers, in
// which a key and its number lie together, so that finding one is a single
// look at memory. There are millions of tallies, spread at random.
type numbers[K hashed] struct {
	slots []numbered[K] // a power of two of them, at most half in use
	n     int
}

type hashed interface {
	comparable
	hash() uint64
}

type numbered[K hashed] struct {
	key K
	no  uint32 // the number + 1; 0: free
}

const minSlots = 16

// get returns a key's number, and whether it has one.
func (t *numbers[K]) get(key K) (uint32, bool) {
	if t.n == 0 {
		return 0, false
	}
	mask := uint64(len(t.slots) - 1)
	for i := key.hash() & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.no == 0 {
			return 0, false
		}
		if s.key == key {
			return s.no - 1, true
		}
	}
}

// set gives a key that has none a number.
func (t *numbers[K]) set(key K, no uint32) {
	if 2*(t.n+1) > len(t.slots) {
		t.grow(max(minSlots, 2*len(t.slots)))
	}
	t.n++
	t.place(numbered[K]{key, no + 1})
}

func (t *numbers[K]) place(s numbered[K]) {
	mask := uint64(len(t.slots) - 1)
	i := s.key.hash() & mask
	for t.slots[i].no != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = s
}

// reserve makes room for n keys at once.
func (t *numbers[K]) reserve(n int) {
	slots := max(minSlots, len(t.slots))
	for slots < 2*(t.n+n) {
		slots *= 2
	}
	if slots > len(t.slots) {
		t.grow(slots)
	}
}

func (t *numbers[K]) grow(slots int) {
	old := t.slots
	t.slots = make([]numbered[K], slots)
	for i := range old {
		if old[i].no != 0 {
			t.place(old[i])
		}
	}
}

// scatter spreads the bits of a number over all of it (the finalizer of
// SplitMix64).
func scatter(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (k tallyKey) hash() uint64 {
	return scatter(uint64(k.account)<<32 | uint64(k.line) ^ uint64(k.month)<<48 ^ uint64(k.month-k.home)<<24)
}

// lineKey names a line: a part of a cryptographic hash of its content.
type lineKey [16]byte

func (k lineKey) hash() uint64 { return binary.LittleEndian.Uint64(k[:8]) }

// hash takes a part of the record's id, which is a cryptographic hash and
// holds the account, too.
func (k recordKey) hash() uint64 { return binary.LittleEndian.Uint64(k.id[:8]) }
