package bloom

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"tollbook"
)

func random(rng *rand.Rand) (c tollbook.Claim) {
	binary.LittleEndian.PutUint64(c[:], rng.Uint64())
	binary.LittleEndian.PutUint64(c[8:], rng.Uint64())
	return c
}

// check has all that were added in a filter, and at most one in so many of others.
func check(t *testing.T, rng *rand.Rand, added []tollbook.Claim, oneIn int, mayHave func(*tollbook.Claim) bool) {
	t.Helper()
	for i := range added {
		if !mayHave(&added[i]) {
			t.Fatalf("of %d claims the one numbered %d is not there", len(added), i)
		}
	}
	const others = 100_000
	wrong := 0
	for range others {
		c := random(rng)
		if mayHave(&c) {
			wrong++
		}
	}
	if wrong > others/oneIn {
		t.Errorf("%d of %d foreign claims may be there", wrong, others)
	}
}

func TestFilter(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 7))
	const n = 100_000
	f, err := New(n)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Free()
	added := make([]tollbook.Claim, n)
	for i := range added {
		added[i] = random(rng)
		f.Add(&added[i])
	}
	check(t, rng, added, 200, f.MayHave)
}

func TestNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	f, err := New(0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Free()
	var chain Chain
	defer chain.Free()
	for _, mayHave := range []func(*tollbook.Claim) bool{f.MayHave, new(Filter).MayHave, chain.MayHave} {
		if c := random(rng); mayHave(&c) {
			t.Error("where nothing was added, something may be there")
		}
	}
}

// TestChain adds more and more, some of it together, some of it again.
func TestChain(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var chain Chain
	defer chain.Free()
	var added []tollbook.Claim
	add := func(n int) {
		t.Helper()
		from := len(added)
		for range n {
			added = append(added, random(rng))
		}
		if from > 0 { // some of them were there before
			added = append(added, added[rng.IntN(from)])
		}
		if err := chain.Reserve(len(added) - from); err != nil {
			t.Fatal(err)
		}
		for i := range added[from:] {
			chain.Add(&added[from+i])
		}
	}
	add(firstClaims - 1)
	check(t, rng, added, 200, chain.MayHave)
	for range 20 {
		add(1 + rng.IntN(firstClaims))
	}
	add(5 * firstClaims)
	check(t, rng, added, 60, chain.MayHave)
	if most := int64(2 * 2 * len(added)); chain.Size() > most {
		t.Errorf("the chain of %d claims has %d bytes, more than %d", len(added), chain.Size(), most)
	}
	if len(chain.filters) > 6 {
		t.Errorf("%d filters", len(chain.filters))
	}
}
