package localstore

import (
	"cmp"
	"encoding/binary"
	"slices"

	"tollbook"
	"tollbook/localstore/runs"
)

// claimEntry is what a claim stands for.
type claimEntry struct {
	claim       tollbook.Claim
	fingerprint uint64
	at          locator // of the latest word about the event
}

// inHand is where a word is that was decided just now: its frame has no place
// in the log yet.
const inHand = ^locator(0)

// noTally is the number of no tally.
const noTally = ^uint32(0)

// indexed says that the word at a locator counts in a tally.
type indexed struct {
	at    locator
	tally uint32
}

// table holds what the newest events add to the runs, in memory, until it is
// sorted and becomes one. The claims are for the committer alone; the rest is
// guarded by views.mu.
type table struct {
	// start is the position from which on the table holds everything, unless
	// a younger one does.
	start uint64

	claims []claimEntry
	// slots is an open hash table; 0 is free, else the lower half is the
	// number of the claim + 1 and the upper half a part of the claim, so that
	// another claim need not be looked at to know that it is another.
	slots []uint64

	charged []indexed // words with charges, by locator
	unrated []indexed // words that say that there are none, by locator
	gone    []indexed // older words, here or in a run, that count no more
}

func newTable(start uint64, events int) *table {
	slots := 64
	for slots < 2*events {
		slots *= 2
	}
	return &table{
		start:   start,
		claims:  make([]claimEntry, 0, events),
		slots:   make([]uint64, slots),
		charged: make([]indexed, 0, events),
	}
}

// full tells whether the table has taken in what it was made for.
func (t *table) full(events int) bool {
	return len(t.claims) >= events || len(t.charged) >= 2*events || len(t.gone) >= 2*events
}

// slotOf returns where a claim's slot is looked for first, and its tag. A
// claim is a hash: any of its bits will do.
func slotOf(c *tollbook.Claim) (slot, tag uint64) {
	return binary.LittleEndian.Uint64(c[:8]), binary.LittleEndian.Uint64(c[8:]) &^ (1<<32 - 1)
}

// find returns the entry of a claim, or nil. It is good until the next add.
func (t *table) find(c *tollbook.Claim) *claimEntry {
	if n := t.number(c); n >= 0 {
		return &t.claims[n]
	}
	return nil
}

// number returns which of the table's claims a claim is, or -1.
func (t *table) number(c *tollbook.Claim) int {
	mask := uint64(len(t.slots) - 1)
	slot, tag := slotOf(c)
	for i := slot & mask; ; i = (i + 1) & mask {
		s := t.slots[i]
		if s == 0 {
			return -1
		}
		if s&^(1<<32-1) != tag {
			continue
		}
		if n := int(uint32(s) - 1); t.claims[n].claim == *c {
			return n
		}
	}
}

// warm looks at the slots of all claims, so that the processor waits for them
// together and has them at hand when find does. What it returns has no meaning,
// but to keep the looks from being left out.
func (t *table) warm(entries []tollbook.Entry) (sum uint64) {
	mask := uint64(len(t.slots) - 1)
	for i := range entries {
		slot, _ := slotOf(&entries[i].Claim)
		sum += t.slots[slot&mask]
	}
	return sum
}

// add adds the entry of a claim that is not there, and returns its number.
func (t *table) add(e claimEntry) int {
	if 2*(len(t.claims)+1) > len(t.slots) {
		t.grow()
	}
	t.claims = append(t.claims, e)
	t.place(len(t.claims))
	return len(t.claims) - 1
}

// place gives the n-th claim, counted from 1, its slot.
func (t *table) place(n int) {
	mask := uint64(len(t.slots) - 1)
	slot, tag := slotOf(&t.claims[n-1].claim)
	i := slot & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = tag | uint64(n)
}

// grow doubles the slots. A group may be larger than what the table was made
// for.
func (t *table) grow() {
	t.slots = make([]uint64, 2*len(t.slots))
	for n := range t.claims {
		t.place(n + 1)
	}
}

func (t *table) addCharged(at locator, tally uint32) {
	t.charged = append(t.charged, indexed{at, tally})
}
func (t *table) addUnrated(at locator, tally uint32) {
	t.unrated = append(t.unrated, indexed{at, tally})
}
func (t *table) addGone(at locator, tally uint32) { t.gone = append(t.gone, indexed{at, tally}) }

// say notes where the latest word about a claim is, and returns the number of
// its entry.
func (t *table) say(claim *tollbook.Claim, fingerprint uint64, at locator) int {
	if n := t.number(claim); n >= 0 {
		t.claims[n].at = at
		return n
	}
	return t.add(claimEntry{*claim, fingerprint, at})
}

// sortedClaims returns the claims as a run has them.
func (t *table) sortedClaims() []runs.Claim {
	claims := make([]runs.Claim, len(t.claims))
	for i := range t.claims {
		e := &t.claims[i]
		claims[i] = runs.Claim{Claim: e.claim, Fingerprint: e.fingerprint, At: uint64(e.at)}
	}
	return runs.SortClaims(claims)
}

// sortedEntries returns the drill-down index of the table as a run has it:
// without what came and went in it.
func (t *table) sortedEntries() []runs.Entry {
	entries := make([]runs.Entry, 0, len(t.charged)+len(t.unrated)+len(t.gone))
	here := make(map[locator]struct{})
	for _, e := range t.gone {
		if uint64(e.at.block()) >= t.start {
			here[e.at] = struct{}{}
		} else {
			entries = append(entries, runs.Entry{Tally: e.tally, At: uint64(e.at), Gone: true})
		}
	}
	for _, words := range [...][]indexed{t.unrated, t.charged} {
		for _, e := range words {
			if _, gone := here[e.at]; !gone {
				entries = append(entries, runs.Entry{Tally: e.tally, At: uint64(e.at)})
			}
		}
	}
	if len(t.unrated)+len(t.gone) > 0 {
		slices.SortFunc(entries, func(a, b runs.Entry) int { return cmp.Compare(a.At, b.At) })
	}
	return runs.SortByTally(entries)
}
