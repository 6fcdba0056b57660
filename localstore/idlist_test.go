package localstore

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"tollbook"
)

type someIDs []tollbook.RecordID

func (ids someIDs) recordID(no uint32) *tollbook.RecordID { return &ids[no] }

// TestIDListRemoves puts records in and takes them out at random, and compares with a
// sorted slice.
func TestIDListRemoves(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	ids := make(someIDs, 5000)
	for i := range ids {
		for j := range ids[i] {
			ids[i][j] = byte(rng.Uint32())
		}
	}
	byID := func(a, b uint32) int { return bytes.Compare(ids[a][:], ids[b][:]) }
	var l idList
	var want []uint32
	in := make([]bool, len(ids))
	for step := range 40_000 {
		no := uint32(rng.IntN(len(ids)))
		i, _ := slices.BinarySearchFunc(want, no, byID)
		growing := step%20_000 < 12_000
		switch {
		case !in[no] && (growing || rng.IntN(4) == 0):
			l.insert(ids, no)
			want, in[no] = slices.Insert(want, i, no), true
		case in[no] && (!growing || rng.IntN(4) == 0):
			l.remove(ids, no)
			want, in[no] = slices.Delete(want, i, i+1), false
		}
		if step%500 != 0 {
			continue
		}
		if got := l.slice(nil, 0, l.len()); !slices.Equal(got, want) || l.len() != len(want) {
			t.Fatalf("step %d: %d records, want %d", step, len(got), len(want))
		}
		if r := l.rank(ids, &ids[no]); r != i {
			t.Fatalf("step %d: rank %d, want %d", step, r, i)
		}
		if _, found := l.find(ids, &ids[no]); found != in[no] {
			t.Fatalf("step %d: found %v, want %v", step, found, in[no])
		}
	}
}
